/** Exact mean and second moment of the NTK of one input over initializations, at finite depth and width. */
import { invalidArgument } from '../errors';
import { type MlpSpec, type NetworkSpec, readSpec } from '../network/spec';
import { readOptions } from '../options';
import { expectResult, MOMENTS_OPTIONS } from './arguments';
import { largestBiasFactor } from './layer-law';
import {
  type Assumption,
  meansOf,
  type PairState,
  type RecursionState,
  runRecursion,
} from './moment-recursion';
import { add, divide, log, log1p, multiply, ONE, type Scaled, scaled, toNumber } from '../numbers/scaled';

/** The input, and whether the exact law is meant. */
export interface MomentsOptions {
  /** |x|^2, the squared norm of the input; 1 by default. */
  readonly inputNorm2?: number;
  /** `exact` by default; `gradient-independence` is an approximation kept for comparison. */
  readonly assumption?: Assumption;
}

/** Mean and second moment of a random number, and what follows from them. */
export interface MomentPair {
  readonly mean: number;
  readonly secondMoment: number;
  readonly variance: number;
  /** R = secondMoment / mean^2 */
  readonly dispersion: number;
  /** R - 1, computed as such: right also where R rounds to 1. */
  readonly relativeVariance: number;
  /** sqrt(R - 1) */
  readonly relativeStandardDeviation: number;
  // Natural logarithms, right also where the number itself overflows or underflows.
  readonly logMean: number;
  readonly logSecondMoment: number;
  readonly logDispersion: number;
}

/** Moments of the trace kernel (the SUM over outputs), with its parts. For one output that is the kernel itself. */
export interface Moments extends MomentPair {
  /** E of the part of the trace kernel that is due to gradients by weights. */
  readonly weights: number;
  /** E of the part that is due to gradients by biases. */
  readonly biases: number;
  /** E[Theta_w^2], E[Theta_w Theta_b], E[Theta_b^2]; secondMoment = weights + 2 cross + biases. */
  readonly secondMomentParts: { readonly weights: number; readonly cross: number; readonly biases: number };
  /** One diagonal output entry Theta_kk. */
  readonly entry: MomentPair;
  /** E[Theta_jk^2], j != k, which is its variance: the mean is 0. `null` where there is one output. */
  readonly offDiagonalSecondMoment: number | null;
  /** E[Theta_jk^2] / E[Theta_kk]^2 */
  readonly offDiagonalRelativeVariance: number | null;
}

/**
 * The exact mean and second moment of Theta(x, x) over random initializations, for any depth, widths, sigma_w^2 and
 * sigma_b^2, both parametrizations, with and without bias gradients. O(depth), and as precise at depth 100,000 as
 * at 1.
 *
 * The gates of one input are replaced by independent fair coins, which is exact in law but for nets with a dead
 * layer: they have probability at most sum_l 2^-n_l (for Theta that is the whole error; below widths of 12 or so it
 * shows).
 *
 * @throws DeepntkError `ERR_INVALID_ARGUMENT` where inputNorm2 is negative or not finite, or where it is 0 and the
 *   kernel is zero with it
 * @see docs/theory.md, "Exact moments"
 * @example moments(createSpec({ inputDim: 30, depth: 10, width: 30 }), { inputNorm2: 1 }).dispersion // 2.240612523...
 */
export function moments(spec: MlpSpec, options: MomentsOptions = {}): Moments {
  const { spec: known, inputNorm2, assumption } = readMomentsOptions('moments', spec, options);
  return momentsOfState(runRecursion(known, inputNorm2, assumption), known.outputDim);
}

/** The moments of the net whose output layer is the one that entered the recursion last. */
export function momentsOfState(state: RecursionState, outputs: number): Moments {
  const { weights, biases } = meansOf(state);
  const entryMean = add(weights, biases);
  const mean = multiply(entryMean, scaled(outputs));
  const trace = (pair: PairState): number => traceNumber(pair, outputs);
  const relativeVariance = traceRelativeVariance(state, outputs);
  const outputs2 = scaled(outputs * outputs);
  const productOfMeans = (x: Scaled, y: Scaled, pair: PairState): number =>
    toNumber(multiply(multiply(outputs2, multiply(x, y)), add(ONE, scaled(trace(pair), pair.exponent))));
  const across = outputs > 1 ? combine(state, (pair) => pair.across) : null;
  return {
    ...pairOf(mean, relativeVariance),
    weights: toNumber(multiply(weights, scaled(outputs))),
    biases: toNumber(multiply(biases, scaled(outputs))),
    secondMomentParts: {
      weights: productOfMeans(weights, weights, state.ww),
      cross: productOfMeans(weights, biases, state.wb),
      biases: productOfMeans(biases, biases, state.bb),
    },
    entry: pairOf(
      entryMean,
      combine(state, (pair) => pair.same),
    ),
    offDiagonalSecondMoment: across && toNumber(multiply(multiply(entryMean, entryMean), across)),
    offDiagonalRelativeVariance: across && toNumber(across),
  };
}

/** Var / mean^2 of the trace kernel over K outputs. */
export function traceRelativeVariance(state: RecursionState, outputs: number): Scaled {
  return combine(state, (pair) => traceNumber(pair, outputs));
}

/** The same as a plain number, for use in loops. Until a rescaling it costs only a few multiplications. */
export function traceRelativeVarianceNumber(state: RecursionState, outputs: number): number {
  const { meanWeights, meanBiases, forwardExponent, biasExponent, ww, wb, bb } = state;
  if (forwardExponent !== biasExponent || ww.exponent !== 0 || wb.exponent !== 0 || bb.exponent !== 0)
    return toNumber(traceRelativeVariance(state, outputs));
  const w = meanWeights / (meanWeights + meanBiases);
  const b = meanBiases / (meanWeights + meanBiases);
  return (
    w * w * traceNumber(ww, outputs) + 2 * w * b * traceNumber(wb, outputs) + b * b * traceNumber(bb, outputs)
  );
}

/** Of the K^2 pairs of diagonal entries, K are of one entry with itself. */
function traceNumber(pair: PairState, outputs: number): number {
  return (pair.same + (outputs - 1) * pair.distinct) / outputs;
}

/** sum over parts a, b of (mean of a) (mean of b) (number of the pair a, b), over the squared mean of Theta. */
function combine(state: RecursionState, numberOf: (pair: PairState) => number): Scaled {
  const { weights, biases } = meansOf(state);
  const total = add(weights, biases);
  const [w, b] = [divide(weights, total), divide(biases, total)];
  const part = (x: Scaled, y: Scaled, pair: PairState): Scaled =>
    multiply(multiply(x, y), scaled(numberOf(pair), pair.exponent));
  const cross = multiply(scaled(2), part(w, b, state.wb));
  return add(add(part(w, w, state.ww), cross), part(b, b, state.bb));
}

function pairOf(mean: Scaled, relativeVariance: Scaled): MomentPair {
  // Logarithms are finite at any depth; only factors beyond 1e150 or so within one layer can leave the range.
  expectResult('moments', 'logMean', log(mean));
  const mean2 = multiply(mean, mean);
  const dispersion = add(ONE, relativeVariance);
  const logDispersion = log1p(relativeVariance);
  return {
    mean: toNumber(mean),
    secondMoment: toNumber(multiply(mean2, dispersion)),
    variance: toNumber(multiply(mean2, relativeVariance)),
    dispersion: toNumber(dispersion),
    relativeVariance: toNumber(relativeVariance),
    relativeStandardDeviation: squareRoot(relativeVariance),
    logMean: log(mean),
    logSecondMoment: 2 * log(mean) + logDispersion,
    logDispersion,
  };
}

function squareRoot(a: Scaled): number {
  return a.exponent % 2 === 0
    ? toNumber({ value: Math.sqrt(a.value), exponent: a.exponent / 2 })
    : toNumber({ value: Math.sqrt(2 * a.value), exponent: (a.exponent - 1) / 2 });
}

/** Checks the arguments of `moments` and related functions. */
export function readMomentsOptions(
  where: string,
  given: MlpSpec,
  options: MomentsOptions,
): Required<MomentsOptions> & { readonly spec: NetworkSpec } {
  const spec = readSpec(where, given);
  const { inputNorm2, assumption } = readOptions(where, MOMENTS_OPTIONS, options);
  if (inputNorm2 === 0 && spec.biasVariance === 0 && largestBiasFactor(spec) === 0) {
    throw invalidArgument(
      `${where}: inputNorm2`,
      'a number > 0 (the kernel of a zero input is zero here)',
      0,
    );
  }
  return { spec, inputNorm2, assumption };
}
