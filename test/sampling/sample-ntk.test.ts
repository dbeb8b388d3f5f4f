import {
  createSpec,
  inputsAtCosines,
  Mlp,
  moments,
  type NdArray,
  type NtkSample,
  sampleNtk,
  type SampleNtkOptions,
} from '../../src/index';
import { testedBackends } from '../support/backends';

const spec = createSpec({ inputDim: 8, depth: 3, width: 20, outputDim: 2, weightVariance: 1.7 });
const X = inputsAtCosines([1, 0.9, 0.3], 8);

/** The largest difference between two arrays, relative to the largest entry. */
function difference(a: NdArray, b: NdArray): number {
  expect(a.shape).toEqual(b.shape);
  const largest = Math.max(...Array.from(b.data, Math.abs));
  return Math.max(...Array.from(a.data, (value, i) => Math.abs(value - b.data[i]!))) / largest;
}

describe.each(testedBackends())('sampleNtk on the %s backend', (backend) => {
  const sample = (options: Partial<SampleNtkOptions> = {}): Promise<NtkSample> =>
    sampleNtk(spec, X, { replicas: 30, seed: 3, backend, ...options });

  test('has the moments of the kernels of the nets of its seed', async () => {
    const result = await sample({ firstReplica: 5, keepReplicas: true, quantiles: [0, 0.5, 1] });
    const kernels: Float64Array[] = [];
    for (let replica = 5; replica < 35; replica++) {
      kernels.push((await Mlp.random(spec, { seed: 3, replica }).ntk(X, null, { backend })).data);
    }
    expect(result.replicaKernels!.shape).toEqual([30, 3, 3]);
    expect(result.replicaKernels!.data).toEqual(Float64Array.from(kernels.flatMap((kernel) => [...kernel])));
    const column = (i: number): number[] => kernels.map((kernel) => kernel[i]!);
    const average = (values: number[]): number => values.reduce((sum, v) => sum + v, 0) / values.length;
    for (let i = 0; i < 9; i++) {
      const values = column(i);
      const mean = average(values);
      const variance = (average(values.map((v) => (v - mean) ** 2)) * 30) / 29;
      expect(result.mean.data[i]).toBeCloseTo(mean, 9);
      expect(result.variance.data[i]).toBeCloseTo(variance, 8);
      expect(result.standardError.data[i]).toBeCloseTo(Math.sqrt(variance / 30), 9);
      expect(result.dispersion.data[i]).toBeCloseTo(average(values.map((v) => v * v)) / mean ** 2, 9);
      const diagonal = column(4 * Math.floor(i / 3));
      expect(result.ratio.mean.data[i]).toBeCloseTo(average(values.map((v, r) => v / diagonal[r]!)), 9);
      const sorted = values.sort((a, b) => a - b);
      const quantiles = result.quantiles.map(({ entries }) => entries.data[i]!);
      expect(quantiles).toEqual([sorted[0], (sorted[14]! + sorted[15]!) / 2, sorted[29]]);
    }
  });

  test('does not depend on the number of threads', async () => {
    const { threads, ...one } = await sample({ threads: 1 });
    const { threads: three, ...other } = await sample({ threads: 3 });
    expect([threads, three]).toEqual([1, 3]);
    expect(other).toEqual(one);
  });

  test.each(['standard', 'ntk'] as const)(
    'serves other weight variances by exact scaling, in %s parametrization',
    async (parametrization) => {
      const net = { inputDim: 8, hiddenWidths: [20, 13, 17], parametrization };
      const one = createSpec({ ...net, weightVariance: 1.3 });
      const options = { replicas: 10, seed: 3, backend };
      const swept = await sampleNtk(one, X, { ...options, weightVariances: [0.5, 1.3, 4] });
      const variances = swept.byWeightVariance.map(({ weightVariance }) => weightVariance);
      expect(variances).toEqual([0.5, 1.3, 4]);
      for (const scaled of swept.byWeightVariance) {
        const { weightVariance } = scaled;
        const drawn = await sampleNtk(createSpec({ ...net, weightVariance }), X, options);
        // The same numbers up to the rounding of four layers.
        expect(difference(scaled.mean, drawn.mean)).toBeLessThan(1e-13);
        expect(difference(scaled.variance, drawn.variance)).toBeLessThan(1e-12);
      }
      expect(swept.mean).toEqual(swept.byWeightVariance[1]!.mean);
    },
  );

  test('agrees with the exact moments on the diagonal', async () => {
    const { mean, standardError } = await sample({ replicas: 600 });
    const exact = moments(spec, { inputNorm2: 1 }).mean;
    for (const i of [0, 4, 8]) {
      expect(Math.abs(mean.data[i]! - exact)).toBeLessThan(4 * standardError.data[i]!);
    }
  });

  test('the mean over outputs is the trace divided by their number', async () => {
    const [trace, mean] = [await sample(), await sample({ outputs: 'mean' })];
    expect(difference(mean.mean, { ...trace.mean, data: trace.mean.data.map((v) => v / 2) })).toBeLessThan(
      1e-15,
    );
  });

  test('tells of equal inputs by an infinite condition number, and of one input by 1', async () => {
    const twice = await sampleNtk(spec, inputsAtCosines([1, 1], 8), { replicas: 5, seed: 1, backend });
    expect(twice.conditionNumber.mean).toBe(Infinity);
    expect(twice.largestEigenvalue.mean).toBeCloseTo(2 * twice.mean.data[0]!, 9);
    const once = await sampleNtk(spec, inputsAtCosines([0.5], 8), { replicas: 5, seed: 1, backend });
    expect(once.conditionNumber).toEqual({ mean: 1, variance: 0, standardError: 0 });
  });

  test('stops with the signal, and says when a kernel overflows', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    setTimeout(() => {
      controller.abort(reason);
    }, 50);
    await expect(sample({ replicas: 1e7, signal: controller.signal })).rejects.toBe(reason);
    const deep = createSpec({ inputDim: 8, depth: 900, width: 20, weightVariance: 8 });
    await expect(sampleNtk(deep, X, { replicas: 2, seed: 1, backend })).rejects.toMatchObject({
      code: 'ERR_COMPUTATION',
    });
  });
});

test('inputs at cosines have them exactly', () => {
  const cosines = [1, 0.9, -0.5, 0];
  const { data, shape } = inputsAtCosines(cosines, 6);
  expect(shape).toEqual([4, 6]);
  const dot = (i: number, j: number): number =>
    Array.from({ length: 6 }, (_, k) => data[6 * i + k]! * data[6 * j + k]!).reduce((sum, v) => sum + v, 0);
  cosines.forEach((c, i) => {
    expect(dot(i, i)).toBeCloseTo(1, 15);
    cosines.slice(0, i).forEach((d, j) => {
      expect(dot(i, j) - c * d).toBe(0);
    });
  });
  expect(() => inputsAtCosines([1, 0.5], 2)).toThrow(/inputDim: expected an integer >= 3/);
  expect(() => inputsAtCosines([1.5], 4)).toThrow(/cosines\[0\]: expected a number from -1 to 1/);
});

test('arguments are checked, and complaints name them', async () => {
  const bad = (options: object) => expect(sampleNtk(spec, X, { seed: 1, replicas: 3, ...options }));
  await bad({ replicas: 1 }).rejects.toThrow(/replicas: expected an integer >= 2/);
  await bad({ quantiles: [2] }).rejects.toThrow(/quantiles\[0\]: expected a number from 0 to 1/);
  await bad({ weightVariances: [0] }).rejects.toThrow(/weightVariances\[0\]/);
  await bad({ outputs: 'full' }).rejects.toThrow(/"trace" or "mean"/);
  await bad({ sampler: 'chain' }).rejects.toThrow(/sampler: expected one of "auto", "direct"/);
  await bad({ replica: 3 }).rejects.toThrow(/unknown option "replica"/);
  await bad({ keepReplicas: true, replicas: 1e13 }).rejects.toMatchObject({ code: 'ERR_OUT_OF_MEMORY' });
  const biased = createSpec({ inputDim: 8, depth: 2, width: 5, biasVariance: 0.1 });
  const swept = sampleNtk(biased, X, { seed: 1, replicas: 3, weightVariances: [1] });
  await expect(swept).rejects.toThrow(/a net without bias variance/);
});
