import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { describeNative, LONG_JOB } from './support';

describeNative('native work in worker_threads', () => {
  // An abort is seen within 100 ms; the work takes some seconds.
  test('a worker terminated in mid-computation ends within a second', async () => {
    for (let i = 0; i < 3; i++) {
      const worker = new Worker(LONG_JOB);
      await once(worker, 'message');
      const start = performance.now();
      await worker.terminate();
      expect(performance.now() - start).toBeLessThan(1000);
    }
  });
});
