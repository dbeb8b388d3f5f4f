import { kernelRidgeRegression, type NdArray, predictGradientFlow } from '../../src/index';
import { normalInputs } from '../support/arbitrary';
import { relativeError } from '../support/golden';

/** Kernels of some points by others, and targets: (g . g' + 1)^2 of normals. */
function problem(n = 6, tests = 3, outputs = 2) {
  const { data: g } = normalInputs(n + tests, 4, 5);
  const entry = (i: number, j: number): number => {
    let product = 1;
    for (let p = 0; p < 4; p++) product += g[i * 4 + p]! * g[j * 4 + p]!;
    return product ** 2;
  };
  const kernel: NdArray<Float64Array> = {
    data: Float64Array.from({ length: n * n }, (_, at) => entry(Math.floor(at / n), at % n)),
    shape: [n, n],
  };
  const testKernel: NdArray<Float64Array> = {
    data: Float64Array.from({ length: tests * n }, (_, at) => entry(n + Math.floor(at / n), at % n)),
    shape: [tests, n],
  };
  return { kernel, testKernel, y: normalInputs(n, outputs, 9), f0: normalInputs(n, outputs, 10) };
}

/** N x N as the full kernel N x N x K x K that every output has alike. */
function spread({ data, shape }: NdArray, K: number): NdArray<Float64Array> {
  const full = new Float64Array(data.length * K * K);
  data.forEach((entry, pair) => {
    for (let k = 0; k < K; k++) full[pair * K * K + k * K + k] = entry;
  });
  return { data: full, shape: [...shape, K, K] };
}

test('gradient flow is the limit of small steps of gradient descent', () => {
  const { kernel, y, f0 } = problem(4, 1, 1);
  const { train } = predictGradientFlow(kernel, y, {
    learningRate: 0.5,
    times: [2],
    f0,
    meanOver: 'samples',
  });
  const steps = 200000;
  let f = Float64Array.from(f0.data);
  for (let step = 0; step < steps; step++) {
    const residual = f.map((value, i) => value - y.data[i]!);
    f = f.map((value, i) => {
      let drift = 0;
      for (let j = 0; j < 4; j++) drift += kernel.data[i * 4 + j]! * residual[j]!;
      return value - ((0.5 * 2) / steps / 4) * drift;
    });
  }
  // Euler's method errs by its step times the curvature.
  expect(relativeError(train[0]!.data, f)).toBeLessThan(1e-3);
});

test('a shared kernel and the full kernel that it stands for predict the same', () => {
  const { kernel, testKernel, y, f0 } = problem();
  const f0Test = normalInputs(3, 2, 11);
  const options = { times: [0, 0.1, 3, Infinity], f0, f0Test };
  const shared = predictGradientFlow(kernel, y, { ...options, testKernel });
  const full = predictGradientFlow(spread(kernel, 2), y, { ...options, testKernel: spread(testKernel, 2) });
  options.times.forEach((_, i) => {
    // Both go through an eigendecomposition of a kernel whose condition number is some 1e4.
    expect(relativeError(full.train[i]!.data, shared.train[i]!.data)).toBeLessThan(1e-10);
    expect(relativeError(full.test![i]!.data, shared.test![i]!.data)).toBeLessThan(1e-10);
  });
});

test('at time 0 nothing has moved, at Infinity the targets are met', () => {
  const { kernel, testKernel, y, f0 } = problem();
  const f0Test = normalInputs(3, 2, 11);
  const { train, test } = predictGradientFlow(kernel, y, { times: [0, Infinity], f0, f0Test, testKernel });
  expect(relativeError(train[0]!.data, f0.data)).toBeLessThan(1e-12);
  expect(relativeError(test![0]!.data, f0Test.data)).toBeLessThan(1e-12);
  expect(relativeError(train[1]!.data, y.data)).toBeLessThan(1e-12);
});

test('the loss never rises', () => {
  const { kernel, y, f0 } = problem();
  const { train } = predictGradientFlow(kernel, y, { times: [0, 0.01, 0.1, 1, 10, 1e6], f0 });
  const losses = train.map(({ data }) => data.reduce((sum, value, i) => sum + (value - y.data[i]!) ** 2, 0));
  expect([...losses].sort((a, b) => b - a)).toEqual(losses);
});

test('directions in which the kernel is zero do not move', () => {
  const kernel = { data: Float64Array.of(1, 1, 1, 1), shape: [2, 2] };
  const y = { data: Float64Array.of(1, -1), shape: [2, 1] };
  const { train, test } = predictGradientFlow(kernel, y, {
    times: [Infinity],
    testKernel: { data: Float64Array.of(1, 1), shape: [1, 2] },
  });
  expect(train[0]!.data.every((value) => Math.abs(value) < 1e-14)).toBe(true);
  expect(Math.abs(test![0]!.data[0]!)).toBeLessThan(1e-14);
});

test('time is in units of 1 / learningRate, and the mean over samples alone is K times faster', () => {
  const { kernel, y, f0 } = problem();
  const slow = predictGradientFlow(kernel, y, { learningRate: 0.1, times: [1], f0 });
  const fast = predictGradientFlow(kernel, y, { learningRate: 1, times: [0.1], f0 });
  const samples = predictGradientFlow(kernel, y, {
    learningRate: 0.1,
    times: [0.5],
    f0,
    meanOver: 'samples',
  });
  expect(relativeError(fast.train[0]!.data, slow.train[0]!.data)).toBeLessThan(1e-13);
  expect(relativeError(samples.train[0]!.data, slow.train[0]!.data)).toBeLessThan(1e-13);
});

describe('kernel ridge regression', () => {
  test('without a ridge it is the end of gradient flow from zero', () => {
    const { kernel, testKernel, y } = problem();
    const flow = predictGradientFlow(kernel, y, { times: [Infinity], testKernel });
    const { train, test } = kernelRidgeRegression(kernel, y, { testKernel });
    expect(relativeError(train.data, y.data)).toBeLessThan(1e-12);
    expect(relativeError(test!.data, flow.test![0]!.data)).toBeLessThan(1e-10);
  });

  test('a ridge shrinks: (K + r) a = y, the fit is K a', () => {
    const { kernel, testKernel, y } = problem();
    const ridge = 0.7;
    const { train, test } = kernelRidgeRegression(kernel, y, {
      testKernel,
      diagReg: ridge,
      diagRegScale: 'absolute',
    });
    // a = (y - fit) / ridge, from both equations.
    const a = y.data.map((target, i) => (target - train.data[i]!) / ridge);
    const times = (rows: number, matrix: Float64Array): Float64Array =>
      Float64Array.from({ length: rows * 2 }, (_, at) => {
        let sum = 0;
        for (let j = 0; j < 6; j++) sum += matrix[Math.floor(at / 2) * 6 + j]! * a[j * 2 + (at % 2)]!;
        return sum;
      });
    expect(relativeError(times(6, kernel.data), train.data)).toBeLessThan(1e-10);
    expect(relativeError(times(3, testKernel.data), test!.data)).toBeLessThan(1e-10);
  });

  test('a relative ridge is in units of the mean of the diagonal', () => {
    const { kernel, y } = problem();
    const mean = [0, 1, 2, 3, 4, 5].reduce((sum, i) => sum + kernel.data[7 * i]! / 6, 0);
    const relative = kernelRidgeRegression(kernel, y, { diagReg: 0.01 });
    const absolute = kernelRidgeRegression(kernel, y, { diagReg: 0.01 * mean, diagRegScale: 'absolute' });
    expect(relativeError(relative.train.data, absolute.train.data)).toBeLessThan(1e-13);
  });
});

test.each<[name: string, change: object, message: string]>([
  ['no times', { times: [] }, 'times: expected an array of times'],
  ['a time below 0', { times: [-1] }, 'times[0]: expected a time >= 0'],
  [
    'initial outputs of another shape',
    { times: [1], f0: normalInputs(6, 3, 1) },
    'f0: expected 6 x 2, got shape [6, 3]',
  ],
  ['f0Test without testKernel', { times: [1], f0Test: normalInputs(3, 2, 1) }, 'a testKernel with it'],
  ['a learning rate of 0', { times: [1], learningRate: 0 }, 'learningRate'],
])('%s: refused', (_, options, message) => {
  const { kernel, y } = problem();
  expect(() => predictGradientFlow(kernel, y, options as { times: number[] })).toThrow(message);
});

test('a kernel that is not positive semidefinite is refused', () => {
  const kernel = { data: Float64Array.of(1, 2, 2, 1), shape: [2, 2] };
  const y = { data: Float64Array.of(1, 1), shape: [2, 1] };
  expect(() => predictGradientFlow(kernel, y, { times: [1] })).toThrow('positive semidefinite');
});
