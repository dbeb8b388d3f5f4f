/** Every accepted form of array gives the same bits as `{ data, shape }`. The error for anything else names the index. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import * as deepntk from '../../src/index';
import {
  type ArrayInput,
  createSpec,
  DeepntkError,
  diagnose,
  infiniteWidthKernels,
  lossGradient,
  Mlp,
  oneHot,
  sampleNtk,
  takeRows,
  toNdArray,
  train,
} from '../../src/index';
import { drawKernels } from '../../src/report';
import { testedBackends } from '../support/backends';
import { atDepth } from '../support/depth';

const ROWS = [
  [1, 2, 3, 0],
  [0, 4, 1, 7],
  [5, 1, 0, 2],
];
const FLAT = ROWS.flat();
const SHAPE = [3, 4];
const PLAIN = { data: Float64Array.from(FLAT), shape: SHAPE };
const KINDS: readonly (readonly [kind: string, array: ArrayInput])[] = [
  ['lists of numbers', ROWS],
  ['rows of Float64Array', ROWS.map((row) => Float64Array.from(row))],
  ['rows of Float32Array', ROWS.map((row) => Float32Array.from(row))],
  ['rows of Int8Array', ROWS.map((row) => Int8Array.from(row))],
  ['rows of Int32Array', ROWS.map((row) => Int32Array.from(row))],
  ['rows of Uint8ClampedArray', ROWS.map((row) => Uint8ClampedArray.from(row))],
  ['rows of BigInt64Array', ROWS.map((row) => BigInt64Array.from(row.map(BigInt)))],
  ['rows of several types', [ROWS[0]!, Float32Array.from(ROWS[1]!), Uint16Array.from(ROWS[2]!)]],
  ['{ data: Float32Array, shape }', { data: Float32Array.from(FLAT), shape: SHAPE }],
  ['{ data: Uint32Array, shape }', { data: Uint32Array.from(FLAT), shape: SHAPE }],
  ['{ data: BigUint64Array, shape }', { data: BigUint64Array.from(FLAT.map(BigInt)), shape: SHAPE }],
  ['{ data: a list, shape }', { data: FLAT, shape: SHAPE }],
];

const spec = createSpec({ inputDim: 4, depth: 2, width: 6, outputDim: 2 });
const net = Mlp.random(spec, { seed: 1 });
const deep = createSpec({ inputDim: 4, depth: 2, width: 6 });
const one = Mlp.random(deep, { seed: 2 });

const unchecked = (value: unknown): never => value as never;

/** The error of a call, thrown or rejected. */
async function errorOf(call: () => unknown): Promise<DeepntkError> {
  try {
    await call();
  } catch (error) {
    expect(error).toBeInstanceOf(DeepntkError);
    return error as DeepntkError;
  }
  throw new Error('the call did not fail');
}

describe.each(testedBackends())('%s backend', (backend) => {
  const compute = { backend, threads: 1 };
  const y = [
    [1, 0],
    [0, 1],
    [1, 0],
  ];
  const functions: readonly (readonly [name: string, (X: ArrayInput) => Promise<unknown>])[] = [
    ['forward', (X) => net.forward(X, compute)],
    ['jacobian', (X) => net.jacobian(X, compute)],
    ['ntk', (X) => net.ntk(X, null, compute)],
    ['ntk, X2', (X) => net.ntk(PLAIN, X, { ...compute, perLayer: true })],
    ['kernelDiagonal', (X) => net.kernelDiagonal(X, compute)],
    ['kernelProduct', (X) => net.kernelProduct(X, [1, -1, 2], compute)],
    ['jacobianVector', (X) => net.jacobianVector(X, net.parameters, compute)],
    ['vectorJacobian', (X) => net.vectorJacobian(X, y, compute)],
    ['sketchNtk', (X) => net.sketchNtk(X, { ...compute, projections: 3, seed: 1 })],
    ['sampleNtk', (X) => sampleNtk(spec, X, { ...compute, replicas: 3, seed: 1 })],
    ['lossGradient', (X) => lossGradient(net, { x: X, y }, compute)],
  ];

  test.each(functions)('%s: every kind of array gives the same bits', async (_, call) => {
    const expected = await call(PLAIN);
    for (const [kind, array] of KINDS) expect([kind, await call(array)]).toEqual([kind, expected]);
  });

  test.each([
    ['a list', ROWS[1]!],
    ['a Float64Array', Float64Array.from(ROWS[1]!)],
    ['an Int16Array', Int16Array.from(ROWS[1]!)],
    ['{ data, shape } of one axis', { data: Float64Array.from(ROWS[1]!), shape: [4] }],
  ])('%s of n_0 numbers is one input', async (_, x) => {
    expect(await net.ntk(x, null, compute)).toEqual(await net.ntk([ROWS[1]!], null, compute));
    expect(await net.forward(x, compute)).toEqual(await net.forward([ROWS[1]!], compute));
    expect((await net.ntk(PLAIN, x, compute)).shape).toEqual([3, 1]);
  });

  test('training takes inputs, targets, test data and kernel inputs of every kind', async () => {
    const options = { ...compute, learningRate: 1e-3, steps: 3, kernelAt: [3] };
    const flat = { data: Float64Array.of(1, -1, 2), shape: [3, 1] };
    const expected = await train(
      one,
      { x: PLAIN, y: flat },
      { ...options, testData: { x: PLAIN, y: flat }, kernelInputs: PLAIN },
    );
    for (const [kind, x] of KINDS) {
      for (const targets of [[1, -1, 2], [[1], [-1], [2]], Int32Array.of(1, -1, 2)]) {
        const result = await train(
          one,
          { x, y: targets },
          { ...options, testData: { x, y: targets }, kernelInputs: x },
        );
        expect([kind, result.losses]).toEqual([kind, expected.losses]);
        expect([kind, result.evaluations]).toEqual([kind, expected.evaluations]);
        expect([kind, result.kernels]).toEqual([kind, expected.kernels]);
      }
    }
  });
});

describe('functions that need no backend take every kind of array', () => {
  const kernel = [
    [2, 0.5, 0.25],
    [0.5, 1.5, 0.125],
    [0.25, 0.125, 1],
  ];
  const plain = { data: Float64Array.from(kernel.flat()), shape: [3, 3] };
  const flow = (k: ArrayInput, y: ArrayInput) =>
    deepntk.predictGradientFlow(k, y, { times: [1], f0: y, testKernel: k, f0Test: y });
  const convert = (k: ArrayInput) =>
    deepntk.convertKernel(k, { spec, from: { outputs: 'trace' }, to: { outputs: 'mean' } });

  test.each<[name: string, (array: ArrayInput) => unknown]>([
    ['summarizeKernel', (k) => deepntk.summarizeKernel(k)],
    ['kernelSpectrum', (k) => deepntk.kernelSpectrum(k)],
    ['kernelStructure', (k) => deepntk.kernelStructure(k, Uint8Array.of(0, 1, 1))],
    ['kernelDrift', (k) => deepntk.kernelDrift(k, kernel, { eigenvalues: true })],
    ['convertKernel', convert],
    ['predictGradientFlow', (k) => flow(k, [1, 2, 3])],
    ['kernelRidgeRegression', (k) => deepntk.kernelRidgeRegression(k, [1, 2, 3])],
    ['toNdArray', (k) => toNdArray(k)],
    ['createScaling', (k) => deepntk.createScaling('standard', k)(k)],
    ['takeRows', (k) => takeRows(k, Int32Array.of(2, 0))],
  ])('%s', (_, call) => {
    const expected = call(plain);
    expect(call(kernel)).toEqual(expected);
    expect(call(kernel.map((row) => Float32Array.from(row)))).toEqual(expected);
    expect(call({ data: plain.data.slice(), shape: Object.freeze([3, 3]) })).toEqual(expected);
  });

  test('infiniteWidthKernels, classifyNetwork and Mlp.fromLayers', () => {
    const layers = net.layers.map(({ weights, biases }) => ({
      weights: weights.toNested() as number[][],
      biases: biases.toNested() as number[],
    }));
    expect(Mlp.fromLayers(spec, layers).parameters).toEqual(net.parameters);
    for (const [kind, X] of KINDS) {
      expect([kind, infiniteWidthKernels(spec, X)]).toEqual([kind, infiniteWidthKernels(spec, PLAIN)]);
      expect([kind, infiniteWidthKernels(spec, PLAIN, X)]).toEqual([
        kind,
        infiniteWidthKernels(spec, PLAIN, PLAIN),
      ]);
      expect(deepntk.classifyNetwork({ spec, layers }, X)).toEqual(deepntk.classifyNetwork(net, PLAIN));
    }
  });

  test('diagnose: inputs, labels and targets', async () => {
    const options = { quick: true, seed: 1 };
    const labels = await diagnose(spec, { x: PLAIN, labels: [0, 1, 0] }, options);
    expect(await diagnose(spec, { x: ROWS, labels: BigInt64Array.of(0n, 1n, 0n) }, options)).toEqual(labels);
    const targets = await diagnose(deep, { x: ROWS, y: [1, -1, 2] }, options);
    expect(await diagnose(deep, { x: PLAIN, y: [[1], [-1], [2]] }, options)).toEqual(targets);
  });

  test('labels as a list, typed arrays and { data, shape }', () => {
    const expected = oneHot([0, 2, 1]);
    for (const labels of [
      Uint8Array.of(0, 2, 1),
      Float32Array.of(0, 2, 1),
      BigInt64Array.of(0n, 2n, 1n),
      { data: [0, 2, 1], shape: [3] },
    ]) {
      expect(oneHot(labels)).toEqual(expected);
      expect(deepntk.choosePerClass(labels, 1, { seed: 1 })).toEqual([0, 2, 1]);
    }
  });

  test('a picture takes kernels and labels of every kind', async () => {
    const picture = await drawKernels([{ kernel: plain, title: 'a' }], { labels: [0, 1, 1] });
    const same = await drawKernels([{ kernel, title: 'a' }], { labels: Uint8Array.of(0, 1, 1) });
    expect(same.svg).toBe(picture.svg);
  });

  test('writeNpy writes nested lists as float64 and keeps float32 data', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'deepntk-arrays-'));
    try {
      const path = join(folder, 'array.npy');
      await deepntk.writeNpy(path, ROWS);
      expect(await deepntk.readNpy(path)).toEqual(PLAIN);
      await deepntk.writeNpy(path, Float32Array.of(1, 2));
      expect(await deepntk.readNpy(path)).toEqual({ data: Float32Array.of(1, 2), shape: [2] });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('refused, with the index and the fix', () => {
  const rows = (change: (rows: unknown[][]) => void): unknown => {
    const copy: unknown[][] = ROWS.map((row) => [...row]);
    change(copy);
    return copy;
  };
  const withHole = (list: readonly unknown[], at: number): unknown[] => {
    const copy = [...list];
    Reflect.deleteProperty(copy, at);
    return copy;
  };
  const itself: unknown[] = [];
  itself.push(itself);

  test.each<[what: string, array: unknown, message: string]>([
    ['a short row', rows((r) => r[1]!.pop()), 'X[1]: expected 4 numbers, like the lists before it, got 3'],
    ['a long row', rows((r) => r[2]!.push(1)), 'X[2]: expected 4 numbers, like the lists before it, got 5'],
    [
      'a typed row of another length',
      [ROWS[0], new Float64Array(3)],
      'X[1]: expected 4 numbers, like the lists before it, got 3',
    ],
    [
      'a number in place of a row',
      [ROWS[0], 3],
      'X[1]: expected a list of 4 numbers, like the lists before it, got 3',
    ],
    [
      'a missing row',
      withHole(ROWS, 1),
      'X[1]: expected a list of 4 numbers, like the lists before it, got undefined',
    ],
    ['a string', rows((r) => (r[1]![2] = '1')), 'X[1][2]: expected a number, got "1"'],
    ['null', rows((r) => (r[0]![0] = null)), 'X[0][0]: expected a number, got null'],
    ['undefined', rows((r) => (r[2]![3] = undefined)), 'X[2][3]: expected a number, got undefined'],
    ['a hole', [ROWS[0], ROWS[1], withHole(ROWS[2]!, 1)], 'X[2][1]: expected a number, got undefined'],
    ['a boolean', rows((r) => (r[1]![1] = true)), 'X[1][1]: expected a number, got true'],
    ['a bigint', rows((r) => (r[1]![1] = 3n)), 'X[1][1]: expected a number, got 3n'],
    ['a boxed number', rows((r) => (r[1]![1] = new Number(3))), 'X[1][1]: expected a number, got a Number'],
    ['a row too deep', rows((r) => (r[1]![1] = [1])), 'X[1][1]: expected a number, got an array of length 1'],
    [
      'a string in flat data',
      { data: [1, '2', 3, 4], shape: [1, 4] },
      'X.data[1]: expected a number, got "2"',
    ],
    [
      'a large bigint',
      BigInt64Array.of(0n, 2n ** 53n + 1n, 0n, 0n),
      'X[1]: expected an integer with an absolute value of at most 2^53, got 9007199254740993n',
    ],
    [
      'NaN',
      rows((r) => (r[1]![2] = NaN)),
      'X: entry [1, 2]: expected a finite number (allowNonFinite (--allow-non-finite) lets others through), got NaN',
    ],
    ['a list of itself', itself, 'X: expected at most 64 axes, got deeper nesting'],
    [
      'several inputs without rows',
      FLAT,
      'X: expected N x 4, got shape [12]: for 3 inputs, pass 3 rows or shape [3, 4]',
    ],
    ['a vector of another length', [1, 2, 3], 'X: expected N x 4, got shape [3]: an input has 4 numbers'],
    [
      'the transpose',
      [
        [1, 2, 3],
        [1, 2, 3],
        [1, 2, 3],
        [1, 2, 3],
      ],
      'X: expected N x 4, got shape [4, 3]: each row is one input, so you may need the transpose',
    ],
    [
      'images',
      { data: new Float64Array(12), shape: [3, 2, 2] },
      'X: expected N x 4, got shape [3, 2, 2]: flatten each input, shape [3, 4]',
    ],
    ['no inputs', [], 'X: expected N x 4, got shape [0]: at least one input is needed'],
    ['an input without numbers', [[]], 'X: expected N x 4, got shape [1, 0]: at least one input is needed'],
    ['text', '1234', 'X: expected nested arrays of numbers, a typed array or { data, shape }, got "1234"'],
    [
      'a DataView',
      new DataView(new ArrayBuffer(32)),
      'X: expected nested arrays of numbers, a typed array or { data, shape }, got a DataView of 32 bytes',
    ],
  ])('%s', async (_, array, message) => {
    for (const [name, call] of [
      ['forward', (X: never) => net.forward(X)],
      ['ntk', (X: never) => net.ntk(X)],
      ['jacobian', (X: never) => net.jacobian(X)],
    ] as const) {
      const error = await errorOf(() => call(unchecked(array)));
      expect([error.code, error.message]).toEqual(['ERR_INVALID_ARGUMENT', `${name}: ${message}`]);
    }
  });

  test('rows of one number: a list of several numbers is not taken for one input', async () => {
    const narrow = Mlp.random(createSpec({ inputDim: 1, depth: 1, width: 3 }), { seed: 1 });
    const error = await errorOf(() => narrow.ntk([1, 2, 3]));
    expect(error.message).toBe(
      'ntk: X: expected N x 1, got shape [3]: for 3 inputs, pass 3 rows or shape [3, 1]',
    );
    expect(await narrow.ntk([2])).toEqual(await narrow.ntk([[2]]));
  });

  test('flat targets only where they can mean one thing', async () => {
    const options = { learningRate: 1e-3, steps: 0 };
    const attempt = (y: ArrayInput, x: ArrayInput = ROWS) => errorOf(() => train(net, { x, y }, options));
    expect((await attempt([1, 2, 3])).message).toBe(
      'train: y: expected 3 x 2, got shape [3]: pass a row of 2 numbers for each input',
    );
    expect((await attempt([1, 2], ROWS.slice(0, 2))).message).toBe(
      'train: y: expected 2 x 2, got shape [2]: pass a row of 2 numbers for each input',
    );
    const single = await train(net, { x: ROWS[0]!, y: [1, 2] }, options);
    expect(single.losses).toEqual((await train(net, { x: [ROWS[0]!], y: [[1, 2]] }, options)).losses);
    expect(() => deepntk.predictGradientFlow([[1]], [1, 2], { times: [1] })).toThrow(
      'predictGradientFlow: y: expected 1 x K, got shape [2]: a flat list has one number for each of the 1 inputs',
    );
  });

  test('a vector where any number of columns is taken', () => {
    expect(() => deepntk.createScaling('standard', [1, 2, 3])).toThrow(
      'createScaling: reference: expected two axes, N x n_0, got shape [3]: for one input, pass [x] or shape [1, 3]',
    );
  });

  test('a typed array whose buffer was transferred away, by itself and as a row; an empty one is an empty array', async () => {
    const detached = new Float64Array(4);
    structuredClone(detached, { transfer: [detached.buffer] });
    const message = 'expected a typed array, got one whose buffer was detached (transferred away)';
    expect((await errorOf(() => net.ntk(detached))).message).toBe(`ntk: X: ${message}`);
    expect((await errorOf(() => net.ntk([detached]))).message).toBe(`ntk: X[0]: ${message}`);
    expect(() => oneHot(detached)).toThrow(`oneHot: labels: ${message}`);
    expect(toNdArray(new Float64Array(0))).toEqual({ data: new Float64Array(0), shape: [0] });
  });

  test('labels that are no class numbers', () => {
    const message =
      (labels: unknown): (() => unknown) =>
      () =>
        oneHot(unchecked(labels));
    expect(message(['0', '1'])).toThrow('oneHot: labels[0]: expected a number, got "0"');
    expect(message([0, 1.5])).toThrow('oneHot: labels[1]: expected an integer >= 0, got 1.5');
    expect(message([[0], [1]])).toThrow(
      'oneHot: labels: expected whole numbers, one a sample, one axis, got shape [2, 1]',
    );
  });
});

test('nested lists of any shape come back from toNested as they were', () => {
  const entry = fc.double();
  const shape = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 5 });
  const nested = shape.chain((extents) =>
    extents.reduceRight<fc.Arbitrary<unknown>>(
      (inner, extent) => fc.array(inner, { minLength: extent, maxLength: extent }),
      entry,
    ),
  );
  fc.assert(
    fc.property(nested, (lists) => {
      expect(toNdArray(lists as ArrayInput).toNested()).toEqual(lists);
    }),
    { numRuns: atDepth(100) },
  );
});
