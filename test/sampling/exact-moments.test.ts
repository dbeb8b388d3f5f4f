import { ExactMoments, type ExactMomentsJson } from '../../src/numbers/exact-moments';
import { ExactSums } from '../../src/numbers/exact-sums';

/** Every number below is a multiple of 2^-LOWEST_BIT. */
const LOWEST_BIT = 500;
const whole = (value: number): bigint => BigInt(value * 2 ** LOWEST_BIT);

let state = 1;
const uniform = (): number => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return state / 2 ** 32;
};

/** Numbers with signs, whose magnitudes span 2^-reach .. 2^reach. */
const numbers = (count: number, reach: number): Float64Array =>
  Float64Array.from({ length: count }, () => {
    const magnitude = (uniform() + uniform() * 2 ** -30) * 2 ** Math.round(reach * (2 * uniform() - 1));
    return uniform() < 0.4 ? -magnitude : magnitude;
  });

const jsonOf = (moments: ExactMoments): ExactMomentsJson =>
  JSON.parse([...moments.json()].join('')) as ExactMomentsJson;

describe.each([
  ['near 1', 0],
  ['on both sides of what is cut', 70],
  ['of any size', 400],
])('sums of numbers %s', (_, reach) => {
  // Limbs are carried over after 2048 replicas.
  const replicas = Array.from({ length: 4500 }, () => numbers(3, reach));

  test('are exact, and the same lists however they are gathered', () => {
    const sums = new ExactSums(3);
    for (const values of replicas) sums.add(values);
    for (let i = 0; i < 3; i++) {
      const total = replicas.reduce((sum, values) => sum + whole(values[i]!), 0n);
      expect(sums.parts(i).reduce((sum, part) => sum + whole(part), 0n)).toBe(total);
    }
    const saved = [2000, 4400].map((end, p, ends) => {
      const part = new ExactSums(3);
      for (const values of replicas.slice(ends[p - 1] ?? 0, end).reverse()) part.add(values);
      return [0, 1, 2].map((i) => part.parts(i));
    });
    const merged = new ExactSums(3);
    for (const values of replicas.slice(4400)) merged.add(values);
    merged.addLists(saved[0]!);
    merged.addLists(saved[1]!);
    for (let i = 0; i < 3; i++) expect(merged.parts(i)).toEqual(sums.parts(i));
  });
});

test('many numbers at the upper end are summed without rounding', () => {
  const sums = new ExactSums(1);
  const value = 2 ** 26 - 2 ** -26;
  for (let i = 0; i < 10_000; i++) sums.add(Float64Array.of(value));
  expect(
    sums
      .sum(0)
      .parts()
      .reduce((sum, part) => sum + whole(part), 0n),
  ).toBe(10_000n * whole(value));
});

test('large sums from many files are summed without rounding', () => {
  // The last bit of such a sum is above the first cut.
  const file = new ExactSums(1);
  file.add(Float64Array.of(2 ** 70 - 2 ** 20));
  const sums = new ExactSums(1);
  for (let i = 0; i < 100; i++) sums.addLists([file.parts(0)]);
  expect(sums.parts(0).reduce((sum, part) => sum + whole(part), 0n)).toBe(100n * whole(2 ** 70 - 2 ** 20));
});

test('lists longer than any of ours are summed without rounding', () => {
  const long = new ExactSums(2);
  long.addLists([new Array<number>(5000).fill(2 ** 26 - 2 ** -26), [1]]);
  expect(long.parts(0).reduce((sum, part) => sum + whole(part), 0n)).toBe(5000n * whole(2 ** 26 - 2 ** -26));
  expect(long.parts(1)).toEqual([1]);
});

/** n - 1 times the variance by whole numbers, rounded once to a double: (n sum x^2 - (sum x)^2) / n. */
function varianceOf(values: readonly number[]): number {
  const n = BigInt(values.length);
  const sum = values.reduce((total, value) => total + whole(value), 0n);
  const squares = values.reduce((total, value) => total + whole(value) ** 2n, 0n);
  const digits = 300n; // of the quotient, in bits
  const quotient = ((n * squares - sum * sum) << digits) / (n * (n - 1n));
  return Number(quotient >> 1000n) * 2 ** -300; // over 2^(2 LOWEST_BIT)
}

describe.each([
  ['far apart', (u: number) => u * 10],
  ['alike to 1e-9', (u: number) => 1 + u * 1e-9],
  ['alike to 1e-9, far from 1', (u: number) => 2 ** 90 * (1 + u * 1e-9)],
  ['alike to the last bit', (u: number) => 0.7 + (u < 0.5 ? 0 : 2 ** -53)],
])('of replicas %s', (_, number) => {
  const values = Array.from({ length: 3000 }, () => number(uniform()));

  test('mean and variance are right to the last digits, the same in any order and from any parts', () => {
    const moments = new ExactMoments(1);
    for (const value of values) moments.add(Float64Array.of(value));
    const { mean, variance } = moments.moments(0);
    const total = values.reduce((sum, value) => sum + whole(value), 0n);
    expect(Math.abs(mean / ((Number(total) * 2 ** -LOWEST_BIT) / 3000) - 1)).toBeLessThan(2 ** -51);
    expect(variance).toBeGreaterThan(0);
    // Three roundings.
    expect(Math.abs(variance / varianceOf(values) - 1)).toBeLessThan(2 ** -50);
    const [left, right] = [new ExactMoments(1), new ExactMoments(1)];
    for (const value of values.slice(0, 1234).reverse()) left.add(Float64Array.of(value));
    for (const value of values.slice(1234)) right.add(Float64Array.of(value));
    right.addSaved(left.count, jsonOf(left));
    expect(right.moments(0)).toEqual({ mean, variance });
    expect(jsonOf(right)).toEqual(jsonOf(moments));
    expect(moments.moments(0, 7)).toEqual({ mean: mean * 2 ** 7, variance: variance * 2 ** 14 });
  });
});

test('replicas that are equal have no variance at all, whatever their number and size', () => {
  for (const value of [0, 0.1, -1e-9, 1 / 3, 1e120, 1e-130]) {
    const moments = new ExactMoments(1);
    for (let i = 0; i < 1000; i++) moments.add(Float64Array.of(value));
    expect(moments.moments(0)).toEqual({ mean: value, variance: 0 });
  }
});

test('numbers of any size that cancel have a finite variance', () => {
  for (const [large, small] of [
    [2 ** 499, 2 ** -400],
    [2 ** -300, 0],
    [2 ** 499, 0],
  ] as const) {
    const moments = new ExactMoments(1);
    for (const value of [large, small, -large]) moments.add(Float64Array.of(value));
    expect(moments.moments(0)).toEqual({ mean: small / 3, variance: large ** 2 });
  }
});

test('infinite numbers are counted apart, and make mean and variance infinite', () => {
  const moments = new ExactMoments(3);
  moments.add(Float64Array.of(1, Infinity, -Infinity));
  moments.add(Float64Array.of(2, 5, 5));
  expect(jsonOf(moments).infinite).toEqual([
    [1, 1, 0],
    [2, 0, 1],
  ]);
  const again = new ExactMoments(3);
  again.addSaved(2, jsonOf(moments));
  expect([0, 1, 2].map((i) => again.moments(i))).toEqual([
    { mean: 1.5, variance: 0.5 },
    { mean: Infinity, variance: Infinity },
    { mean: -Infinity, variance: Infinity },
  ]);
  const opposite = new ExactMoments(3);
  opposite.add(Float64Array.of(0, -Infinity, 0));
  again.addSaved(1, jsonOf(opposite));
  expect(again.moments(1).mean).toBeNaN();
});
