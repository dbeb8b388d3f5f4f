import { execFile } from 'node:child_process';
import * as path from 'node:path';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import { typescriptBackend } from '../../src/backend/typescript/index';
import { kernelTask, randomInputs, randomNetwork, progressOf } from './tasks';

const COMPILED = path.join(__dirname, '..', '..', 'dist', 'backend', 'typescript', 'index.js');

/** Some 100 Mflop: more than what runs on the calling thread. */
const network = randomNetwork([30, 150, 170, 150, 150, 3], 1);
const x = randomInputs(70, 30, 2);
/** Some 80 Gflop: many seconds of work, to be stopped. */
const bigNetwork = randomNetwork([50, ...new Array<number>(12).fill(400), 40], 3);
const bigTask = kernelTask(bigNetwork, randomInputs(500, 50, 4));

describe('threads', () => {
  test('one that dies fails its job, and the next job runs', async () => {
    const posted: Worker[] = [];
    const post = jest.spyOn(Worker.prototype, 'postMessage').mockImplementation(function (
      this: Worker,
      value,
    ) {
      posted.push(this);
      post.mockRestore();
      this.postMessage(value);
    });
    const { result } = await progressOf(typescriptBackend.kernel.bind(null, bigTask), { threads: 2 }, 0.01);
    void posted[0]!.terminate();
    await expect(result).rejects.toMatchObject({ code: 'ERR_COMPUTATION' });
    const { kernel } = await typescriptBackend.kernel(kernelTask(network, x), { threads: 2 });
    expect(kernel.every(Number.isFinite)).toBe(true);
  });

  const program = `
    const { typescriptBackend } = require(${JSON.stringify(COMPILED)});
    const widths = [20, 300, 300, 2];
    const network = { widths, parameters: new Float64Array(20 * 300 + 300 + 300 * 300 + 300 + 602).fill(0.01),
      weightGains: new Float64Array(3).fill(1), biasGains: new Float64Array(3).fill(1) };
    const terms = new Float64Array(3).fill(1);
    const task = { network, x: new Float64Array(100 * 20).fill(1), n: 100, x2: null, n2: 100, form: 'trace',
      weightTerms: terms, biasTerms: terms, perLayer: false, precision: 'float64', blocks: { rows: 64, gram: 32 } };
    const result = typescriptBackend.kernel(task, { threads: 2 }).then(({ kernel }) => kernel[7]);`;

  test('do not keep a finished process alive, and a process waits for its job', async () => {
    const script = `${program} result.then((value) => console.log(value > 0));`;
    const { stdout } = await promisify(execFile)(process.execPath, ['-e', script], { timeout: 20_000 });
    expect(stdout.trim()).toBe('true');
  });

  test('can be used inside a worker thread', async () => {
    const script = `${program} result.then((value) => require('node:worker_threads').parentPort.postMessage(value));`;
    const worker = new Worker(script, { eval: true });
    const value = await new Promise((resolve, reject) => {
      worker.once('message', resolve).once('error', reject);
    });
    expect(value).toBeGreaterThan(0);
    await worker.terminate();
  });
});
