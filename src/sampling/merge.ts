/** Puts runs together that were split by ranges of replicas. */
import { invalidFile } from '../data/files';
import { describe, expectOptions, expectPath, invalidArgument } from '../errors';
import { readComputation } from '../kernel/arguments';
import { moments } from '../theory/moments';
import { planShares } from './one-input/chain-plan';
import { DISPERSION_RUN } from './one-input/dispersion-file';
import { type DispersionEstimate, makeEstimate } from './one-input/estimate';
import { NTK_SAMPLE_RUN } from './matrix/ntk-sample-file';
import { joinRanges, type Range } from '../runs/ranges';
import {
  addStoredSums,
  checkRun,
  expectSameSettings,
  type ParsedRun,
  parseRun,
  readRun,
  type RunKind,
  type RunSums,
  writeRun,
} from './run-file';
import { momentsOfSums, type NtkSample } from './matrix/sample-ntk';

/** What becomes of runs that are merged, besides the result. */
export interface MergeOptions {
  /** Where to write the merged state, a file of the same kind; not written where it is left out. */
  readonly out?: string;
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
 * @throws DeepntkError `ERR_INVALID_FILE` where a file is damaged or of a run with other settings, `ERR_INVALID_ARGUMENT`
 *   where two hold the same replica
 */
export async function mergeDispersion(
  paths: readonly string[],
  options: MergeOptions = {},
): Promise<MergedDispersion> {
  return mergeDispersionRuns(paths, options);
}

async function mergeDispersionRuns(
  paths: readonly string[],
  options: MergeOptions,
  first?: ParsedRun,
): Promise<MergedDispersion> {
  const where = 'mergeDispersion';
  const { settings, ranges, sums } = await mergeRuns(where, DISPERSION_RUN, paths, options, first);
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
 * @throws DeepntkError `ERR_INVALID_FILE` where a file is damaged or of a run with other settings, `ERR_INVALID_ARGUMENT`
 *   where two hold the same replica
 * @see docs/sampling.md
 * @example await mergeNtkSamples(['a.json', 'b.json'], { out: 'whole.json' })
 */
export async function mergeNtkSamples(
  paths: readonly string[],
  options: MergeOptions = {},
): Promise<MergedNtkSample> {
  return mergeNtkSampleRuns(paths, options);
}

async function mergeNtkSampleRuns(
  paths: readonly string[],
  options: MergeOptions,
  first?: ParsedRun,
): Promise<MergedNtkSample> {
  const where = 'mergeNtkSamples';
  const { settings, ranges, sums } = await mergeRuns(where, NTK_SAMPLE_RUN, paths, options, first);
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

/**
 * Either of the two, by what the first file is.
 *
 * @throws DeepntkError as they do
 */
export async function mergeCheckpoints(
  paths: readonly [string, ...string[]],
  options: MergeOptions,
): Promise<MergedDispersion | MergedNtkSample> {
  const first = await parseRun(paths[0]);
  const { format } = first.content;
  if (format === DISPERSION_RUN.format) return mergeDispersionRuns(paths, options, first);
  if (format === NTK_SAMPLE_RUN.format) return mergeNtkSampleRuns(paths, options, first);
  const formats = `the format ${DISPERSION_RUN.format} or ${NTK_SAMPLE_RUN.format}`;
  throw invalidFile(paths[0], formats, describe(format));
}

const SAMPLER_REASON = 'that of the runs merged';

/** @param parsed the first file, where it has been read already */
async function mergeRuns<Settings, Sums extends RunSums>(
  where: string,
  kind: RunKind<Settings, Sums>,
  paths: readonly string[],
  options: MergeOptions,
  parsed?: ParsedRun,
): Promise<{ readonly settings: Settings; readonly ranges: readonly Range[]; readonly sums: Sums }> {
  expectOptions(where, options, ['out']);
  const { out } = options;
  if (out !== undefined) expectPath(`${where}: out`, out);
  if (!Array.isArray(paths) || paths.length === 0 || !paths.every((path) => typeof path === 'string')) {
    throw invalidArgument(where, 'the paths of checkpoint files', paths);
  }
  const [first, ...others] = paths as readonly string[];
  const begun = parsed === undefined ? await readRun(kind, first!) : checkRun(kind, parsed, first!);
  const { settings } = begun;
  const sums = kind.noSums(settings);
  await addStoredSums(kind, sums, begun);
  let ranges = joinRanges(where, begun.ranges);
  for (const path of others) {
    const run = await readRun(kind, path);
    expectSameSettings(kind, path, run.settings, settings);
    ranges = joinRanges(where, [...ranges, ...run.ranges]);
    await addStoredSums(kind, sums, run);
  }
  if (out !== undefined) await writeRun(kind, out, settings, ranges, sums);
  return { settings, ranges, sums };
}
