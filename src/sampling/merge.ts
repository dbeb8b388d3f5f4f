/** Puts runs together that were split by ranges of replicas. */
import { expectOptions, expectPath, invalidArgument } from '../errors';
import { readComputation } from '../kernel/arguments';
import { moments } from '../theory/moments';
import { Accumulator } from './accumulator';
import { expectSameSettings, joinRanges, type Range, readRun, type SavedRun, writeRun } from './checkpoint';
import { planShares } from './chain-plan';
import { type DispersionEstimate, makeEstimate, scaleOf } from './estimate';

export interface MergedDispersion extends DispersionEstimate {
  /** The replicas that the estimate rests on, from .. to - 1 each. */
  readonly ranges: readonly Range[];
}

/**
 * The estimate of all replicas that several checkpoint files hold, in any order: the same bits as of one run over them.
 *
 * @param options `out`: where to write the merged state, a file of the same kind; not written where it is left out
 * @throws DeepntkError `ERR_INVALID_FILE` where a file is damaged or of a run with other settings, `ERR_INVALID_ARGUMENT`
 *   where two hold the same replica
 */
export async function mergeDispersion(
  paths: readonly string[],
  options: { readonly out?: string } = {},
): Promise<MergedDispersion> {
  expectOptions('mergeDispersion', options, ['out']);
  const { out } = options;
  if (out !== undefined) expectPath('mergeDispersion: out', out);
  if (!Array.isArray(paths) || paths.length === 0 || !paths.every((path) => typeof path === 'string')) {
    throw invalidArgument('mergeDispersion', 'the paths of checkpoint files', paths);
  }
  const runs: SavedRun[] = [];
  for (const path of paths as readonly string[]) {
    const run = await readRun(path);
    if (runs[0] !== undefined) expectSameSettings(path, run.settings, runs[0].settings);
    runs.push(run);
  }
  const { settings } = runs[0]!;
  const ranges = joinRanges(runs.flatMap((run) => run.ranges));
  const { spec, inputNorm2, seed, sampler } = settings;
  const exact = moments(spec, { inputNorm2 });
  const sums = new Accumulator(scaleOf(exact));
  for (const run of runs) sums.merge(new Accumulator(sums.scale, run.sums));
  if (out !== undefined) await writeRun(out, { settings, ranges, sums: sums.toJSON() });
  const estimate = makeEstimate(sums, {
    spec,
    inputNorm2,
    seed,
    sampler,
    samplerReason: 'that of the runs merged',
    firstReplica: ranges[0]![0],
    shares: planShares(sampler === 'tilted'),
    exact,
    relativeError: null,
    provenance: readComputation('mergeDispersion', {}).provenance,
  });
  return { ...estimate, ranges };
}
