import { describeNative, kernelTask, longTask } from './support';

const rss = (): number => process.memoryUsage().rss / 2 ** 20;

describeNative('memory of native work', (backend) => {
  test('stays flat over many calls', async () => {
    const task = kernelTask(backend, 40, [50, 200, 200, 200, 2]);
    const forward = { network: task.network, x: task.x, n: task.n, rowBlock: 16 };
    const all = [true, true, true, true];
    const round = async (): Promise<void> => {
      for (let i = 0; i < 60; i++) {
        await backend.kernel({ ...task, perLayer: true }, { threads: 2 });
        await backend.forward(forward, { threads: 2 });
        if (i % 10 === 0) await backend.jacobian({ ...forward, weights: all, biases: all }, { threads: 2 });
      }
    };
    await round();
    await round();
    const before = rss();
    for (let i = 0; i < 4; i++) await round();
    // The Jacobians alone are 24 times 60 MB, the kernels 240 times 100 kB; garbage collection has its own pace.
    expect(rss() - before).toBeLessThan(250);
  });

  test('stays flat over many aborted calls', async () => {
    const task = longTask(backend); // 480 MB of activations, if it got that far
    const round = async (): Promise<void> => {
      for (let i = 0; i < 15; i++) {
        const controller = new AbortController();
        const work = backend.kernel(task, { threads: 2, signal: controller.signal });
        setTimeout(() => {
          controller.abort();
        }, 10);
        await expect(work).rejects.toMatchObject({ name: 'AbortError' });
      }
    };
    await round();
    const before = rss();
    await round();
    await round();
    expect(rss() - before).toBeLessThan(150); // 30 results of 32 MB would be 960
  });
});
