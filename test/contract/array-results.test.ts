/** Arrays that functions return: plain fields, and methods that clones and comparisons ignore. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MessageChannel } from 'node:worker_threads';
import * as deepntk from '../../src/index';
import { createSpec, Mlp, type Nested, toNdArray } from '../../src/index';
import { testedBackends } from '../support/backends';

const spec = createSpec({ inputDim: 4, depth: 2, width: 6, outputDim: 2 });
const net = Mlp.random(spec, { seed: 1 });
const X = [
  [1, 2, 3, 0],
  [0, 4, 1, 7],
  [5, 1, 0, 2],
];
const y = [
  [1, 0],
  [0, 1],
  [1, 0],
];

/** Paths of the arrays { data, shape } in a result, by whether they have methods. */
function arraysIn(value: unknown, path = 'result'): { path: string; methods: boolean }[] {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value) || value instanceof Mlp)
    return [];
  const here =
    'data' in value && ArrayBuffer.isView(value.data) && 'shape' in value
      ? [{ path, methods: 'toNested' in value && 'toJSON' in value }]
      : [];
  return [...here, ...Object.entries(value).flatMap(([key, child]) => arraysIn(child, `${path}.${key}`))];
}

describe.each(testedBackends())('%s backend: every array of a result has toNested and toJSON', (backend) => {
  const compute = { backend, threads: 1 };
  test.each<[name: string, count: number, call: () => unknown]>([
    ['forward', 1, () => net.forward(X, compute)],
    ['jacobian', 1, () => net.jacobian(X, compute)],
    ['ntk', 1, () => net.ntk(X, null, compute)],
    ['ntk, perLayer', 7, () => net.ntk(X, null, { ...compute, perLayer: true })],
    ['kernelProduct', 1, () => net.kernelProduct(X, [1, 1, 1], compute)],
    ['kernelDiagonal', 1, () => net.kernelDiagonal(X, compute)],
    ['jacobianVector', 1, () => net.jacobianVector(X, net.parameters, compute)],
    ['vectorJacobian', 1, () => net.vectorJacobian(X, y, compute)],
    ['topEigenpairs', 1, () => deepntk.topEigenpairs(net, X, { ...compute, count: 1 })],
    ['sketchNtk', 3, () => net.sketchNtk(X, { ...compute, projections: 2, seed: 1 })],
    [
      'sampleNtk',
      10,
      () =>
        deepntk.sampleNtk(spec, X, {
          ...compute,
          replicas: 3,
          seed: 1,
          quantiles: [0.5],
          keepReplicas: true,
        }),
    ],
    [
      'train',
      2,
      () => deepntk.train(net, { x: X, y }, { ...compute, learningRate: 1e-3, steps: 1, kernelAt: [0, 1] }),
    ],
    [
      'compareWithTraining',
      4,
      () =>
        deepntk.compareWithTraining(
          net,
          { x: X, y },
          { ...compute, learningRate: 1e-3, at: [1], testData: { x: X, y } },
        ),
    ],
    ['diagnose', 2, () => deepntk.diagnose(spec, { x: X }, { ...compute, quick: true })],
  ])('%s', async (_, count, call) => {
    const arrays = arraysIn(await call());
    expect(arrays.filter(({ methods }) => !methods)).toEqual([]);
    expect(arrays).toHaveLength(count);
  });
});

test('so do the arrays of functions that need no backend', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'deepntk-arrays-'));
  try {
    writeFileSync(join(folder, 'table.csv'), 'a,b\n1,2\n3,4\n');
    await deepntk.writeNpy(join(folder, 'x.npy'), X);
    const kernel = [
      [2, 1],
      [1, 2],
    ];
    const options = { times: [1, 2], testKernel: kernel };
    const results = {
      layers: net.layers,
      infinite: deepntk.infiniteWidthKernels(spec, X),
      converted: deepntk.convertKernel(kernel, { spec, from: {}, to: { outputs: 'mean' } }),
      flow: deepntk.predictGradientFlow(kernel, [1, 2], options),
      ridge: deepntk.kernelRidgeRegression(kernel, [1, 2], { testKernel: kernel }),
      cosines: deepntk.inputsAtCosines([0.5], 3),
      npy: await deepntk.readNpy(join(folder, 'x.npy')),
      csv: await deepntk.loadData(join(folder, 'table.csv')),
      targets: deepntk.oneHot([0, 1]),
      rows: deepntk.takeRows(X, [0]),
      scaled: deepntk.createScaling('unit-norm', X)(X),
      array: toNdArray(X),
    };
    const arrays = arraysIn(results);
    expect(arrays.filter(({ methods }) => !methods)).toEqual([]);
    expect(arrays).toHaveLength(6 + 3 + 1 + 4 + 2 + 7);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

describe('a result', () => {
  const kernel = () => net.ntk(X, null, { threads: 1 });
  /** The entries of an N x N array, by the definition of row-major. */
  const nestedOf = ({ data }: { readonly data: Float64Array }, n: number): number[][] =>
    Array.from({ length: n }, (_, i) => Array.from({ length: n }, (__, j) => data[i * n + j]!));

  test('is nested numbers in JSON', async () => {
    const result = await kernel();
    expect(JSON.parse(JSON.stringify(result))).toEqual(nestedOf(result, 3));
    expect(JSON.parse(JSON.stringify({ kernel: result, name: 'a' }))).toEqual({
      kernel: nestedOf(result, 3),
      name: 'a',
    });
  });

  test('toNested nests every axis: none, one, four, and extents of zero', async () => {
    expect(toNdArray({ data: [5], shape: [] }).toNested()).toBe(5);
    expect(toNdArray([1, 2]).toNested()).toEqual([1, 2]);
    expect(toNdArray({ data: [], shape: [0, 3] }).toNested()).toEqual([]);
    expect(toNdArray({ data: [], shape: [2, 0] }).toNested()).toEqual([[], []]);
    const full = await net.ntk(X, null, { outputs: 'full', threads: 1 });
    const nested = full.toNested() as number[][][][];
    for (let at = 0; at < full.data.length; at++) {
      const [a, b, k, j] = [at / 12, (at / 4) % 3, (at / 2) % 2, at % 2].map(Math.floor) as [
        number,
        number,
        number,
        number,
      ];
      expect(nested[a]![b]![k]![j]).toBe(full.data[at]);
    }
  });

  test('toArray is a plain, flat copy, row by row', () => {
    const array = toNdArray([
      [1, 2],
      [3, 4],
    ]);
    const flat = array.toArray();
    expect(flat).toEqual([1, 2, 3, 4]);
    flat[0] = 9;
    expect(array.data[0]).toBe(1);
    expect(toNdArray({ data: [], shape: [2, 0] }).toArray()).toEqual([]);
  });

  test('toNested is a copy', () => {
    const array = toNdArray([[1, 2]]);
    (array.toNested() as number[][])[0]![0] = 9;
    expect(array.data[0]).toBe(1);
  });

  test('NaN and Infinity stay in toNested and are null in JSON text', () => {
    const array = toNdArray([[NaN, Infinity, -Infinity, 1]]);
    expect(array.toNested()).toEqual([[NaN, Infinity, -Infinity, 1]]);
    expect(JSON.stringify(array)).toBe('[[null,null,null,1]]');
  });

  test('toNested of a million entries', () => {
    const data = Float64Array.from({ length: 1e6 }, (_, i) => Math.sin(i));
    const nested = toNdArray({ data, shape: [1000, 1000] }).toNested() as number[][];
    expect(nested).toHaveLength(1000);
    expect(nested[999]).toEqual(Array.from(data.subarray(999_000)));
  });

  test('has no enumerable methods: it equals the plain object of its fields', async () => {
    const { data, shape, ...rest } = await net.kernelDiagonal(X);
    expect(Object.keys(rest).sort()).toEqual([
      'backend',
      'core',
      'outputs',
      'precision',
      'threads',
      'version',
    ]);
    expect(toNdArray(X)).toEqual({ data: Float64Array.from(X.flat()), shape: [3, 4] });
    expect({ data, shape, ...rest }).not.toHaveProperty('toNested');
  });

  test('is { data, shape } and its other fields after structuredClone and postMessage', async () => {
    const result = await kernel();
    const clone = structuredClone(result);
    expect(Object.getPrototypeOf(clone)).not.toBe(Object.getPrototypeOf(result));
    expect(clone).not.toHaveProperty('toJSON');
    expect(Object.keys(clone)).toEqual(Object.keys(result));
    expect(Array.from(clone.data)).toEqual(Array.from(result.data));
    const { port1, port2 } = new MessageChannel();
    const received = new Promise<typeof clone>((resolve) => port2.once('message', resolve));
    port1.postMessage(result);
    expect((await received).shape).toEqual([3, 3]);
    port1.close();
  });

  test('is an input of other functions, and so is its clone', async () => {
    const result = await kernel();
    const spectrum = deepntk.kernelSpectrum(result);
    expect(deepntk.kernelSpectrum(structuredClone(result))).toEqual(spectrum);
    expect(deepntk.kernelSpectrum(result.toNested() as number[][])).toEqual(spectrum);
    expect(deepntk.kernelSpectrum(JSON.parse(JSON.stringify(result)) as number[][])).toEqual(spectrum);
  });
});

test('toNdArray does not copy float data, and leaves other fields of a result out', async () => {
  const data = Float32Array.of(1, 2, 3, 4);
  expect(toNdArray({ data, shape: [2, 2] }).data).toBe(data);
  expect(toNdArray(data).data).toBe(data);
  const kernel = await net.ntk(X);
  expect(Object.keys(toNdArray(kernel))).toEqual(['data', 'shape']);
  const rows: Nested = toNdArray([Float32Array.of(0.5)]).toNested();
  expect(rows).toEqual([[0.5]]);
});
