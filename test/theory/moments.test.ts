import { createSpec, type NetworkSpec, type SpecOptions } from '../../src/network/spec';
import { moments } from '../../src/theory/moments';
import montecarlo from '../golden/montecarlo.json';

const constant = (width: number, depth: number, inputDim: number, weightVariance: number): NetworkSpec =>
  createSpec({ inputDim, depth, width, weightVariance });

describe('golden values', () => {
  // Printed with ten digits.
  it.each([
    [30, 10, 30, 2.0, 1, 11, 11, 400.4206988, 234.4589816, 215.1177991, 2.240612523],
    [100, 25, 100, 1.6, 1, 0.09822522284, 4.984888427, 0.02479633051, 0.5875667865, 27.25126847, 1.101135905],
    [100, 49, 784, 2.2, 3, 2321.137318, 1163.908529, 36933899.48, 13627463.42, 8107281.857, 5.952479762],
    [300, 20, 784, 2.2, 1, 58.21346895, 64.00249944, 4303.804224, 4376.300331, 4867.306305, 1.199974538],
  ])('of width %d, depth %d, input %d, sigma_w^2 = %d', (M, L, n0, sw2, inputNorm2, w, b, ww, wb, bb, R) => {
    const result = moments(constant(M, L, n0, sw2), { inputNorm2 });
    const { secondMomentParts: parts } = result;
    const got = [result.weights, result.biases, parts.weights, parts.cross, parts.biases, result.dispersion];
    expect(got.map((value) => Number(value.toPrecision(10)))).toEqual([w, b, ww, wb, bb, R]);
  });

  it.each(PAPER_GRID())('of the paper’s grid, sigma_w^2 = %d', (weightVariance, expected) => {
    const got = [1, 5, 10, 25, 49].map(
      (depth) => moments(constant(100, depth, 100, weightVariance)).dispersion,
    );
    expect(got.map((value) => Number(value.toFixed(6)))).toEqual(expected);
  });

  it.each([
    [[8, 8, 8, 8], 1, 0.3, true, 6.3, 64.57041275, 1.62686855],
    [[8, 4, 8, 8], 3, 0.2, false, 50.5625, 13313.10016029, 5.207414182],
  ])(
    'with sigma_b^2 > 0, hidden widths %j',
    (hiddenWidths, weightVariance, biasVariance, biasGradients, mean, second, R) => {
      const result = moments(
        createSpec({ inputDim: 5, hiddenWidths, weightVariance, biasVariance, biasGradients }),
      );
      expect(result.mean).toBeCloseTo(mean, 12);
      expect(result.secondMoment).toBeCloseTo(second, 8);
      expect(result.dispersion).toBeCloseTo(R, 9);
    },
  );

  it.each([
    [[14, 16, 12], 2, 0, 'standard', 3682.8131, 40.8102],
    [[14, 12, 16], 1.5, 0.4, 'standard', 5120.5996, 20.9706],
    [[14, 12, 16], 2.2, 0.3, 'ntk', 592.8672, 5.0891],
  ] as const)(
    'of three outputs, %j',
    (hiddenWidths, weightVariance, biasVariance, parametrization, trace, across) => {
      const spec = createSpec({
        inputDim: 5,
        hiddenWidths,
        outputDim: 3,
        weightVariance,
        biasVariance,
        parametrization,
      });
      const result = moments(spec, { inputNorm2: 1.3 });
      expect(result.secondMoment).toBeCloseTo(trace, 4);
      expect(result.offDiagonalSecondMoment).toBeCloseTo(across, 4);
    },
  );

  it.each(
    montecarlo.records.map((record) => [record.hidden_layers, record.sigma_w_squared, record] as const),
  )('of the stored Monte Carlo runs: depth %d, sigma_w^2 = %d', (depth, weightVariance, record) => {
    const options = { inputDim: record.n0, depth, width: record.width, weightVariance };
    const check = (spec: NetworkSpec, run: (typeof record)['same_input']['weights_only']): void => {
      const { mean, secondMoment } = moments(spec);
      expect(Math.abs(mean - run.mean)).toBeLessThan(4 * run.se_mean);
      // Where one replica carries more than 2 % of a second moment, its standard error is itself too small.
      if (run.largest_share_of_second_moment > 0.02) return;
      expect(Math.abs(secondMoment - run.second_moment)).toBeLessThan(4 * run.se_second_moment);
    };
    check(createSpec(options), record.same_input.bias_gradients_counted);
    check(createSpec({ ...options, biasGradients: false }), record.same_input.weights_only);
  });
});

describe('the recursion agrees with the closed form at sigma_b^2 = 0', () => {
  it.each<SpecOptions>([
    { inputDim: 7, hiddenWidths: [13, 40, 2, 9, 21], weightVariance: 1.3 },
    { inputDim: 100, hiddenWidths: [50, 60, 70, 80], weightVariance: 2 },
    { inputDim: 3, depth: 30, width: 25, weightVariance: 3.1 },
  ])('%j', (options) => {
    const spec = createSpec(options);
    const { secondMomentParts: parts } = moments(spec, { inputNorm2: 1.7 });
    const closed = closedForm(spec, 1.7);
    // 1e-12: sums of a few hundred positive terms on either side.
    expect(parts.weights / closed.ww).toBeCloseTo(1, 12);
    expect(parts.cross / closed.wb).toBeCloseTo(1, 12);
    expect(parts.biases / closed.bb).toBeCloseTo(1, 12);
  });
});

describe('numerics', () => {
  it.each([1e-6, 1, 2, 3, 1e6])(
    'depth 100,000 at sigma_w^2 = %d gives finite, right logarithms',
    (weightVariance) => {
      const depth = 100_000;
      const a = weightVariance / 2;
      const result = moments(
        createSpec({ inputDim: 50, depth, width: 50, weightVariance, biasGradients: false }),
      );
      // Weight gradients alone: E Theta = (L + 1) a^L at n_0 = M, and R from the products of p and q in closed
      // form.
      expect(result.logMean).toBeCloseTo(Math.log(depth + 1) + depth * Math.log(a), 4);
      const logDispersion = depth * Math.log1p(5 / 50) + Math.log(closedDispersionRest(50, depth));
      expect(result.logDispersion / logDispersion).toBeCloseTo(1, 11);
      expect(result.logSecondMoment / (2 * result.logMean + logDispersion)).toBeCloseTo(1, 11);
      const withBiases = moments(
        createSpec({ inputDim: 50, depth, width: 50, weightVariance, biasVariance: 0.3 }),
      );
      for (const value of [withBiases.logMean, withBiases.logSecondMoment, withBiases.logDispersion]) {
        expect(Number.isFinite(value)).toBe(true);
      }
    },
  );

  it('a small relative variance keeps its digits', () => {
    // One hidden layer, weights only, n_0 = n_1 = M, sigma_w^2 = 2: Theta = |x^1|^2 + |delta^1|^2, both of mean 1
    // and relative variance 5/M, with E of the product 1 + 1/M. So Var / mean^2 = (5 + 5 + 2) / (4 M) exactly.
    const M = 1e12;
    const spec = createSpec({ inputDim: M, hiddenWidths: [M], biasGradients: false });
    expect(moments(spec).relativeVariance / (3 / M)).toBeCloseTo(1, 14);
  });

  it('does not depend on the scale of weights and input where biases have no part', () => {
    const at = (weightVariance: number, inputNorm2: number): number =>
      moments(createSpec({ inputDim: 9, depth: 6, width: 20, weightVariance, biasGradients: false }), {
        inputNorm2,
      }).dispersion;
    expect(at(1e-5, 1e-200) / at(2, 1)).toBeCloseTo(1, 13);
    expect(at(1e5, 1e200) / at(2, 1)).toBeCloseTo(1, 13);
  });

  it('an ordered net with biases forgets its input, however large: numbers that were out of range come back', () => {
    const spec = createSpec({ inputDim: 10, depth: 3000, width: 2, weightVariance: 0.5, biasVariance: 1e-9 });
    const { relativeVariance } = moments(spec);
    expect(relativeVariance).toBeGreaterThan(0.01);
    expect(moments(spec, { inputNorm2: 1e300 }).relativeVariance / relativeVariance).toBeCloseTo(1, 12);
  });

  it('takes less than a second for 1,000 calls at depth 1,000', () => {
    const spec = constant(100, 1000, 100, 2);
    moments(spec);
    const before = process.cpuUsage();
    for (let i = 0; i < 1000; i++) moments(spec);
    // 0.05 s of processor time alone on a machine; the bound is the promise itself.
    expect(process.cpuUsage(before).user).toBeLessThan(1e6);
  });
});

describe('special nets', () => {
  it('a net without hidden layers has a kernel that is not random', () => {
    const result = moments(createSpec({ inputDim: 4, hiddenWidths: [], outputDim: 3 }), { inputNorm2: 2.5 });
    expect(result).toMatchObject({ mean: 10.5, variance: 0, dispersion: 1, offDiagonalSecondMoment: 0 });
  });

  it('a zero input has the kernel of the biases alone', () => {
    const spec = constant(20, 4, 20, 1);
    const { weights, biases, dispersion } = moments(spec, { inputNorm2: 0 });
    expect([weights, biases]).toEqual([0, 1.9375]);
    expect(dispersion).toBeCloseTo(moments(spec).secondMomentParts.biases / 1.9375 ** 2, 12);
  });

  it('the trace over outputs and one entry have the same mean, and the trace varies less', () => {
    const result = moments(createSpec({ inputDim: 10, depth: 5, width: 30, outputDim: 10 }));
    const one = moments(createSpec({ inputDim: 10, depth: 5, width: 30 }));
    expect(result.mean).toBeCloseTo(10 * one.mean, 10);
    expect(result.entry).toEqual({
      ...one,
      weights: undefined,
      biases: undefined,
      secondMomentParts: undefined,
      entry: undefined,
      offDiagonalSecondMoment: undefined,
      offDiagonalRelativeVariance: undefined,
    });
    expect(result.dispersion).toBeLessThan(one.dispersion);
    expect(one.offDiagonalSecondMoment).toBeNull();
  });
});

describe('bad input is one clear error', () => {
  const spec = constant(20, 4, 20, 2);
  it.each([
    [
      'a negative norm',
      () => moments(spec, { inputNorm2: -1 }),
      'inputNorm2: expected a finite number >= 0, got -1',
    ],
    ['NaN', () => moments(spec, { inputNorm2: NaN }), 'inputNorm2: expected a finite number >= 0, got NaN'],
    ['no spec', () => moments({} as NetworkSpec), 'moments: spec: expected a spec made by createSpec'],
    ['a misspelt option', () => moments(spec, { norm2: 1 } as object), 'unknown option "norm2"'],
    [
      'a kernel that is zero',
      () => moments(createSpec({ inputDim: 2, depth: 1, width: 2, biasGradients: false }), { inputNorm2: 0 }),
      'expected a number > 0',
    ],
    ['a zero width', () => createSpec({ inputDim: 2, hiddenWidths: [3, 0] }), 'hiddenWidths[1]'],
    [
      'a negative variance',
      () => createSpec({ inputDim: 2, hiddenWidths: [3], weightVariance: -1 }),
      'weightVariance',
    ],
  ])('%s', (_, call, message) => {
    expect(call).toThrow(message);
  });
});

/**
 * E Theta_w^2, E Theta_w Theta_b, E Theta_b^2 as double sums over layers (standard parametrization, sigma_b^2 = 0,
 * one output).
 */
function closedForm({ widths, weightVariance, depth }: NetworkSpec, inputNorm2: number) {
  const a = weightVariance / 2;
  const n = (l: number): number => widths[l]!;
  const product = (from: number, to: number, factor: (width: number) => number): number => {
    let result = 1;
    for (let k = from; k <= to; k++) result *= factor(n(k));
    return result;
  };
  const p = (width: number): number => 1 + 5 / width;
  const q = (width: number): number => 1 - 1 / width;
  const X = (l: number): number => (inputNorm2 * a ** l * n(l)) / n(0);
  const X2 = (l: number): number => X(l) ** 2 * product(1, l, p);
  const D2 = (l: number): number => a ** (2 * (depth + 1 - l)) * product(l, depth, p);
  const G = (from: number, to: number): number => product(from, to, p) / 3 + (2 / 3) * product(from, to, q);
  let [ww, wb, bb] = [0, 0, 0];
  for (let l = 1; l <= depth + 1; l++) {
    for (let m = l; m <= depth + 1; m++) {
      const twice = l === m ? 1 : 2;
      const geometry = a ** (2 * (m - l)) * (n(m - 1) / n(l - 1)) * G(l, m - 1) * D2(m);
      ww += twice * X2(l - 1) * geometry;
      bb += twice * a ** (m - l) * D2(m);
      wb += X(l - 1) * a ** (m - l) * D2(m) + (l < m ? X(l - 1) * geometry : 0);
    }
  }
  return { ww, wb, bb };
}

/** R / (1 + 5/M)^L for weights alone at n_0 = M, from geometric sums of 1 and of (q/p)^k. */
function closedDispersionRest(M: number, depth: number): number {
  const N = depth + 1;
  const t = (1 - 1 / M) / (1 + 5 / M);
  const geometric = N / (1 - t) - (1 - t ** N) / (1 - t) ** 2; // sum over l <= m of t^(m - l)
  const pairs = (1 / 3) * N * N + (2 / 3) * (2 * geometric - N);
  return pairs / (N * N);
}

function PAPER_GRID(): [number, number[]][] {
  return [
    [0.5, [1.005918, 1.003433, 1.003345, 1.003344, 1.003344]],
    [0.8, [1.009587, 1.010784, 1.009642, 1.009615, 1.009615]],
    [1.0, [1.0116, 1.020368, 1.017219, 1.016949, 1.016949]],
    [1.2, [1.013316, 1.035144, 1.030646, 1.028941, 1.028939]],
    [1.4, [1.014787, 1.054373, 1.057286, 1.050589, 1.050463]],
    [1.5, [1.015444, 1.064849, 1.079165, 1.069415, 1.068704]],
    [1.6, [1.016055, 1.075369, 1.107951, 1.101136, 1.097603]],
    [1.7, [1.016626, 1.085586, 1.142662, 1.164443, 1.150538]],
    [1.8, [1.017159, 1.095241, 1.180584, 1.303071, 1.287124]],
    [1.9, [1.017657, 1.104167, 1.218291, 1.556111, 1.931161]],
    [2.0, [1.018125, 1.112283, 1.252922, 1.862206, 3.932236]],
    [2.1, [1.018564, 1.119568, 1.282864, 2.110396, 5.615395]],
    [2.2, [1.018978, 1.126051, 1.307687, 2.268629, 6.294279]],
    [2.5, [1.020083, 1.141271, 1.356303, 2.44849, 6.752958]],
    [3.0, [1.02157, 1.15661, 1.389909, 2.508895, 6.872172]],
    [3.5, [1.022736, 1.164948, 1.402364, 2.52561, 6.905864]],
  ];
}
