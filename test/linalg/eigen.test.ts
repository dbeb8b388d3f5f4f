import { symmetricEigen, symmetricEigenvalues } from '../../src/linalg/eigen';

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
  symmetricEigenvalues(matrix.slice(), n).forEach((value, j) => {
    expect(Math.abs(value - expected[n - 1 - j]!)).toBeLessThan(1e-13 * n);
  });
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

const { min } = Math;

describe('eigenvalues alone', () => {
  const of = (n: number, entry: (i: number, j: number) => number): Float64Array =>
    Float64Array.from({ length: n * n }, (_, at) => entry(Math.floor(at / n), at % n));
  const random = Array.from({ length: 900 }, (_, i) => Math.sin(1 + i * i));

  test.each<[string, number, (i: number, j: number) => number]>([
    ['of random entries', 30, (i, j) => random[i * j]! + random[i + j]!],
    [
      'of a Gram matrix of few vectors',
      20,
      (i, j) => random[i]! * random[j]! + random[i + 50]! * random[j + 50]!,
    ],
    ['of equal rows', 12, () => 3],
    ['of a diagonal matrix', 9, (i, j) => (i === j ? 2 ** (3 * i - 9) : 0)],
    ['of the Hilbert matrix', 10, (i, j) => 1 / (i + j + 1)],
    ['from 1 to 2^-200', 11, (i, j) => 2 ** (-10 * (i + j)) * (i === j ? 2 : 1)],
    [
      'of inputs of norms 1, 1e-90, 1e-90',
      3,
      (i, j) => 1e-90 ** (min(i, 1) + min(j, 1)) * (i > 0 && j > 0 && i !== j ? 0.5 : 1),
    ],
    ['of inputs of norms 1e-90', 3, (i, j) => 1e-180 * (i === j ? 1 : 0.5)],
    [
      'with a small number under a large one',
      3,
      (i, j) =>
        [
          [2, 1, 1e-8],
          [1, 2, 1],
          [1e-8, 1, 2],
        ][i]![j]!,
    ],
    ['beside zeros', 8, (i, j) => (i % 3 === 0 || j % 3 === 0 ? 0 : random[i + j]!)],
    ['of 2 x 2 without a diagonal', 2, (i, j) => (i === j ? 0 : 3)],
  ])('are those that come with the vectors: %s', (_, n, entry) => {
    const matrix = of(n, entry);
    const { values } = symmetricEigen(matrix, n);
    const largest = Math.max(...values.map(Math.abs));
    symmetricEigenvalues(matrix.slice(), n).forEach((value, j) => {
      expect(Math.abs(value - values[n - 1 - j]!)).toBeLessThan(4 * n * Number.EPSILON * largest);
    });
  });

  test('scale with the matrix by powers of two, exactly', () => {
    const matrix = of(7, (i, j) => random[i * j]! + random[i + j]!);
    const values = symmetricEigenvalues(matrix.slice(), 7);
    for (const power of [2 ** 400, 2 ** -400, 2 ** 1000, 2 ** -1000]) {
      const scaled = symmetricEigenvalues(
        matrix.map((value) => value * power),
        7,
      );
      expect(scaled).toEqual(values.map((value) => value * power));
    }
  });
});

test('the eigenvalues of zero are zero', () => {
  expect([...symmetricEigen(new Float64Array(9), 3).values]).toEqual([0, 0, 0]);
  expect([...symmetricEigenvalues(new Float64Array(9), 3)]).toEqual([0, 0, 0]);
});
