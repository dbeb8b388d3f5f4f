/** Aborts of native work. How soon they end it: abort.timing.test.ts. */
import { describeNative, kernelTask, longTask, sleep } from './support';

describeNative('abort of native work', (backend, addon) => {
  test('before the start: rejects with an AbortError and starts nothing', async () => {
    const work = backend.kernel(longTask(backend), { threads: 1, signal: AbortSignal.abort() });
    await expect(work).rejects.toMatchObject({ name: 'AbortError' });
  });

  test('rejects with the very reason that the signal bears, and leaves no listener on it', async () => {
    const controller = new AbortController();
    const added = jest.spyOn(controller.signal, 'addEventListener');
    const removed = jest.spyOn(controller.signal, 'removeEventListener');
    const reason = { because: 'enough' };
    const work = backend.kernel(longTask(backend), { threads: 1, signal: controller.signal });
    controller.abort(reason);
    await expect(work).rejects.toBe(reason);
    expect(removed.mock.calls.length).toBe(added.mock.calls.length);
  });

  test('after the end: changes nothing', async () => {
    const controller = new AbortController();
    const task = kernelTask(backend, 3, [4, 5, 1]);
    const { kernel } = await backend.kernel(task, { threads: 1, signal: controller.signal });
    controller.abort();
    expect(kernel.every((entry) => entry > 0)).toBe(true);
  });

  test('an error thrown by the progress callback cancels the work and is passed on', async () => {
    const error = new RangeError('no more');
    const seen: number[] = [];
    const work = backend.kernel(longTask(backend), {
      threads: 2,
      onProgress(fraction) {
        seen.push(fraction);
        throw error;
      },
    });
    await expect(work).rejects.toBe(error);
    expect(seen).toHaveLength(1);
    expect(seen[0]).toBeLessThan(1);
  });

  test('progress grows from 0 to 1', async () => {
    const seen: number[] = [];
    await backend.kernel(kernelTask(backend, 200, [100, ...new Array<number>(60).fill(300), 1]), {
      threads: 2,
      onProgress: (fraction) => seen.push(fraction),
    });
    expect(seen.length).toBeGreaterThan(1);
    expect(seen.at(-1)).toBe(1);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    expect(seen[0]).toBeGreaterThan(0);
  });

  test('the threads of BLAS are left as they were found', async () => {
    const before = addon.describe().threads;
    const controller = new AbortController();
    const cancelled = backend.kernel(longTask(backend), { threads: 1, signal: controller.signal });
    for (let i = 0; i < 4000 && addon.describe().threads !== 1; i++) await sleep(5);
    expect(addon.describe().threads).toBe(1);
    controller.abort();
    await expect(cancelled).rejects.toBeDefined();
    expect(addon.describe().threads).toBe(before);
    await backend.kernel(kernelTask(backend, 3, [4, 5, 1]), { threads: 2 });
    expect(addon.describe().threads).toBe(before);
  });
});
