/**
 * ReLU's arc-cosine kernels (Cho & Saul 2009) as functions of the ANGLE. For small angles 1 - cos loses digits that
 * the angle has: near parallel inputs are where kernels of deep nets live.
 */
import { expectNumber } from '../errors';

/**
 * k1(c) = (sqrt(1 - c^2) + (pi - arccos c) c) / pi: the correlation of relu(u), relu(v) in the sense E[relu(u)
 * relu(v)] / E[relu(u)^2], for standard normal u, v of correlation c. It is the correlation map of a ReLU net with
 * sigma_b^2 = 0.
 *
 * @throws DeepntkError `ERR_INVALID_ARGUMENT` where the correlation is not in [-1, 1]
 * @example correlationMap(0) // 1 / pi
 */
export function correlationMap(correlation: number): number {
  const c = expectNumber('correlationMap: correlation', correlation, {
    min: -1,
    max: 1,
    what: 'a number from -1 to 1',
  });
  return 1 - decorrelation(Math.acos(c));
}

/** 1 - k1(cos angle), to full relative precision at small angles, where it is angle^2 / 2. */
export function decorrelation(angle: number): number {
  const sine = Math.sin(angle / 2);
  return 2 * sine * sine - sineMinusAngleCosine(angle) / Math.PI;
}

/** k1(cos angle), to full relative precision near pi, where it is (pi - angle)^3 / (3 pi). */
export function reluCorrelation(angle: number): number {
  return angle < Math.PI / 2 ? 1 - decorrelation(angle) : sineMinusAngleCosine(Math.PI - angle) / Math.PI;
}

/** The share of pairs of units whose gates are both open, over the share of open gates: (pi - angle) / pi. */
export function gateAgreement(angle: number): number {
  return (Math.PI - angle) / Math.PI;
}

/** J_2(angle) / (3 pi): E[relu(u)^2 relu(v)^2] / E[relu(u)^4]. */
export function reluSquareCorrelation(angle: number): number {
  const cosine = Math.cos(angle);
  const sum = 3 * Math.sin(angle) * cosine + (Math.PI - angle) * (1 + 2 * cosine * cosine);
  return Math.max(0, sum) / (3 * Math.PI); // at pi the sum rounds to either side of 0
}

/** sin x - x cos x = x^3 / 3 - x^5 / 30 + ... = sum_k (-1)^k x^(2k+3) (2k+2) / (2k+3)! */
function sineMinusAngleCosine(x: number): number {
  if (x > 1) return Math.sin(x) - x * Math.cos(x);
  const z = x * x;
  let sum = 0;
  for (let k = 0, term = (x * z) / 3; Math.abs(term) > 1e-18 * Math.abs(sum) && k < 20; k++) {
    sum += term;
    term *= -z / ((2 * k + 2) * (2 * k + 5));
  }
  return sum;
}
