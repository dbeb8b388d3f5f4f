/** The dispersion at many points: lists of sigma_w^2, sigma_b^2, depths and widths, in a grid or side by side. */
import { DeepntkError, describe } from '../errors';
import { createSpec, type NetworkSpec } from '../network/spec';
import type { ComputeOptions } from '../kernel/arguments';
import { expectUniformBiases } from '../theory/layer-law';
import { estimateDispersion } from './one-input/dispersion';
import type { DispersionEstimate } from './one-input/estimate';
import type { Shard } from '../runs/ranges';
import { type Sampler, SAMPLERS } from './samplers';

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

/** The number of points, without a list of them. */
export function pointCount({
  weightVariance,
  biasVariance,
  depth,
  width,
  mode,
}: SweepAxes & Pick<SweepShape, 'mode'>): number {
  const lengths = [weightVariance, biasVariance, depth, width].map((list) => list.length);
  return mode === 'zip' ? Math.max(...lengths) : lengths.reduce((product, length) => product * length, 1);
}

/** Every count-th point from number `index`, so that shards are alike in work. */
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

type PointSettings = Readonly<Record<(typeof SETTING_COLUMNS)[number], string | number | boolean>>;

/** How long the estimate of a point runs. */
export type SweepLength =
  { readonly replicas: number } | { readonly relativeError: number; readonly maxReplicas: number };

/** How every point of a sweep is estimated. */
export interface SweepGoal {
  readonly inputNorm2: number;
  readonly seed: number;
  readonly sampler: Sampler | 'auto';
  readonly until: SweepLength;
}

/** The settings of a sweep. */
export interface Sweep extends SweepShape, SweepGoal {}

/** The first columns of the row of a point. */
export function settingsOfPoint(
  { point, spec }: SweepPoint,
  { inputNorm2, seed, sampler, until }: SweepGoal,
): PointSettings {
  const { weightVariance, biasVariance, depth, inputDim, parametrization, biasGradients } = spec;
  const length =
    'replicas' in until
      ? `${until.replicas} replicas`
      : `relative error ${until.relativeError} within ${until.maxReplicas} replicas`;
  return {
    point,
    weightVariance,
    biasVariance,
    depth,
    width: spec.hiddenWidths[0] ?? 0,
    inputDim,
    parametrization,
    biasGradients: expectUniformBiases('sweep', biasGradients),
    inputNorm2,
    seed,
    goal: `${length}; sampler ${sampler}`,
  };
}

function sweepRow(settings: PointSettings, estimate: DispersionEstimate): SweepRow {
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
  // The goal may come from a queue: no other option of the estimate, such as a file to write, may come with it.
  const length =
    'replicas' in until
      ? { replicas: until.replicas }
      : { relativeError: until.relativeError, maxReplicas: until.maxReplicas };
  const estimate = await estimateDispersion(point.spec, { ...length, sampler, inputNorm2, seed, ...run });
  return sweepRow(settingsOfPoint(point, goal), estimate);
}

/**
 * Checks a row that a worker of a queue has computed. Numbers that JSON does not have are strings in it.
 *
 * @throws DeepntkError `ERR_QUEUE` if it is not the row of this point, or not a row
 */
export function readRow(value: unknown, point: SweepPoint, goal: SweepGoal): SweepRow {
  const row = (value ?? {}) as Readonly<Record<string, unknown>>;
  const settings = settingsOfPoint(point, goal);
  const wrong = SWEEP_COLUMNS.find((name) => {
    const field = row[name];
    if (name in settings) return field !== settings[name as keyof PointSettings];
    if (name === 'sampler') return !SAMPLERS.some((sampler) => sampler === field);
    // A spreadsheet runs a cell that begins like a formula.
    if (name === 'warnings') return typeof field !== 'string' || /^[=+@\t\r-]/.test(field);
    return typeof field !== 'number' && !['NaN', 'Infinity', '-Infinity'].includes(String(field));
  });
  if (wrong !== undefined || Object.keys(row).length !== SWEEP_COLUMNS.length) {
    const column = wrong === undefined ? 'other columns' : `${wrong} ${describe(row[wrong])}`;
    throw new DeepntkError(
      'ERR_QUEUE',
      `expected the row of point ${point.point} from a worker, got ${column}`,
    );
  }
  return Object.fromEntries(SWEEP_COLUMNS.map((name) => [name, row[name]])) as SweepRow;
}
