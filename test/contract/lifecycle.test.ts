/** Abort, progress, and inputs that change while work is under way, on every backend. */
import { getEventListeners } from 'node:events';
import { createSpec, Mlp, type Progress } from '../../src/index';
import { normalInputs } from '../support/arbitrary';
import { testedBackends } from '../support/backends';

// Several progress reports long, which come 30 times a second at most: a tenth of a second or more on one core.
const SIZE = {
  cuda: { depth: 60, width: 1000, n: 6000 },
  native: { depth: 40, width: 500, n: 400 },
  typescript: { depth: 15, width: 200, n: 150 },
} as const;

/** ES2024's, which the type checker's library does not know yet. */
type ResizableBuffer = ArrayBuffer & { resize(bytes: number): void };

describe.each(testedBackends())('%s backend', (backend) => {
  const { depth, width, n } = SIZE[backend];
  const net = Mlp.random(createSpec({ inputDim: 50, depth, width, outputDim: 1 }), { seed: 2 });
  const X = normalInputs(n, 50, 1);

  test('an abort before the start rejects with an AbortError, and nothing is computed', async () => {
    const signal = AbortSignal.abort();
    await expect(net.ntk(X, null, { backend, signal })).rejects.toMatchObject({ name: 'AbortError' });
    await expect(net.forward(X, { backend, signal })).rejects.toMatchObject({ name: 'AbortError' });
    await expect(net.jacobian(X, { backend, signal, layers: [1] })).rejects.toMatchObject({
      name: 'AbortError',
    });
  });

  test("an abort in the middle rejects with the signal's reason", async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    const onProgress = () => {
      controller.abort(reason);
    };
    await expect(net.ntk(X, null, { backend, signal: controller.signal, onProgress })).rejects.toBe(reason);
  });

  test('a signal that twenty computations share gets one listener, and none is left', async () => {
    const small = Mlp.random(createSpec({ inputDim: 50, depth: 4, width: 150 }), { seed: 1 });
    const { signal } = new AbortController();
    const few = normalInputs(100, 50, 3); // enough for the TypeScript backend to hand it to threads
    const work = Array.from({ length: 20 }, () => small.ntk(few, null, { backend, signal }));
    expect(getEventListeners(signal, 'abort').length).toBe(1);
    await Promise.all(work);
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });

  test('an abort ends every computation that shares the signal, running or waiting', async () => {
    const controller = new AbortController();
    const onProgress = () => {
      controller.abort();
    };
    const run = { backend, signal: controller.signal, threads: 1, onProgress };
    for (const outcome of await Promise.allSettled([1, 2, 3, 4, 5, 6].map(() => net.ntk(X, null, run)))) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { name: 'AbortError' } });
    }
    const small = Mlp.random(createSpec({ inputDim: 50, depth: 2, width: 10 }), { seed: 1 });
    expect((await small.ntk(X, null, { backend })).shape).toEqual([n, n]);
  });

  test('progress rises from 0 towards 1, and estimates what remains', async () => {
    const seen: Progress[] = [];
    await net.ntk(X, null, { backend, threads: 1, onProgress: (progress) => seen.push(progress) });
    expect(seen.length).toBeGreaterThan(2);
    seen.forEach((progress, i) => {
      expect(progress.fraction).toBeGreaterThanOrEqual(i === 0 ? 0 : seen[i - 1]!.fraction);
      expect(progress.fraction).toBeLessThanOrEqual(1);
      if (progress.fraction > 0) expect(progress.remainingSeconds).toBeGreaterThanOrEqual(0);
    });
    expect(seen.at(-1)!.fraction).toBeGreaterThan(0.5);
  });

  test('an error thrown by onProgress ends the work with that very error', async () => {
    const mine = new Error('mine');
    const work = net.ntk(X, null, {
      backend,
      onProgress: () => {
        throw mine;
      },
    });
    await expect(work).rejects.toBe(mine);
  });

  test('inputs that are changed or transferred away during the work do not change the result', async () => {
    const expected = await net.ntk(X, null, { backend });
    const mine = { data: new Float64Array(X.data), shape: X.shape };
    const work = net.ntk(mine, null, { backend });
    mine.data.fill(NaN);
    structuredClone(mine.data.buffer, { transfer: [mine.data.buffer] });
    const { data } = await work;
    expect(data).toEqual(expected.data);
  });

  test('parameters that are changed during the work crash nothing', async () => {
    const victim = Mlp.random(net.spec, { seed: 3 });
    const work = victim.ntk(X, null, { backend });
    for (let round = 0; round < 20; round++) {
      victim.parameters.fill(round % 2 === 0 ? 0 : 1e-3);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    expect((await work).shape).toEqual([n, n]);
  });

  test('inputs in a resizable or a shared buffer are copied before anyone can shrink them', async () => {
    const small = Mlp.random(createSpec({ inputDim: 50, depth: 2, width: 10 }), { seed: 2 });
    const expected = await small.ntk(X, null, { backend });
    const bytes = X.data.byteLength;
    const resizable = Reflect.construct(ArrayBuffer, [
      bytes,
      { maxByteLength: 2 * bytes },
    ]) as ResizableBuffer;
    const shared = new SharedArrayBuffer(bytes);
    for (const buffer of [resizable, shared]) {
      const data = new Float64Array(buffer);
      data.set(X.data);
      const work = small.ntk({ data, shape: X.shape }, null, { backend });
      if (buffer === resizable) resizable.resize(0);
      expect((await work).data).toEqual(expected.data);
    }
  });

  test('several computations at once give what each gives alone', async () => {
    const nets = [1, 2, 3, 4].map((seed) =>
      Mlp.random(createSpec({ inputDim: 50, depth: 5, width: 60 }), { seed }),
    );
    const together = await Promise.all(nets.map((each) => each.ntk(X, null, { backend })));
    for (const [i, each] of nets.entries()) {
      expect((await each.ntk(X, null, { backend })).data).toEqual(together[i]!.data);
    }
  });
});
