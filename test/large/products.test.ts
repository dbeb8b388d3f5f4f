/** Products with kernel and Jacobian, eigenpairs, diagonal and sketch, against the dense arrays. */
import { createSpec, kernelSpectrum, Mlp, type NdArray, topEigenpairs } from '../../src/index';
import { normalInputs } from '../support/arbitrary';
import { testedBackends } from '../support/backends';
import { relativeError } from '../support/golden';

const K = 2;
const n = 300; // two groups of inputs
const net = Mlp.random(
  createSpec({
    inputDim: 9,
    hiddenWidths: [14, 11],
    outputDim: K,
    biasVariance: 0.3,
    parametrization: 'ntk',
  }),
  { seed: 3 },
);
const X = normalInputs(n, 9, 1);

/** The product of two row-major matrices. */
function multiply(a: ArrayLike<number>, b: ArrayLike<number>, rows: number, inner: number, columns: number) {
  const c = new Float64Array(rows * columns);
  for (let i = 0; i < rows; i++) {
    for (let p = 0; p < inner; p++) {
      for (let j = 0; j < columns; j++) c[i * columns + j]! += a[i * inner + p]! * b[p * columns + j]!;
    }
  }
  return c;
}

function transpose(a: ArrayLike<number>, rows: number, columns: number): Float64Array {
  return Float64Array.from(
    { length: rows * columns },
    (_, at) => a[(at % rows) * columns + Math.floor(at / rows)]!,
  );
}

const CHOICES = [
  {},
  { layers: [1, 3] },
  { parameters: 'biases' },
  { parameters: 'weights', layers: [2] },
] as const;

describe.each(testedBackends())('%s backend', (backend) => {
  test.each(CHOICES)("J v and J' u are those of the dense Jacobian (%j)", async (choice) => {
    const J = await net.jacobian(X, { backend, ...choice });
    const P = J.shape[2]!;
    const V = normalInputs(P, 3, 2);
    const U: NdArray = { data: normalInputs(n * K, 2, 3).data, shape: [n, K, 2] };
    for (const [precision, tolerance] of [
      ['float64', 1e-12],
      ['mixed', 3e-6],
    ] as const) {
      const options = { backend, precision, ...choice };
      const jv = await net.jacobianVector(X, V, options);
      expect(jv.shape).toEqual([n, K, 3]);
      expect(relativeError(jv.data, multiply(J.data, V.data, n * K, P, 3))).toBeLessThan(tolerance);
      const ju = await net.vectorJacobian(X, U, options);
      expect(ju.shape).toEqual([P, 2]);
      expect(relativeError(ju.data, multiply(transpose(J.data, n * K, P), U.data, P, n * K, 2))).toBeLessThan(
        tolerance,
      );
    }
  });

  test.each(['trace', 'mean', 'sum-of-logits'] as const)(
    'products, diagonal and eigenpairs are those of the %s kernel',
    async (outputs) => {
      const options = { backend, outputs };
      const kernel = await net.ntk(X, null, options);
      const V = normalInputs(n, 5, 4);
      const product = await net.kernelProduct(X, V, options);
      expect(product.shape).toEqual([n, 5]);
      expect(relativeError(product.data, multiply(kernel.data, V.data, n, n, 5))).toBeLessThan(1e-12);

      const diagonal = await net.kernelDiagonal(X, options);
      const own = Array.from({ length: n }, (_, i) => kernel.data[i * n + i]!);
      expect(relativeError(diagonal.data, own)).toBeLessThan(1e-12);

      const top = await topEigenpairs(net, X, { ...options, count: 8, tolerance: 1e-8 });
      expect(top.converged).toBe(true);
      expect(top.products).toBeLessThan(n); // not by exhausting the space
      const spectrum = kernelSpectrum(kernel).eigenvalues.slice(0, 8);
      expect(relativeError(top.values, spectrum)).toBeLessThan(1e-10);
      const images = multiply(kernel.data, top.vectors.data, n, n, 8);
      top.residuals.forEach((residual, j) => {
        let square = 0;
        for (let i = 0; i < n; i++) {
          square += (images[i * 8 + j]! - top.values[j]! * top.vectors.data[i * 8 + j]!) ** 2;
        }
        expect(Math.sqrt(square)).toBeLessThan(1.01 * residual + 1e-10 * top.values[0]!);
      });
    },
  );

  test('the full kernel: its product, and the K x K blocks of its diagonal', async () => {
    const kernel = await net.ntk(X, null, { backend, outputs: 'full' });
    const V: NdArray = { data: normalInputs(n, K, 5).data, shape: [n, K] };
    const expected = new Float64Array(n * K);
    const blocks = new Float64Array(n * K * K);
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) {
        for (let k = 0; k < K; k++) {
          for (let m = 0; m < K; m++) {
            const entry = kernel.data[((i * n + j) * K + k) * K + m]!;
            expected[i * K + k]! += entry * V.data[j * K + m]!;
            if (i === j) blocks[(i * K + k) * K + m] = entry;
          }
        }
      }
    }
    const product = await net.kernelProduct(X, V, { backend, outputs: 'full' });
    expect(relativeError(product.data, expected)).toBeLessThan(1e-12);
    const diagonal = await net.kernelDiagonal(X, { backend, outputs: 'full' });
    expect(diagonal.shape).toEqual([n, K, K]);
    expect(relativeError(diagonal.data, blocks)).toBeLessThan(1e-12);
  });

  test('a sketch is unbiased within the errors that it states, and they fall with the root of their number', async () => {
    const rows = normalInputs(20, 9, 6);
    const kernel = await net.ntk(rows, null, { backend });
    const sketch = await net.sketchNtk(rows, { backend, projections: 800, seed: 5 });
    let inside = 0;
    let squares = 0;
    kernel.data.forEach((entry, at) => {
      const z = (sketch.data[at]! - entry) / sketch.standardError.data[at]!;
      if (Math.abs(z) < 2) inside++;
      squares += z * z;
    });
    // The entries share their projections, so that these are loose; a factor of 2 in the errors still fails.
    expect(inside / kernel.data.length).toBeGreaterThan(0.75);
    expect(squares / kernel.data.length).toBeLessThan(2.5);
    expect(squares / kernel.data.length).toBeGreaterThan(0.25);
    const fewer = await net.sketchNtk(rows, { backend, projections: 200, seed: 5 });
    expect(fewer.standardError.data[0]! / sketch.standardError.data[0]!).toBeGreaterThan(1.5);
    expect(fewer.standardError.data[0]! / sketch.standardError.data[0]!).toBeLessThan(2.6);
  });
});

test('double eigenvalues, and ranks below the number asked for', async () => {
  const even = Mlp.random(createSpec({ inputDim: 9, depth: 1, width: 400, biasGradients: false }), {
    seed: 2,
  });
  const rows = normalInputs(40, 9, 7);
  const twice: NdArray = { data: Float64Array.from([...rows.data, ...rows.data]), shape: [80, 9] };
  const kernel = await even.ntk(twice);
  const spectrum = kernelSpectrum(kernel).eigenvalues;
  // 80 rows of rank 40: what is left are zeros.
  const all = await topEigenpairs(even, twice, { count: 50, tolerance: 1e-9 });
  expect(all.converged).toBe(true);
  expect(relativeError(all.values, spectrum.slice(0, 50))).toBeLessThan(1e-10);
  // All eigenvalues are double in a kernel of two blocks that do not see one another.
  const blocks = Mlp.fromLayers(createSpec({ inputDim: 18, depth: 1, width: 40, biasGradients: false }), [
    { weights: blockDiagonal(normalInputs(20, 9, 8), 20, 9), biases: zeros(40) },
    { weights: repeated(normalInputs(1, 20, 9)), biases: zeros(1) },
  ]);
  const pairs = blockDiagonal(normalInputs(60, 9, 10), 60, 9);
  const double = kernelSpectrum(await blocks.ntk(pairs)).eigenvalues;
  expect(Math.abs(double[0]! - double[1]!)).toBeLessThan(1e-12 * double[0]!);
  const top = await topEigenpairs(blocks, pairs, { count: 6, tolerance: 1e-9 });
  expect(relativeError(top.values, double.slice(0, 6))).toBeLessThan(1e-10);
});

test('a basis that is full is restarted, and finds the same', async () => {
  // Inputs of many dimensions: the eigenvalues lie close together.
  const flat = Mlp.random(createSpec({ inputDim: 600, depth: 1, width: 60 }), { seed: 1 });
  const rows = normalInputs(400, 600, 3);
  const spectrum = kernelSpectrum(await flat.ntk(rows)).eigenvalues;
  const top = await topEigenpairs(flat, rows, { count: 10, tolerance: 1e-9 });
  expect(top.products).toBeGreaterThan(top.plan.basis);
  expect(top.converged).toBe(true);
  expect(relativeError(top.values, spectrum.slice(0, 10))).toBeLessThan(1e-12);
});

/** Twice the same matrix, on the diagonal of a matrix that is zero elsewhere. */
function blockDiagonal({ data }: NdArray, rows: number, columns: number): NdArray<Float64Array> {
  const whole = new Float64Array(4 * rows * columns);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      whole[i * 2 * columns + j] = data[i * columns + j]!;
      whole[(rows + i) * 2 * columns + columns + j] = data[i * columns + j]!;
    }
  }
  return { data: whole, shape: [2 * rows, 2 * columns] };
}

const zeros = (length: number): NdArray<Float64Array> => ({
  data: new Float64Array(length),
  shape: [length],
});
const repeated = ({ data }: NdArray): NdArray<Float64Array> => ({
  data: Float64Array.from([...data, ...data]),
  shape: [1, 2 * data.length],
});

test('the plan of the eigenpairs: what is kept, the block and the basis follow from the memory', () => {
  const large = Mlp.random(createSpec({ inputDim: 784, depth: 20, width: 300 }), { seed: 1 });
  const held = process.memoryUsage.rss();
  const options = { count: 20, precision: 'mixed' } as const;
  const plan = (extra: number) =>
    large.explainTopEigenpairs(30_000, { ...options, memoryLimit: held + extra });
  const roomy = plan(2 ** 31);
  expect(roomy).toMatchObject({ featuresKept: true, block: 2, basis: 100 });
  expect(roomy.bytes.features).toBe(30_720 * 12_784 * 4);
  const tight = plan(2 ** 29);
  expect(tight.featuresKept).toBe(false);
  expect(tight.block).toBeGreaterThan(2);
  for (const { bytes } of [roomy, tight]) expect(bytes.total).toBeLessThanOrEqual(bytes.limit);
  expect(() => plan(2 ** 20)).toThrow(/memoryLimit: expected at least/);
});

test('too few products are not called converged', async () => {
  const { converged, residuals, products } = await topEigenpairs(net, X, {
    count: 8,
    maxProducts: 8,
    tolerance: 1e-12,
  });
  expect(converged).toBe(false);
  expect(products).toBeLessThanOrEqual(12);
  expect(Math.max(...residuals)).toBeGreaterThan(0);
});

test('what is not as described is refused', async () => {
  const V = normalInputs(n, 1, 1);
  await expect(net.kernelProduct(X, normalInputs(n + 1, 1, 1))).rejects.toThrow(
    /kernelProduct: V: expected an array of shape \[300\]/,
  );
  await expect(net.kernelProduct(X, V, { memoryLimit: 1e6 })).rejects.toThrow(
    /memoryLimit: expected at least/,
  );
  await expect(topEigenpairs(net, X, { count: n + 1 })).rejects.toThrow(
    /count: expected a positive integer and <= 300/,
  );
  await expect(net.sketchNtk(X, { projections: 0, seed: 1 })).rejects.toThrow(
    /projections: expected a positive integer/,
  );
  await expect(net.kernelDiagonal(X, { memoryLimit: 1024 })).rejects.toMatchObject({
    code: 'ERR_OUT_OF_MEMORY',
    message: expect.stringMatching(/^kernelDiagonal: memoryLimit: expected at least /) as string,
  });
  await expect(topEigenpairs({} as unknown as Mlp, X, { count: 1 })).rejects.toThrow(/net: expected an Mlp/);
});
