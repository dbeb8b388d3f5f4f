import { getEventListeners } from 'node:events';
import * as os from 'node:os';
import { types } from 'node:util';
import { Worker } from 'node:worker_threads';
import type { KernelForm } from '../../src/backend/forms';
import type { Precision, RunOptions } from '../../src/backend/seam';
import { typescriptBackend } from '../../src/backend/typescript/index';
import { kernelProgram } from '../../src/backend/typescript/kernel';
import { soloTeam } from '../../src/backend/typescript/team';
import { ownMemory } from '../../src/backend/typescript/workspace';
import { forwardTask, kernelTask, randomInputs, randomNetwork, progressOf } from './tasks';

/** Some 100 Mflop: more than what runs on the calling thread. */
const network = randomNetwork([30, 150, 170, 150, 150, 3], 1);
const x = randomInputs(70, 30, 2);
/** Some 80 Gflop: many seconds of work, to be stopped. */
const bigNetwork = randomNetwork([50, ...new Array<number>(12).fill(400), 40], 3);
const bigTask = kernelTask(bigNetwork, randomInputs(500, 50, 4));

/** Compares arrays, or lists of arrays. */
function sameBits(actual: Arrays, expected: Arrays): boolean {
  if (!(expected instanceof Float64Array)) {
    return expected.every((array, i) => sameBits((actual as readonly Float64Array[])[i]!, array));
  }
  const bytes = (array: Float64Array) => Buffer.from(array.buffer, array.byteOffset, array.byteLength);
  return bytes(actual as Float64Array).equals(bytes(expected));
}

type Arrays = Float64Array | readonly Float64Array[];

describe('results do not depend, bit for bit, on the threads', () => {
  const kinds: [KernelForm, Precision][] = [
    ['trace', 'float64'],
    ['trace', 'mixed'],
    ['full', 'float64'],
    ['diagonal', 'float64'],
    ['sum-of-logits', 'mixed'],
  ];

  test.each(kinds)(
    'kernel %s, %s, with parts: here, and on 1, 2 and all threads',
    async (form, precision) => {
      const task = kernelTask(network, x, {
        form,
        precision,
        perLayer: true,
        blocks: { rows: 32, gram: 16 },
      });
      const job = kernelProgram.create(task, ownMemory());
      kernelProgram.run(soloTeam, job);
      const expected = kernelProgram.result(job, (array) => array, task);
      for (const threads of [1, 2, 64]) {
        const result = await typescriptBackend.kernel(task, { threads });
        expect(sameBits(result.kernel, expected.kernel)).toBe(true);
        expect(sameBits(result.weights!, expected.weights!)).toBe(true);
        expect(sameBits(result.biases!, expected.biases!)).toBe(true);
      }
    },
  );

  test('nor on the blocks', async () => {
    const first = await typescriptBackend.kernel(kernelTask(network, x), { threads: 2 });
    const blocks = { rows: 17, gram: 9 };
    const second = await typescriptBackend.kernel(kernelTask(network, x, { blocks }), { threads: 2 });
    expect(sameBits(second.kernel, first.kernel)).toBe(true);
  });

  test('outputs and Jacobian', async () => {
    const many = forwardTask(network, randomInputs(200, 30, 5));
    const selected = [true, false, true, false, true];
    const derivatives = { ...forwardTask(network, x), weights: selected, biases: selected.map((s) => !s) };
    const outputs = await typescriptBackend.forward(many, { threads: 1 });
    const jacobian = await typescriptBackend.jacobian(derivatives, { threads: 1 });
    expect(jacobian).toHaveLength(70 * 3 * (30 * 150 + 170 * 150 + 150 * 3 + 170 + 150));
    for (const threads of [2, 64]) {
      expect(sameBits(await typescriptBackend.forward(many, { threads }), outputs)).toBe(true);
      expect(sameBits(await typescriptBackend.jacobian(derivatives, { threads }), jacobian)).toBe(true);
    }
  });

  test('nor on whether the parameters lie on shared memory', async () => {
    const own = { ...network, parameters: new Float64Array(network.parameters) };
    const expected = await typescriptBackend.kernel(kernelTask(network, x), { threads: 2 });
    const actual = await typescriptBackend.kernel(kernelTask(own, x), { threads: 2 });
    expect(sameBits(actual.kernel, expected.kernel)).toBe(true);
  });

  test('results lie on memory of their own', async () => {
    const { kernel } = await typescriptBackend.kernel(kernelTask(network, x), { threads: 2 });
    expect(types.isSharedArrayBuffer(kernel.buffer)).toBe(false);
  });
});

describe('abort', () => {
  test('before the start: nothing runs', async () => {
    const reason = new Error('not today');
    const onProgress = jest.fn();
    const run = { threads: 2, signal: AbortSignal.abort(reason), onProgress };
    await expect(typescriptBackend.kernel(bigTask, run)).rejects.toBe(reason);
    await expect(typescriptBackend.forward(forwardTask(network, x), run)).rejects.toBe(reason);
    expect(onProgress).not.toHaveBeenCalled();
  });

  test('in the middle: rejects with the reason, leaves no listener, and the threads are free again', async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const reached = progressOf(typescriptBackend.kernel.bind(null, bigTask), { threads: 2, signal }, 0.02);
    const job = await reached;
    const reason = new Error('enough');
    controller.abort(reason);
    await expect(job.result).rejects.toBe(reason);
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
    await typescriptBackend.kernel(kernelTask(network, x), { threads: 2 });
  });

  test('while waiting for threads', async () => {
    const controller = new AbortController();
    const first = typescriptBackend.kernel(bigTask, { threads: 64, signal: controller.signal });
    const waiting = new AbortController();
    const second = typescriptBackend.kernel(bigTask, { threads: 2, signal: waiting.signal });
    waiting.abort();
    await expect(second).rejects.toMatchObject({ name: 'AbortError' });
    expect(getEventListeners(waiting.signal, 'abort')).toHaveLength(0);
    controller.abort();
    await expect(first).rejects.toMatchObject({ name: 'AbortError' });
  });

  test('a job that ends leaves no listener', async () => {
    const { signal } = new AbortController();
    await typescriptBackend.kernel(kernelTask(network, x), { threads: 2, signal });
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });
});

describe('progress', () => {
  test('grows from 0 to 1', async () => {
    const seen: number[] = [];
    const task = kernelTask(bigNetwork, randomInputs(15, 50, 6));
    await typescriptBackend.kernel(task, { threads: 2, onProgress: (fraction) => seen.push(fraction) });
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    expect(seen[0]).toBeGreaterThanOrEqual(0);
    expect(seen.at(-1)).toBe(1);
  });

  test('a callback that throws cancels the job with that very error', async () => {
    const error = new Error('broken progress bar');
    const run: RunOptions = {
      threads: 2,
      onProgress: () => {
        throw error;
      },
    };
    await expect(typescriptBackend.kernel(bigTask, run)).rejects.toBe(error);
    await expect(typescriptBackend.kernel(kernelTask(network, x.slice(0, 30)), run)).rejects.toBe(error);
  });
});

describe('threads', () => {
  test('are no more than the machine has cores, whatever is asked for', async () => {
    const posts = jest.spyOn(Worker.prototype, 'postMessage');
    await typescriptBackend.kernel(kernelTask(network, x), { threads: 1000 });
    const count = posts.mock.calls.length;
    posts.mockRestore();
    expect(count).toBe(os.availableParallelism());
  });

  test('many jobs at once all get their turn and the right result', async () => {
    const task = kernelTask(network, x);
    const { kernel } = await typescriptBackend.kernel(task, { threads: 1 });
    const results = await Promise.all(
      [1, 2, 3, 1, 2].map((threads) => typescriptBackend.kernel(task, { threads })),
    );
    for (const result of results) expect(sameBits(result.kernel, kernel)).toBe(true);
  });

  test('arrays that do not fit are an error with a code', async () => {
    const tiny = randomNetwork([1, 1], 1);
    const task = kernelTask(tiny, new Float64Array(2 ** 21));
    await expect(typescriptBackend.kernel(task, { threads: 2 })).rejects.toMatchObject({
      code: 'ERR_OUT_OF_MEMORY',
    });
    await typescriptBackend.kernel(kernelTask(network, x), { threads: 2 });
  });
});
