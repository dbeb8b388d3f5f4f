import type { KernelForm } from '../../src/backend/forms';
import type { KernelReplicas, KernelSampler, KernelSampleTask } from '../../src/backend/seam';
import { resolveBackend } from '../../src/backend/choose';
import type { NdArray, NetworkSpec } from '../../src/index';
import { lawOf, termsOf } from '../../src/sampling/matrix/kernel-source';

/** What a backend is asked for to sample kernels of the inputs X. */
export function kernelSampleTask(
  spec: NetworkSpec,
  X: NdArray,
  options: Partial<KernelSampleTask> = {},
): KernelSampleTask {
  return {
    sampler: 'conditional',
    widths: spec.widths,
    law: lawOf(spec),
    x: Float64Array.from(X.data),
    n: X.shape[0]!,
    form: 'trace',
    terms: [termsOf(spec)],
    seed: 2 ** 40 + 3, // both words of the key count
    first: 2 ** 32 - 10, // replicas on both sides of a word's end
    count: 21,
    ...options,
  };
}

export const FORMS: readonly KernelForm[] = ['trace', 'full', 'diagonal', 'sum-of-logits'];

/** Numbers of each replica: `pick` is given entry (i, j) of its trace kernel over 2^exponent, and the exponent. */
export async function sampleNumbers(
  spec: NetworkSpec,
  X: NdArray,
  { sampler, seed, count }: { sampler: KernelSampler; seed: number; count: number },
  pick: (theta: (i: number, j: number) => number, exponent: number) => number[],
  changes: Partial<KernelSampleTask> = {},
): Promise<number[][]> {
  const task = kernelSampleTask(spec, X, { sampler, seed, first: 0, count, ...changes });
  const { kernels, exponents }: KernelReplicas = await resolveBackend().sampleKernels(task, { threads: 2 });
  const n = task.n;
  const columns: number[][] = [];
  for (let r = 0; r < count; r++) {
    pick((i, j) => kernels[(r * n + i) * n + j]!, exponents[r]!).forEach((value, c) => {
      (columns[c] ??= []).push(value);
    });
  }
  return columns;
}

/** N x n_0 inputs from rows. */
export function inputsOf(rows: readonly (readonly number[])[]): NdArray<Float64Array> {
  return { data: Float64Array.from(rows.flat()), shape: [rows.length, rows[0]!.length] };
}
