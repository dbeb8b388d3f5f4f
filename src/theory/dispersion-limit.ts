/**
 * The dispersion of the NTK where depth and width go to infinity together, and the ordered phase's at fixed width.
 */
import { expectBoolean, expectInteger, expectNumber, expectOptions } from '../errors';
import { ASSUMPTION_OPTION, expectPositive, expectWeightVariance } from './arguments';
import { phaseOf, type Phase } from './classify-phase';
import { exponentialMean, secondOrderGrowth } from './exponential-means';
import type { Assumption } from './moment-recursion';

/** A way to infinity: depth over width, and what else the limit depends on. */
export interface DispersionLimitOptions {
  /** L / M > 0, the limit of depth over width. */
  readonly lambda: number;
  /** sigma_w^2 > 0; 2, the edge of chaos, by default. */
  readonly weightVariance?: number;
  /** M |x|^2 / n_0 > 0; 1 by default. It matters at the edge of chaos with bias gradients only. */
  readonly kappa?: number;
  /** true by default. */
  readonly biasGradients?: boolean;
  readonly assumption?: Assumption;
}

/** The limit of the dispersion, and what it is the limit of. */
export interface DispersionLimit {
  /** lim E[Theta^2] / E[Theta]^2; Infinity where a double cannot hold it. */
  readonly dispersion: number;
  readonly logDispersion: number;
  readonly relativeStandardDeviation: number;
  readonly phase: Phase;
  readonly assumption: Assumption;
}

/**
 * The limit of R = E[Theta(x,x)^2] / E[Theta(x,x)]^2 for L, M -> infinity, L/M -> lambda: constant hidden width M,
 * sigma_b^2 = 0, standard parametrization. With
 *
 *     F = E Theta_w^2 / (E Theta_w)^2,  B = E Theta_b^2 / (E Theta_b)^2,  C = E Theta_w Theta_b / (E Theta_w E Theta_b)   (at a = 1)
 *
 * it is F in the chaotic phase and wherever biases have no gradients; (kappa^2 F + 2 kappa C + B) / (kappa + 1)^2
 * at the edge of chaos; 1 in the ordered phase. In the NTK parametrization with sigma_b^2 = 0 biases have no
 * gradients: F.
 *
 * `assumption: 'exact'` is the limit of `moments`. `gradient-independence` replaces the kernel's factor between two
 * layers by what independent backward weights would give; real nets reject it (docs/theory.md).
 *
 * @throws DeepntkError `ERR_INVALID_ARGUMENT` where lambda, weightVariance or kappa is not a finite number > 0
 * @example dispersionLimit({ lambda: 0.5, weightVariance: 2, kappa: 1 }).dispersion // 4.252806...
 */
export function dispersionLimit(options: DispersionLimitOptions): DispersionLimit {
  const where = 'dispersionLimit';
  expectOptions(where, options, ['lambda', 'weightVariance', 'kappa', 'biasGradients', 'assumption']);
  const lambda = expectPositive(`${where}: lambda`, options.lambda);
  const { weightVariance: given = 2 } = options;
  const weightVariance = expectWeightVariance(`${where}: weightVariance`, given);
  const kappa = expectPositive(`${where}: kappa`, options.kappa ?? 1);
  const biasGradients = expectBoolean(`${where}: biasGradients`, options.biasGradients ?? true);
  const assumption = ASSUMPTION_OPTION.assumption.read(`${where}: assumption`, options.assumption ?? 'exact');
  const phase = phaseOf(weightVariance);
  const growth = 5 * lambda;
  const scaledDispersion = weightsDominate(phase, biasGradients)
    ? weightsPart(lambda, assumption)
    : phase === 'ordered'
      ? Math.exp(-growth)
      : mixture(lambda, kappa, assumption);
  const logDispersion = phase === 'ordered' && biasGradients ? 0 : growth + Math.log(scaledDispersion);
  return {
    dispersion: Math.exp(logDispersion),
    logDispersion,
    relativeStandardDeviation: Math.sqrt(Math.expm1(logDispersion)),
    phase,
    assumption,
  };
}

/**
 * The ordered phase's dispersion for L -> infinity at a FIXED width M: (1 - a^2) / (1 - a^2 (1 + 5/M)), a =
 * sigma_w^2 / 2, with bias gradients and sigma_b^2 = 0 in the standard parametrization. Infinity where a^2 (1 +
 * 5/M) >= 1.
 *
 * @throws DeepntkError `ERR_INVALID_ARGUMENT` where the phase is not ordered (weightVariance >= 2) or width is no
 *   positive integer
 * @example orderedDispersionLimit({ weightVariance: 1, width: 100 }).dispersion // 1.016949...
 */
export function orderedDispersionLimit(options: {
  readonly weightVariance: number;
  readonly width: number;
}): {
  readonly dispersion: number;
  readonly relativeVariance: number;
  readonly relativeStandardDeviation: number;
} {
  const where = 'orderedDispersionLimit';
  expectOptions(where, options, ['weightVariance', 'width']);
  const width = expectInteger(`${where}: width`, options.width);
  const weightVariance = expectNumber(`${where}: weightVariance`, options.weightVariance, {
    above: 0,
    max: 2 - Number.EPSILON,
    what: 'a number > 0 and < 2 (the ordered phase)',
  });
  const slope2 = (weightVariance / 2) ** 2;
  const rest = 1 - slope2 * (1 + 5 / width);
  const relativeVariance = rest > 0 ? ((5 / width) * slope2) / rest : Infinity;
  return {
    dispersion: 1 + relativeVariance,
    relativeVariance,
    relativeStandardDeviation: Math.sqrt(relativeVariance),
  };
}

function weightsDominate(phase: Phase, biasGradients: boolean): boolean {
  return phase === 'chaotic' || !biasGradients;
}

/** The edge of chaos: both parts of Theta grow like L, in the ratio kappa to 1. Over e^{5 lambda}. */
function mixture(lambda: number, kappa: number, assumption: Assumption): number {
  const w = kappa / (kappa + 1);
  const b = 1 / (kappa + 1);
  const biases = 2 * secondOrderGrowth(5 * lambda);
  return w * w * weightsPart(lambda, assumption) + 2 * w * b * crossPart(lambda, assumption) + b * b * biases;
}

/**
 * F e^{-5 lambda} = 1/3 + 2/(9 lambda) (1 - (1 - e^{-6 lambda}) / (6 lambda)); with independence (1 - (1 - e^{-4
 * lambda})/(4 lambda)) / (2 lambda).
 */
function weightsPart(lambda: number, assumption: Assumption): number {
  return assumption === 'exact'
    ? 1 / 3 + (4 / 3) * exponentialMean(2, 6 * lambda)
    : 2 * exponentialMean(2, 4 * lambda);
}

/** C e^{-5 lambda}: the terms whose bias layer lies above the weight layer, and those where it lies below. */
function crossPart(lambda: number, assumption: Assumption): number {
  const above = secondOrderGrowth(5 * lambda);
  const below =
    assumption === 'exact'
      ? 4 * exponentialMean(2, 6 * lambda) - 3 * exponentialMean(2, 5 * lambda)
      : 5 * exponentialMean(2, 5 * lambda) - 4 * exponentialMean(2, 4 * lambda);
  return above + below;
}
