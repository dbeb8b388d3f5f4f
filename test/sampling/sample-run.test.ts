import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Backend, KernelReplicas, KernelSampleTask, RunOptions } from '../../src/backend/seam';
import { createSpec, inputsAtCosines, sampleNtk } from '../../src/index';
import { readSampleJob } from '../../src/sampling/matrix/sample-options';
import { SampleRun } from '../../src/sampling/matrix/sample-run';

const spec = createSpec({ inputDim: 8, depth: 200, width: 1000 });
const X = inputsAtCosines([1, 0.5], 8);

/** A run whose replicas are kernels of ones, times 2^exponentOf(number), and are half done when they are begun. */
function runOfOnes(
  onProgress?: (fraction: number) => void,
  exponentOf: (replica: number) => number = () => 0,
) {
  const backend = {
    name: 'native',
    sampleKernels: ({ first, count }: KernelSampleTask, run: RunOptions): Promise<KernelReplicas> => {
      run.onProgress?.(0.5);
      const kernels = new Float64Array(4 * count).fill(1);
      const exponents = Int32Array.from({ length: count }, (_, i) => exponentOf(first + i));
      return Promise.resolve({ kernels, exponents });
    },
  } as unknown as Backend;
  const job = readSampleJob('sampleNtk', spec, X, {
    seed: 1,
    sampler: 'direct',
    firstReplica: 100,
    replicas: 50,
    threads: 1,
    ...(onProgress && {
      onProgress: ({ fraction }) => {
        onProgress(fraction);
      },
    }),
  });
  return new SampleRun({ ...job, backend }, null).finish();
}

test('progress never goes back, though a chunk is drawn while the one before is added up', async () => {
  const fractions: number[] = [];
  await runOfOnes((fraction) => fractions.push(fraction));
  expect(fractions.length).toBeGreaterThan(6);
  expect(fractions).toEqual([...fractions].sort((a, b) => a - b));
  expect(fractions.filter((fraction) => fraction === 1)).toHaveLength(1);
});

test('a run that its checkpoint has whole reports its end', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'deepntk-sample-run-'));
  try {
    const net = createSpec({ inputDim: 8, depth: 2, width: 10 });
    const options = { replicas: 5, seed: 1, checkpoint: join(folder, 'run.json') };
    await sampleNtk(net, X, options);
    const fractions: number[] = [];
    await sampleNtk(net, X, { ...options, onProgress: ({ fraction }) => void fractions.push(fraction) });
    expect(fractions).toEqual([1]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('a replica out of range ends the run, and the error says which it is and what it means', async () => {
  const run = runOfOnes(undefined, (replica) => (replica === 137 ? 1500 : 0));
  await expect(run).rejects.toMatchObject({
    code: 'ERR_COMPUTATION',
    message: expect.stringMatching(/the kernel of replica 137 .*no run goes past this replica/) as string,
  });
});
