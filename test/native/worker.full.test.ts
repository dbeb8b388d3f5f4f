/** How soon a terminated worker ends: worker.timing.test.ts. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { describeNative, kernelTask, LONG_JOB, sleep } from './support';

const WORKER_ENDS = path.join(__dirname, 'fixtures', 'worker-ends.js');

describeNative('native work in worker_threads', (backend) => {
  test('a worker terminated in mid-computation takes nothing with it', async () => {
    for (let i = 0; i < 3; i++) {
      const worker = new Worker(LONG_JOB);
      await once(worker, 'message');
      await worker.terminate();
    }
    const { kernel } = await backend.kernel(kernelTask(backend, 3, [4, 5, 1]), { threads: 2 });
    expect(kernel).toHaveLength(9);
  });

  test('a worker terminated before its work begins', async () => {
    const worker = new Worker(LONG_JOB);
    await sleep(30);
    await worker.terminate();
    const { kernel } = await backend.kernel(kernelTask(backend, 3, [4, 5, 1]), { threads: 2 });
    expect(kernel).toHaveLength(9);
  });

  test('several workers at once, and work of the main thread that waits for a free core', async () => {
    const workers = [1, 2, 3].map(() => new Worker(LONG_JOB));
    await Promise.race(workers.map((worker) => once(worker, 'message')));
    const task = kernelTask(backend, 20, [30, 40, 40, 2]);
    const alone = Promise.all([1, 2, 3, 4].map(() => backend.kernel(task, { threads: 2 })));
    await Promise.all(workers.map((worker) => worker.terminate()));
    const results = await alone;
    for (const { kernel } of results) expect(kernel).toEqual(results[0]!.kernel);
  });

  test('threads that a worker leaves idle end by themselves, though only that worker had loaded the addon', () => {
    // They wait 5 s for another task (native/core/threads.cpp): an unloaded library would be missed then.
    const child = spawnSync(process.execPath, [WORKER_ENDS, '6000'], { encoding: 'utf8', timeout: 120_000 });
    expect({ status: child.status, signal: child.signal, stdout: child.stdout }).toEqual({
      status: 0,
      signal: null,
      stdout: 'worker ended with 0\nstill here\n',
    });
  });
});
