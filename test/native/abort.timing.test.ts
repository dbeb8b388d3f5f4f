/** How soon an abort ends native work. */
import type { KernelTask, RunOptions } from '../../src/backend/seam';
import { describeNative, kernelTask, sleep } from './support';

describeNative('an abort of native work', (backend) => {
  let kernel: KernelTask;
  let many: Float64Array;
  beforeAll(() => {
    kernel = kernelTask(backend, 1000, [...new Array<number>(60).fill(1000), 1]);
    many = new Float64Array(60_000 * 1000).fill(0.1);
  });

  const start = (name: 'kernel' | 'jacobian' | 'forward', run: RunOptions): Promise<unknown> => {
    if (name === 'kernel') return backend.kernel(kernel, run);
    const forward = { network: kernel.network, x: many, n: 60_000, rowBlock: 256 };
    if (name === 'forward') return backend.forward(forward, run);
    const weights = kernel.network.widths.slice(1).map(() => false);
    const biases = weights.map((_, layer) => layer === 0);
    return backend.jacobian({ ...forward, weights, biases }, run);
  };

  // 100 ms is the promise. The rest of the 250 ms, and the best of five, is for a machine that does other work too.
  test.each(['kernel', 'jacobian', 'forward'] as const)('ends a %s within 100 ms', async (name) => {
    const waits: number[] = [];
    while (waits.length < 5 && !waits.some((wait) => wait < 250)) {
      const controller = new AbortController();
      const work = start(name, { threads: 2, signal: controller.signal });
      const outcome = expect(work).rejects.toMatchObject({ name: 'AbortError' });
      await sleep(60);
      const begun = performance.now();
      controller.abort();
      await outcome;
      waits.push(performance.now() - begun);
    }
    expect(Math.min(...waits)).toBeLessThan(250);
  });

  test('that an error of the progress callback causes comes within two seconds; the work takes longer', async () => {
    const error = new RangeError('no more');
    let thrownAt = 0;
    const work = start('kernel', {
      threads: 2,
      onProgress() {
        thrownAt = performance.now();
        throw error;
      },
    });
    await expect(work).rejects.toBe(error);
    expect(performance.now() - thrownAt).toBeLessThan(2000);
  });
});
