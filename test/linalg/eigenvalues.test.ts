import { symmetricEigenvalues } from '../../src/linalg/eigenvalues';

test.each([1, 2, 3, 5, 11, 40])('eigenvalues of a %d x %d product of known factors', (n) => {
  // Q D Q' with the orthogonal matrix Q of type-II cosines.
  const q = (i: number, k: number): number =>
    Math.sqrt((k === 0 ? 1 : 2) / n) * Math.cos((Math.PI * (i + 0.5) * k) / n);
  const known = Array.from({ length: n }, (_, k) => (k % 3 === 0 ? 2 : k / 7 - 1)); // some of them multiple
  const matrix = Float64Array.from({ length: n * n }, (_, at) =>
    known.reduce((sum, value, k) => sum + q(Math.floor(at / n), k) * value * q(at % n, k), 0),
  );
  const expected = [...known].sort((a, b) => a - b);
  symmetricEigenvalues(matrix, n).forEach((value, i) => {
    expect(Math.abs(value - expected[i]!)).toBeLessThan(1e-13 * n);
  });
});

test('matrices without size, and without numbers', () => {
  expect([...symmetricEigenvalues(new Float64Array(9), 3)]).toEqual([0, 0, 0]);
  expect([...symmetricEigenvalues(Float64Array.of(1, NaN, NaN, 1), 2)]).toEqual([NaN, NaN]);
});
