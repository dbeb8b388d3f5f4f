/**
 * The recursion under `moments`, `firstStepChange` and the inverse questions: one pass from the input to the
 * output, O(1) work a layer. docs/theory.md, "The recursion without cancellation", derives it.
 *
 * Everything is carried relative to its mean-field value, and as the EXCESS over it: a relative variance v is
 * carried itself, not 1 + v. Every update is a sum of non-negative terms, so a result has a relative error of about
 * depth * 2^-52 even where the variance is 1e-12 of the squared mean. Linear recursions allow a common factor: each
 * group of numbers below has a `unit` (what 1 has become) and is divided by 2^256 whenever it has grown past it.
 */
import { scaleByPower } from '../numbers/powers';
import type { NetworkSpec } from '../network/spec';
import { biasFactor, weightFactor, weightScale } from './layer-law';
import { type Scaled, SCALE, SCALE_EXPONENT, scaled } from '../numbers/scaled';

/**
 * - `exact`: forward and backward pass share their weights, as in a real net
 * - `gradient-independence`: the backward pass uses an independent copy of the weights (an assumption usual in the
 *   literature, kept for comparison; direct sampling of nets rejects it)
 */
export type Assumption = 'exact' | 'gradient-independence';

/** Second moments of a pair of parts of Theta (weights or biases), relative to the product of their means. */
export interface PairState {
  /** What 1 has become in this group, a power of 2; and its logarithm, base 2. */
  unit: number;
  exponent: number;
  /** Relative covariance of the parts in one diagonal output entry, Theta_11. */
  same: number;
  /**
   * The same between Theta_11 and Theta_22, and its companion: E D_1 D_2 and E (delta_1 . delta_2)^2 mix in a
   * layer.
   */
  distinct: number;
  distinctCompanion: number;
  /** Relative second moment of Theta_12, and its companion. */
  across: number;
  acrossCompanion: number;
  /**
   * E[f grad f . grad Theta] / 4 of one output; the same over 2 between two outputs, f of one and Theta of the
   * other, and its companion.
   */
  drift: number;
  driftDistinct: number;
  driftCompanion: number;
}

export interface RecursionState {
  /** sigma_w^2 / 2 */
  readonly slope: number;
  readonly severalOutputs: boolean;
  /**
   * 4, what forward and backward pass have from sharing their weights; 0 under the gradient-independence
   * assumption.
   */
  readonly coupling: number;
  /** E |x^{l-1}|^2, E Theta_w / E D_l so far, and sigma_b^2, in units of 2^forwardExponent. */
  norm2: number;
  meanWeights: number;
  biasVariance: number;
  forwardExponent: number;
  /** E Theta_b / E D_l so far, in units of 2^biasExponent. */
  meanBiases: number;
  biasExponent: number;
  /** Relative variance of |x^{l-1}|^2, in units of ww. */
  normExcess: number;
  /**
   * Relative covariance of |x^{l-1}|^2 with tr(A A') averaged over the terms of the weights part so far, and the
   * mean of |A' x^{l-1}|^2 relative to that of |x^{l-1}|^2 tr(A A'); A is the map from h^l's perturbation to
   * x^{l-1}'s. In units of ww.
   */
  weightsExcess: number;
  weightsAlignment: number;
  /** The same for the biases part, in units of wb. */
  biasesExcess: number;
  biasesAlignment: number;
  readonly ww: PairState;
  readonly wb: PairState;
  readonly bb: PairState;
  // The new term's share in the part's mean (r) and what the earlier terms keep of it (1 - r), for both parts.
  newWeights: number;
  keptWeights: number;
  newBiases: number;
  keptBiases: number;
}

/** Runs the whole net. */
export function runRecursion(
  spec: NetworkSpec,
  inputNorm2: number,
  assumption: Assumption = 'exact',
): RecursionState {
  const state = startRecursion(spec, inputNorm2, assumption);
  for (let l = 1; l <= spec.depth; l++) {
    const fanIn = spec.widths[l - 1]!;
    enterTerm(state, weightFactor(spec, fanIn), biasFactor(spec, l));
    passHiddenLayer(state, weightScale(spec, fanIn), spec.widths[l]!);
  }
  enterTerm(state, weightFactor(spec, spec.widths[spec.depth]!), biasFactor(spec, spec.depth + 1));
  return state;
}

export function startRecursion(
  spec: NetworkSpec,
  inputNorm2: number,
  assumption: Assumption,
): RecursionState {
  return {
    slope: spec.weightVariance / 2,
    severalOutputs: spec.outputDim > 1,
    coupling: assumption === 'exact' ? 4 : 0,
    norm2: inputNorm2,
    meanWeights: 0,
    biasVariance: spec.biasVariance,
    forwardExponent: 0,
    meanBiases: 0,
    biasExponent: 0,
    normExcess: 0,
    weightsExcess: 0,
    weightsAlignment: 0,
    biasesExcess: 0,
    biasesAlignment: 0,
    ww: emptyPair(),
    wb: emptyPair(),
    bb: emptyPair(),
    newWeights: 0,
    keptWeights: 0,
    newBiases: 0,
    keptBiases: 0,
  };
}

/**
 * The term of layer l, (alpha_l |x^{l-1}|^2 + beta_l) |delta^l|^2, enters Theta. The state is then that of a net
 * whose output layer is l, until `passHiddenLayer` makes |delta^l|^2 random.
 */
export function enterTerm(state: RecursionState, alpha: number, beta: number): void {
  const { slope, ww, wb, bb } = state;
  const earlierWeights = slope * state.meanWeights;
  const newWeights = alpha * state.norm2;
  state.meanWeights = earlierWeights + newWeights;
  state.newWeights = state.meanWeights > 0 ? newWeights / state.meanWeights : 0;
  state.keptWeights = state.meanWeights > 0 ? earlierWeights / state.meanWeights : 1;

  let earlierBiases = slope * state.meanBiases;
  let newBiases = scaleByPower(beta, -state.biasExponent);
  // Through layers without biases a part can become too small to combine with the next layer that has a bias.
  while (newBiases > SCALE) {
    earlierBiases /= SCALE;
    state.biasExponent += SCALE_EXPONENT;
    newBiases = scaleByPower(beta, -state.biasExponent);
  }
  state.meanBiases = earlierBiases + newBiases;
  state.newBiases = state.meanBiases > 0 ? newBiases / state.meanBiases : 0;
  state.keptBiases = state.meanBiases > 0 ? earlierBiases / state.meanBiases : 1;

  const { newWeights: r, keptWeights: k, newBiases: rb, keptBiases: kb } = state;
  const excess = 2 * r * k * state.weightsExcess + r * r * state.normExcess;
  addToPair(state, ww, k * k, r * (2 * k + r), excess, r * k * state.weightsAlignment);
  addToPair(
    state,
    wb,
    k * kb,
    r * kb + rb * (k + r),
    r * kb * state.biasesExcess,
    r * kb * state.biasesAlignment,
  );
  addToPair(state, bb, kb * kb, rb * (2 * kb + rb), 0, 0);
  rescale(state);
}

function addToPair(
  state: RecursionState,
  pair: PairState,
  kept: number,
  added: number,
  excess: number,
  drift: number,
): void {
  pair.same = kept * pair.same + excess;
  pair.drift = kept * pair.drift + drift;
  if (!state.severalOutputs) return;
  pair.distinct = kept * pair.distinct + excess;
  pair.distinctCompanion *= kept;
  pair.across *= kept;
  pair.acrossCompanion = kept * pair.acrossCompanion + added * pair.unit + excess;
  pair.driftDistinct = kept * pair.driftDistinct + drift;
  pair.driftCompanion = kept * pair.driftCompanion + drift;
}

/** Both passes go through hidden layer l of n units: its weights, its biases, its gates. */
export function passHiddenLayer(state: RecursionState, s: number, n: number): void {
  const fromWeights = s * state.norm2;
  const preactivation = fromWeights + state.biasVariance;
  const f = preactivation > 0 ? fromWeights / preactivation : 1;
  const { coupling, keptWeights, newWeights, keptBiases, ww, wb } = state;

  const weightsExcess = f * (keptWeights * state.weightsExcess + newWeights * state.normExcess);
  const weightsAlignment = f * keptWeights * state.weightsAlignment;
  state.weightsExcess = weightsExcess + (ww.unit + weightsExcess + coupling * weightsAlignment) / n;
  state.weightsAlignment = weightsAlignment + (2 * (ww.unit + weightsExcess) + 3 * weightsAlignment) / n;

  const biasesExcess = f * keptBiases * state.biasesExcess;
  const biasesAlignment = f * keptBiases * state.biasesAlignment;
  state.biasesExcess = biasesExcess + (wb.unit + biasesExcess + coupling * biasesAlignment) / n;
  state.biasesAlignment = biasesAlignment + (2 * (wb.unit + biasesExcess) + 3 * biasesAlignment) / n;

  const normExcess = f * f * state.normExcess;
  state.normExcess = normExcess + (5 * (ww.unit + normExcess)) / n;
  state.norm2 = (n / 2) * preactivation;
  passPair(state, ww, n);
  passPair(state, wb, n);
  passPair(state, state.bb, n);
}

function passPair(state: RecursionState, pair: PairState, n: number): void {
  pair.same += (5 * (pair.unit + pair.same)) / n;
  pair.drift += (5 * pair.drift) / n;
  if (!state.severalOutputs) return;
  const { distinct, distinctCompanion, across, acrossCompanion, driftDistinct, driftCompanion } = pair;
  pair.distinct = distinct + (pair.unit + distinct + 2 * distinctCompanion) / n;
  pair.distinctCompanion = distinctCompanion + (4 * (pair.unit + distinct) + 3 * distinctCompanion) / n;
  pair.across = across + (across + 2 * acrossCompanion) / n;
  pair.acrossCompanion = acrossCompanion + (4 * across + 3 * acrossCompanion) / n;
  pair.driftDistinct = driftDistinct + (driftDistinct + 2 * driftCompanion) / n;
  pair.driftCompanion = driftCompanion + (4 * driftDistinct + 3 * driftCompanion) / n;
}

/** E Theta_w and E Theta_b of one output, |delta| of the layer entered last counting as 1. */
export function meansOf(state: RecursionState): { weights: Scaled; biases: Scaled } {
  return {
    weights: scaled(state.meanWeights, state.forwardExponent),
    biases: scaled(state.meanBiases, state.biasExponent),
  };
}

function rescale(state: RecursionState): void {
  const forward = Math.max(state.norm2, state.meanWeights);
  if (forward > SCALE || (forward < 1 / SCALE && forward > 0)) {
    // sigma_b^2 = 0 stays 0, and sigma_b^2 > 0 keeps |x|^2 from shrinking: only growth makes it negligible.
    const factor = forward > SCALE ? 1 / SCALE : SCALE;
    state.norm2 *= factor;
    state.meanWeights *= factor;
    state.biasVariance *= factor;
    state.forwardExponent += forward > SCALE ? SCALE_EXPONENT : -SCALE_EXPONENT;
  }
  if (state.meanBiases > SCALE) {
    state.meanBiases /= SCALE;
    state.biasExponent += SCALE_EXPONENT;
  } else if (state.meanBiases < 1 / SCALE && state.meanBiases > 0) {
    state.meanBiases *= SCALE;
    state.biasExponent -= SCALE_EXPONENT;
  }
  const { ww, wb, bb } = state;
  const w = scaleOf(ww, Math.max(ww.same, state.weightsExcess, state.normExcess));
  if (w !== 1) {
    state.normExcess *= w;
    state.weightsExcess *= w;
    state.weightsAlignment *= w;
    rescalePair(ww, w);
  }
  const b = scaleOf(wb, Math.max(wb.same, state.biasesExcess));
  if (b !== 1) {
    state.biasesExcess *= b;
    state.biasesAlignment *= b;
    rescalePair(wb, b);
  }
  rescalePair(bb, scaleOf(bb, bb.same));
}

/**
 * What to multiply a group by: it has grown too far, or has come back from there (biases take over in ordered
 * nets).
 */
function scaleOf({ exponent }: PairState, largest: number): number {
  if (largest > SCALE) return 1 / SCALE;
  return exponent > 0 && largest < 1 / SCALE ? SCALE : 1;
}

function rescalePair(pair: PairState, factor: number): void {
  if (factor === 1) return;
  pair.exponent += factor < 1 ? SCALE_EXPONENT : -SCALE_EXPONENT;
  pair.unit = 2 ** -pair.exponent; // 0 where 1 is negligible; computed anew, so that it comes back
  pair.same *= factor;
  pair.distinct *= factor;
  pair.distinctCompanion *= factor;
  pair.across *= factor;
  pair.acrossCompanion *= factor;
  pair.drift *= factor;
  pair.driftDistinct *= factor;
  pair.driftCompanion *= factor;
}

function emptyPair(): PairState {
  return {
    unit: 1,
    exponent: 0,
    same: 0,
    distinct: 0,
    distinctCompanion: 0,
    across: 0,
    acrossCompanion: 0,
    drift: 0,
    driftDistinct: 0,
    driftCompanion: 0,
  };
}
