import { createSpec, DeepntkError, Mlp, type NdArray, type SpecOptions } from '../../src/index';
import { normalInputs } from '../support/arbitrary';
import { testedBackends } from '../support/backends';

const spec = createSpec({ inputDim: 5, depth: 3, width: 8, outputDim: 2 });
const net = Mlp.random(spec, { seed: 1 });
const good = normalInputs(4, 5, 1);

/** What a caller without a type checker may hand in. */
const unchecked = (value: unknown): never => value as never;

async function messageOf(attempt: () => Promise<unknown>): Promise<string> {
  const error: unknown = await attempt().then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(DeepntkError);
  expect((error as DeepntkError).code).toBe('ERR_INVALID_ARGUMENT');
  return (error as DeepntkError).message;
}

describe('createSpec refuses', () => {
  const base = { inputDim: 5, depth: 3, width: 8 };
  test.each<[what: string, options: unknown, message: string]>([
    ['no options', undefined, 'createSpec: expected an options object, got undefined'],
    ['a zero size', { ...base, inputDim: 0 }, 'createSpec: inputDim: expected a positive integer, got 0'],
    ['a negative size', { ...base, width: -3 }, 'createSpec: width: expected a positive integer, got -3'],
    [
      'a fractional size',
      { ...base, depth: 2.5 },
      'createSpec: depth: expected an integer >= 0 and <= 16777214, got 2.5',
    ],
    ['a size as text', { ...base, width: '8' }, 'createSpec: width: expected a positive integer, got "8"'],
    [
      'NaN',
      { ...base, weightVariance: NaN },
      'createSpec: weightVariance: expected a finite number > 0, got NaN',
    ],
    [
      'zero variance',
      { ...base, weightVariance: 0 },
      'createSpec: weightVariance: expected a finite number > 0, got 0',
    ],
    [
      'a negative variance',
      { ...base, biasVariance: -1 },
      'createSpec: biasVariance: expected a finite number >= 0, got -1',
    ],
    [
      'another parametrization',
      { ...base, parametrization: 'mup' },
      'createSpec: parametrization: expected one of "standard", "ntk", got "mup"',
    ],
    ['a misspelt option', { ...base, sigma: 2 }, 'createSpec: unknown option "sigma"'],
    [
      'hidden layers given twice',
      { ...base, hiddenWidths: [3] },
      'createSpec: expected either hiddenWidths, or depth and width',
    ],
    [
      'a bad width in a list',
      { inputDim: 5, hiddenWidths: [3, 0] },
      'createSpec: hiddenWidths[1]: expected a positive integer, got 0',
    ],
    [
      'depth without width',
      { inputDim: 5, depth: 2 },
      'createSpec: width: expected a positive integer, got undefined',
    ],
  ])('%s', (_, options, message) => {
    expect(() => createSpec(options as SpecOptions)).toThrow(message);
  });

  test('nothing that is right: depth 0, no hidden width, uneven widths', () => {
    expect(createSpec({ inputDim: 3, depth: 0 }).widths).toEqual([3, 1]);
    expect(createSpec({ inputDim: 3, hiddenWidths: [] }).widths).toEqual([3, 1]);
    expect(createSpec({ inputDim: 3, hiddenWidths: [7, 2], outputDim: 4 }).widths).toEqual([3, 7, 2, 4]);
    expect(Object.isFrozen(createSpec({ inputDim: 3, depth: 0 }))).toBe(true);
  });
});

describe('Mlp refuses', () => {
  const layers = net.layers.map(({ weights, biases }) => ({ weights, biases }));
  test.each<[what: string, attempt: () => unknown, message: string]>([
    [
      'a value that is not a spec',
      () => Mlp.random(unchecked({}), { seed: 1 }),
      'Mlp.random: spec: expected a spec made by createSpec',
    ],
    [
      'a missing seed',
      () => Mlp.random(spec, unchecked({})),
      'Mlp.random: seed: expected an integer >= 0, got undefined',
    ],
    [
      'a negative seed',
      () => Mlp.random(spec, { seed: -1 }),
      'Mlp.random: seed: expected an integer >= 0, got -1',
    ],
    [
      'an unknown option',
      () => Mlp.random(spec, unchecked({ seed: 1, rng: 'x' })),
      'Mlp.random: unknown option "rng"',
    ],
    [
      'too few layers',
      () => Mlp.fromLayers(spec, layers.slice(1)),
      'expected an array of 4 layers { weights, biases }, got an array of length 3',
    ],
    [
      'weights of another shape',
      () => Mlp.fromLayers(spec, [layers[1]!, ...layers.slice(1)]),
      'Mlp.fromLayers: layers[0].weights: expected shape [8, 5], got [8, 8]',
    ],
    [
      'weights of the wrong length',
      () =>
        Mlp.fromLayers(spec, [
          { ...layers[0]!, weights: { data: new Float64Array(39), shape: [8, 5] } },
          ...layers.slice(1),
        ]),
      'Mlp.fromLayers: layers[0].weights.data: expected 40 entries for shape [8, 5], got 39',
    ],
    [
      'a missing bias',
      () => Mlp.fromLayers(spec, unchecked([{ weights: layers[0]!.weights }, ...layers.slice(1)])),
      'layers[0].biases: expected nested arrays of numbers, a typed array or { data, shape }, got undefined',
    ],
  ])('%s', (_, attempt, message) => {
    expect(attempt).toThrow(message);
  });

  test('a net that would not fit in memory', () => {
    const huge = createSpec({ inputDim: 10, depth: 1000, width: 1_000_000 });
    expect(() => Mlp.random(huge, { seed: 1 })).toThrow(
      /Mlp.random: the parameters of the net would take 7\.\d+ PiB, but .* are available/,
    );
  });
});

describe.each(testedBackends())('%s backend: the heavy calls refuse', (backend) => {
  const calls: [name: string, call: (X: NdArray, options?: object) => Promise<unknown>][] = [
    ['forward', (X, options) => net.forward(X, { backend, ...options })],
    ['jacobian', (X, options) => net.jacobian(X, { backend, ...options })],
    ['ntk', (X, options) => net.ntk(X, null, { backend, ...options })],
  ];

  describe.each(calls)('%s', (name, call) => {
    test.each<[what: string, X: unknown, message: string]>([
      [
        'no array',
        undefined,
        'X: expected nested arrays of numbers, a typed array or { data, shape }, got undefined',
      ],
      [
        'a bare typed array of several inputs',
        new Float64Array(20),
        'X: expected N x 5, got shape [20]: for 4 inputs, pass 4 rows or shape [4, 5]',
      ],
      [
        'data without numbers',
        { data: new DataView(new ArrayBuffer(160)), shape: [4, 5] },
        'X.data: expected a typed array or an array of numbers, got a DataView of 160 bytes',
      ],
      [
        'one axis',
        { data: good.data, shape: [20] },
        'X: expected N x 5, got shape [20]: for 4 inputs, pass 4 rows or shape [4, 5]',
      ],
      [
        'no inputs',
        { data: new Float64Array(0), shape: [0, 5] },
        'X: expected N x 5, got shape [0, 5]: at least one input is needed',
      ],
      [
        'another number of features',
        { data: good.data, shape: [5, 4] },
        'X: expected N x 5, got shape [5, 4]: each row is one input, so you may need the transpose',
      ],
      [
        'too few entries',
        { data: new Float64Array(19), shape: [4, 5] },
        'X.data: expected 20 entries for shape [4, 5], got 19',
      ],
      [
        'NaN',
        { data: Float64Array.from(good.data, (v, i) => (i === 7 ? NaN : v)), shape: [4, 5] },
        'X: entry [1, 2]: expected a finite number (allowNonFinite (--allow-non-finite) lets others through), got NaN',
      ],
      [
        'infinity',
        { data: Float32Array.from(good.data, (v, i) => (i === 19 ? -Infinity : v)), shape: [4, 5] },
        'X: entry [3, 4]: expected a finite number',
      ],
    ])('%s', async (_, X, message) => {
      expect(await messageOf(() => call(unchecked(X)))).toContain(`${name}: ${message}`);
    });

    test('a detached buffer', async () => {
      const X = { data: new Float64Array(good.data), shape: [4, 5] };
      structuredClone(X.data.buffer, { transfer: [X.data.buffer] });
      expect(await messageOf(() => call(X))).toContain('the buffer is empty or was detached');
    });

    test.each<[what: string, options: object, message: string]>([
      [
        'an unknown option',
        { thread: 2 },
        `${name}: unknown option "thread"; known are signal, onProgress, threads`,
      ],
      [
        'an unknown backend',
        { backend: 'gpu' },
        `${name}: backend: expected one of "cuda", "native", "typescript", got "gpu"`,
      ],
      ['zero threads', { threads: 0 }, `${name}: threads: expected an integer >= 1`],
      ['a signal that is none', { signal: {} }, `${name}: signal: expected an AbortSignal, got an object`],
      ['progress to no function', { onProgress: 3 }, `${name}: onProgress: expected a function, got 3`],
    ])('%s', async (_, options, message) => {
      const expected = message.replace(
        'expected an integer >= 1',
        'expected a positive integer and <= 1024, got 0',
      );
      expect(await messageOf(() => call(good, options))).toContain(expected);
    });

    test('nothing non-finite when told to let it through', async () => {
      const X = { data: Float64Array.from(good.data, (v, i) => (i === 7 ? NaN : v)), shape: [4, 5] };
      const { data } = (await call(X, { allowNonFinite: true })) as NdArray;
      expect(data.some(Number.isNaN)).toBe(true);
      expect(data.some(Number.isFinite)).toBe(true);
    });
  });

  test('unknown outputs, precision, parameters and layers', async () => {
    const attempt = (options: object): Promise<string> =>
      messageOf(() => net.ntk(good, null, { backend, ...options }));
    expect(await attempt({ outputs: 'sum' })).toContain(
      'ntk: outputs: expected one of "trace", "mean", "full"',
    );
    expect(await attempt({ precision: 'float16' })).toContain(
      'ntk: precision: expected one of "float64", "mixed"',
    );
    expect(await attempt({ parameters: 'none' })).toContain(
      'ntk: parameters: expected one of "all", "weights", "biases"',
    );
    expect(await attempt({ layers: [0] })).toContain('ntk: layers[0]: expected a positive integer, got 0');
    expect(await attempt({ layers: [5] })).toContain('ntk: layers: expected layers from 1 to 4, got 5');
    expect(await attempt({ layers: 2 })).toContain('ntk: layers: expected an array of layer numbers, got 2');
    expect(await attempt({ layers: [] })).toContain('ntk: expected at least one trained parameter');
    expect(await attempt({ perLayer: 1 })).toContain('ntk: perLayer: expected true or false, got 1');
  });

  test('X2 of another width, by its own name', async () => {
    const X2 = normalInputs(3, 6, 2);
    expect(await messageOf(() => net.ntk(good, X2, { backend }))).toContain(
      'ntk: X2: expected N x 5, got shape [3, 6]: an input has 5 numbers',
    );
  });

  test('a kernel that would not fit in memory', async () => {
    const wide = Mlp.random(createSpec({ inputDim: 1, depth: 0, outputDim: 3000 }), { seed: 1 });
    const X = { data: new Float64Array(3000), shape: [3000, 1] };
    await expect(wide.ntk(X, null, { outputs: 'full', backend })).rejects.toMatchObject({
      code: 'ERR_OUT_OF_MEMORY',
      message: expect.stringMatching(
        /^ntk: the arrays of a 3000 x 3000 x 3000 x 3000 kernel would take .*[TP]iB/,
      ) as string,
    });
    await expect(
      wide.jacobian({ data: new Float64Array(9e5), shape: [9e5, 1] }, { backend }),
    ).rejects.toMatchObject({
      code: 'ERR_OUT_OF_MEMORY',
    });
  });
});
