/** Kernels, outputs and Jacobians at the edges of what doubles hold: right, or an error that says why. */
import {
  createSpec,
  Mlp,
  type NdArray,
  type NetworkSpec,
  sampleNtk,
  type SpecOptions,
} from '../../src/index';
import { testedBackends } from '../support/backends';

const ENTRIES = [1, 2, 2, 2, -1, 0.5];

function inputs(scale = 1): NdArray<Float64Array> {
  return { data: Float64Array.from(ENTRIES, (entry) => entry * scale), shape: [2, 3] };
}

function specOf(options: Partial<SpecOptions>): NetworkSpec {
  return createSpec({ inputDim: 3, depth: 5, width: 20, ...options });
}

/** The largest distance, relative to the largest entry. */
function distance(found: ArrayLike<number>, expected: ArrayLike<number>): number {
  let [largest, apart] = [0, 0];
  for (let i = 0; i < expected.length; i++) {
    largest = Math.max(largest, Math.abs(expected[i]!));
    apart = Math.max(apart, Math.abs(found[i]! - expected[i]!));
  }
  expect(found.length).toBe(expected.length);
  return apart / largest;
}

const REFUSED = { name: 'DeepntkError', code: 'ERR_COMPUTATION' };

describe.each(testedBackends())('%s backend', (backend) => {
  /** The kernel of the same net by the direct sampler, whose numbers have exponents of their own. */
  async function reference(spec: NetworkSpec, X: NdArray): Promise<Float64Array> {
    const { replicaKernels, exponent } = await sampleNtk(spec, X, {
      replicas: 2,
      seed: 1,
      sampler: 'direct',
      keepReplicas: true,
      backend,
    });
    const half = exponent >> 1;
    return replicaKernels!.data.slice(0, 4).map((value) => value * 2 ** half * 2 ** (exponent - half));
  }

  describe.each([
    ['float64', 1e-12],
    ['mixed', 3e-6],
  ] as const)('%s', (precision, tolerance) => {
    test.each<[string, Partial<SpecOptions>, number]>([
      ['10,000 layers at the edge of chaos', { depth: 10_000 }, 1],
      ['10,000 layers, ordered, with biases', { depth: 10_000, weightVariance: 1e-6, biasVariance: 1 }, 1],
      ['100,000 units', { hiddenWidths: [100_000, 3], depth: undefined!, width: undefined! }, 1],
      ['one unit a layer, dead', { depth: 50, width: 1 }, 1],
      ['sigma_w^2 = 1e6', { weightVariance: 1e6, depth: 25 }, 1],
      ['sigma_w^2 = 1e-6', { weightVariance: 1e-6, depth: 60 }, 1],
      ['inputs of norm 1e-150', {}, 1e-150],
      ['inputs of norm 1e-150, biases', { biasVariance: 0.1 }, 1e-150],
      ['inputs of norm 1e150', {}, 1e150],
      ['inputs of norm 1e150, biases', { biasVariance: 0.1 }, 1e150],
      ['denormal inputs, biases', { biasVariance: 0.1 }, 1e-310],
      ['biases of 1e-150', { weightVariance: 1, biasVariance: 1e-300, depth: 3000 }, 1],
    ])('%s: the kernel of the same net from numbers with exponents', async (_, options, scale) => {
      const { depth, width, ...rest } = options;
      const spec =
        'hiddenWidths' in options
          ? createSpec({ inputDim: 3, ...rest } as SpecOptions)
          : specOf({ ...rest, ...(depth && { depth }), ...(width && { width }) });
      const X = inputs(scale);
      const { data } = await Mlp.random(spec, { seed: 1 }).ntk(X, null, { backend, precision });
      expect(distance(data, await reference(spec, X))).toBeLessThan(tolerance);
    });

    test.each([-498, -100, 100, 498])('inputs times 2^%d scale the kernel exactly', async (power) => {
      const net = Mlp.random(specOf({ biasGradients: false }), { seed: 2 });
      const options = { backend, precision };
      const [plain, scaled] = await Promise.all([
        net.ntk(inputs(), null, options),
        net.ntk(inputs(2 ** power), null, options),
      ]);
      expect(scaled.data.map((value) => value * 2 ** -power * 2 ** -power)).toEqual(plain.data);
    });

    test.each<[string, Partial<SpecOptions>, number]>([
      ['activations that vanish in 1800 layers', { depth: 2500, width: 40, weightVariance: 1 }, 1],
      ['activations that vanish in 90 layers', { depth: 10_000, width: 30, weightVariance: 1e-6 }, 1],
      ['denormal inputs without biases', {}, 1e-310],
      ['a kernel of 1e320', {}, 1e160],
      ['10,000 chaotic layers', { depth: 10_000, width: 30, weightVariance: 1e6 }, 1],
    ])('%s: an error that says why', async (_, options, scale) => {
      const net = Mlp.random(specOf(options), { seed: 1 });
      await expect(net.ntk(inputs(scale), null, { backend, precision })).rejects.toMatchObject({
        ...REFUSED,
        message: expect.stringMatching(/range of doubles/) as string,
      });
    });
  });

  test('a vanishing signal is an error of the Jacobian too; outputs are 0, their nearest double', async () => {
    const net = Mlp.random(specOf({ depth: 300, width: 30, weightVariance: 1e-6 }), { seed: 1 });
    await expect(net.jacobian(inputs(), { backend })).rejects.toMatchObject(REFUSED);
    expect((await net.forward(inputs(), { backend })).data).toEqual(new Float64Array(2));
  });

  test('outputs beyond doubles are an error; allowNonFinite gives them as they are', async () => {
    const net = Mlp.random(specOf({ depth: 200, width: 30, weightVariance: 1e6 }), { seed: 1 });
    await expect(net.forward(inputs(), { backend })).rejects.toMatchObject(REFUSED);
    await expect(net.jacobian(inputs(), { backend })).rejects.toMatchObject(REFUSED);
    const { data } = await net.forward(inputs(), { backend, allowNonFinite: true });
    expect(data.every((value) => !Number.isFinite(value))).toBe(true);
  });

  test.each([-1000, -500, 500, 1000])('inputs times 2^%d scale outputs exactly', async (power) => {
    const net = Mlp.random(specOf({}), { seed: 2 });
    const [plain, scaled] = await Promise.all([
      net.forward(inputs(), { backend }),
      net.forward(inputs(2 ** power), { backend }),
    ]);
    expect(scaled.data).toEqual(plain.data.map((value) => value * 2 ** power));
  });

  test('sigma_w^2 = 1e-6 and 1e6: every part is the one at 2, scaled', async () => {
    const depth = 10;
    const parts = async (weightVariance: number) =>
      (
        await Mlp.random(specOf({ depth, weightVariance }), { seed: 1 }).ntk(inputs(), null, {
          backend,
          perLayer: true,
        })
      ).perLayer;
    const plain = await parts(2);
    for (const weightVariance of [1e-6, 1e6]) {
      const { weights, biases } = await parts(weightVariance);
      const a = weightVariance / 2;
      weights.forEach(({ data }, i) => {
        const expected = plain.weights[i]!.data.map((value) => value * a ** depth);
        expect(distance(data, expected)).toBeLessThan(1e-13);
      });
      biases.forEach(({ data }, i) => {
        const expected = plain.biases[i]!.data.map((value) => value * a ** (depth - i));
        expect(distance(data, expected)).toBeLessThan(1e-13);
      });
    }
  });
});
