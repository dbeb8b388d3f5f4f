/** Progress and abort of the TypeScript backend, by the clock. */
import { typescriptBackend } from '../../src/backend/typescript/index';
import { kernelTask, randomInputs, randomNetwork } from './tasks';

/** Some 80 Gflop at 500 inputs: many seconds of work. */
const network = randomNetwork([50, ...new Array<number>(12).fill(400), 40], 3);

test('an abort in the middle ends a job of many seconds, and frees its threads, within two', async () => {
  const controller = new AbortController();
  const progress = new Promise<void>((resolve) => {
    const onProgress = (fraction: number): void => {
      if (fraction > 0.02) resolve();
    };
    const run = { threads: 2, signal: controller.signal, onProgress };
    typescriptBackend.kernel(kernelTask(network, randomInputs(500, 50, 4)), run).catch(() => undefined);
  });
  await progress;
  const start = performance.now();
  controller.abort();
  await typescriptBackend.kernel(kernelTask(network, randomInputs(2, 50, 5)), { threads: 2 });
  expect(performance.now() - start).toBeLessThan(2000);
});

test('progress is told some 30 times a second at most, while the event loop stays free', async () => {
  const seen: number[] = [];
  const task = kernelTask(network, randomInputs(15, 50, 6));
  let longest = 0;
  let last = performance.now();
  const timer = setInterval(() => {
    longest = Math.max(longest, performance.now() - last);
    last = performance.now();
  }, 5);
  const start = performance.now();
  await typescriptBackend.kernel(task, { threads: 2, onProgress: (fraction) => seen.push(fraction) });
  const seconds = (performance.now() - start) / 1000;
  clearInterval(timer);
  expect(seen.length).toBeGreaterThan(3);
  expect(seen.length).toBeLessThan(33 * seconds + 2);
  // The estimate counts what is really done: the last call before the end is near it, not far above or below.
  expect(seen.at(-2)).toBeGreaterThan(0.75);
  expect(longest).toBeLessThan(seconds * 500);
  expect(longest).toBeLessThan(1000);
});
