/** Monte Carlo over the workers of a queue: each draws ranges of replicas, and their sums are added up here. */
import { DeepntkError, expectOptions, mismatch } from '../errors';
import { type MlpSpec, storedSpec } from '../network/spec';
import { Accumulator, type AccumulatorJson } from '../sampling/one-input/accumulator';
import { planShares } from '../sampling/one-input/chain-plan';
import { type DispersionOptions, drawHere, keepSums, lastOf } from '../sampling/one-input/dispersion';
import { DISPERSION_SUMS } from '../sampling/one-input/dispersion-file';
import { DISPERSION_OPTION_NAMES, readDispersionJob } from '../sampling/one-input/dispersion-options';
import { runDispersion } from '../sampling/one-input/dispersion-run';
import type { DispersionEstimate } from '../sampling/one-input/estimate';
import { replicasOfJob } from '../sampling/one-input/sources';
import { readWatch } from '../watch';
import type { QueueAddress } from './connection';
import { gather } from './gather';
import { jobOf } from './jobs';

export type DispersionQueueOptions = DispersionOptions & QueueAddress;

/**
 * `estimateDispersion` by the workers of a queue: the same bits.
 *
 * @throws DeepntkError as `estimateDispersion`; `ERR_QUEUE` if Redis cannot be reached, or a job failed at every attempt
 */
export async function dispersionOnQueue(
  spec: MlpSpec,
  { queue, redis, ...options }: DispersionQueueOptions,
): Promise<DispersionEstimate> {
  const where = 'dispersion';
  expectOptions(where, options, [...DISPERSION_OPTION_NAMES, 'checkpoint', 'signal', 'onProgress']);
  const { signal, onProgress } = readWatch(where, options);
  const job = readDispersionJob(where, spec, options);
  if (job.relativeError !== null)
    throw mismatch(where, 'replicas with a queue (jobs are not drawn one after the other)', 'relativeError');
  const { settings } = job;
  const stored = { ...settings, spec: storedSpec(settings.spec) };
  return lastOf(
    runDispersion(job, {
      source: (ranges) =>
        gather(
          ranges,
          (range) => jobOf('dispersion', stored, range),
          (result, [from, to]) => {
            if (!DISPERSION_SUMS.isSums(result, to - from, settings))
              throw new DeepntkError('ERR_QUEUE', `expected sums over ${to - from} replicas from a worker`);
            onProgress?.((to - job.firstReplica) / job.goal);
            return new Accumulator(DISPERSION_SUMS.noSums(settings).scale, result as AccumulatorJson);
          },
          { queue, redis, ...(signal && { signal }) },
        ),
      chunk: replicasOfJob(settings.sampler, settings.spec),
      shares: planShares(settings.sampler === 'tilted'),
      provenance: drawHere(where, job, {}).provenance,
      ...keepSums(where, job, options.checkpoint, signal),
    }),
  );
}
