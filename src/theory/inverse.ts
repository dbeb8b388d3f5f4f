/**
 * Inverse questions: which width, depth or sigma_w^2 keeps the kernel's relative standard deviation below a bound.
 */
import { expectInteger, expectOptions } from '../errors';
import { createSpec, type Parametrization } from '../network/spec';
import { expectPositive, expectResult } from './arguments';
import { biasFactor, expectUniformBiases, weightFactor, weightScale } from './layer-law';
import { enterTerm, passHiddenLayer, startRecursion } from './moment-recursion';
import { moments, readMomentsOptions, traceRelativeVarianceNumber } from './moments';

interface Initialization {
  readonly inputDim: number;
  readonly outputDim?: number;
  readonly weightVariance?: number;
  readonly biasVariance?: number;
  readonly parametrization?: Parametrization;
  /** A list has one entry per layer, so it does not apply to other depths. */
  readonly biasGradients?: boolean | readonly boolean[];
  /** |x|^2; 1 by default. */
  readonly inputNorm2?: number;
  /** The bound r > 0 on sqrt(Var Theta) / E Theta, Theta the trace kernel of one input. */
  readonly relativeStandardDeviation: number;
}

/** Which widths keep the bound, at this depth? */
export type WidthQuestion = Initialization & { readonly depth: number };
/** Which depths keep the bound, at this width? */
export type DepthQuestion = Initialization & { readonly width: number };
/** Which sigma_w^2 keep the bound, at this depth and width? */
export type WeightVarianceQuestion = Omit<Initialization, 'weightVariance'> & {
  readonly depth: number;
  readonly width: number;
};

/** What {@link widthForDispersion} found. */
export interface WidthAnswer {
  /** The smallest constant width that keeps the bound; `null` where no width up to 2^40 does. */
  readonly width: number | null;
  /** What it is there; `null` where there is none. */
  readonly relativeStandardDeviation: number | null;
  /**
   * Every range of widths that keeps the bound, as searched to 2^40; more than one where the deviation is not
   * monotone.
   */
  readonly ranges: readonly (readonly [from: number, to: number])[];
}

/** What {@link depthForDispersion} found. */
export interface DepthAnswer {
  /**
   * The largest number of hidden layers such that it and every smaller one keep the bound; 0 where one hidden layer
   * breaks it; Infinity where the deviation settles below the bound.
   */
  readonly depth: number;
  /** What it is there; where depth is Infinity, the value it settles at. */
  readonly relativeStandardDeviation: number;
  /** Whether the search ended at its last depth, 1,000,000, with the bound still kept. */
  readonly searchEnded: boolean;
}

/** What {@link weightVarianceForDispersion} found. */
export interface WeightVarianceAnswer {
  /** The largest sigma_w^2 that keeps the bound; Infinity where every large one does; `null` where none does. */
  readonly weightVariance: number | null;
  readonly relativeStandardDeviation: number | null;
  /** Every range of sigma_w^2 within 2^-30 .. 2^30 that keeps the bound, as searched. */
  readonly ranges: readonly (readonly [from: number, to: number])[];
}

/**
 * The smallest constant hidden width whose kernel has a relative standard deviation of at most r at this depth.
 *
 * The deviation is not always monotone in the width (with n_0 fixed, a wider net weighs its parts differently), so
 * the search does not assume it: every width to 64, then steps of 1/16 with bisection inside the step that crosses
 * the bound. A crossing and its return within one step would be missed.
 *
 * @throws DeepntkError `ERR_INVALID_ARGUMENT` where createSpec would, or where the bound is not > 0
 * @example widthForDispersion({ inputDim: 784, depth: 20, relativeStandardDeviation: 0.1 }).width
 */
export function widthForDispersion(question: WidthQuestion): WidthAnswer {
  const where = 'widthForDispersion';
  const { relativeStandardDeviation: bound, inputNorm2, ...shape } = readQuestion(where, question, ['depth']);
  const deviation = (width: number): number =>
    moments(createSpec({ ...shape, width }), { inputNorm2 }).relativeStandardDeviation;
  const ranges = rangesBelow(deviation, bound, widthGrid(), (low, high) =>
    high - low <= 1 ? null : Math.floor((low + high) / 2),
  );
  const width = ranges[0]?.[0] ?? null;
  return { width, relativeStandardDeviation: width === null ? null : deviation(width), ranges };
}

/**
 * The largest depth up to which nets of this constant width keep a relative standard deviation of at most r. One
 * pass: O(depth found).
 *
 * In the ordered phase the deviation can rise above the bound and fall below it again; the answer is the depth
 * before the first break.
 *
 * @throws DeepntkError `ERR_INVALID_ARGUMENT` if createSpec would, or if the bound is not > 0; `ERR_COMPUTATION` if
 *   a variance is so large that the deviation is beyond the range of doubles
 * @example depthForDispersion({ inputDim: 784, width: 300, relativeStandardDeviation: 0.5 }).depth
 */
export function depthForDispersion(question: DepthQuestion): DepthAnswer {
  const where = 'depthForDispersion';
  const { relativeStandardDeviation: bound, inputNorm2, ...shape } = readQuestion(where, question, ['width']);
  const width = expectInteger(`${where}: width`, shape.width);
  expectUniformBiases(where, shape.biasGradients ?? true);
  const spec = createSpec({ ...shape, depth: 1, width });
  const state = startRecursion(spec, inputNorm2, 'exact');
  const beta = biasFactor(spec, 1);
  enterTerm(state, weightFactor(spec, spec.inputDim), beta);
  let last = 0;
  let unchanged = 0;
  for (let depth = 1; depth <= LAST_DEPTH; depth++) {
    passHiddenLayer(state, weightScale(spec, depth === 1 ? spec.inputDim : width), width);
    enterTerm(state, weightFactor(spec, width), beta);
    const deviation = Math.sqrt(traceRelativeVarianceNumber(state, spec.outputDim));
    if (deviation > bound) return { depth: depth - 1, relativeStandardDeviation: last, searchEnded: false };
    expectResult(where, 'relativeStandardDeviation', deviation);
    // The recursion is linear: once it has not moved for so long, it has reached its fixed point.
    unchanged = Math.abs(deviation - last) <= 2 ** -52 * deviation ? unchanged + 1 : 0;
    last = deviation;
    if (unchanged === SETTLED)
      return { depth: Infinity, relativeStandardDeviation: last, searchEnded: false };
  }
  return { depth: LAST_DEPTH, relativeStandardDeviation: last, searchEnded: true };
}

/**
 * The largest sigma_w^2 at which a net of this depth and width keeps a relative standard deviation of at most r,
 * found to 1e-12 relative on a grid of 8 points an octave from 2^-30 to 2^30 (the deviation is not always monotone
 * in sigma_w^2).
 *
 * @throws DeepntkError `ERR_INVALID_ARGUMENT` where createSpec would, or where the bound is not > 0
 * @example weightVarianceForDispersion({ inputDim: 784, depth: 20, width: 300, relativeStandardDeviation: 0.3 }).weightVariance
 */
export function weightVarianceForDispersion(question: WeightVarianceQuestion): WeightVarianceAnswer {
  const where = 'weightVarianceForDispersion';
  const {
    relativeStandardDeviation: bound,
    inputNorm2,
    ...shape
  } = readQuestion(where, question, ['depth', 'width']);
  const deviation = (weightVariance: number): number =>
    moments(createSpec({ ...shape, weightVariance }), { inputNorm2 }).relativeStandardDeviation;
  const grid = Array.from({ length: 481 }, (_, i) => 2 ** (i / 8 - 30));
  const ranges = rangesBelow(deviation, bound, grid, (low, high) =>
    high - low <= 1e-13 * high ? null : (low + high) / 2,
  );
  const weightVariance = ranges.at(-1)?.[1] ?? null;
  const largest = weightVariance === Infinity ? grid.at(-1)! : weightVariance;
  return { weightVariance, relativeStandardDeviation: largest === null ? null : deviation(largest), ranges };
}

const LAST_DEPTH = 1_000_000;
const SETTLED = 200;

function widthGrid(): number[] {
  const grid: number[] = [];
  for (let width = 1; width <= 2 ** 40; width = Math.max(width + 1, Math.floor((width * 17) / 16)))
    grid.push(width);
  return grid;
}

/**
 * The ranges of a grid where f <= bound. Bisection moves their ends to the crossing (the end itself keeps the
 * bound); a range that reaches the end of the grid ends at Infinity.
 */
function rangesBelow(
  f: (x: number) => number,
  bound: number,
  grid: readonly number[],
  middle: (low: number, high: number) => number | null,
): [number, number][] {
  const ranges: [number, number][] = [];
  let previous: { x: number; kept: boolean } | undefined;
  for (const x of grid) {
    const kept = f(x) <= bound;
    if (kept && previous?.kept !== true) ranges.push([previous ? crossing(previous.x, x) : x, x]);
    if (kept) ranges.at(-1)![1] = x;
    if (!kept && previous?.kept === true) ranges.at(-1)![1] = crossing(x, previous.x);
    previous = { x, kept };
  }
  if (previous?.kept === true) ranges.at(-1)![1] = Infinity;
  return ranges;

  function crossing(breaks: number, keeps: number): number {
    for (;;) {
      const x = middle(Math.min(breaks, keeps), Math.max(breaks, keeps));
      if (x === null) return keeps;
      if (f(x) <= bound) keeps = x;
      else breaks = x;
    }
  }
}

const COMMON = ['inputDim', 'outputDim', 'biasVariance', 'parametrization', 'biasGradients', 'inputNorm2'];

/** Checks the bound, the input's norm and the names of the options; the rest is createSpec's to check. */
function readQuestion<T extends object>(
  where: string,
  question: T,
  own: readonly string[],
): T & { readonly relativeStandardDeviation: number; readonly inputNorm2: number } {
  const variance = own.length === 2 ? [] : ['weightVariance'];
  expectOptions(where, question, [...COMMON, ...variance, ...own, 'relativeStandardDeviation']);
  const given = question as T & Partial<Initialization>;
  const relativeStandardDeviation = expectPositive(
    `${where}: relativeStandardDeviation`,
    given.relativeStandardDeviation,
  );
  const inputNorm2 = given.inputNorm2 ?? 1;
  const { biasGradients = true } = given;
  const counted = typeof biasGradients === 'boolean' ? biasGradients : biasGradients.includes(true);
  const spec = createSpec({ ...specOptions(given), depth: 0, biasGradients: counted });
  readMomentsOptions(where, spec, { inputNorm2 });
  return { ...given, relativeStandardDeviation, inputNorm2 };
}

function specOptions({
  inputDim,
  outputDim,
  weightVariance,
  biasVariance,
  parametrization,
  biasGradients,
}: Partial<Initialization>) {
  return {
    inputDim: inputDim!,
    ...(outputDim !== undefined && { outputDim }),
    ...(weightVariance !== undefined && { weightVariance }),
    ...(biasVariance !== undefined && { biasVariance }),
    ...(parametrization !== undefined && { parametrization }),
    ...(biasGradients !== undefined && { biasGradients }),
  };
}
