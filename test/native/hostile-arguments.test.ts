import { exponentCount, featureSlots } from '../../src/backend/features';
import { type NetworkData, RELU } from '../../src/backend/seam';
import { describeNative, kernelTask, ones, withValuesAt } from './support';

/** What must not get through, whatever the name: wrong types, wrong lengths, detached memory, numbers out of range. */
const HOSTILE: readonly unknown[] = [
  undefined,
  null,
  NaN,
  Infinity,
  -1,
  0.5,
  2 ** 60,
  'text',
  Symbol('symbol'),
  10n,
  {},
  [],
  [[]],
  () => 1,
  new Float64Array(0),
  new Float64Array(1),
  new Float64Array(999),
  new Float32Array(12),
  new Uint8Array(3),
  new ArrayBuffer(96),
  new SharedArrayBuffer(96),
  new DataView(new ArrayBuffer(96)),
  detached(),
  new Proxy([], {}),
  new Date(),
];

function detached(): Float64Array {
  const array = new Float64Array(12);
  structuredClone(array, { transfer: [array.buffer] });
  return array;
}

/** The paths to all values, nested objects included; lists of numbers and booleans are one value. */
function pathsOf(object: object): string[][] {
  return Object.entries(object).flatMap(([key, value]: [string, unknown]) => {
    const nested =
      typeof value === 'object' && value !== null && !ArrayBuffer.isView(value) && !isListOfPrimitives(value);
    return [[key], ...(nested ? pathsOf(value).map((path) => [key, ...path]) : [])];
  });
}

function isListOfPrimitives(value: object): boolean {
  return Array.isArray(value) && typeof value[0] !== 'object';
}

/** The operations that the generic test covers, each with a right call. Numbers of these fields may be any number. */
const ANY_NUMBER = ['scale', 'beta1', 'beta2', 'epsilon'];
/** Null means "none" for these. */
const NULLABLE = ['x2', 'mirror'];

describeNative('hostile arguments to the raw addon', (backend, addon) => {
  const kernel = kernelTask(backend, 3, [4, 5, 2]);
  const { network, x } = kernel;
  const terms = { weightTerms: ones(2), biasTerms: ones(2) };
  const shape = { network, form: 'trace', ...terms, precision: 'float64', group: 4 } as const;
  const block = (n: number) => ({
    n,
    values: new Float64Array(n * featureSlots(shape).perInput),
    exponents: new Int32Array(exponentCount(shape, n)),
  });
  const calls = {
    forward: { task: { network, x, n: 3, rowBlock: 2 }, result: new Float64Array(6), threads: 1 },
    jacobian: {
      task: { network, x, n: 3, rowBlock: 2, weights: [true, true], biases: [true, true] },
      result: new Float64Array(3 * 2 * 37),
      threads: 1,
    },
    kernel: {
      task: { ...kernel, perLayer: true, blocks: { rows: 4, gram: 4 } },
      result: {
        kernel: new Float64Array(9),
        weights: [new Float64Array(9), new Float64Array(9)],
        biases: [new Float64Array(9), new Float64Array(9)],
      },
      threads: 1,
    },
    features: { task: { ...shape, x, block: block(3) }, result: undefined, threads: 1 },
    gramTile: {
      task: {
        ...shape,
        a: block(3),
        b: block(2),
        edge: 2,
        scale: 1,
        tile: new Float64Array(6),
        mirror: new Float64Array(6),
      },
      result: undefined,
      threads: 1,
    },
    products: {
      task: {
        ...shape,
        block: block(3),
        directions: 2,
        product: 'apply',
        rows: new Float64Array(3 * 2 * 2),
        columns: new Float64Array(2 * 37),
      },
      result: undefined,
      threads: 1,
    },
    train: {
      task: {
        network,
        x,
        n: 3,
        y: new Float64Array(6),
        loss: 'mse',
        biasGradients: true,
        optimizer: { name: 'adam', beta1: 0.9, beta2: 0.999, epsilon: 1e-8 },
        moments: [new Float64Array(37), new Float64Array(37)],
        stepsBefore: 0,
        learningRates: new Float64Array(2),
        batchSizes: Int32Array.of(2, 1),
        batchRows: Int32Array.of(2, 0, 1),
        losses: new Float64Array(2),
        gradients: [new Float64Array(37)],
        minSlotRows: 1,
        rowBlock: 2,
      },
      result: undefined,
      threads: 1,
    },
  };
  type Start = (call: unknown, listener: unknown) => () => void;
  const started = async (start: Start, call: unknown): Promise<number> =>
    new Promise((resolve) => {
      start(call, (status: number) => {
        if (status !== 0) resolve(status);
      });
    });

  describe.each(Object.entries(calls))('%s', (name, good) => {
    const start: Start = (call, listener) => (addon[name as keyof typeof calls] as Start)(call, listener);

    test('takes what is right', async () => {
      expect(await started(start, good)).toBe(1);
    });

    const paths = pathsOf(good).filter((path) => path[0] !== 'result' || good.result !== undefined);
    test.each(paths.map((path) => [path.join('.'), path] as const))('checks %s', async (_, path) => {
      const key = path.at(-1)!;
      for (const bad of HOSTILE) {
        let refused = false;
        try {
          await started(start, withValuesAt(good, { [path.join('.')]: bad }));
        } catch (error) {
          refused = true;
          expect((error as Error).name).toMatch(/^(TypeError|RangeError)$/);
        }
        const allowed =
          (bad === null && NULLABLE.includes(key)) || (typeof bad === 'number' && ANY_NUMBER.includes(key));
        expect([path, bad, refused]).toEqual([path, bad, !allowed]);
      }
    });

    test('refuses a call or a listener of another type', () => {
      for (const bad of [undefined, null, 1, 'text', Symbol('symbol')]) {
        expect(() => start(bad, () => undefined)).toThrow();
        expect(() => start(good, bad)).toThrow();
      }
      expect(() => start({}, () => undefined)).toThrow();
    });

    test('passes on the error of a getter, and survives a getter that detaches an array', () => {
      const thrown = new Error('from the getter');
      const throwing = {
        ...good,
        get task(): never {
          throw thrown;
        },
      };
      expect(() => start(throwing, () => undefined)).toThrow(thrown);
      const victim = ones(2);
      // `threads` is read last, so the array is in use by then.
      const detaching = {
        ...withValuesAt(good, { 'task.network.weightGains': victim }),
        get threads(): number {
          structuredClone(victim, { transfer: [victim.buffer] });
          return 1;
        },
      };
      expect(() => start(detaching, () => undefined)).toThrow(
        /weightGains: expected an array that no property detaches/,
      );
    });

    test('a listener that throws does not end the process', async () => {
      start(good, () => {
        throw new Error('from the listener');
      });
      await new Promise((resolve) => setTimeout(resolve, 100));
      expect(await started(start, good)).toBe(1);
    });

    test('slopes other than those of ReLU are refused', () => {
      const leaky = withValuesAt(good, { 'task.network.slopes.negative': 0.01 });
      expect(() => start(leaky, () => undefined)).toThrow(
        'task.network.slopes: expected positive 1, negative 0, because ReLU is the only supported activation',
      );
    });
  });

  test('exponents whose sum would overflow are refused', () => {
    const exponents = new Int32Array(exponentCount(shape, 3)).fill(2 ** 30);
    for (const [operation, path] of [
      ['gramTile', 'task.a.exponents'],
      ['products', 'task.block.exponents'],
    ] as const) {
      const call = withValuesAt(calls[operation], { [path]: exponents });
      expect(() => (addon[operation] as unknown as Start)(call, () => undefined)).toThrow(
        `${path}: expected -2^28 to 2^28`,
      );
    }
  });

  test('null stands for the block itself, and a mirror of it is refused', async () => {
    const { task } = calls.gramTile;
    const start = addon.gramTile as unknown as Start;
    const diagonal = { ...task, b: null, tile: new Float64Array(9), mirror: null };
    expect(await started(start, { task: diagonal, threads: 1 })).toBe(1);
    const mirrored = { ...diagonal, mirror: new Float64Array(9) };
    expect(() => start({ task: mirrored, threads: 1 }, () => undefined)).toThrow(/mirror: expected null/);
    expect(() =>
      start({ task: { ...task, b: task.a, tile: diagonal.tile }, threads: 1 }, () => undefined),
    ).toThrow(/b: expected null for the same block/);
  });

  test('sizes beyond memory are refused before anything is computed', () => {
    const start = addon.kernel as unknown as Start;
    const ofWidths = (widths: number[]) => withValuesAt(calls.kernel, { 'task.network.widths': widths });
    const most = 2 ** 31 - 1;
    expect(() => start(ofWidths([most, most, most]), () => undefined)).toThrow(/widths: too large for BLAS/);
    expect(() => start(ofWidths([4]), () => undefined)).toThrow(/at least two/);
  });

  test('fillNormals and measureGemm check theirs', () => {
    const good = { out: new Float64Array(4), seed: 1, replica: 2, stream: 3, scale: 1 };
    expect(() => {
      addon.fillNormals(good);
    }).not.toThrow();
    for (const bad of [
      { out: new Float32Array(4) as never },
      { seed: -1 },
      { seed: 2 ** 54 },
      { stream: 2 ** 32 },
    ]) {
      expect(() => {
        addon.fillNormals({ ...good, ...bad });
      }).toThrow();
    }
    expect(() => addon.measureGemm({ rows: 0, columns: 1, inner: 1, single: false })).toThrow();
    expect(() => addon.measureGemm({ rows: 1e6, columns: 1e6, inner: 1e6, single: false })).toThrow();
  });

  test('the backend refuses memory that could shrink under a thread', async () => {
    const Resizable = ArrayBuffer as unknown as new (length: number, options: object) => ArrayBuffer;
    const buffer = new Resizable(8 * x.length, { maxByteLength: 16 * x.length });
    const task = { network, x: new Float64Array(buffer), n: 3, rowBlock: 2 };
    await expect(backend.forward(task, { threads: 1 })).rejects.toMatchObject({
      code: 'ERR_INVALID_ARGUMENT',
    });
  });

  test('memory that the system refuses is an error with a code and the stack of the caller', async () => {
    // Ten layers of activations of 10^7 inputs would be 1.6 TB. The parameters are never touched, and so take no memory.
    const widths = [1, ...new Array<number>(10).fill(2000), 1];
    const n = 1e7;
    const count = widths.slice(1).reduce((sum, width, l) => sum + width * (widths[l]! + 1), 0);
    const untouched: NetworkData = {
      widths,
      parameters: new Float64Array(new SharedArrayBuffer(8 * count)),
      weightGains: ones(11),
      biasGains: ones(11),
      slopes: RELU,
    };
    const task = { ...kernelTask(backend, 1, [1, 1]), weightTerms: ones(11), biasTerms: ones(11) };
    const big = { ...task, network: untouched, n, n2: 1, x: new Float64Array(n), x2: new Float64Array(1) };
    async function caller(): Promise<unknown> {
      return backend.kernel(big, { threads: 1 });
    }
    const failure = await caller().catch((error: unknown) => error as Error & { code: string });
    expect(failure).toMatchObject({ name: 'DeepntkError', code: 'ERR_OUT_OF_MEMORY' });
    expect((failure as Error).stack).toContain('caller');
  });
});
