/** The kernel of the data: what it is, what it would be at infinite width, and its largest eigenvalue. */
import type { ComputeOptions } from '../kernel/arguments';
import { expectFits } from '../memory';
import { takeRows } from '../data/classes';
import { kernelDrift } from '../kernel/drift';
import { summarizeKernel } from '../kernel/statistics';
import { kernelSpectrum, type KernelSpectrum } from '../kernel/structure';
import { type NdArray, resultArray } from '../ndarray';
import type { Mlp } from '../network/mlp';
import type { NetworkSpec } from '../network/spec';
import { infiniteWidthKernels } from '../theory/infinite-width';
import type { KernelFacts } from './facts';
import { LARGEST_FULL_KERNEL } from './thresholds';

export type Compute = Pick<ComputeOptions, 'signal' | 'threads' | 'backend'>;

/** @param law what the net is taken to have been drawn from */
export async function measureKernel(
  net: Mlp,
  law: NetworkSpec,
  x: NdArray,
  compute: Compute,
): Promise<KernelFacts> {
  const { data, shape } = await net.ntk(x, null, { ...compute, allowNonFinite: true });
  const matrix = resultArray({ data, shape });
  const { ntk } = infiniteWidthKernels(law, x);
  const infiniteWidth = resultArray({ data: ntk.data.map((entry) => law.outputDim * entry), shape });
  const here = describeKernel(matrix);
  const there = describeKernel(infiniteWidth);
  const comparable = here.spectrum !== null && there.spectrum !== null;
  return {
    matrix,
    infiniteWidth,
    meanDiagonal: here.meanDiagonal,
    infiniteWidthMeanDiagonal: there.meanDiagonal,
    offDiagonalRatio: here.offDiagonalRatio,
    infiniteWidthOffDiagonalRatio: there.offDiagonalRatio,
    distance: comparable ? kernelDrift(infiniteWidth, matrix).relativeChange : null,
    eigenvalues: here.spectrum && Array.from(here.spectrum.eigenvalues),
    infiniteWidthEigenvalues: there.spectrum && Array.from(there.spectrum.eigenvalues),
    effectiveRank: here.spectrum?.effectiveRank ?? null,
    infiniteWidthEffectiveRank: there.spectrum?.effectiveRank ?? null,
    conditionNumber: here.spectrum?.conditionNumber ?? null,
  };
}

/** Of a kernel that overflowed, or vanished, only what its numbers say. */
function describeKernel(kernel: NdArray<Float64Array>): {
  readonly meanDiagonal: number;
  readonly offDiagonalRatio: number | null;
  readonly spectrum: KernelSpectrum | null;
} {
  const { meanDiagonal, offDiagonalRatio } = summarizeKernel(kernel);
  const usable = kernel.data.every(Number.isFinite) && Number.isFinite(meanDiagonal) && meanDiagonal > 0;
  return {
    meanDiagonal,
    offDiagonalRatio: usable && Number.isFinite(offDiagonalRatio) ? offDiagonalRatio : null,
    spectrum: usable ? kernelSpectrum(kernel) : null,
  };
}

const ITERATIONS = 200;
const CONVERGED = 1e-4;

/**
 * The largest eigenvalue of the full kernel of all inputs and all outputs, by power iteration. Where the full kernel is large,
 * that of evenly chosen inputs, times the share of inputs they are: the eigenvalue grows with the number of inputs.
 */
export async function largestEigenvalue(net: Mlp, x: NdArray, compute: Compute): Promise<number> {
  const n = x.shape[0]!;
  const K = net.spec.outputDim;
  const used = Math.min(n, Math.max(1, Math.floor(LARGEST_FULL_KERNEL / K)));
  const rows = Array.from({ length: used }, (_, i) => Math.floor((i * n) / used));
  expectFits('diagnose', 8 * (used * K) ** 2, 'the full kernel that scales the learning rate');
  const full = await net.ntk(used === n ? x : takeRows(x, rows), null, {
    ...compute,
    outputs: 'full',
    allowNonFinite: true,
  });
  return (n / used) * powerIteration(full.data, used, K);
}

/** @param kernel n x n x K x K, symmetric and positive semi-definite as the matrix of (input, output) pairs */
function powerIteration(kernel: ArrayLike<number>, n: number, K: number): number {
  // All inputs alike, outputs not: no pattern that a symmetry of the outputs would make an eigenvector.
  let vector = Float64Array.from({ length: n * K }, (_, i) => 1 + 0.5 * Math.sin(1 + (i % K)));
  let value = 0;
  for (let iteration = 0; iteration < ITERATIONS; iteration++) {
    const next = multiply(kernel, vector, n, K);
    const norm = Math.sqrt(next.reduce((sum, entry) => sum + entry * entry, 0));
    if (!(norm > 0)) return norm;
    vector = next.map((entry) => entry / norm);
    if (Math.abs(norm - value) <= CONVERGED * norm) return norm;
    value = norm;
  }
  return value;
}

function multiply(kernel: ArrayLike<number>, vector: Float64Array, n: number, K: number) {
  const product = new Float64Array(n * K);
  for (let a = 0, at = 0; a < n; a++) {
    for (let b = 0; b < n; b++) {
      for (let k = 0; k < K; k++) {
        let sum = 0;
        for (let m = 0; m < K; m++) sum += kernel[at++]! * vector[b * K + m]!;
        product[a * K + k]! += sum;
      }
    }
  }
  return product;
}
