/** What an estimate of the dispersion says, in numbers and in words. */
import { DeepntkError } from '../../errors';
import type { Provenance } from '../../kernel/arguments';
import type { NetworkSpec } from '../../network/spec';
import type { MomentPair, Moments } from '../../theory/moments';
import { type Accumulator, type Scale, shifted } from './accumulator';
import type { Sampler } from '../samplers';
import { type Statistics, statisticsOf } from '../statistics';

/** Errors of mean, second moment and dispersion. */
export interface StandardErrors {
  readonly mean: number;
  readonly secondMoment: number;
  readonly dispersion: number;
}

/** Monte Carlo over initializations of the trace kernel Theta(x, x) of one input. */
export interface DispersionEstimate extends Provenance {
  /** R = E[Theta^2] / E[Theta]^2 */
  readonly dispersion: number;
  /** Of the dispersion. */
  readonly standardError: number;
  /** 99 %, of the dispersion, on the scale of its logarithm. */
  readonly confidenceInterval: readonly [low: number, high: number];
  readonly mean: number;
  readonly secondMoment: number;
  readonly standardErrors: StandardErrors;
  /** Natural logarithms, right also where the number itself overflows or underflows. */
  readonly logMean: number;
  readonly logSecondMoment: number;
  readonly logDispersion: number;
  /** Standard errors of the three logarithms. */
  readonly relativeErrors: StandardErrors;
  /** The exact dispersion; {@link exactMoments} has the rest. */
  readonly exact: number;
  readonly exactMoments: MomentPair;
  readonly replicas: number;
  /** The number of the first replica, where a run is split. */
  readonly firstReplica: number;
  /** (sum y)^2 / sum y^2 of the terms y of the second moment: how many equal ones would be worth as much. */
  readonly effectiveSampleSize: number;
  /** The share of the largest term in the second moment. */
  readonly largestShare: number;
  readonly sampler: Sampler;
  readonly samplerReason: string;
  /** False where a relative error was asked for and not reached; null where none was asked for. */
  readonly targetReached: boolean | null;
  /** Why the numbers may not be what they seem; empty where nothing is known against them. */
  readonly warnings: readonly string[];
  readonly seed: number;
  readonly inputNorm2: number;
  readonly spec: NetworkSpec;
}

/** What the run knows besides the sums. */
export interface EstimateContext {
  readonly spec: NetworkSpec;
  readonly inputNorm2: number;
  readonly seed: number;
  readonly firstReplica: number;
  readonly sampler: Sampler;
  readonly samplerReason: string;
  readonly shares: readonly number[];
  readonly exact: Moments;
  readonly relativeError: number | null;
  readonly provenance: Provenance;
}

/** The 99.5 % quantile of the normal law. */
const QUANTILE = 2.5758293035489004;

export function scaleOf(exact: MomentPair): Scale {
  const exponent = (logarithm: number): number => Math.round(logarithm / Math.LN2);
  return { first: exponent(exact.logMean), second: exponent(exact.logSecondMoment) };
}

export function makeEstimate(sums: Accumulator, context: EstimateContext): DispersionEstimate {
  const statistics = statisticsOf(sums, context.shares);
  const { first, second } = sums.scale;
  const { mean: x, secondMoment: y } = statistics;
  if (!(x > 0 && y > 0)) {
    const what = x > 0 ? 'second moment' : 'mean';
    throw new DeepntkError(
      'ERR_COMPUTATION',
      `the ${what} of these ${sums.count} replicas is 0, or so far below the exact one, e^${(x > 0 ? context.exact.logSecondMoment : context.exact.logMean).toPrecision(4)}, that doubles cannot tell: ` +
        'the sample does not represent the law (dead nets, or too heavy a tail for this sampler)',
    );
  }
  const mean = shifted(x, first);
  const secondMoment = shifted(y, second);
  const dispersion = shifted(y / (x * x), second - 2 * first);
  const relativeErrors = {
    mean: statistics.meanRelativeError,
    secondMoment: statistics.secondMomentRelativeError,
    dispersion: statistics.dispersionRelativeError,
  };
  const reach = Math.exp(QUANTILE * relativeErrors.dispersion);
  const { spec, inputNorm2, seed, firstReplica, sampler, samplerReason, exact, relativeError } = context;
  const targetReached = relativeError === null ? null : relativeErrors.dispersion <= relativeError;
  const estimate = {
    dispersion,
    standardError: dispersion * relativeErrors.dispersion,
    confidenceInterval: [dispersion / reach, dispersion * reach] as const,
    mean,
    secondMoment,
    standardErrors: {
      mean: mean * relativeErrors.mean,
      secondMoment: secondMoment * relativeErrors.secondMoment,
      dispersion: dispersion * relativeErrors.dispersion,
    },
    logMean: Math.log(x) + first * Math.LN2,
    logSecondMoment: Math.log(y) + second * Math.LN2,
    logDispersion: Math.log(y / (x * x)) + (second - 2 * first) * Math.LN2,
    relativeErrors,
    exact: exact.dispersion,
    exactMoments: momentPair(exact),
    replicas: sums.count,
    firstReplica,
    effectiveSampleSize: statistics.effectiveSampleSize,
    largestShare: statistics.largestShare,
    sampler,
    samplerReason,
    targetReached,
  };
  const warnings = warningsAbout(estimate, statistics, context);
  return { ...estimate, warnings, seed, inputNorm2, spec, ...context.provenance };
}

function momentPair(exact: Moments): MomentPair {
  const { mean, secondMoment, variance, dispersion, relativeVariance, relativeStandardDeviation } = exact;
  const { logMean, logSecondMoment, logDispersion } = exact;
  return {
    mean,
    secondMoment,
    variance,
    dispersion,
    relativeVariance,
    relativeStandardDeviation,
    logMean,
    logSecondMoment,
    logDispersion,
  };
}

/** A term this large, and the sum is that term. */
const SUSPECT_SHARE = 0.1;
/** A normal estimate is hardly ever this many standard errors off. */
const SUSPECT_ERRORS = 4;
/** Where nothing is random, as in a linear net, estimates are this near. */
const ROUNDING = 1e-9;
/** Terms of the second moment that are needed for each that would be, were Theta lognormal with this dispersion. */
const REPLICAS_PER_KURTOSIS = 100;

function warningsAbout(
  estimate: Pick<
    DispersionEstimate,
    'logDispersion' | 'relativeErrors' | 'replicas' | 'largestShare' | 'sampler' | 'targetReached'
  >,
  { effectiveSampleSize }: Statistics,
  { exact, relativeError, spec }: EstimateContext,
): string[] {
  const warnings: string[] = [];
  const { logDispersion, relativeErrors, replicas, largestShare, sampler } = estimate;
  // E Theta^4 / E[Theta^2]^2 = R^4 for a lognormal Theta: the variance of a term of the second moment.
  const needed = REPLICAS_PER_KURTOSIS * exact.dispersion ** 4;
  if (sampler !== 'tilted' && replicas < needed) {
    const lambda = spec.hiddenWidths.reduce((sum, width) => sum + 1 / width, 0);
    const count = needed < 1e15 ? `about ${needed.toPrecision(2)}` : 'more than 1e15';
    const remedy = spec.outputDim === 1 ? '; use the tilted sampler' : '';
    warnings.push(
      `heavy tail: at an exact dispersion of ${exact.dispersion.toPrecision(4)} (depth over width: ${lambda.toPrecision(3)}) ` +
        `the second moment rests on replicas that plain sampling hardly ever draws, and the standard error does not show ` +
        `it; ${count} replicas would be needed, there are ${replicas}${remedy}`,
    );
  }
  if (largestShare > SUSPECT_SHARE && replicas > 2 / SUSPECT_SHARE) {
    warnings.push(
      `heavy tail: one replica has ${(100 * largestShare).toPrecision(2)} % of the second moment ` +
        `(effective sample size ${effectiveSampleSize.toPrecision(2)}): the standard errors are too small`,
    );
  }
  const off = Math.abs(logDispersion - exact.logDispersion);
  const errors = off / relativeErrors.dispersion;
  if (off > ROUNDING && errors > SUSPECT_ERRORS) {
    warnings.push(
      `the exact dispersion is ${errors.toPrecision(2)} standard errors away: the sample does not represent the law`,
    );
  }
  if (estimate.targetReached === false) {
    warnings.push(
      `the relative error asked for, ${relativeError!}, was not reached: it is ${relativeErrors.dispersion.toPrecision(2)}`,
    );
  }
  return warnings;
}
