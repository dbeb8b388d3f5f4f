import { binaryExponent, powerOfTwo, scaleByPower } from '../../src/numbers/powers';
import { factor, multiplySmall, solveTransposed, solveUpper } from '../../src/linalg/small';
import { fillNormals } from '../../src/random/normal';

function random(length: number, stream: number): Float64Array {
  const values = new Float64Array(length);
  fillNormals(values, { seed: 7, replica: 0, stream });
  return values;
}

const rowMajor = (data: Float64Array, columns: number) => ({ data, offset: 0, row: columns, column: 1 });

describe('small matrices', () => {
  test.each([1, 3, 4, 5, 9])('products of %s columns are the plain sums, in their order', (n) => {
    const [rows, inner] = [7, 6];
    const [a, b] = [random(rows * inner, 1), random(inner * n, 2)];
    const c = random(rows * n, 3);
    const before = c.slice();
    multiplySmall(rows, n, inner, rowMajor(a, inner), rowMajor(b, n), rowMajor(c, n), 'all', true);
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < n; j++) {
        let sum = before[i * n + j]!;
        for (let t = 0; t < inner; t++) sum += a[i * inner + t]! * b[t * n + j]!;
        expect(c[i * n + j]).toBe(sum);
      }
    }
  });

  test('a factor squared is the matrix, also where columns depend on others', () => {
    const n = 6;
    const x = random(8 * n, 4);
    for (let i = 0; i < 8; i++) {
      x[i * n + 2] = x[i * n]! - 2 * x[i * n + 1]!;
      x[i * n + 4] = 0;
    }
    const gram = new Float64Array(n * n);
    const columns = { data: x, offset: 0, row: 1, column: n };
    multiplySmall(n, n, 8, columns, rowMajor(x, n), rowMajor(gram, n), 'all', false);
    const r = new Float64Array(n * n);
    const inverses = new Float64Array(n);
    factor(gram, n, r, inverses);
    expect([...inverses].map((value) => value > 0)).toEqual([true, true, false, true, false, true]);
    for (let i = 0; i < n; i++) {
      for (let j = i; j < n; j++) {
        let sum = 0;
        for (let k = 0; k < n; k++) sum += r[k * n + i]! * r[k * n + j]!;
        expect(sum).toBeCloseTo(gram[i * n + j]!, 12);
        if (i > j) expect(r[i * n + j]).toBe(0);
      }
    }
    // R' R w = G w, on the independent columns.
    const w = Float64Array.of(1, -2, 0, 3, 0, 0.5);
    const image = new Float64Array(n);
    for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) image[i]! += gram[i * n + j]! * w[j]!;
    solveTransposed(r, inverses, n, image, 1);
    solveUpper(r, inverses, n, image, 1);
    w.forEach((value, i) => {
      expect(image[i]).toBeCloseTo(value, 9);
    });
  });
});

test('powers of two', () => {
  expect([1, 1.99, 2, 0.75, 3e300, 0].map(binaryExponent)).toEqual([0, 0, 1, -1, 998, 0]);
  expect([0, 10, -1022, -1023, 5000].map(powerOfTwo)).toEqual([1, 1024, 2 ** -1022, 0, 2 ** 1023]);
  expect(scaleByPower(1.5, 3)).toBe(12);
  expect(scaleByPower(2 ** -1000, 1990)).toBe(2 ** 990);
  expect([scaleByPower(1, 5000), scaleByPower(1, -5000), scaleByPower(0, 5000)]).toEqual([Infinity, 0, 0]);
});
