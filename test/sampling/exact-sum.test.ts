import { ExactSum } from '../../src/numbers/exact-sum';

const LOWEST_BIT = 400;

/** The sum by whole numbers: every value below is a multiple of 2^-400. Number() rounds to the nearest double. */
function byWholeNumbers(values: Float64Array): number {
  const total = values.reduce((sum, value) => sum + BigInt(value * 2 ** LOWEST_BIT), 0n);
  return Number(total) * 2 ** -LOWEST_BIT;
}

/** Numbers with signs, whose magnitudes span 2^-reach .. 2^reach. */
function numbers(count: number, reach: number, state = 1): Float64Array {
  const uniform = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  return Float64Array.from({ length: count }, () => {
    const magnitude = (uniform() + uniform() * 2 ** -30) * 2 ** Math.round(reach * (2 * uniform() - 1));
    return uniform() < 0.4 ? -magnitude : magnitude;
  });
}

describe.each([
  ['near 1', 0],
  ['that are cut into slices', 15],
  ['on both sides of what is cut', 40],
  ['of any size', 300],
])('a sum of numbers %s', (_, reach) => {
  const values = numbers(5000, reach);

  test('is the exact one, rounded once', () => {
    const sum = new ExactSum();
    sum.add(values);
    expect(sum.value()).toBe(byWholeNumbers(values));
  });

  test('does not depend on order or on where it is cut, nor on passing through a file', () => {
    const expected = byWholeNumbers(values);
    const backwards = new ExactSum();
    backwards.add(values.slice().reverse());
    expect(backwards.value()).toBe(expected);
    const left = new ExactSum();
    left.add(values, 1234);
    const right = new ExactSum();
    for (const value of values.subarray(1234)) right.add(Float64Array.of(value));
    right.addAll(new ExactSum(JSON.parse(JSON.stringify(left.parts())) as number[]));
    expect(right.value()).toBe(expected);
  });
});

test('what cancels leaves the rest, to the last bit', () => {
  const sum = new ExactSum();
  sum.add(Float64Array.of(1e300, 1, 2 ** -120, 1e-300, -1e300, -1));
  expect(sum.value()).toBe(2 ** -120); // 1e-300 is below its last bit
  sum.add(Float64Array.of(-(2 ** -120)));
  expect(sum.value()).toBe(1e-300);
});

test('more numbers than slices are summed without rounding', () => {
  // 2^16 + 1 slices would need a bit more than a double has.
  const values = new Float64Array(200_000).fill(2 ** 16 - 2 ** -36);
  const sum = new ExactSum();
  sum.add(values);
  expect(sum.value()).toBe(byWholeNumbers(values));
});
