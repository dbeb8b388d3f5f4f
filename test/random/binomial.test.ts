import { binomialTable, drawBinomial } from '../../src/random/binomial';
import { philox4x32 } from '../../src/random/philox';

/** The laws that the chain draws from: plain, and weighted by a chi-square's first or second moment. */
const laws = [
  { name: 'plain', factor: () => 1, mean: () => 1 },
  { name: 'weighted by b', factor: (b: number) => b, mean: (n: number) => n / 2 },
  {
    name: 'weighted by b (b + 2)',
    factor: (b: number) => b * (b + 2),
    mean: (n: number) => (n * (n + 5)) / 4,
  },
];

function draws(n: number, factor: (b: number) => number, count: number): number[] {
  const table = binomialTable(n, factor);
  const words = new Uint32Array(4);
  return Array.from({ length: count }, (_, i) => {
    philox4x32(words, i, 7, 0, 0, n, 1);
    return drawBinomial(table, words[2]!, words[3]!);
  });
}

/** C(n, b) factor(b), normalized, for all b. */
function law(n: number, factor: (b: number) => number): number[] {
  const logs = [0];
  for (let b = 0; b < n; b++) logs.push(logs[b]! + Math.log((n - b) / (b + 1)));
  const largest = Math.max(...logs);
  const weights = logs.map((log, b) => Math.exp(log - largest) * factor(b));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}

describe.each(laws)('binomial, $name', ({ factor, mean }) => {
  test.each([1, 2, 5, 100, 1001])('has the frequencies of its law for n = %d', (n) => {
    const count = 40_000;
    const expected = law(n, factor).map((p) => p * count);
    const observed = new Array<number>(n + 1).fill(0);
    for (const b of draws(n, factor, count)) observed[b]!++;
    const cells = expected.map((e, b) => [e, observed[b]!] as const).filter(([e]) => e > 10);
    const chi2 = cells.reduce((sum, [e, o]) => sum + (o - e) ** 2 / e, 0);
    // Mean and standard deviation of chi-square with as many degrees of freedom; five of them.
    expect(chi2).toBeLessThan(cells.length + 5 * Math.sqrt(2 * cells.length));
    // Nothing outside the support.
    expected.forEach((e, b) => {
      if (e === 0) expect(observed[b]).toBe(0);
    });
  });

  test.each([1, 2, 5, 100, 1001])('knows the mean of its factor for n = %d', (n) => {
    expect(binomialTable(n, factor).expectation).toBeCloseTo(mean(n), 10 - Math.ceil(2 * Math.log10(n + 1)));
  });
});

test('a table for a million coins is small, and has their mean and variance', () => {
  const n = 1_000_000;
  expect(binomialTable(n, () => 1).keep.length).toBeLessThanOrEqual(2 ** 14);
  const count = 20_000;
  const sample = draws(n, () => 1, count);
  const average = sample.reduce((sum, b) => sum + b, 0) / count;
  const variance = sample.reduce((sum, b) => sum + (b - n / 2) ** 2, 0) / count;
  expect(Math.abs(average - n / 2)).toBeLessThan((5 * Math.sqrt(n / 4)) / Math.sqrt(count));
  expect(Math.abs(variance / (n / 4) - 1)).toBeLessThan(5 * Math.sqrt(2 / count));
});
