import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import {
  createSpec,
  inputsAtCosines,
  type MergedNtkSample,
  mergeNtkSamples,
  type NtkSample,
  sampleNtk,
} from '../../src/index';
const X = inputsAtCosines([1, 0.9, 0.3], 8);

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'deepntk-sample-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});
const at = (name: string): string => join(folder, name);

/** What was computed, without what computed it. */
function numbersOf(sample: NtkSample | MergedNtkSample): object {
  const { backend, core, threads, samplerReason, ranges, ...numbers } = { ranges: null, ...sample };
  expect([backend, core, threads, samplerReason, ranges]).toHaveLength(5);
  return numbers;
}

test.each([1, 2, 4])(
  '10,000 layers at sigma_w^2 = %d: ranges merge to the bits of the whole',
  async (weightVariance) => {
    const deep = createSpec({ inputDim: 8, depth: 10_000, width: 30, weightVariance, biasGradients: false });
    const options = { seed: 3, sampler: 'conditional' } as const;
    const whole = await sampleNtk(deep, X, { ...options, replicas: 4 });
    expect(whole.deadReplicas).toBe(0);
    expect([...whole.mean.data].every((value) => value > 0 && value < 2 ** 500)).toBe(true);
    for (const firstReplica of [2, 0]) {
      const checkpoint = at(`${firstReplica}.json`);
      await sampleNtk(deep, X, { ...options, firstReplica, replicas: 2, checkpoint });
    }
    expect(numbersOf(await mergeNtkSamples([at('2.json'), at('0.json')]))).toEqual(numbersOf(whole));
  },
);

test('a run that is killed (kill -9) goes on from its checkpoint, to the same bits, on another backend', async () => {
  const net = { inputDim: 20, depth: 30, width: 40 };
  const options = { replicas: 6000, seed: 2, sampler: 'conditional' } as const;
  const checkpoint = at('killed.json');
  const program = `
    const { createSpec, inputsAtCosines, sampleNtk } = require(${JSON.stringify(join(__dirname, '../../dist'))});
    const options = ${JSON.stringify({ ...options, checkpoint, backend: 'typescript', threads: 1 })};
    void sampleNtk(createSpec(${JSON.stringify(net)}), inputsAtCosines([1, 0.5, 0], 20), options);
  `;
  const child = spawn(process.execPath, ['-e', program], { stdio: 'ignore' });
  const exit = new Promise<NodeJS.Signals | null>((resolve) => {
    child.on('exit', (_, signal) => {
      resolve(signal);
    });
  });
  // The first checkpoint is due after a second of work, of several.
  const watch = setInterval(() => {
    if (existsSync(checkpoint)) child.kill('SIGKILL');
  }, 20);
  const signal = await exit;
  clearInterval(watch);
  expect(signal).toBe('SIGKILL');
  const { ranges } = JSON.parse(readFileSync(checkpoint, 'utf8')) as { ranges: [[number, number]] };
  expect(ranges[0][0]).toBe(0);
  expect(ranges[0][1]).toBeGreaterThan(0);
  expect(ranges[0][1]).toBeLessThan(6000);
  const inputs = inputsAtCosines([1, 0.5, 0], 20);
  const resumed = await sampleNtk(createSpec(net), inputs, { ...options, checkpoint });
  expect(numbersOf(resumed)).toEqual(numbersOf(await sampleNtk(createSpec(net), inputs, options)));
}, 180_000);
