import { readFile } from 'node:fs/promises';
import { describeNative, longTask, sleep } from './support';

describeNative('the event loop during native work', (backend) => {
  test('timers and file reads are not late while more jobs run than libuv has threads', async () => {
    const controller = new AbortController();
    const task = longTask(backend);
    const jobs = Array.from({ length: 6 }, () =>
      backend.kernel(task, { threads: 1, signal: controller.signal }),
    );
    const outcomes = Promise.allSettled(jobs);
    const waits: number[] = [];
    for (let i = 0; i < 20; i++) {
      const start = performance.now();
      await readFile(__filename);
      await sleep(1);
      waits.push(performance.now() - start);
    }
    controller.abort();
    const settled = await outcomes;
    expect(settled.map(({ status }) => status)).toEqual(jobs.map(() => 'rejected'));
    // Were the loop or libuv's pool blocked, each would wait for seconds; a busy machine costs some time slices.
    waits.sort((a, b) => a - b);
    expect(waits[10]).toBeLessThan(50);
  });
});
