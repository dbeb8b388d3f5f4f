import { REJECTED, retryChiSquare, tryChiSquare } from '../../src/random/chi-square';
import { boxMuller } from '../../src/random/normal';
import { philox4x32 } from '../../src/random/philox';
import { distanceFromLaw, KS_LIMIT } from '../sampling/two-sample';
import { atDepth } from '../support/depth';

/** Chi-square numbers as the chain draws them: one attempt, and further ones where it is rejected. */
function draws(dof: number, count: number): number[] {
  const words = new Uint32Array(4);
  const normals = new Float64Array(2);
  return Array.from({ length: count }, (_, i) => {
    const at = { key0: 5, key1: 6, replica0: i, replica1: 0, stream: dof };
    philox4x32(words, 0, dof, i, 0, 5, 6);
    boxMuller(words, normals);
    philox4x32(words, 1, dof, i, 0, 5, 6);
    const value = tryChiSquare(dof, normals[0]!, words[0]!);
    return value === REJECTED ? retryChiSquare(dof, at, 0) : value;
  });
}

/** P(chi-square <= x), by the series of the lower incomplete gamma function. */
function cumulative(dof: number, x: number): number {
  const a = dof / 2;
  const z = x / 2;
  let term = 1 / a;
  let sum = term;
  for (let k = 1; k < 2000; k++) {
    term *= z / (a + k);
    sum += term;
  }
  return sum * Math.exp(a * Math.log(z) - z - logGamma(a));
}

/** log Gamma(n / 2) by its recursion from Gamma(1) = 1 and Gamma(1/2) = sqrt(pi). */
function logGamma(a: number): number {
  let log = Number.isInteger(a) ? 0 : Math.log(Math.PI) / 2;
  for (let b = Number.isInteger(a) ? 1 : 0.5; b < a; b++) log += Math.log(b);
  return log;
}

test.each([1, 2, 3, 4, 9, 51, 400])('chi-square with %d degrees of freedom has its law', (dof) => {
  expect(distanceFromLaw(draws(dof, atDepth(40_000)), (x) => cumulative(dof, x))).toBeLessThan(KS_LIMIT);
});

test('the test of the law rejects one degree of freedom too many', () => {
  expect(distanceFromLaw(draws(52, 40_000), (x) => cumulative(51, x))).toBeGreaterThan(KS_LIMIT);
});

test('no degrees of freedom give 0', () => {
  expect(draws(0, 10)).toEqual(new Array(10).fill(0));
});

test('what the quick test accepts, the full test accepts', () => {
  // The quick test claims that log(u) < x^2/2 + d (1 - v + log v) holds: at the largest u that it accepts.
  for (const dof of [2, 3, 5, 20, 100, 1000]) {
    const d = dof / 2 - 1 / 3;
    for (let t = -0.499; t < 3; t += 0.001) {
      const u = 1 - 1.2717 * d * t ** 4;
      if (u <= 0) continue;
      const v = (1 + t) ** 3;
      const bound = 4.5 * d * t * t + d * (1 - v + Math.log(v));
      expect(Math.log(u)).toBeLessThanOrEqual(bound + 1e-12);
    }
  }
});
