import { createSpec, inputsAtCosines, sampleNtk, type SpecOptions } from '../../src/index';
import { typicalExponent } from '../../src/sampling/matrix/typical-kernel';

const unitInput = Float64Array.of(1, 0, 0);

test.each<[string, SpecOptions]>([
  ['the edge', { inputDim: 3, depth: 300, width: 20 }],
  ['the edge, without bias gradients', { inputDim: 3, depth: 1000, width: 25, biasGradients: false }],
  ['the ordered phase', { inputDim: 3, depth: 50, width: 20, weightVariance: 1, biasGradients: false }],
  ['the chaotic phase', { inputDim: 3, depth: 2000, width: 30, weightVariance: 4 }],
  ['biases', { inputDim: 3, depth: 300, width: 20, weightVariance: 1.5, biasVariance: 0.1 }],
  ['biases, chaotic', { inputDim: 3, depth: 300, width: 20, weightVariance: 3, biasVariance: 10 }],
  ['NTK parametrization', { inputDim: 3, depth: 40, width: 20, parametrization: 'ntk', biasVariance: 0.1 }],
  ['uneven widths', { inputDim: 3, hiddenWidths: [1100, 5, 40, 8], weightVariance: 0.1 }],
  ['a linear net', { inputDim: 3, depth: 0, weightVariance: 2 }],
])('the kernel of drawn nets is near 2 to the typical exponent: %s', async (_, options) => {
  const spec = createSpec(options);
  const { replicaKernels, exponent } = await sampleNtk(
    spec,
    { data: unitInput, shape: [1, 3] },
    { replicas: 40, seed: 1, sampler: 'conditional', keepReplicas: true },
  );
  const logs = [...replicaKernels!.data].filter((value) => value > 0).map((value) => Math.log2(value));
  const mean = logs.reduce((sum, log) => sum + log, 0) / logs.length + exponent;
  const deviation = Math.sqrt(logs.reduce((sum, log) => sum + (log + exponent - mean) ** 2, 0) / logs.length);
  // Floor, the logarithm of a sum, a finite sample.
  const found = typicalExponent(spec, spec.weightVariance, unitInput) + 0.5;
  expect(Math.abs(found - mean)).toBeLessThan(2 + deviation);
});

test('it goes with the longest input, of any size; a kernel that is zero has 0', () => {
  const spec = createSpec({ inputDim: 3, depth: 3, width: 20, biasGradients: false });
  const at = (...x: number[]): number => typicalExponent(spec, 2, Float64Array.from(x));
  const one = at(1, 0, 0);
  expect(at(0.1, 0, 0, 2 ** 300, 0, 0) - one).toBe(600);
  expect(Math.abs(at(1e308, 1e308, 1e308) - one - 2048)).toBeLessThan(3);
  expect(Math.abs(at(5e-324, 0, 0) - one + 2148)).toBeLessThan(2);
  expect(at(0, 0, 0)).toBe(0);
});

test('the unit of results depends on the settings and not on the replicas', async () => {
  const X = inputsAtCosines([1, 0.2], 3);
  for (const weightVariance of [1, 2, 4]) {
    const net = { inputDim: 3, depth: 2000, width: 12, biasGradients: false };
    const spec = createSpec({ ...net, weightVariance });
    const exponents = [];
    for (const firstReplica of [0, 3, 1000]) {
      const options = { replicas: 4, seed: 1, firstReplica, sampler: 'conditional' } as const;
      const { exponent, mean } = await sampleNtk(spec, X, options);
      exponents.push(exponent);
      // One in three such nets is dead.
      expect(mean.data[0]).toBeGreaterThan(0);
      expect(mean.data[0]).toBeLessThan(2 ** 500);
    }
    expect(new Set(exponents).size).toBe(1);
  }
});
