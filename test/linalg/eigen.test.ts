import { symmetricEigen } from '../../src/linalg/eigen';

test.each([1, 2, 3, 5, 11, 40])('eigenvalues and eigenvectors of a %d x %d product of known factors', (n) => {
  // Q D Q' with the orthogonal matrix Q of type-II cosines.
  const q = (i: number, k: number): number =>
    Math.sqrt((k === 0 ? 1 : 2) / n) * Math.cos((Math.PI * (i + 0.5) * k) / n);
  const known = Array.from({ length: n }, (_, k) => (k % 3 === 0 ? 2 : k / 7 - 1)); // some of them multiple
  const matrix = Float64Array.from({ length: n * n }, (_, at) =>
    known.reduce((sum, value, k) => sum + q(Math.floor(at / n), k) * value * q(at % n, k), 0),
  );
  const expected = [...known].sort((a, b) => b - a);
  const { values, vectors } = symmetricEigen(matrix, n);
  values.forEach((value, j) => {
    expect(Math.abs(value - expected[j]!)).toBeLessThan(1e-13 * n);
    // A v = value v, row by row.
    for (let i = 0; i < n; i++) {
      let product = 0;
      for (let k = 0; k < n; k++) product += matrix[i * n + k]! * vectors[k * n + j]!;
      expect(Math.abs(product - value * vectors[i * n + j]!)).toBeLessThan(1e-13 * n);
    }
  });
});

test('the eigenvalues of zero are zero', () => {
  expect([...symmetricEigen(new Float64Array(9), 3).values]).toEqual([0, 0, 0]);
});
