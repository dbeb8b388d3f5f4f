/** Monte Carlo histograms of the kernel of one input over initializations. */
import type { ComputeOptions } from '../../kernel/arguments';
import { expectOptions } from '../../errors';
import type { NetworkSpec } from '../../network/spec';
import { COMPUTE_NAMES, drawHere, lastOf } from './dispersion';
import {
  type GoalOptions,
  readDispersionJob,
  type ReplicaOptions,
  DISPERSION_OPTION_NAMES,
} from './dispersion-options';
import {
  type HistogramEstimate,
  HISTOGRAM_OPTION_NAMES,
  type HistogramOptions,
  runHistogram,
} from './histogram';

/** Which replicas, how many, and which bins. */
export type KernelHistogramOptions = ReplicaOptions &
  Omit<ComputeOptions, 'allowNonFinite'> &
  HistogramOptions &
  GoalOptions;

/**
 * A histogram of Theta(x, x) over random initializations, on a logarithmic axis, with the estimates that
 * {@link estimateDispersion} makes of the same replicas.
 *
 * The tilted sampler is what shows both the nets as they are drawn and the rare ones that the second moment rests on: each
 * bin has its probability, and its shares in the mean and in the second moment.
 *
 * @throws DeepntkError `ERR_INVALID_ARGUMENT`; the signal's reason
 * @see docs/sampling.md
 * @example (await estimateHistogram(createSpec({ inputDim: 100, depth: 50, width: 100 }), { replicas: 10000, seed: 1 })).histogram
 */
export async function estimateHistogram(
  spec: NetworkSpec,
  options: KernelHistogramOptions,
): Promise<HistogramEstimate> {
  return lastOf(run('estimateHistogram', spec, options));
}

/** As {@link estimateHistogram}, but yields the running histogram every few hundredths of a second; the last one is the result. */
export function streamHistogram(
  spec: NetworkSpec,
  options: KernelHistogramOptions,
): AsyncGenerator<HistogramEstimate, void, void> {
  return run('streamHistogram', spec, options);
}

async function* run(
  where: string,
  spec: NetworkSpec,
  options: KernelHistogramOptions,
): AsyncGenerator<HistogramEstimate, void, void> {
  expectOptions(where, options, [...DISPERSION_OPTION_NAMES, ...HISTOGRAM_OPTION_NAMES, ...COMPUTE_NAMES]);
  const job = readDispersionJob(where, spec, options);
  yield* runHistogram(where, job, options, drawHere(where, job, options));
}
