/** From sums over replicas to estimates and their standard errors. */
import type { Accumulator, PartSums } from './one-input/accumulator';
import { ExactSum } from '../numbers/exact-sum';

/** In units of the accumulator's scale. Relative errors are standard errors of the logarithms. */
export interface Statistics {
  readonly mean: number;
  readonly secondMoment: number;
  readonly meanRelativeError: number;
  readonly secondMomentRelativeError: number;
  readonly dispersionRelativeError: number;
  readonly effectiveSampleSize: number;
  readonly largestShare: number;
}

/** Below this many replicas in each part, parts are not told apart: their own variances would be guesses. */
const ENOUGH = 30;

/**
 * Estimates from replicas drawn from a mixture with the given shares.
 *
 * The part that a replica is drawn from is random, but its share is known, so that only the spread WITHIN the parts is
 * left as an error (post-stratification: mean = sum over parts of share times mean, and likewise its variance).
 */
export function statisticsOf(sums: Accumulator, shares: readonly number[]): Statistics {
  const apart = sums.parts.every((part, i) => shares[i] === 0 || part.count >= ENOUGH);
  const strata = apart ? strataOf(sums.parts, shares) : [{ share: 1, part: pooled(sums.parts) }];
  const average = (name: 'x' | 'y'): number =>
    strata.reduce((sum, { share, part }) => sum + (share * part[name].value()) / part.count, 0);
  const mean = average('x');
  const secondMoment = average('y');
  // The variance of an estimate: sum over parts of share^2 times the part's variance over its count.
  const covariance = (product: 'xx' | 'yy' | 'xy', one: 'x' | 'y', two: 'x' | 'y'): number =>
    strata.reduce((sum, { share, part }) => {
      const { count } = part;
      const spread = part[product].value() - (part[one].value() * part[two].value()) / count;
      return sum + (share * share * spread) / (count * (count - 1));
    }, 0);
  const varianceOfMean = Math.max(0, covariance('xx', 'x', 'x')) / mean ** 2;
  const varianceOfSecond = Math.max(0, covariance('yy', 'y', 'y')) / secondMoment ** 2;
  const together = covariance('xy', 'x', 'y') / (mean * secondMoment);
  const all = pooled(sums.parts);
  const total = all.y.value();
  return {
    mean,
    secondMoment,
    meanRelativeError: Math.sqrt(varianceOfMean),
    secondMomentRelativeError: Math.sqrt(varianceOfSecond),
    // log R = log E Theta^2 - 2 log E Theta
    dispersionRelativeError: Math.sqrt(Math.max(0, varianceOfSecond + 4 * varianceOfMean - 4 * together)),
    effectiveSampleSize: total ** 2 / all.yy.value(),
    largestShare: sums.largest / total,
  };
}

interface Stratum {
  readonly share: number;
  readonly part: PartSums;
}

function strataOf(parts: readonly PartSums[], shares: readonly number[]): Stratum[] {
  return parts.map((part, i) => ({ share: shares[i]!, part })).filter(({ share }) => share > 0);
}

function pooled(parts: readonly PartSums[]): PartSums {
  const names = ['x', 'y', 'xx', 'yy', 'xy'] as const;
  const [first, ...others] = parts;
  const sums = Object.fromEntries(
    names.map((name) => {
      const sum = new ExactSum(first![name].parts());
      for (const other of others) sum.addAll(other[name]);
      return [name, sum];
    }),
  ) as unknown as Omit<PartSums, 'count'>;
  return { count: parts.reduce((sum, part) => sum + part.count, 0), ...sums };
}
