/** Monte Carlo over initializations in a page: the samplers of one input, on the calling thread and in slices. */
import { sampleChainInSlices } from '../backend/typescript/chain-slices';
import { expectOptions, invalidArgument } from '../errors';
import { readWatch, type WatchOptions } from '../watch';
import type { NetworkSpec } from '../network/spec';
import { drawInTurn } from '../runs/ahead';
import { chainSource } from '../sampling/one-input/chain-source';
import {
  type DispersionJob,
  type GoalOptions,
  readDispersionJob,
  type ReplicaOptions,
  DISPERSION_OPTION_NAMES,
} from '../sampling/one-input/dispersion-options';
import { type DispersionRun, drawReplicas, runDispersion } from '../sampling/one-input/dispersion-run';
import type { DispersionEstimate } from '../sampling/one-input/estimate';
import {
  type HistogramEstimate,
  HISTOGRAM_OPTION_NAMES,
  type HistogramOptions,
  runHistogram,
} from '../sampling/one-input/histogram';
import type { Sampler } from '../sampling/samplers';
import { VERSION } from '../version';

interface CommonOptions extends Omit<ReplicaOptions, 'sampler'>, WatchOptions {
  /** `auto` by default. The sampler `direct` needs whole nets, and is for Node alone. */
  readonly sampler?: Exclude<Sampler, 'direct'> | 'auto';
}

/** As in Node, without threads, backend and checkpoint. */
export type DispersionOptions = CommonOptions & GoalOptions;
/** As in Node, without threads and backend. */
export type KernelHistogramOptions = CommonOptions & HistogramOptions & GoalOptions;

const WATCH_NAMES = ['signal', 'onProgress'] as const;

/**
 * Estimates mean, second moment and dispersion of Theta(x, x) over random initializations of a net with one output: the
 * same numbers, bit for bit, as `estimateDispersion` of the package gives in Node for the same seed.
 *
 * It runs on the calling thread, some 8 ms at a time, with a turn of the event loop in between.
 *
 * @throws DeepntkError `ERR_INVALID_ARGUMENT`, also for a net of several outputs; the signal's reason
 * @example await estimateDispersion(createSpec({ inputDim: 100, depth: 50, width: 100 }), { replicas: 10000, seed: 1 })
 */
export async function estimateDispersion(
  spec: NetworkSpec,
  options: DispersionOptions,
): Promise<DispersionEstimate> {
  return lastOf(dispersions('estimateDispersion', spec, options));
}

/** As {@link estimateDispersion}, but yields the running estimate every few hundredths of a second; the last one is the result. */
export function streamDispersion(
  spec: NetworkSpec,
  options: DispersionOptions,
): AsyncGenerator<DispersionEstimate, void, void> {
  return dispersions('streamDispersion', spec, options);
}

/**
 * A histogram of Theta(x, x) over random initializations of a net with one output, with the estimates that
 * {@link estimateDispersion} makes of the same replicas.
 *
 * @throws DeepntkError `ERR_INVALID_ARGUMENT`, also for a net of several outputs; the signal's reason
 */
export async function estimateHistogram(
  spec: NetworkSpec,
  options: KernelHistogramOptions,
): Promise<HistogramEstimate> {
  return lastOf(histograms('estimateHistogram', spec, options));
}

/** As {@link estimateHistogram}, but yields the running histogram every few hundredths of a second; the last one is the result. */
export function streamHistogram(
  spec: NetworkSpec,
  options: KernelHistogramOptions,
): AsyncGenerator<HistogramEstimate, void, void> {
  return histograms('streamHistogram', spec, options);
}

async function* dispersions(
  where: string,
  spec: NetworkSpec,
  options: DispersionOptions,
): AsyncGenerator<DispersionEstimate, void, void> {
  expectOptions(where, options, [...DISPERSION_OPTION_NAMES, ...WATCH_NAMES]);
  const job = readDispersionJob(where, spec, options);
  yield* runDispersion(job, drawHere(where, job, options));
}

async function* histograms(
  where: string,
  spec: NetworkSpec,
  options: KernelHistogramOptions,
): AsyncGenerator<HistogramEstimate, void, void> {
  expectOptions(where, options, [...DISPERSION_OPTION_NAMES, ...HISTOGRAM_OPTION_NAMES, ...WATCH_NAMES]);
  const job = readDispersionJob(where, spec, options);
  yield* runHistogram(where, job, options, drawHere(where, job, options));
}

function drawHere(where: string, job: DispersionJob, options: WatchOptions): DispersionRun {
  const { sampler, spec, inputNorm2, seed } = job.settings;
  if (sampler === 'direct' || sampler === 'conditional') {
    throw invalidArgument(
      where,
      'a net of one output and the sampler "chain" or "tilted" (in a browser)',
      sampler,
    );
  }
  const replicas = chainSource(sampler, spec, inputNorm2, seed, { sampleChain: sampleChainInSlices });
  return {
    ...drawReplicas(job, replicas, drawInTurn, { threads: 1, ...readWatch(where, options) }),
    provenance: { backend: 'typescript', core: null, threads: 1, version: VERSION },
  };
}

async function lastOf<T>(estimates: AsyncIterable<T>): Promise<T> {
  let last: T | undefined;
  for await (const estimate of estimates) last = estimate;
  return last!;
}
