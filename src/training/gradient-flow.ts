/** The mean outputs that a fixed kernel predicts for gradient flow under the squared loss. */
import type { ArrayInput } from '../array-input';
import { expectNumber, expectOneOf, expectOptions, invalidArgument, mismatch } from '../errors';
import { expectOutputs } from '../kernel/matrix';
import { type ResultArray, resultArray } from '../ndarray';
import {
  decompose,
  fromEigenbasis,
  type Problem,
  readProblem,
  type RegularizationOptions,
  regularize,
  toEigenbasis,
} from './kernel-regression';

/** What {@link predictGradientFlow} takes besides kernel and targets. */
export interface GradientFlowOptions extends RegularizationOptions {
  /** The speed of the flow; it multiplies time. 1 by default. */
  readonly learningRate?: number;
  /** Times >= 0; Infinity is the end of training. */
  readonly times: readonly number[];
  /** The outputs at time 0 on the training inputs, N x K; 0 by default. */
  readonly f0?: ArrayInput;
  /** The kernel of test inputs with training inputs, M x N, or M x N x K x K with a full kernel. */
  readonly testKernel?: ArrayInput;
  /** The outputs at time 0 on the test inputs, M x K; 0 by default. */
  readonly f0Test?: ArrayInput;
  /**
   * The loss: sum of (f - y)^2 over samples and outputs, halved, over N K (`'samples-and-outputs'`, the default, the
   * convention of neural-tangents) or over N (`'samples'`, that of {@link train}).
   */
  readonly meanOver?: 'samples-and-outputs' | 'samples';
}

/** Outputs at some times of gradient flow. */
export interface GradientFlowPrediction {
  readonly times: readonly number[];
  /** The outputs on the training inputs at each time, N x K. */
  readonly train: readonly ResultArray[];
  /** The outputs on the test inputs at each time, M x K; null without `testKernel`. */
  readonly test: readonly ResultArray[] | null;
}

/**
 * The solution of df/dt = -learningRate dLoss/df under a kernel that does not move: with Theta the N x N kernel applied to
 * every output alike, or the full kernel as an NK x NK matrix, c = 1/(NK) or 1/N as `meanOver` says, and
 * E = exp(-learningRate c t Theta),
 *
 *     train(t) = y + E (f0 - y),      test(t) = f0Test + Theta_test Theta^{-1} (E - 1) (f0 - y).
 *
 * Directions in which the kernel is zero to rounding do not move. Cost: one eigendecomposition, about 9 N^3 operations
 * (N K for a full kernel), on the calling thread; each time then takes N^2 K and M N K.
 *
 * A shared N x N kernel must be that of ONE output: of a net with K outputs, the mean over them (`outputs: 'mean'`).
 *
 * @param kernel N x N, shared by all outputs, or the full kernel N x N x K x K; symmetric and positive semidefinite
 * @param y targets, N x K, or N numbers of one output
 * @throws DeepntkError `ERR_INVALID_ARGUMENT` where shapes do not match, entries are not finite, or the kernel has an
 *   eigenvalue below zero beyond rounding
 * @see Jacot, Gabriel and Hongler 2018; Lee et al. 2019, equations 10 and 11
 * @example predictGradientFlow(await net.ntk(x), y, { learningRate: 1, times: [0, 10, Infinity] })
 */
export function predictGradientFlow(
  kernel: ArrayInput,
  y: ArrayInput,
  options: GradientFlowOptions,
): GradientFlowPrediction {
  const where = 'predictGradientFlow';
  expectOptions(where, options, [
    ...['learningRate', 'times', 'f0', 'testKernel', 'f0Test', 'diagReg', 'diagRegScale', 'meanOver'],
  ]);
  const times = readTimes(`${where}: times`, options.times);
  const learningRate = expectNumber(`${where}: learningRate`, options.learningRate ?? 1, { above: 0 });
  const meanOver = expectOneOf(`${where}: meanOver`, options.meanOver ?? 'samples-and-outputs', [
    'samples-and-outputs',
    'samples',
  ]);
  const problem = readProblem(where, kernel, y, options.testKernel);
  const f0 =
    options.f0 === undefined ? null : expectOutputs(`${where}: f0`, options.f0, ...problem.shape).data;
  const f0Test = readTestOutputs(where, problem, options);
  const eigen = decompose(where, regularize(where, problem.kernel, options));
  const speed = learningRate / (meanOver === 'samples' ? problem.inputs : problem.inputs * problem.outputs);
  const coordinates = toEigenbasis(
    eigen,
    problem,
    problem.y.map((target, i) => (f0?.[i] ?? 0) - target),
  );

  const train: ResultArray[] = [];
  const test: ResultArray[] = [];
  for (const t of times) {
    const decay = eigen.values.map((value) => (value === 0 ? 1 : Math.exp(-speed * t * value)));
    const residual = fromEigenbasis(eigen, problem, coordinates, decay);
    train.push(
      resultArray({ data: residual.map((entry, i) => entry + problem.y[i]!), shape: problem.shape }),
    );
    if (problem.test === null) continue;
    const gain = eigen.values.map((value) => (value === 0 ? 0 : Math.expm1(-speed * t * value) / value));
    const change = problem.test.apply(fromEigenbasis(eigen, problem, coordinates, gain));
    test.push(
      resultArray({ data: change.map((entry, i) => entry + (f0Test?.[i] ?? 0)), shape: problem.test.shape }),
    );
  }
  return { times, train, test: problem.test === null ? null : test };
}

function readTestOutputs(
  where: string,
  { test }: Problem,
  { f0Test }: GradientFlowOptions,
): Float64Array | null {
  if (f0Test === undefined) return null;
  if (test === null) throw mismatch(`${where}: f0Test`, 'a testKernel with it', 'none');
  return expectOutputs(`${where}: f0Test`, f0Test, ...test.shape).data;
}

function readTimes(where: string, times: unknown): number[] {
  if (!Array.isArray(times) || times.length === 0) throw invalidArgument(where, 'an array of times', times);
  return times.map((t: unknown, i) => {
    if (typeof t !== 'number' || !(t >= 0))
      throw invalidArgument(`${where}[${i}]`, 'a time >= 0, or Infinity', t);
    return t;
  });
}
