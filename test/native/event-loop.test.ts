/** How long a timer waits: event-loop.timing.test.ts. */
import { readFile } from 'node:fs/promises';
import { describeNative, longTask, sleep } from './support';

describeNative('the event loop during native work', (backend) => {
  test('timers and file reads go on while more jobs run than libuv has threads', async () => {
    const controller = new AbortController();
    const task = longTask(backend);
    const jobs = Array.from({ length: 6 }, () =>
      backend.kernel(task, { threads: 1, signal: controller.signal }),
    );
    let ended = 0;
    const outcomes = Promise.allSettled(jobs.map((job) => job.finally(() => ended++)));
    for (let i = 0; i < 20; i++) {
      await readFile(__filename);
      await sleep(1);
    }
    expect(ended).toBe(0); // each takes seconds: were the loop or libuv's pool blocked, one would have ended
    controller.abort();
    const settled = await outcomes;
    expect(settled.map(({ status }) => status)).toEqual(jobs.map(() => 'rejected'));
  });
});
