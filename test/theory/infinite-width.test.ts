import type { NdArray } from '../../src/ndarray';
import { createSpec, type Parametrization } from '../../src/network/spec';
import { correlationMap } from '../../src/theory/arc-cosine';
import { infiniteWidthKernels } from '../../src/theory/infinite-width';
import {
  infiniteWidthRatio,
  infiniteWidthRatioLimit,
  offDiagonalDispersionBound,
  pairMoments,
} from '../../src/theory/off-diagonal';
import ntkGolden from '../golden/infinite_ntkparam.json';
import standardGolden from '../golden/infinite_standard.json';

const inputs = (golden: { data: number[]; shape: number[] }): NdArray<Float64Array> => ({
  data: Float64Array.from(golden.data),
  shape: golden.shape,
});

/**
 * Largest error of an entry, relative to the entry. Half a unit in the last place of the inputs' angle comes on
 * top: that is what an entry of antiparallel inputs consists of (one hidden layer, no bias), 1e-16 of sqrt(K_ii
 * K_jj).
 */
function worst(got: Float64Array, expected: number[]): number {
  const count = Math.sqrt(expected.length);
  return Math.max(
    ...expected.map((value, at) => {
      const [i, j] = [Math.floor(at / count), at % count];
      const size = Math.sqrt(expected[i * (count + 1)]! * expected[j * (count + 1)]!);
      return Math.max(0, Math.abs(got[at]! - value) - 2 ** -52 * size) / Math.abs(value);
    }),
  );
}

// The references are rounded from 60 digits. 5e-14 at depth 50: each layer adds a few roundings (measured:
// 4.3e-15).
const TOLERANCE = 5e-14;

const specOf = (
  record: { hidden_layers: number; sigma_w_squared: number; sigma_b: number },
  parametrization: Parametrization,
  biasGradients = true,
) =>
  createSpec({
    inputDim: 8,
    depth: record.hidden_layers,
    width: standardGolden.width,
    weightVariance: record.sigma_w_squared,
    biasVariance: record.sigma_b ** 2,
    parametrization,
    biasGradients,
  });

it('NNGP and NTK agree with 60-digit references, parallel and antiparallel inputs included', () => {
  for (const record of ntkGolden.records) {
    const { nngp, ntk } = infiniteWidthKernels(specOf(record, 'ntk'), inputs(ntkGolden.X));
    expect(worst(nngp.data, record.nngp_reference.data)).toBeLessThan(TOLERANCE);
    expect(worst(ntk.data, record.ntk_reference.data)).toBeLessThan(TOLERANCE);
  }
});

it('the standard parametrization agrees with 60-digit references, with and without bias gradients', () => {
  for (const record of standardGolden.records) {
    const { ntk } = infiniteWidthKernels(specOf(record, 'standard'), inputs(standardGolden.X));
    expect(worst(ntk.data, record.ntk_standard_reference.data)).toBeLessThan(TOLERANCE);
    const withoutBiases = (record as { ntk_standard_no_bias_parameters_reference?: { data: number[] } })
      .ntk_standard_no_bias_parameters_reference;
    if (!withoutBiases) continue;
    const { ntk: weightsOnly } = infiniteWidthKernels(
      specOf(record, 'standard', false),
      inputs(standardGolden.X),
    );
    expect(worst(weightsOnly.data, withoutBiases.data)).toBeLessThan(TOLERANCE);
  }
});

it('rows of a second array give the same entries as one array', () => {
  const X = inputs(ntkGolden.X);
  const spec = createSpec({ inputDim: 8, depth: 7, width: 5, biasVariance: 0.2 });
  const whole = infiniteWidthKernels(spec, X);
  const X2 = { data: X.data.slice(8, 24), shape: [2, 8] };
  const part = infiniteWidthKernels(spec, X, X2);
  expect(part.ntk.shape).toEqual([6, 2]);
  for (let i = 0; i < 6; i++) {
    for (let j = 0; j < 2; j++) {
      expect(part.ntk.data[i * 2 + j]! / whole.ntk.data[i * 6 + j + 1]!).toBeCloseTo(1, 13);
    }
  }
});

it('angles stay finite and right where the kernels overflow', () => {
  const spec = createSpec({
    inputDim: 2,
    depth: 20_000,
    width: 10,
    weightVariance: 6,
    parametrization: 'ntk',
  });
  const { nngp, angle } = infiniteWidthKernels(spec, { data: Float64Array.of(1, 0, 0, 1), shape: [2, 2] });
  expect(nngp.data[0]).toBe(Infinity);
  // The angle closes like 3 pi / l; the next term is of relative order log(l) / l.
  expect(angle.data[1]! / ((3 * Math.PI) / 20_000)).toBeCloseTo(1, 2);
});

describe('the ratio of different to equal inputs', () => {
  const ratio = (depth: number, cosine: number, width = 100): number =>
    infiniteWidthRatio(createSpec({ inputDim: width, depth, width }), { cosine });

  it('has the golden values', () => {
    // Printed with four and three digits.
    expect([50, 200, 800].map((depth) => ratio(depth, 0, 1000).toFixed(4))).toEqual([
      '0.2900',
      '0.2633',
      '0.2540',
    ]);
    expect([0, 0.5, 0.9].map((cosine) => ratio(20, cosine, 40).toFixed(3))).toEqual([
      '0.324',
      '0.351',
      '0.462',
    ]);
  });

  it.each([
    ['edge of chaos', { weightVariance: 2 }, 1, 1 / 4],
    ['chaotic', { weightVariance: 3, biasVariance: 0.5 }, 1, 1 / 4],
    ['ordered, biases trained', { weightVariance: 1 }, 1, 1],
    ['ordered, biases not trained', { weightVariance: 1, biasGradients: false }, 1, 1 / 4],
    [
      'ordered, NTK parametrization without bias',
      { weightVariance: 1, parametrization: 'ntk' as const },
      1,
      1 / 4,
    ],
    ['ordered, biases', { weightVariance: 1.5, biasVariance: 0.5, biasGradients: false }, 1, 1],
    ['sigma_w^2 = 2 with biases', { weightVariance: 2, biasVariance: 0.5 }, 100, 4 / 7],
  ])('tends to its limit: %s', (_, options, inputNorm2, limit) => {
    expect(infiniteWidthRatioLimit(options)).toBe(limit);
    const spec = createSpec({ inputDim: 100, depth: 30_000, width: 100, ...options });
    // The distance to the limit is of order log(depth) / depth.
    expect(infiniteWidthRatio(spec, { cosine: -0.3, inputNorm2 })).toBeCloseTo(limit, 2);
  });
});

describe('two inputs at finite width', () => {
  it('one hidden layer: the mean is the infinite-width kernel exactly', () => {
    const spec = createSpec({ inputDim: 2, hiddenWidths: [17], weightVariance: 1.6, biasVariance: 0.2 });
    const { ntk } = infiniteWidthKernels(spec, { data: Float64Array.of(1, 0, 0.6, 0.8), shape: [2, 2] });
    expect(pairMoments(spec, { cosine: 0.6 }).mean).toBeCloseTo(ntk.data[1]!, 13);
  });

  it('antiparallel inputs of one hidden layer share no open gate: the kernel is the last bias’s alone', () => {
    const { mean, variance } = pairMoments(createSpec({ inputDim: 2, hiddenWidths: [17] }), { cosine: -1 });
    expect([mean, variance]).toEqual([1, 0]);
  });

  it('what does not close is said to', () => {
    const spec = createSpec({ inputDim: 2, hiddenWidths: [17, 17] });
    expect(() => pairMoments(spec, { cosine: 0.5 })).toThrow('close for at most one hidden layer');
  });

  it('the bound by Cauchy and Schwarz holds where the exact value is known', () => {
    const spec = createSpec({ inputDim: 10, hiddenWidths: [20] });
    const same = pairMoments(spec, { cosine: 1 });
    for (const cosine of [-0.5, 0, 0.5, 0.9]) {
      const other = pairMoments(spec, { cosine });
      const bound = offDiagonalDispersionBound({
        dispersion: same.dispersion,
        ratio: other.mean / same.mean,
      });
      expect(other.dispersion).toBeLessThanOrEqual(bound);
    }
  });
});

it('the correlation map has its known values', () => {
  expect(correlationMap(1)).toBe(1);
  expect(correlationMap(0)).toBeCloseTo(1 / Math.PI, 15);
  expect(correlationMap(-1)).toBeCloseTo(0, 15);
  expect(correlationMap(0.5)).toBeCloseTo((Math.sqrt(0.75) + Math.PI / 3) / Math.PI, 15);
});

describe('bad input is one clear error', () => {
  const spec = createSpec({ inputDim: 2, depth: 1, width: 3 });
  it.each([
    [
      'a wrong shape',
      { data: new Float64Array(6), shape: [2, 3] },
      'x: expected N x 2, got shape [2, 3]: each row is one input, so you may need the transpose',
    ],
    [
      'NaN',
      { data: Float64Array.of(0, NaN), shape: [1, 2] },
      'x: entry 1: expected a finite number, got NaN',
    ],
    [
      'text',
      'x' as unknown as NdArray,
      'x: expected nested arrays of numbers, a typed array or { data, shape }',
    ],
  ])('%s', (_, x, message) => {
    expect(() => infiniteWidthKernels(spec, x)).toThrow(message);
  });
  it('a cosine beyond 1', () => {
    expect(() => infiniteWidthRatio(spec, { cosine: 1.1 })).toThrow(
      'cosine: expected a number from -1 to 1, got 1.1',
    );
  });
});
