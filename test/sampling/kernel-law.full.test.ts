/**
 * The conditional sampler and nets drawn in whole have one law: two-sample tests on a few thousand replicas. The whole list, at
 * 100,000 replicas, is bench/sampling-law.js.
 */
import type { KernelSampler } from '../../src/backend/seam';
import { createSpec, moments, type NdArray, type NetworkSpec, pairMoments, sampleNtk } from '../../src/index';
import { fillNormals } from '../../src/random/normal';
import { inputsOf, sampleNumbers } from './kernel-tasks';
import { kolmogorovSmirnov, KS_LIMIT } from './two-sample';
import { atDepth } from '../support/depth';

const REPLICAS = atDepth(20_000);

const a = [0.8, 0.4, -0.2, 0.3, 0.1];
const b = [0.1, -0.6, 0.5, 0.2, 0.7];
const X = inputsOf([a, b]);

/** log Theta_11, log Theta_22, Theta_12 / Theta_11, det / Theta_11^2: what samples are compared by. */
function numbersOf(theta: (i: number, j: number) => number, exponent: number): number[] {
  const [one, other, across] = [theta(0, 0), theta(1, 1), theta(0, 1)];
  const log = (value: number): number => rounded(Math.log(value) + exponent * Math.LN2);
  return [log(one), log(other), quotient(across, one), quotient(other, one) - quotient(across, one) ** 2].map(
    rounded,
  );
}

/** Where layers are dead many replicas have the same number, up to its rounding: that is to be a tie. */
const rounded = (value: number): number => (Number.isFinite(value) ? Math.round(value * 1e9) / 1e9 : value);

/** 0 of a dead net's kernel. */
const quotient = (above: number, below: number): number => (below === 0 ? 0 : rounded(above / below));

function draw(spec: NetworkSpec, inputs: NdArray, sampler: KernelSampler, seed: number, count: number) {
  return sampleNumbers(spec, inputs, { sampler, seed, count }, numbersOf);
}

const distances = (x: number[][], y: number[][]): number[] =>
  x.map((column, i) => kolmogorovSmirnov(column, y[i]!));

describe('conditional and direct samples have one law', () => {
  test.each([
    ['edge of chaos', { depth: 5, width: 14 }],
    ['biases, chaotic', { depth: 5, width: 14, weightVariance: 2.5, biasVariance: 0.3 }],
    [
      'uneven, ordered, no bias gradients',
      { hiddenWidths: [14, 22, 12], weightVariance: 1, biasGradients: false },
    ],
    ['narrow, where layers die', { hiddenWidths: [5, 3, 6], biasVariance: 0.1 }],
    ['NTK parametrization', { depth: 3, width: 12, biasVariance: 0.5, parametrization: 'ntk' }],
    ['deep', { depth: 40, width: 25 }],
  ] as const)('%s', async (_, net) => {
    const spec = createSpec({ inputDim: 5, ...net });
    const direct = await draw(spec, X, 'direct', 1, 6000);
    for (const distance of distances(await draw(spec, X, 'conditional', 2, 12_000), direct)) {
      expect(distance).toBeLessThan(KS_LIMIT);
    }
  });

  test.each([0, 0.2])('inputs that depend on one another, sigma_b^2 = %s', async (biasVariance) => {
    const spec = createSpec({ inputDim: 5, depth: 4, width: 15, biasVariance });
    const sum = a.map((value, i) => value - b[i]!);
    const dependent = inputsOf([a, sum, b, a.map((value) => 3 * value), a.map(() => 0)]);
    const pick = (theta: (i: number, j: number) => number, exponent: number): number[] => [
      ...numbersOf(theta, exponent),
      quotient(theta(1, 2), theta(2, 2)),
      quotient(theta(3, 1), theta(1, 1)),
    ];
    const direct = await sampleNumbers(
      spec,
      dependent,
      { sampler: 'direct', seed: 1, count: atDepth(6000) },
      pick,
    );
    const options = { sampler: 'conditional', seed: 2, count: atDepth(12_000) } as const;
    for (const distance of distances(await sampleNumbers(spec, dependent, options, pick), direct)) {
      expect(distance).toBeLessThan(KS_LIMIT);
    }
  });

  test('blocks of several outputs', async () => {
    const spec = createSpec({ inputDim: 5, depth: 4, width: 15, outputDim: 3, biasVariance: 0.1 });
    const sample = async (sampler: KernelSampler, seed: number, replicas: number): Promise<number[][]> => {
      const options = { sampler, seed, replicas, outputs: 'full', keepReplicas: true } as const;
      const { data } = (await sampleNtk(spec, X, options)).replicaKernels!;
      const columns: number[][] = [[], [], [], [], []];
      for (let r = 0; r < replicas; r++) {
        const at = (i: number, j: number, k: number, m: number): number =>
          data[(((2 * r + i) * 2 + j) * 3 + k) * 3 + m]!;
        const trace = at(0, 0, 0, 0) + at(0, 0, 1, 1) + at(0, 0, 2, 2);
        columns[0]!.push(Math.log(trace));
        columns[1]!.push(at(0, 0, 1, 1) / trace);
        columns[2]!.push(at(0, 0, 0, 2) / trace);
        columns[3]!.push(at(0, 1, 2, 1) / trace);
        columns[4]!.push(at(0, 1, 2, 2) / trace);
      }
      return columns;
    };
    const direct = await sample('direct', 1, atDepth(5000));
    for (const distance of distances(await sample('conditional', 2, atDepth(10_000)), direct)) {
      expect(distance).toBeLessThan(KS_LIMIT);
    }
  });

  test('the sum of logits', async () => {
    const spec = createSpec({ inputDim: 5, depth: 4, width: 15, outputDim: 3, biasVariance: 0.1 });
    const options = { seed: 1, count: atDepth(6000) };
    const form = { form: 'sum-of-logits' } as const;
    const direct = await sampleNumbers(spec, X, { ...options, sampler: 'direct' }, numbersOf, form);
    const other = await sampleNumbers(
      spec,
      X,
      { seed: 2, count: atDepth(12_000), sampler: 'conditional' },
      numbersOf,
      form,
    );
    for (const distance of distances(other, direct)) expect(distance).toBeLessThan(KS_LIMIT);
  });
});

describe('the exact moments', () => {
  test('of two inputs, where they close', async () => {
    const spec = createSpec({ inputDim: 5, depth: 1, width: 20, biasVariance: 0.3 });
    const dot = (x: number[], y: number[]): number => x.reduce((sum, value, i) => sum + value * y[i]!, 0);
    const cosine = dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
    const exact = pairMoments(spec, { inputNorm2: dot(a, a), otherNorm2: dot(b, b), cosine });
    const sample = await sampleNtk(spec, X, { replicas: REPLICAS, seed: 1, sampler: 'conditional' });
    expect(Math.abs(sample.mean.data[1]! - exact.mean)).toBeLessThan(4 * sample.standardError.data[1]!);
    // The standard error of a variance, at a kurtosis of at most 6.
    expect(Math.abs(sample.variance.data[1]! / exact.variance - 1)).toBeLessThan(4 * Math.sqrt(5 / REPLICAS));
  });

  test('of the trace over three outputs', async () => {
    const spec = createSpec({ inputDim: 5, hiddenWidths: [14, 16, 12], outputDim: 3 });
    const x = [0.5, 0.4, -0.3, 0.6, 0.2];
    const { mean, standardError, dispersion } = await sampleNtk(spec, inputsOf([x]), {
      replicas: REPLICAS,
      seed: 1,
      sampler: 'conditional',
    });
    const exact = moments(spec, { inputNorm2: x.reduce((sum, value) => sum + value * value, 0) });
    expect(Math.abs(mean.data[0]! - exact.mean)).toBeLessThan(4 * standardError.data[0]!);
    expect(dispersion.data[0]! / exact.dispersion).toBeCloseTo(1, 1);
  });
});

describe('the test tells wrong samplers from right ones', () => {
  const spec = createSpec({ inputDim: 5, depth: 5, width: 14 });

  test('one written down plainly is right, without the correction for the rank it is wrong', async () => {
    const direct = await draw(spec, X, 'direct', 1, 6000);
    const worst = (correct: boolean): number =>
      Math.max(...distances(plainSample(spec, 4000, correct), direct));
    expect(worst(true)).toBeLessThan(KS_LIMIT);
    expect(worst(false)).toBeGreaterThan(KS_LIMIT);
  });

  test('a unit too many in every layer is wrong', async () => {
    const direct = await draw(spec, X, 'direct', 1, 6000);
    const wider = { widths: spec.widths.map((width) => (width === 14 ? 15 : width)) };
    const options = { sampler: 'conditional', seed: 2, count: atDepth(12_000) } as const;
    const wrong = await sampleNumbers(spec, X, options, numbersOf, wider);
    expect(Math.max(...distances(wrong, direct))).toBeGreaterThan(KS_LIMIT);
  });
});

/**
 * The conditional sampler for two inputs and one output, without biases, in plain loops: H = Z_h R, Delta below =
 * Q Z_h' Delta + (I - Q Q') Z C. With `correct` false the part along X of Z C is left in: as if fresh weights were independent of
 * what the forward pass has seen of them.
 */
function plainSample(spec: NetworkSpec, count: number, correct: boolean): number[][] {
  const columns: number[][] = [[], [], [], []];
  const { widths, depth } = spec;
  const normals = new Float64Array(4 * 14 * (depth + 1));
  for (let replica = 0; replica < count; replica++) {
    fillNormals(normals, { seed: 99, replica, stream: 0 });
    let used = 0;
    const normalPairs = (rows: number): number[][] =>
      Array.from({ length: rows }, () => [normals[used++]!, normals[used++]!]);
    const activations = [a.map((value, i) => [value, b[i]!])];
    const forwardNormals: number[][][] = [];
    for (let l = 1; l <= depth + 1; l++) {
      const [r11, r12, r22] = cholesky(activations[l - 1]!, 2 / widths[l - 1]!);
      const z = normalPairs(widths[l]!);
      forwardNormals.push(z);
      activations.push(z.map(([p, q]) => [Math.max(0, p! * r11), Math.max(0, p! * r12 + q! * r22)]));
    }
    let deltas = [[1, 1]];
    const kernel = [0, 0, 0];
    for (let l = depth + 1; l >= 1; l--) {
      const [x, d] = [gram(activations[l - 1]!), gram(deltas)];
      kernel.forEach((value, i) => (kernel[i] = value + (x[i]! + 1) * d[i]!));
      if (l > 1) deltas = below(activations[l - 1]!, forwardNormals[l - 1]!, deltas, normalPairs, correct);
    }
    const [one, across, other] = kernel as [number, number, number];
    numbersOf((i, j) => (i !== j ? across : i === 0 ? one : other), 0).forEach((value, i) =>
      columns[i]!.push(value),
    );
  }
  return columns;
}

function below(
  x: number[][],
  z: number[][],
  deltas: number[][],
  normalPairs: (rows: number) => number[][],
  correct: boolean,
): number[][] {
  const s = 2 / x.length;
  // Q by Gram and Schmidt; a column that is nothing but rounding is left out.
  const q: number[][] = [];
  for (const column of [0, 1]) {
    let v = x.map((row) => row[column]!);
    for (const unit of q) {
      const along = unit.reduce((sum, value, i) => sum + value * v[i]!, 0);
      v = v.map((value, i) => value - along * unit[i]!);
    }
    const length = Math.hypot(...v);
    q.push(length > 1e-9 ? v.map((value) => value / length) : v.map(() => 0));
  }
  const [c11, c12, c22] = cholesky(deltas, s);
  const fresh = normalPairs(x.length).map(([p, r]) => [p! * c11, p! * c12 + r! * c22]);
  return x.map((row, unit) =>
    [0, 1].map((column) => {
      if (row[column]! <= 0) return 0;
      let value = fresh[unit]![column]!;
      q.forEach((direction, k) => {
        const seen = Math.sqrt(s) * z.reduce((sum, pair, i) => sum + pair[k]! * deltas[i]![column]!, 0);
        const along = fresh.reduce((sum, other, i) => sum + direction[i]! * other[column]!, 0);
        value += direction[unit]! * (seen - (correct ? along : 0));
      });
      return value;
    }),
  );
}

/** X'X of pairs: entries 11, 12, 22. */
function gram(pairs: number[][]): number[] {
  const sum = (i: number, j: number): number => pairs.reduce((total, pair) => total + pair[i]! * pair[j]!, 0);
  return [sum(0, 0), sum(0, 1), sum(1, 1)];
}

/** R with R'R = s X'X: entries 11, 12, 22. */
function cholesky(pairs: number[][], s: number): [number, number, number] {
  const [one, across, other] = gram(pairs) as [number, number, number];
  const r11 = Math.sqrt(s * one);
  const r12 = r11 > 0 ? (s * across) / r11 : 0;
  return [r11, r12, Math.sqrt(Math.max(0, s * other - r12 * r12))];
}
