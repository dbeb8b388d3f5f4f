/** Merges the files of runs that were split by ranges of replicas. */
import { expectBoolean, expectOptions, expectPath, invalidArgument } from '../errors';
import { readComputation } from '../kernel/arguments';
import type { Range } from '../runs/ranges';
import { mergeSums } from '../runs/sums-file';
import { moments } from '../theory/moments';
import { NTK_SAMPLE_SUMS } from './matrix/ntk-sample-file';
import { momentsOfSums, type NtkSample } from './matrix/sample-ntk';
import { planShares } from './one-input/chain-plan';
import { DISPERSION_SUMS } from './one-input/dispersion-file';
import { type DispersionEstimate, makeEstimate } from './one-input/estimate';

/** Options of {@link mergeDispersion} and {@link mergeNtkSamples}. */
export interface MergeOptions {
  /** The file for the merged sums. It is of the same kind, and must not exist. Without it, no file is written. */
  readonly out?: string;
  /** Overwrites a file `out` that exists; false by default. */
  readonly force?: boolean;
}

/** The estimate of {@link mergeDispersion}. */
export interface MergedDispersion extends DispersionEstimate {
  /** The replicas that the estimate rests on, from .. to - 1 each. */
  readonly ranges: readonly Range[];
}

/** The moments of {@link mergeNtkSamples}; of replicas it has none, nor quantiles. */
export interface MergedNtkSample extends NtkSample {
  /** The replicas that the moments rest on, from .. to - 1 each. */
  readonly ranges: readonly Range[];
}

/**
 * The estimate of all replicas that several checkpoint files of `estimateDispersion` hold, in any order: the same bits as of
 * one run over them.
 *
 * @throws DeepntkError `ERR_INVALID_FILE` if a file is damaged or belongs to other settings, or `out` exists;
 *   `ERR_INVALID_ARGUMENT` if two hold the same replica
 */
export async function mergeDispersion(
  paths: readonly string[],
  options: MergeOptions = {},
): Promise<MergedDispersion> {
  const where = 'mergeDispersion';
  const given = readMerge(where, paths, options);
  const { settings, ranges, sums } = await mergeSums(where, DISPERSION_SUMS, given.paths, given.target);
  const estimate = makeEstimate(sums, {
    ...settings,
    samplerReason: SAMPLER_REASON,
    firstReplica: ranges[0]![0],
    shares: planShares(settings.sampler === 'tilted'),
    exact: moments(settings.spec, { inputNorm2: settings.inputNorm2 }),
    relativeError: null,
    provenance: readComputation(where, {}).provenance,
  });
  return { ...estimate, ranges };
}

/**
 * The moments of all replicas that several checkpoint files of `sampleNtk` hold, in any order: the same bits as of one run
 * over them.
 *
 * @throws DeepntkError `ERR_INVALID_FILE` if a file is damaged or belongs to other settings, or `out` exists;
 *   `ERR_INVALID_ARGUMENT` if two hold the same replica
 * @see docs/sampling.md
 * @example await mergeNtkSamples(['a.json', 'b.json'], { out: 'whole.json' })
 */
export async function mergeNtkSamples(
  paths: readonly string[],
  options: MergeOptions = {},
): Promise<MergedNtkSample> {
  const where = 'mergeNtkSamples';
  const given = readMerge(where, paths, options);
  const { settings, ranges, sums } = await mergeSums(where, NTK_SAMPLE_SUMS, given.paths, given.target);
  const { spec, seed, sampler, outputs, weightVariances } = settings;
  return {
    ...momentsOfSums(sums, weightVariances),
    quantiles: [],
    replicaKernels: null,
    replicasFile: null,
    outputs,
    sampler,
    samplerReason: SAMPLER_REASON,
    replicas: sums.count,
    firstReplica: ranges[0]![0],
    seed,
    spec,
    ...readComputation(where, {}).provenance,
    ranges,
  };
}

const SAMPLER_REASON = 'that of the runs merged';

/** Checks the arguments of a merge. */
function readMerge(
  where: string,
  paths: unknown,
  options: MergeOptions,
): { readonly paths: readonly [string, ...string[]]; readonly target: MergeOptions } {
  expectOptions(where, options, ['out', 'force']);
  const { out, force } = options;
  if (out !== undefined) expectPath(`${where}: out`, out);
  if (force !== undefined) expectBoolean(`${where}: force`, force);
  if (!Array.isArray(paths) || paths.length === 0 || !paths.every((path) => typeof path === 'string')) {
    throw invalidArgument(where, 'the paths of checkpoint files', paths);
  }
  return { paths: paths as [string, ...string[]], target: options };
}
