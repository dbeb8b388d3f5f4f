/** Monte Carlo estimates of how the kernel of one input varies over initializations. */
import { expectOptions, expectPath } from '../../errors';
import { type ComputeOptions, readComputation } from '../../kernel/arguments';
import type { NetworkSpec } from '../../network/spec';
import { drawAhead } from '../../runs/ahead';
import { openCheckpoint } from '../checkpoint';
import { DISPERSION_RUN } from './dispersion-file';
import {
  type GoalOptions,
  readRequest,
  type ReplicaOptions,
  REQUEST_OPTION_NAMES,
} from './dispersion-request';
import { runDispersion, type Surroundings } from './dispersion-run';
import type { DispersionEstimate } from './estimate';
import { replicaSource } from './sources';

interface CommonOptions extends ReplicaOptions, Omit<ComputeOptions, 'allowNonFinite'> {
  /**
   * A file that the state of the run is kept in, written every second and at the end, whole or not at all. Where it
   * exists the run goes on from it, and ends with the bits of a run that was never interrupted.
   */
  readonly checkpoint?: string;
}

/** Either a number of replicas, or a goal and a limit. */
export type DispersionOptions = CommonOptions & GoalOptions;

export const COMPUTE_NAMES = ['signal', 'onProgress', 'threads', 'backend'] as const;

/**
 * Estimates mean, second moment and dispersion of Theta(x, x) over random initializations.
 *
 * A replica is a function of spec, inputNorm2, seed and its number alone, and sums are exact: the result is the same, bit
 * for bit, for any number of threads, on every backend, and whether or not the run was interrupted or split.
 *
 * @throws DeepntkError `ERR_INVALID_ARGUMENT`; `ERR_INVALID_FILE` where the checkpoint is damaged or of another run; the
 *   signal's reason
 * @see docs/sampling.md
 * @example await estimateDispersion(createSpec({ inputDim: 100, depth: 50, width: 100 }), { replicas: 10000, seed: 1 })
 */
export async function estimateDispersion(
  spec: NetworkSpec,
  options: DispersionOptions,
): Promise<DispersionEstimate> {
  return lastOf(run('estimateDispersion', spec, options));
}

/**
 * As {@link estimateDispersion}, but yields the running estimate every few hundredths of a second; the last one is the result.
 * How often it yields depends on the machine; what it yields after n replicas does not.
 *
 * @example for await (const { dispersion, standardError } of streamDispersion(spec, { replicas: 1e6, seed: 1 })) { ... }
 */
export function streamDispersion(
  spec: NetworkSpec,
  options: DispersionOptions,
): AsyncGenerator<DispersionEstimate, void, void> {
  return run('streamDispersion', spec, options);
}

async function* run(
  where: string,
  spec: NetworkSpec,
  options: DispersionOptions,
): AsyncGenerator<DispersionEstimate, void, void> {
  expectOptions(where, options, [...REQUEST_OPTION_NAMES, 'checkpoint', ...COMPUTE_NAMES]);
  const { checkpoint } = options;
  if (checkpoint !== undefined) expectPath(`${where}: checkpoint`, checkpoint);
  const request = readRequest(where, spec, options);
  const { settings, goal } = request;
  const { firstReplica } = settings;
  yield* runDispersion(request, {
    ...computeReplicas(where, request, options),
    ...(checkpoint !== undefined && {
      openCheckpoint: (sums) =>
        openCheckpoint(DISPERSION_RUN, checkpoint, { settings, firstReplica, goal }, sums),
    }),
  });
}

/** Replicas by the backend that the options name. */
export function computeReplicas(
  where: string,
  { settings: { sampler, spec, inputNorm2, seed } }: ReturnType<typeof readRequest>,
  options: ComputeOptions,
): Surroundings {
  const given = Object.fromEntries(
    COMPUTE_NAMES.map((name) => [name, options[name]] as const).filter(([, value]) => value !== undefined),
  );
  const { backend, run, provenance } = readComputation(where, given);
  const source = replicaSource(sampler, spec, inputNorm2, seed, backend);
  return { source, drawing: drawAhead, run, provenance };
}

/** The last of some estimates, of which there is at least one. */
export async function lastOf<T>(estimates: AsyncIterable<T>): Promise<T> {
  let last: T | undefined;
  for await (const estimate of estimates) last = estimate;
  return last!;
}
