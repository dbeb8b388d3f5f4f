/** Monte Carlo over initializations of the kernel MATRIX of several inputs. */
import type { ArrayInput } from '../../array-input';
import type { KernelSampler } from '../../backend/seam';
import { createNpy } from '../../data/npy';
import type { ComputeOptions, Provenance } from '../../kernel/arguments';
import type { NtkOutputs } from '../../kernel/ntk';
import { type ResultArray, resultArray } from '../../ndarray';
import type { NetworkSpec } from '../../network/spec';
import { type KernelMoments, shapeOf } from './kernel-moments';
import type { KernelQuantile } from './kernel-quantiles';
import type { NtkSampleSums } from './ntk-sample-file';
import { readSampleRequest } from './sample-request';
import { SampleRun } from './sample-run';

/** What any run of {@link sampleNtk} takes. */
export interface SampleNtkBaseOptions extends Omit<ComputeOptions, 'allowNonFinite'> {
  readonly replicas: number;
  /** 0 .. 2^53 - 1 */
  readonly seed: number;
  /**
   * - `auto`, the default: which of the two takes less time, by a rule of the net and the inputs alone; the result says which
   * - `conditional`: draws preactivations and derivatives from their law, without any weights
   * - `direct`: draws every weight; replica r is the kernel of `Mlp.random(spec, { seed, replica: r })`
   */
  readonly sampler?: 'auto' | KernelSampler;
  /** The number of the first replica; 0 by default. */
  readonly firstReplica?: number;
  /** What is kept of the K x K block of two inputs, as in `Mlp.ntk`; `trace`, the SUM over outputs, by default. */
  readonly outputs?: NtkOutputs;
  /**
   * Further values of sigma_w^2 that the same replicas are to serve. With sigma_b^2 = 0 the gates do not depend on it, and
   * the kernel scales exactly: weights by a^L, the bias of layer l by a^(L+1-l), where a is the ratio of the two values.
   */
  readonly weightVariances?: readonly number[];
}

/** What needs every replica, and not their sums alone. */
export interface SampleNtkReplicaOptions {
  /**
   * Probabilities, each with the quantiles of every entry, its ratio, the largest eigenvalue and the condition number; needs
   * room for all replicas.
   */
  readonly quantiles?: readonly number[];
  /** Also return every replica's kernel; needs room for them. */
  readonly keepReplicas?: boolean;
  /**
   * Also write every replica's kernel to this .npy file, replicas x N x N (x K (x K)), while they are drawn. It appears when
   * it is complete; where the call fails or is aborted, nothing is left behind and an older file stays.
   */
  readonly replicasTo?: string;
  readonly checkpoint?: never;
}

/** What keeps the sums over replicas, and not the replicas. */
export interface SampleNtkCheckpointOptions {
  /**
   * A file that the state of the run is kept in, written every second and at the end, whole or not at all. Where it exists
   * the run goes on from it, and ends with the bits of a run that was never interrupted. Its size is that of the sums over
   * replicas: some 250 bytes for an entry and its ratio, more where tails are heavy. A state of more than 512 MiB cannot be
   * written: the run ends with `ERR_INVALID_FILE`, and an older file stays.
   */
  readonly checkpoint?: string;
  readonly quantiles?: never;
  readonly keepReplicas?: never;
  readonly replicasTo?: never;
}

/** Options of {@link sampleNtk}: either what needs every replica, or a checkpoint, or neither. */
export type SampleNtkOptions = SampleNtkBaseOptions & (SampleNtkReplicaOptions | SampleNtkCheckpointOptions);

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
 *   `ERR_OUT_OF_MEMORY` where replicas are kept and do not fit; `ERR_INVALID_FILE` where `replicasTo` or the checkpoint cannot
 *   be written, or the checkpoint is damaged or of another run; `ERR_COMPUTATION` where a kernel is out of any range; the
 *   signal's reason
 * @see docs/sampling.md
 * @example await sampleNtk(spec, inputsAtCosines([1, 0.9, 0.5, 0], 100), { replicas: 500, seed: 1 })
 */
export async function sampleNtk(
  spec: NetworkSpec,
  X: ArrayInput,
  options: SampleNtkOptions,
): Promise<NtkSample> {
  const request = readSampleRequest('sampleNtk', spec, X, options);
  const { replicas, firstReplica, seed, outputs, choice, variances, layout, provenance, replicasTo } =
    request;
  const shape = shapeOf(layout);
  const file = replicasTo === null ? null : await createNpy(replicasTo, [replicas, ...shape]);
  try {
    const run = new SampleRun(request, file);
    await run.finish();
    await file?.commit();
    const kept = run.kept;
    const quantiles = await run.quantiles();
    return {
      ...momentsOfSums(run.sums, variances),
      quantiles,
      replicaKernels: request.keepReplicas ? resultArray({ data: kept!, shape: [replicas, ...shape] }) : null,
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
