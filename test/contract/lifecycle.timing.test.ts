/** How soon an abort takes effect, and how long the event loop is held, on every backend. */
import { createSpec, Mlp } from '../../src/index';
import { normalInputs } from '../support/arbitrary';
import { testedBackends } from '../support/backends';

// 0.6 to 6 seconds of work on one core, by backend.
const SIZE = {
  cuda: { depth: 60, width: 1000, n: 6000 },
  native: { depth: 60, width: 700, n: 500 },
  typescript: { depth: 30, width: 350, n: 200 },
} as const;

describe.each(testedBackends())('%s backend', (backend) => {
  const { depth, width, n } = SIZE[backend];
  const net = Mlp.random(createSpec({ inputDim: 50, depth, width, outputDim: 1 }), { seed: 2 });
  const X = normalInputs(n, 50, 1);

  test('an abort before the start rejects within 100 ms', async () => {
    const signal = AbortSignal.abort();
    const start = performance.now();
    await expect(net.ntk(X, null, { backend, signal })).rejects.toMatchObject({ name: 'AbortError' });
    expect(performance.now() - start).toBeLessThan(100);
  });

  test('an abort in the middle rejects within 100 ms', async () => {
    const latencies: number[] = [];
    for (let attempt = 0; attempt < 5; attempt++) {
      const controller = new AbortController();
      const reason = new Error('enough');
      const work = net.ntk(X, null, { backend, signal: controller.signal });
      const outcome = work.then(
        () => 'finished',
        (error: unknown) => error,
      );
      await new Promise((resolve) => setTimeout(resolve, 150));
      const start = performance.now();
      controller.abort(reason);
      expect(await outcome).toBe(reason);
      latencies.push(performance.now() - start);
    }
    // The median: a shared machine may hold up any single one.
    expect(latencies.sort((a, b) => a - b)[2]).toBeLessThan(100);
  });

  test('the event loop stays free', async () => {
    let longest = 0;
    let last = performance.now();
    const timer = setInterval(() => {
      const now = performance.now();
      longest = Math.max(longest, now - last);
      last = now;
    }, 5);
    await net.ntk(X, null, { backend, threads: 1 });
    clearInterval(timer);
    expect(longest).toBeLessThan(150);
  });
});
