import { summarizeKernel } from '../../src/kernel/statistics';

test('means of the diagonal and of the rest, their ratio, and the range', () => {
  const summary = summarizeKernel({ data: Float64Array.of(4, 1, -2, 1, 5, 3, -2, 3, 6), shape: [3, 3] });
  expect(summary.meanDiagonal).toBeCloseTo(5, 14);
  expect(summary.meanOffDiagonal).toBeCloseTo(2 / 3, 14);
  expect(summary.offDiagonalRatio).toBeCloseTo(2 / 15, 14);
  expect([summary.smallest, summary.largest]).toEqual([-2, 6]);
});

test('one input has no off-diagonal entries', () => {
  const summary = summarizeKernel({ data: Float64Array.of(4), shape: [1, 1] });
  expect(summary.meanDiagonal).toBe(4);
  expect(summary.offDiagonalRatio).toBeNaN();
});

test.each([
  [[2, 3], 6],
  [[2, 2, 1], 4],
  [[2, 2], 3],
  [[0, 0], 0],
])('shape %j with %d entries is refused', (shape, entries) => {
  expect(() => summarizeKernel({ data: new Float64Array(entries), shape })).toThrow(
    /expected (N x N, got shape|4 entries for shape \[2, 2\], got 3)/,
  );
});
