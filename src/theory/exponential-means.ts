/**
 * E_n(z) = integral over 0 < t < 1 of (1 - t)^(n-1) / (n-1)! * exp(-z t): the averages over depth from which the
 * limits at large depth and width are made. E_0(z) = exp(-z), and z E_n(z) = 1/(n-1)! - E_{n-1}(z), which cancels
 * near 0.
 */
export function exponentialMean(n: 1 | 2 | 3, z: number): number {
  if (z < SERIES_BELOW) return series(n, z);
  const first = -Math.expm1(-z) / z;
  if (n === 1) return first;
  const second = (1 - first) / z;
  return n === 2 ? second : (0.5 - second) / z;
}

/** (e^x - 1 - x) / x^2, over e^x. */
export function secondOrderGrowth(x: number): number {
  // = integral over 0 < t < 1 of t exp(-x t): E_1 less E_2, or its series sum_k (-x)^k / (k! (k + 2)).
  if (x >= SERIES_BELOW) return exponentialMean(1, x) - exponentialMean(2, x);
  let sum = 0;
  for (let k = 0, term = 1; Math.abs(term) > 2 ** -60; term *= -x / ++k) sum += term / (k + 2);
  return sum;
}

/** Below, the recursion in n would lose more than two digits; the alternating series loses less than one. */
const SERIES_BELOW = 1;

/** sum_k (-z)^k / (k + n)! */
function series(n: number, z: number): number {
  let term = 1;
  for (let k = 2; k <= n; k++) term /= k;
  let sum = 0;
  for (let k = n; Math.abs(term) > 2 ** -60; term *= -z / ++k) sum += term;
  return sum;
}
