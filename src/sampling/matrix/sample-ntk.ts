/** Monte Carlo over initializations of the kernel MATRIX of several inputs. */
import type { ArrayInput } from '../../array-input';
import type { KernelSampler } from '../../backend/seam';
import { createNpy } from '../../data/npy';
import type { Provenance } from '../../kernel/arguments';
import type { NtkOutputs } from '../../kernel/ntk';
import { type ResultArray, resultArray } from '../../ndarray';
import type { NetworkSpec } from '../../network/spec';
import { type KernelMoments, shapeOf } from './kernel-moments';
import type { KernelQuantile } from './kernel-quantiles';
import type { NtkSampleSums } from './ntk-sample-file';
import { readSampleJob, type SampleNtkOptions } from './sample-options';
import { SampleRun } from './sample-run';

export interface NtkSample extends KernelMoments, Provenance {
  /** Moments at each of `weightVariances`; empty where none were asked for. */
  readonly byWeightVariance: readonly (KernelMoments & { readonly weightVariance: number })[];
  readonly quantiles: readonly KernelQuantile[];
  /** replicas x N x N (x K (x K)), or null; in units of 2^exponent, as all the rest. */
  readonly replicaKernels: ResultArray | null;
  /** The file that the replicas were written to, or null. */
  readonly replicasFile: string | null;
  readonly outputs: NtkOutputs;
  readonly sampler: KernelSampler;
  readonly samplerReason: string;
  readonly replicas: number;
  readonly firstReplica: number;
  readonly seed: number;
  readonly spec: NetworkSpec;
}

/**
 * Moments of the kernel of the inputs X over random initializations.
 *
 * A replica is a function of spec, X, seed, sampler and its number alone, and sums are exact: the result does not depend on
 * the number of threads, on interruptions, or on how a run was split into ranges of replicas ({@link mergeNtkSamples}). The
 * conditional sampler draws the same bits on every backend, the direct one the same nets.
 *
 * Cost of a replica: `direct` O(sum of n_l n_{l-1} (1 + N + N K)), `conditional` O(sum of n_l (N K + (N K)^2)).
 *
 * @param X N x n_0, or n_0 numbers for one input; any `ArrayInput`
 * @throws DeepntkError `ERR_INVALID_ARGUMENT`, also for a `checkpoint` with `quantiles`, `keepReplicas` or `replicasTo`;
 *   `ERR_OUT_OF_MEMORY` where replicas are kept and do not fit; `ERR_INVALID_FILE` if `replicasTo` or the checkpoint cannot be
 *   written, or the checkpoint is damaged, belongs to other settings, or another run has it; `ERR_COMPUTATION` where a kernel is out of any range; the
 *   signal's reason
 * @see docs/sampling.md
 * @example await sampleNtk(spec, inputsAtCosines([1, 0.9, 0.5, 0], 100), { replicas: 500, seed: 1 })
 */
export async function sampleNtk(
  spec: NetworkSpec,
  X: ArrayInput,
  options: SampleNtkOptions,
): Promise<NtkSample> {
  const job = readSampleJob('sampleNtk', spec, X, options);
  const { replicas, firstReplica, seed, outputs, choice, variances, layout, provenance, replicasTo } = job;
  const shape = shapeOf(layout);
  const file = replicasTo === null ? null : await createNpy(replicasTo, [replicas, ...shape]);
  try {
    const run = new SampleRun(job, file);
    await run.finish();
    await file?.commit();
    const kept = run.kept;
    const quantiles = await run.quantiles();
    return {
      ...momentsOfSums(run.sums, variances),
      quantiles,
      replicaKernels: job.keepReplicas ? resultArray({ data: kept!, shape: [replicas, ...shape] }) : null,
      replicasFile: replicasTo,
      outputs,
      sampler: choice.sampler,
      samplerReason: choice.reason,
      replicas,
      firstReplica,
      seed,
      spec,
      ...provenance,
    };
  } finally {
    await file?.abandon();
  }
}

/** What a result says of the kernel itself and of the kernels at the further values of sigma_w^2. */
export function momentsOfSums(
  { sets }: NtkSampleSums,
  variances: readonly number[],
): KernelMoments & Pick<NtkSample, 'byWeightVariance'> {
  const [total, ...others] = sets.map((set) => set.result());
  return {
    ...total!,
    byWeightVariance: variances.map((weightVariance, i) => ({ weightVariance, ...others[i]! })),
  };
}
