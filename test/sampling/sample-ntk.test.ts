import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import {
  createSpec,
  inputsAtCosines,
  Mlp,
  moments,
  type NdArray,
  type NtkOutputs,
  type NtkSample,
  readNpy,
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

/** The eigenvalues of a symmetric 3 x 3 matrix from the largest down, by the cosines of the cubic's three roots. */
function eigenvaluesOf3(a: Float64Array): [number, number, number] {
  const [a11, a12, a13, , a22, a23, , , a33] = a as unknown as number[];
  const mean = (a11! + a22! + a33!) / 3;
  const [b11, b22, b33] = [a11! - mean, a22! - mean, a33! - mean];
  const p = Math.sqrt((b11 ** 2 + b22 ** 2 + b33 ** 2 + 2 * (a12! ** 2 + a13! ** 2 + a23! ** 2)) / 6);
  const determinant =
    b11 * (b22 * b33 - a23! ** 2) - a12! * (a12! * b33 - a23! * a13!) + a13! * (a12! * a23! - b22 * a13!);
  const angle = Math.acos(Math.max(-1, Math.min(1, determinant / 2 / p ** 3))) / 3;
  const root = (turn: number): number => mean + 2 * p * Math.cos(angle + (turn * 2 * Math.PI) / 3);
  return [root(0), root(2), root(1)];
}

describe.each(testedBackends())('sampleNtk on the %s backend', (backend) => {
  const sample = (options: Partial<SampleNtkOptions> = {}): Promise<NtkSample> =>
    sampleNtk(spec, X, { replicas: 30, seed: 3, backend, sampler: 'direct', ...options });

  test('has the moments of the kernels of the nets of its seed', async () => {
    const result = await sample({ firstReplica: 5, keepReplicas: true, quantiles: [0, 0.5, 1] });
    const kernels: Float64Array[] = [];
    for (let replica = 5; replica < 35; replica++) {
      kernels.push((await Mlp.random(spec, { seed: 3, replica }).ntk(X, null, { backend })).data);
    }
    expect(result.replicaKernels!.shape).toEqual([30, 3, 3]);
    const drawn = { data: Float64Array.from(kernels.flatMap((kernel) => [...kernel])), shape: [30, 3, 3] };
    expect(difference(result.replicaKernels!, drawn)).toBeLessThan(1e-14);
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
      [sorted[0]!, (sorted[14]! + sorted[15]!) / 2, sorted[29]!].forEach((value, q) => {
        expect(quantiles[q]).toBeCloseTo(value, 10);
      });
    }
  });

  test('moments and quantiles of ratios, largest eigenvalues and condition numbers are those of the kernels', async () => {
    const result = await sample({ keepReplicas: true, quantiles: [0.5] });
    const kernels = Array.from({ length: 30 }, (_, r) =>
      result.replicaKernels!.data.subarray(9 * r, 9 * r + 9),
    );
    const spectra = kernels.map((kernel) => eigenvaluesOf3(kernel));
    const largest = spectra.map(([first]) => first);
    const conditions = spectra.map(([first, , last]) => first / last);
    const median = (values: number[]): number => {
      const sorted = [...values].sort((a, b) => a - b);
      return (sorted[14]! + sorted[15]!) / 2;
    };
    for (const [moment, values] of [
      [result.largestEigenvalue, largest],
      [result.conditionNumber, conditions],
    ] as const) {
      const mean = values.reduce((sum, v) => sum + v, 0) / 30;
      const variance = values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / 29;
      // Small eigenvalues lose digits in the closed form.
      expect(moment.mean / mean).toBeCloseTo(1, 7);
      expect(moment.variance / variance).toBeCloseTo(1, 6);
      expect(moment.standardError).toBeCloseTo(Math.sqrt(moment.variance / 30), 10);
    }
    const [half] = result.quantiles;
    expect(half!.largestEigenvalue / median(largest)).toBeCloseTo(1, 9);
    expect(half!.conditionNumber / median(conditions)).toBeCloseTo(1, 7);
    for (let i = 0; i < 9; i++) {
      const ratios = kernels.map((kernel) => kernel[i]! / kernel[4 * Math.floor(i / 3)]!);
      expect(half!.ratio.data[i]).toBeCloseTo(median(ratios), 12);
    }
  });

  test.each(['direct', 'conditional'] as const)(
    '%s: does not depend on the number of threads',
    async (sampler) => {
      const { threads: one, ...alone } = await sample({ sampler, quantiles: [0.9], threads: 1 });
      for (const threads of [2, 7]) {
        const { threads: used, ...together } = await sample({ sampler, quantiles: [0.9], threads });
        expect([one, used]).toEqual([1, threads]);
        expect(together).toEqual(alone);
      }
    },
  );

  test.each([
    ['standard', 'direct'],
    ['ntk', 'direct'],
    ['standard', 'conditional'],
    ['ntk', 'conditional'],
  ] as const)(
    'serves other weight variances by exact scaling, in %s parametrization, %s sampler',
    async (parametrization, sampler) => {
      const net = { inputDim: 8, hiddenWidths: [20, 13, 17], parametrization };
      const one = createSpec({ ...net, weightVariance: 1.3 });
      const options = { replicas: 10, seed: 3, backend, sampler };
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

  test.each(['direct', 'conditional'] as const)(
    '%s: agrees with the exact moments on the diagonal',
    async (sampler) => {
      const { mean, standardError } = await sample({ replicas: 600, sampler });
      const exact = moments(spec, { inputNorm2: 1 }).mean;
      for (const i of [0, 4, 8]) {
        expect(Math.abs(mean.data[i]! - exact)).toBeLessThan(4 * standardError.data[i]!);
      }
    },
  );

  test.each<[NtkOutputs, number[]]>([
    ['trace', [3, 3]],
    ['mean', [3, 3]],
    ['sum-of-logits', [3, 3]],
    ['diagonal', [3, 3, 2]],
    ['full', [3, 3, 2, 2]],
  ])('outputs %s: shapes, ratios and the spectrum are those of the kernels', async (outputs, shape) => {
    const result = await sample({ outputs, replicas: 8, keepReplicas: true });
    expect(result.replicaKernels!.shape).toEqual([8, ...shape]);
    for (const array of [result.mean, result.variance, result.ratio.mean, result.dispersion]) {
      expect(array.shape).toEqual(shape);
    }
    const length = result.mean.data.length;
    for (let r = 0; r < 8; r++) {
      const { data } = await Mlp.random(spec, { seed: 3, replica: r }).ntk(X, null, { outputs, backend });
      const own = result.replicaKernels!.data.subarray(r * length, (r + 1) * length);
      expect(difference({ data: own, shape }, { data, shape })).toBeLessThan(1e-13);
    }
    // Row 1 (of output 1): itself over itself; entry (1, 2) over (1, 1), of the same output.
    expect(result.ratio.mean.data[0]).toBe(1);
    const entries = length / 9;
    const [first, other] = [0, entries].map((at) =>
      Array.from({ length: 8 }, (_, r) => result.replicaKernels!.data[r * length + at]!),
    );
    const average = other!.reduce((sum, value, r) => sum + value / first![r]!, 0) / 8;
    expect(result.ratio.mean.data[entries]).toBeCloseTo(average, 12);
    // The sum of the eigenvalues is the trace: the largest is at most that, and at least its share of the order.
    const order = outputs === 'full' || outputs === 'diagonal' ? 6 : 3;
    const diagonal = [0, 4, 8].flatMap((pair) =>
      Array.from({ length: entries }, (_, e) =>
        outputs === 'full' && e % 3 !== 0 ? 0 : result.mean.data[pair * entries + e]!,
      ),
    );
    const trace = diagonal.reduce((sum, value) => sum + value, 0);
    expect(result.largestEigenvalue.mean).toBeLessThan(trace);
    expect(result.largestEigenvalue.mean).toBeGreaterThan(trace / order);
    expect(result.conditionNumber.mean).toBeGreaterThan(1);
  });

  test('numbers out of range are told in a unit, which is named', async () => {
    const deep = { inputDim: 8, depth: 900, width: 30 };
    for (const sampler of ['direct', 'conditional'] as const) {
      const options = { replicas: 12, seed: 1, backend, sampler, weightVariances: [2, 8], quantiles: [0.5] };
      const result = await sampleNtk(createSpec({ ...deep, weightVariance: 8 }), X, options);
      const edge = await sampleNtk(createSpec(deep), X, { ...options, weightVariances: [] });
      expect(result.exponent).toBeGreaterThan(1500);
      expect(edge.exponent).toBe(0);
      expect(result.byWeightVariance.map(({ exponent }) => exponent)).toEqual([0, result.exponent]);
      // sigma_w^2 = 2 is the edge of chaos itself, whose kernel it is up to the rounding of 900 layers.
      expect(difference(result.byWeightVariance[0]!.mean, edge.mean)).toBeLessThan(1e-9);
      expect(result.byWeightVariance[1]!.mean).toEqual(result.mean);
      expect([...result.mean.data, ...result.variance.data].every((v) => v > 0 && v < 1e300)).toBe(true);
    }
  });

  test('dead nets are counted, and left out of ratios', async () => {
    const narrow = createSpec({ inputDim: 8, depth: 4, width: 3, biasGradients: false });
    for (const sampler of ['direct', 'conditional'] as const) {
      const options = { replicas: 200, seed: 1, backend, sampler, keepReplicas: true };
      const result = await sampleNtk(narrow, X, options);
      const kernels = Array.from({ length: 200 }, (_, r) =>
        result.replicaKernels!.data.subarray(9 * r, 9 * r + 9),
      );
      const alive = kernels.filter((kernel) => [0, 4, 8].every((at) => kernel[at]! > 0));
      // An input dies in a layer of three with probability 1/8.
      expect(result.deadReplicas).toBeGreaterThan(50);
      expect(result.deadReplicas).toBe(200 - alive.length);
      const average = alive.reduce((sum, kernel) => sum + kernel[1]! / kernel[0]!, 0) / alive.length;
      expect(result.ratio.mean.data[1]).toBeCloseTo(average, 12);
      const { quantiles } = await sampleNtk(narrow, X, { ...options, quantiles: [0, 1] });
      const ratios = alive.map((kernel) => kernel[1]! / kernel[0]!);
      expect(quantiles[0]!.ratio.data[1]).toBe(Math.min(...ratios));
      expect(quantiles[0]!.conditionNumber).toBeGreaterThan(1);
    }
  });

  test('the mean over outputs is the trace divided by their number', async () => {
    const [trace, mean] = [await sample(), await sample({ outputs: 'mean' })];
    expect(
      difference(mean.mean, { data: trace.mean.data.map((v) => v / 2), shape: trace.mean.shape }),
    ).toBeLessThan(1e-15);
  });

  test('tells of equal inputs by an infinite condition number, and of one input by 1', async () => {
    const twice = await sampleNtk(spec, inputsAtCosines([1, 1], 8), {
      replicas: 5,
      seed: 1,
      quantiles: [0.3],
      backend,
    });
    expect(twice.conditionNumber.mean).toBe(Infinity);
    expect(twice.quantiles[0]!.conditionNumber).toBe(Infinity);
    expect(twice.largestEigenvalue.mean).toBeCloseTo(2 * twice.mean.data[0]!, 9);
    const once = await sampleNtk(spec, inputsAtCosines([0.5], 8), { replicas: 5, seed: 1, backend });
    expect(once.conditionNumber).toEqual({ mean: 1, variance: 0, standardError: 0 });
  });

  describe('replicas in a file', () => {
    let folder: string;
    let file: string;
    beforeEach(() => {
      folder = mkdtempSync(path.join(os.tmpdir(), 'deepntk-sample-'));
      file = path.join(folder, 'kernels.npy');
    });
    afterEach(() => {
      rmSync(folder, { recursive: true, force: true });
    });

    test('are those that are kept in memory', async () => {
      for (const outputs of ['trace', 'full'] as const) {
        const result = await sample({ replicas: 50, outputs, keepReplicas: true, replicasTo: file });
        expect(result.replicasFile).toBe(file);
        expect(await readNpy(file)).toEqual(result.replicaKernels);
        expect(readdirSync(folder)).toEqual(['kernels.npy']);
      }
    });

    test('appear whole or not at all', async () => {
      writeFileSync(file, 'older');
      const controller = new AbortController();
      const reason = new Error('enough');
      const onProgress = ({ fraction }: { fraction: number }): void => {
        if (fraction > 0.0001) controller.abort(reason);
      };
      const options = { replicas: 1e6, replicasTo: file, signal: controller.signal, onProgress };
      await expect(sample(options)).rejects.toBe(reason);
      expect(readFileSync(file, 'utf8')).toBe('older');
      expect(readdirSync(folder)).toEqual(['kernels.npy']);
      const nowhere = path.join(folder, 'missing', 'kernels.npy');
      await expect(sample({ replicasTo: nowhere })).rejects.toThrow(/cannot write .*no such file or folder/);
    });
  });

  test('stops with the signal', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    setTimeout(() => {
      controller.abort(reason);
    }, 50);
    await expect(sample({ replicas: 1e7, signal: controller.signal })).rejects.toBe(reason);
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
  await bad({ outputs: 'all' }).rejects.toThrow(/outputs: expected one of "trace", "mean", "full"/);
  await bad({ sampler: 'chain' }).rejects.toThrow(/sampler: expected one of "auto", "direct", "conditional"/);
  await bad({ replicasTo: 3 }).rejects.toThrow(/replicasTo: expected the path of a .npy file, got 3/);
  await bad({ firstReplica: 2 ** 53 - 2 }).rejects.toThrow(/number of the last replica/);
  await bad({ replica: 3 }).rejects.toThrow(/unknown option "replica"/);
  await bad({ keepReplicas: true, replicas: 1e13 }).rejects.toMatchObject({ code: 'ERR_OUT_OF_MEMORY' });
  const biased = createSpec({ inputDim: 8, depth: 2, width: 5, biasVariance: 0.1 });
  const swept = sampleNtk(biased, X, { seed: 1, replicas: 3, weightVariances: [1] });
  await expect(swept).rejects.toThrow(/a net without bias variance/);
});

test('auto draws few inputs of wide nets by the conditional sampler, many by the direct one, and says why', async () => {
  const wide = createSpec({ inputDim: 40, depth: 3, width: 100 });
  const inputs = (n: number): NdArray =>
    inputsAtCosines(
      Array.from({ length: n }, (_, i) => i / n),
      n + 1,
    );
  const chosen = async (n: number, options: Partial<SampleNtkOptions> = {}): Promise<string[]> => {
    const { sampler, samplerReason } = await sampleNtk(
      createSpec({ inputDim: n + 1, depth: 3, width: 100, outputDim: 4 }),
      inputs(n),
      { replicas: 2, seed: 1, ...options },
    );
    return [sampler, samplerReason];
  };
  expect(await chosen(3)).toEqual([
    'conditional',
    expect.stringMatching(/3 inputs x 4 outputs are few.*times/),
  ]);
  expect(await chosen(60)).toEqual([
    'direct',
    expect.stringMatching(/60 inputs x 4 outputs are many.*times/),
  ]);
  expect(await chosen(20, { outputs: 'sum-of-logits' })).toEqual(['conditional', expect.anything()]);
  expect(await chosen(3, { sampler: 'direct' })).toEqual(['direct', 'asked for by name']);
  const one = await sampleNtk(wide, inputsAtCosines([1, 0.5], 40), { replicas: 2, seed: 1 });
  expect(one.sampler).toBe('conditional');
});
