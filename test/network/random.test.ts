import { createSpec, Mlp, setBackend } from '../../src/index';
import { testedBackends } from '../support/backends';

const spec = createSpec({
  inputDim: 37,
  hiddenWidths: [51, 1, 28],
  outputDim: 3,
  weightVariance: 1.7,
  biasVariance: 0.4,
});

afterEach(() => {
  setBackend('auto');
});

describe('Mlp.random', () => {
  test('draws the same bits on every backend', () => {
    const drawn = testedBackends().map((backend) => {
      setBackend(backend);
      return Mlp.random(spec, { seed: 123456789012, replica: 5_000_000_000 }).parameters;
    });
    for (const parameters of drawn) expect(parameters).toEqual(drawn[0]);
  });

  test('draws other nets for another seed, replica or layer', () => {
    const first = Mlp.random(spec, { seed: 1 });
    expect(Mlp.random(spec, { seed: 1, replica: 0 }).parameters).toEqual(first.parameters);
    for (const other of [Mlp.random(spec, { seed: 2 }), Mlp.random(spec, { seed: 1, replica: 1 })]) {
      const equal = other.parameters.filter((value, i) => value === first.parameters[i]).length;
      expect(equal).toBe(0);
    }
    const square = Mlp.random(createSpec({ inputDim: 20, depth: 2, width: 20, weightVariance: 2 }), {
      seed: 1,
    });
    expect(square.layers[0]!.weights.data).not.toEqual(square.layers[1]!.weights.data);
  });

  test('gives weights and biases the variances of the spec', () => {
    const wide = createSpec({ inputDim: 300, depth: 2, width: 400, weightVariance: 1.7, biasVariance: 0.4 });
    const moments = (values: Float64Array): [mean: number, variance: number] => {
      const mean = values.reduce((a, b) => a + b) / values.length;
      return [mean, values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length];
    };
    const { layers } = Mlp.random(wide, { seed: 4 });
    const [mean, variance] = moments(layers[1]!.weights.data);
    // 160,000 weights: five standard errors of a variance are 5 sqrt(2 / 160000) = 1.8 %.
    expect(Math.abs(variance / (1.7 / 400) - 1)).toBeLessThan(0.018);
    expect(Math.abs(mean) / Math.sqrt(variance / 160_000)).toBeLessThan(5);
    const biases = layers.slice(0, 2).flatMap((layer) => [...layer.biases.data]);
    expect(Math.abs(moments(Float64Array.from(biases))[1] / 0.4 - 1)).toBeLessThan(0.25);
    const raw = Mlp.random(createSpec({ inputDim: 300, depth: 1, width: 400, parametrization: 'ntk' }), {
      seed: 4,
    });
    expect(Math.abs(moments(raw.layers[0]!.weights.data)[1] - 1)).toBeLessThan(0.021);
  });

  test('leaves biases at exactly 0 where their variance is 0', () => {
    const { layers } = Mlp.random(createSpec({ inputDim: 4, depth: 2, width: 9 }), { seed: 1 });
    for (const { biases } of layers) expect(biases.data.every((value) => Object.is(value, 0))).toBe(true);
  });
});
