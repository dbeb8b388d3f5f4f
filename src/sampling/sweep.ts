/** The dispersion at many points: lists of sigma_w^2, sigma_b^2, depths and widths, in a grid or side by side. */
import { DeepntkError } from '../errors';
import { createSpec, type NetworkSpec } from '../network/spec';
import type { ComputeOptions } from '../kernel/arguments';
import { expectUniformBiases } from '../theory/layer-law';
import { estimateDispersion } from './one-input/dispersion';
import type { DispersionEstimate } from './one-input/estimate';
import type { Sampler } from './samplers';

export interface SweepAxes {
  readonly weightVariance: readonly number[];
  readonly biasVariance: readonly number[];
  readonly depth: readonly number[];
  readonly width: readonly number[];
}

export interface SweepPoint {
  /** Its number in the whole sweep, whichever shard it falls to. */
  readonly point: number;
  readonly spec: NetworkSpec;
}

export interface SweepShape extends SweepAxes {
  /**
   * - `grid`: every combination; width varies fastest, sigma_w^2 slowest
   * - `zip`: the first of each list, the second of each, ...; a list of one value serves all
   */
  readonly mode: 'grid' | 'zip';
  /** n_0; as many as the width where null. */
  readonly inputDim: number | null;
  readonly parametrization: NetworkSpec['parametrization'];
  readonly biasGradients: boolean;
}

/** Part `index` of `count`: every count-th point from number `index`, so that shards are alike in work. */
export interface Shard {
  readonly index: number;
  readonly count: number;
}

/** @throws DeepntkError `ERR_INVALID_ARGUMENT` where lists to be zipped differ in length, or a value is no net's */
export function sweepPoints(shape: SweepShape): SweepPoint[] {
  const { inputDim, parametrization, biasGradients } = shape;
  return combinations(shape).map(([weightVariance, biasVariance, depth, width], point) => ({
    point,
    spec: createSpec({
      inputDim: inputDim ?? width,
      depth,
      width,
      weightVariance,
      biasVariance,
      parametrization,
      biasGradients,
    }),
  }));
}

type Combination = readonly [weightVariance: number, biasVariance: number, depth: number, width: number];

function combinations(shape: SweepShape): Combination[] {
  const { weightVariance, biasVariance, depth, width, mode } = shape;
  if (mode === 'grid') {
    return weightVariance.flatMap((w) =>
      biasVariance.flatMap((b) => depth.flatMap((l) => width.map((m): Combination => [w, b, l, m]))),
    );
  }
  const named = { sw2: weightVariance, sb2: biasVariance, depth, width };
  const lists = Object.values(named);
  const length = Math.max(...lists.map((list) => list.length));
  if (lists.some((list) => list.length !== 1 && list.length !== length)) {
    throw new DeepntkError(
      'ERR_INVALID_ARGUMENT',
      `sweep: expected lists of one length (or of one value) to zip, got ${Object.entries(named)
        .map(([name, list]) => `${list.length} of ${name}`)
        .join(', ')}`,
    );
  }
  const at = (list: readonly number[], i: number): number => list[list.length === 1 ? 0 : i]!;
  return Array.from({ length }, (_, i): Combination => [
    at(weightVariance, i),
    at(biasVariance, i),
    at(depth, i),
    at(width, i),
  ]);
}

export function pointsOfShard(points: readonly SweepPoint[], { index, count }: Shard): SweepPoint[] {
  return points.filter(({ point }) => point % count === index);
}

/** What is written for a point: numbers and words alone, so that it is a line of CSV as well as of JSON. */
export type SweepRow = Readonly<Record<(typeof SWEEP_COLUMNS)[number], string | number | boolean>>;

/** The columns that say what was computed; rows of one point that differ in them are of different sweeps. */
export const SETTING_COLUMNS = [
  'point',
  'weightVariance',
  'biasVariance',
  'depth',
  'width',
  'inputDim',
  'parametrization',
  'biasGradients',
  'inputNorm2',
  'seed',
  'goal',
] as const;

export const SWEEP_COLUMNS = [
  ...SETTING_COLUMNS,
  'dispersion',
  'standardError',
  'low',
  'high',
  'exact',
  'mean',
  'meanError',
  'secondMoment',
  'logMean',
  'logDispersion',
  'relativeError',
  'replicas',
  'effectiveSampleSize',
  'largestShare',
  'sampler',
  'warnings',
] as const;

export type SweepSettings = Readonly<Record<(typeof SETTING_COLUMNS)[number], string | number | boolean>>;

/** @param goal how long each point runs, in words: "10000 replicas" */
export function settingsOfPoint(
  { point, spec }: SweepPoint,
  inputNorm2: number,
  seed: number,
  goal: string,
): SweepSettings {
  const { weightVariance, biasVariance, depth, inputDim, parametrization, biasGradients } = spec;
  const width = spec.hiddenWidths[0] ?? 0;
  return {
    point,
    weightVariance,
    biasVariance,
    depth,
    width,
    inputDim,
    parametrization,
    biasGradients: expectUniformBiases('sweep', biasGradients),
    inputNorm2,
    seed,
    goal,
  };
}

export function sweepRow(settings: SweepSettings, estimate: DispersionEstimate): SweepRow {
  const { dispersion, standardError, exact, mean, secondMoment, logMean, logDispersion } = estimate;
  const { replicas, effectiveSampleSize, largestShare, sampler } = estimate;
  const [low, high] = estimate.confidenceInterval;
  return {
    ...settings,
    dispersion,
    standardError,
    low,
    high,
    exact,
    mean,
    meanError: estimate.standardErrors.mean,
    secondMoment,
    logMean,
    logDispersion,
    relativeError: estimate.relativeErrors.dispersion,
    replicas,
    effectiveSampleSize,
    largestShare,
    sampler,
    warnings: estimate.warnings.join(' | '),
  };
}

/** How every point of a sweep is estimated. */
export interface SweepGoal {
  readonly inputNorm2: number;
  readonly seed: number;
  readonly sampler: Sampler | 'auto';
  readonly until:
    { readonly replicas: number } | { readonly relativeError: number; readonly maxReplicas: number };
}

export function goalSettings(
  point: SweepPoint,
  { inputNorm2, seed, sampler, until }: SweepGoal,
): SweepSettings {
  const length =
    'replicas' in until
      ? `${until.replicas} replicas`
      : `relative error ${until.relativeError} within ${until.maxReplicas} replicas`;
  return settingsOfPoint(point, inputNorm2, seed, `${length}; sampler ${sampler}`);
}

/**
 * The row of a point: the same bits wherever and however often it is computed.
 *
 * @throws what `estimateDispersion` throws
 */
export async function computePoint(
  point: SweepPoint,
  goal: SweepGoal,
  run: Pick<ComputeOptions, 'signal' | 'threads' | 'backend'>,
): Promise<SweepRow> {
  const { inputNorm2, seed, sampler, until } = goal;
  const estimate = await estimateDispersion(point.spec, { ...until, sampler, inputNorm2, seed, ...run });
  return sweepRow(goalSettings(point, goal), estimate);
}
