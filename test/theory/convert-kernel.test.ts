import type { NdArray } from '../../src/ndarray';
import { createSpec } from '../../src/network/spec';
import { convertKernel } from '../../src/theory/convert-kernel';
import golden from '../golden/ntkparam_0.json';

const array = ({ data, shape }: { data: number[]; shape: number[] }): NdArray => ({
  data: Float64Array.from(data),
  shape,
});

describe('between the parametrizations', () => {
  const spec = createSpec({
    inputDim: golden.widths[0]!,
    hiddenWidths: golden.widths.slice(1, -1),
    outputDim: golden.widths.at(-1)!,
    weightVariance: golden.sigma_w_squared,
    biasVariance: golden.sigma_b ** 2,
    parametrization: 'ntk',
  });
  const parts = {
    weights: golden.std_per_layer_trace.weights.map(array),
    biases: golden.std_per_layer_trace.biases.map(array),
  };

  it('parts in the standard parametrization give the NTK-parametrized kernel of the same function (golden file)', () => {
    const converted = convertKernel(parts, {
      spec,
      from: { parametrization: 'standard' },
      to: { parametrization: 'ntk' },
    });
    const largest = Math.max(...golden.ntk_trace.data);
    golden.ntk_trace.data.forEach((value, i) => {
      expect(Math.abs(converted.data[i]! - value)).toBeLessThan(1e-13 * largest);
    });
  });

  it('a whole kernel does not convert where fan-ins differ, and says so', () => {
    const whole = array(golden.ntk_trace);
    expect(() => convertKernel(whole, { spec, from: {}, to: { parametrization: 'standard' } })).toThrow(
      'perLayer: true',
    );
  });

  it('a whole kernel of equal fan-ins, without biases, converts by sigma_w^2 / n', () => {
    const equal = createSpec({ inputDim: 8, depth: 3, width: 8, weightVariance: 1.6, biasGradients: false });
    const kernel = { data: Float64Array.of(1, 5, 5, 40), shape: [2, 2] };
    const { data } = convertKernel(kernel, { spec: equal, from: {}, to: { parametrization: 'ntk' } });
    expect(Array.from(data)).toEqual([1, 5, 5, 40].map((value) => expect.closeTo(value * 0.2, 14) as number));
  });
});

it('neural-tangents: the mean over outputs', () => {
  const spec = createSpec({ inputDim: 4, depth: 2, width: 3, outputDim: 5 });
  const kernel = { data: Float64Array.of(10, 20), shape: [1, 2] };
  const there = convertKernel(kernel, { spec, from: {}, to: { library: 'neural-tangents' } });
  expect(Array.from(there.data)).toEqual([2, 4]);
  const back = convertKernel(there, { spec, from: { library: 'neural-tangents' }, to: { outputs: 'trace' } });
  expect(Array.from(back.data)).toEqual([10, 20]);
  const mean = convertKernel(kernel, { spec, from: {}, to: { outputs: 'mean' } });
  expect(mean).toEqual(there);
});

describe('scikit-ntk', () => {
  // At infinite width, where its definition lives: unit vectors at 60 degrees and a bias of 0.3.
  const [cosine, bias, depth, inputDim, width] = [0.5, 0.3, 2, 4, 50];
  const spec = createSpec({ inputDim, depth, width });
  const scalar = (value: number): NdArray => ({ data: Float64Array.of(value), shape: [1, 1] });
  const k0 = (c: number): number => (Math.PI - Math.acos(c)) / Math.PI;
  const k1 = (c: number): number => (Math.sqrt(1 - c * c) + (Math.PI - Math.acos(c)) * c) / Math.PI;
  const [c1, c2] = [k1(cosine), k1(k1(cosine))];
  const gates = [k0(cosine), k0(c1)];

  // Its recursion: K^0 = x.z + bias^2, K^l = K^{l-1} k0(c_{l-1}) + k1(c_{l-1}) + bias^2, over (depth + 1) (bias^2 +
  // 1).
  let recursion = cosine + bias ** 2;
  recursion = recursion * gates[0]! + c1 + bias ** 2;
  recursion = recursion * gates[1]! + c2 + bias ** 2;
  const expected = recursion / ((depth + 1) * (bias ** 2 + 1));

  // Large-width parts of this package's net in the standard parametrization, sigma_w^2 = 2: x^{l-1}.x'^{l-1} times
  // the gates above.
  const parts = {
    weights: [
      scalar(cosine * gates[0]! * gates[1]!),
      scalar((width / inputDim) * c1 * gates[1]!),
      scalar((width / inputDim) * c2),
    ],
    biases: [scalar(gates[0]! * gates[1]!), scalar(gates[1]!), scalar(1)],
  };

  it('parts by layer give its kernel', () => {
    const converted = convertKernel(parts, { spec, from: {}, to: { library: 'scikit-ntk', bias } });
    expect(converted.data[0]).toBeCloseTo(expected, 14);
    // The normalization makes the kernel of unit vectors 1 on the diagonal.
    const one = {
      weights: [scalar(1), scalar(width / inputDim), scalar(width / inputDim)],
      biases: [scalar(1), scalar(1), scalar(1)],
    };
    expect(convertKernel(one, { spec, from: {}, to: { library: 'scikit-ntk', bias } }).data[0]).toBeCloseTo(
      1,
      14,
    );
  });

  it('is refused for another initialization', () => {
    const other = createSpec({ inputDim, depth, width, weightVariance: 1 });
    expect(() =>
      convertKernel(parts, { spec: other, from: {}, to: { library: 'scikit-ntk', bias } }),
    ).toThrow('weightVariance 2 and biasVariance 0');
  });
});

it('what the kernel does not count cannot be put into it', () => {
  const spec = createSpec({ inputDim: 4, depth: 0, parametrization: 'ntk' });
  const part = { data: Float64Array.of(1), shape: [1, 1] };
  expect(() =>
    convertKernel(
      { weights: [part], biases: [part] },
      { spec, from: { parametrization: 'ntk' }, to: { parametrization: 'standard' } },
    ),
  ).toThrow('does not count bias gradients');
});
