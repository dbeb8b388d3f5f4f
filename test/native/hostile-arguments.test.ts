import { type NetworkData, RELU } from '../../src/backend/seam';
import { describeNative, kernelTask, ones } from './support';

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

describeNative('hostile arguments to the raw addon', (backend, addon) => {
  const { network, x } = kernelTask(backend, 3, [4, 5, 2]);
  const { widths, parameters, weightGains, biasGains } = network;
  const shared = { widths, parameters, weightGains, biasGains, x, n: 3, threads: 1 };
  const operations = {
    startForward: { ...shared, rowBlock: 2, outputs: new Float64Array(6) },
    startJacobian: {
      ...shared,
      rowBlock: 2,
      weights: new Uint8Array([1, 1]),
      biases: new Uint8Array([1, 1]),
      jacobian: new Float64Array(3 * 2 * 37),
    },
    startKernel: {
      ...shared,
      x2: null,
      n2: 3,
      form: 0,
      weightTerms: ones(2),
      biasTerms: ones(2),
      mixed: false,
      rows: 4,
      gram: 4,
      kernel: new Float64Array(9),
      weights: [new Float64Array(9), new Float64Array(9)],
      biases: [new Float64Array(9), new Float64Array(9)],
    },
    startTraining: {
      ...shared,
      y: new Float64Array(6),
      loss: 0,
      biasGradients: true,
      optimizer: 2,
      beta1: 0.9,
      beta2: 0.999,
      epsilon: 1e-8,
      firstMoments: new Float64Array(37),
      secondMoments: new Float64Array(37),
      stepsBefore: 0,
      steps: 2,
      learningRates: new Float64Array(2),
      batchSizes: Int32Array.of(2, 1),
      batchRows: Int32Array.of(2, 0, 1),
      losses: new Float64Array(2),
      gradients: [new Float64Array(37)],
      slots: 1,
      minSlotRows: 1,
      rowBlock: 2,
    },
  };
  type Start = (task: unknown, listener: unknown) => () => void;
  const started = async (start: Start, task: unknown): Promise<number> =>
    new Promise((resolve) => {
      start(task, (status: number) => {
        if (status !== 0) resolve(status);
      });
    });

  describe.each(Object.entries(operations))('%s', (name, good) => {
    const start: Start = (task, listener) =>
      (addon[name as keyof typeof operations] as Start)(task, listener);

    test('takes what is right', async () => {
      expect(await started(start, good)).toBe(1);
    });

    test.each(Object.keys(good))('checks %s', async (key) => {
      for (const bad of HOSTILE) {
        const task: Record<string, unknown> = { ...good, [key]: bad };
        // null means "none" for these; a thread or block count is an upper bound.
        let refused = false;
        try {
          await started(start, task);
        } catch (error) {
          refused = true;
          expect((error as Error).name).toMatch(/^(TypeError|RangeError)$/);
        }
        const allowed =
          (bad === null && ['x2'].includes(key)) ||
          (typeof bad === 'number' && ['beta1', 'beta2', 'epsilon'].includes(key));
        expect([key, bad, refused]).toEqual([key, bad, !allowed]);
      }
    });

    test('refuses a task or a listener of another type', () => {
      for (const bad of [undefined, null, 1, 'text', Symbol('symbol')]) {
        expect(() => start(bad, () => undefined)).toThrow();
        expect(() => start(good, bad)).toThrow();
      }
      expect(() => start({}, () => undefined)).toThrow();
    });

    test('passes on what a getter throws, and survives a getter that detaches an array', () => {
      const thrown = new Error('from the getter');
      const throwing = {
        ...good,
        get n(): number {
          throw thrown;
        },
      };
      expect(() => start(throwing, () => undefined)).toThrow(thrown);
      const victim = x.slice();
      const detaching = {
        ...good,
        x: victim,
        get threads(): number {
          structuredClone(victim, { transfer: [victim.buffer] });
          return 1;
        },
      };
      expect(() => start(detaching, () => undefined)).toThrow(/x: expected a Float64Array/);
    });

    test('a listener that throws does not end the process', async () => {
      start(good, () => {
        throw new Error('from the listener');
      });
      await new Promise((resolve) => setTimeout(resolve, 100));
      expect(await started(start, good)).toBe(1);
    });
  });

  test('sizes beyond memory are refused before anything is computed', () => {
    const huge = { ...operations.startKernel, widths: [2 ** 31 - 1, 2 ** 31 - 1, 2 ** 31 - 1] };
    expect(() => addon.startKernel(huge, () => undefined)).toThrow();
    expect(() => addon.startKernel({ ...huge, widths: [4] }, () => undefined)).toThrow(/at least two/);
  });

  test('fillNormals and measureGemm check theirs', () => {
    const good = { out: new Float64Array(4), length: 4, seed: 1, replica: 2, stream: 3, scale: 1 };
    expect(() => {
      addon.fillNormals(good);
    }).not.toThrow();
    for (const bad of [
      { length: 5 },
      { seed: -1 },
      { seed: 2 ** 54 },
      { out: detached() },
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
