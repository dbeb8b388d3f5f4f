/** What holds of every operation of the addon: an abort ends it, and the process is left as it was. Memory: operations.timing.test.ts. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type { Backend, RunOptions } from '../../src/backend/seam';
import type { Addon } from '../../src/backend/native/addon';
import { describeNative, OPERATIONS } from './support';

type Operations = Readonly<Record<string, (run: RunOptions) => Promise<unknown>>>;

// eslint-disable-next-line @typescript-eslint/no-require-imports -- child processes run the same file
const { operations } = require('./fixtures/operations.js') as {
  operations: (backend: Backend, size?: 'small' | 'long') => Operations;
};

/** The threads of BLAS, and results that depend on the modes of floating-point arithmetic. */
function stateOfProcess(addon: Addon) {
  const one = Number('1'); // so that nothing is computed when this is compiled
  return {
    threads: addon.describe().threads,
    /** Zero where denormals are flushed. */
    denormal: (Number.MIN_VALUE * 2 ** 10) / (2 * one),
    /** Rounded to nearest, 1 + 2^-53 is 1 and 1 + 3 2^-53 is 1 + 2^-51; in any other mode one of them is another number. */
    rounding: [1 + 2 ** -53 * one, 1 + 3 * 2 ** -53 * one],
  };
}

describeNative('every operation of the addon', (backend, addon) => {
  const small = operations(backend);
  let long: Operations;
  beforeAll(() => {
    long = operations(backend, 'long');
  });

  test('is in the list', () => {
    const ofSeam = Object.keys(backend).filter((name) => !['name', 'describe', 'fillNormals'].includes(name));
    expect([...new Set(OPERATIONS.map((name) => name.split(' ')[0]))].sort()).toEqual(ofSeam.sort());
    expect(Object.keys(small).sort()).toEqual([...OPERATIONS].sort());
  });

  test.each(OPERATIONS)(
    '%s leaves rounding, denormal numbers and the threads of BLAS as they were',
    async (name) => {
      const found = stateOfProcess(addon);
      await small[name]!({ threads: 1 });
      expect(stateOfProcess(addon)).toEqual(found);
      expect(found.denormal).toBeGreaterThan(0);
      expect(found.rounding).toEqual([1, 1 + 2 ** -51]);
    },
  );

  test.each(OPERATIONS)('%s: an abort before, at once, and at any moment', async (name) => {
    const operation = long[name]!;
    const reason = new Error('enough');
    await expect(operation({ threads: 1, signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    for (const milliseconds of [0, 1, 7, 30]) {
      const controller = new AbortController();
      const outcome = operation({ threads: 2, signal: controller.signal }).then(
        () => 'finished',
        (error: unknown) => error,
      );
      if (milliseconds > 0) await sleep(milliseconds);
      controller.abort(reason);
      // Late aborts may find it finished; the first comes before any work can be.
      expect(milliseconds === 0 ? [reason] : [reason, 'finished']).toContain(await outcome);
      await small[name]!({ threads: 1 });
    }
  });
});

describeNative('many environments', () => {
  test('worker threads and vm contexts that load the package compute at once, and get the same bits', async () => {
    const program = `
      const { createSpec, Mlp } = require(${JSON.stringify(join(__dirname, '..', '..', 'dist'))});
      const net = Mlp.random(createSpec({ inputDim: 20, depth: 4, width: 100 }), { seed: 1 });
      const X = { data: Float64Array.from({ length: 60 * 20 }, (_, i) => Math.sin(i)), shape: [60, 20] };
      const kernels = () => Promise.all(Array.from({ length: 10 }, () => net.ntk(X, null, { backend: 'native', threads: 1 })));`;
    const workers = [1, 2, 3, 4].map(
      () =>
        new Worker(
          `${program} kernels().then((list) => require('node:worker_threads').parentPort.postMessage(list.map(({ data }) => data)));`,
          { eval: true },
        ),
    );
    const contexts = `const vm = require('node:vm');
      const inContext = () => vm.runInNewContext(${JSON.stringify(`(() => { ${program} return kernels(); })()`)}, { require, Float64Array });
      Promise.all([1, 2, 3].map(inContext)).then((lists) =>
        require('node:worker_threads').parentPort.postMessage(lists.flat().map(({ data }) => data)));`;
    const all = [...workers, new Worker(contexts, { eval: true })];
    const lists = await Promise.all(
      all.map(
        (worker) =>
          new Promise<Float64Array[]>((resolve, reject) => {
            worker.once('message', resolve).once('error', reject);
          }),
      ),
    );
    const [first, ...rest] = lists.flat();
    expect(rest).toHaveLength(69);
    for (const kernel of rest)
      expect(Buffer.from(kernel.buffer).equals(Buffer.from(first!.buffer))).toBe(true);
  });
});
