/** Data of many rows, of many columns and of extreme numbers. */
import { choosePerClass, createScaling, oneHot } from '../../src/index';

test('200,000 labels: targets and choices', () => {
  const labels = Int32Array.from({ length: 200_000 }, (_, i) => i % 3);
  const { data, shape } = oneHot(labels);
  expect(shape).toEqual([200_000, 3]);
  expect(data.reduce((sum, value) => sum + value, 0)).toBe(200_000);
  const rows = choosePerClass(labels, 2, { seed: 1 });
  expect(rows.map((row) => row % 3)).toEqual([0, 0, 1, 1, 2, 2]);
});

test('unit norm of a row of 200,000 numbers', () => {
  const x = { data: new Float64Array(200_000).fill(3), shape: [1, 200_000] };
  const { data } = createScaling('unit-norm', x)(x);
  expect(data[0]! * Math.sqrt(200_000)).toBeCloseTo(1, 12);
});

test.each([5e-324, 1e-300, 1e-160, 1, 1e160, 1e307])('unit norm of a row of size %d', (size) => {
  const x = { data: Float64Array.of(3 * size, -4 * size, 0, 0), shape: [2, 2] };
  const { data } = createScaling('unit-norm', x)(x);
  [0.6, -0.8, 0, 0].forEach((value, i) => {
    expect(data[i]).toBeCloseTo(value, 14);
  });
});
