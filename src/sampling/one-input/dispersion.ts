/** Monte Carlo estimates of how the kernel of one input varies over initializations. */
import { expectOptions, expectPath } from '../../errors';
import { type ComputeOptions, readComputation } from '../../kernel/arguments';
import type { NetworkSpec } from '../../network/spec';
import { drawAhead } from '../../runs/ahead';
import { SumsFile } from '../../runs/sums-file';
import { DISPERSION_SUMS } from './dispersion-file';
import {
  DISPERSION_OPTION_NAMES,
  type DispersionJob,
  type GoalOptions,
  readDispersionJob,
  type ReplicaOptions,
} from './dispersion-options';
import { type DispersionRun, drawReplicas, runDispersion } from './dispersion-run';
import type { DispersionEstimate } from './estimate';
import { replicaSource } from './sources';

interface CommonOptions extends ReplicaOptions, Omit<ComputeOptions, 'allowNonFinite'> {
  /**
   * A file that keeps the sums of the run. It is written every second and at the end, completely or not at all. If it exists,
   * the run continues from it and gives the same bits as a run that was never interrupted. One run at a time may have it.
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
 * @throws DeepntkError `ERR_INVALID_ARGUMENT`; `ERR_INVALID_FILE` if the checkpoint is damaged, belongs to other settings, or
 *   another run has it; the signal's reason
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
  expectOptions(where, options, [...DISPERSION_OPTION_NAMES, 'checkpoint', ...COMPUTE_NAMES]);
  const job = readDispersionJob(where, spec, options);
  yield* runDispersion(job, {
    ...drawHere(where, job, options),
    ...keepSums(where, job, options.checkpoint, options.signal),
  });
}

/** Draws replicas by the backend that the options name. */
export function drawHere(where: string, job: DispersionJob, options: ComputeOptions): DispersionRun {
  const { sampler, spec, inputNorm2, seed } = job.settings;
  const given = Object.fromEntries(
    COMPUTE_NAMES.map((name) => [name, options[name]] as const).filter(([, value]) => value !== undefined),
  );
  const { backend, run, provenance } = readComputation(where, given);
  const replicas = replicaSource(sampler, spec, inputNorm2, seed, backend);
  return { ...drawReplicas(job, replicas, drawAhead, run), provenance };
}

/** Keeps the sums in a checkpoint, if there is one. */
export function keepSums(
  where: string,
  { settings, firstReplica, goal }: DispersionJob,
  checkpoint: string | undefined,
  signal: AbortSignal | undefined,
): Pick<DispersionRun, 'openFile'> {
  if (checkpoint === undefined) return {};
  const path = expectPath(`${where}: checkpoint`, checkpoint);
  const target = { path, settings, firstReplica, replicas: goal };
  return { openFile: (sums) => SumsFile.open(DISPERSION_SUMS, target, sums, signal) };
}

/** The last of some estimates, of which there is at least one. */
export async function lastOf<T>(estimates: AsyncIterable<T>): Promise<T> {
  let last: T | undefined;
  for await (const estimate of estimates) last = estimate;
  return last!;
}
