/** What a worker makes of a job, whoever has put it into the queue. Without Redis. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { createSpec, estimateDispersion } from '../../src/index';
import { computeJob } from '../../src/queue/compute';
import { jobId, jobOf } from '../../src/queue/jobs';
import { TileComputer } from '../../src/queue/kernel-tile';
import type { Store } from '../../src/queue/store';
import { computePoint, readRow, type SweepGoal } from '../../src/sampling/sweep';
import { VERSION } from '../../src/version';

const spec = createSpec({ inputDim: 9, depth: 2, width: 9 });
const goal: SweepGoal = { inputNorm2: 1, seed: 1, sampler: 'auto', until: { replicas: 100 } };
const point = { point: 3, spec };
const compute = (job: unknown) => computeJob(job, {}, new TileComputer(null as unknown as Store));

test('the job of a point gives the row of the point, and no job writes a file', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'deepntk-compute-'));
  try {
    const checkpoint = join(folder, 'written.json');
    const hostile = { ...goal, until: { replicas: 100, checkpoint, threads: 1 } };
    const result = await compute(jobOf('sweep', { spec, goal: hostile }, [3, 4]));
    expect(existsSync(checkpoint)).toBe(false);
    expect(readRow(result, point, goal)).toEqual(await computePoint(point, goal, {}));
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('the job of a range of replicas gives the sums that a run over them keeps', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'deepntk-compute-'));
  try {
    const settings = { spec, inputNorm2: 1, seed: 1, sampler: 'tilted' } as const;
    const result = await compute(jobOf('dispersion', settings, [5, 105]));
    const checkpoint = join(folder, 'run.json');
    await estimateDispersion(spec, {
      replicas: 100,
      firstReplica: 5,
      seed: 1,
      sampler: 'tilted',
      checkpoint,
    });
    const { sums } = JSON.parse(readFileSync(checkpoint, 'utf8')) as { sums: unknown };
    expect(result).toEqual(sums);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test.each([
  [null, 'got undefined of version undefined'],
  [{ kind: 'toString', version: VERSION, settings: {}, range: [0, 1] }, 'got toString'],
  [{ kind: 'sweep', version: '0.0.0', settings: {}, range: [0, 1] }, 'of version 0.0.0'],
  [{ kind: 'sweep', version: VERSION, settings: {}, range: [1, 1] }, 'expected a job'],
  [{ kind: 'sweep', version: VERSION, settings: null, range: [0, 1] }, 'expected a job'],
  [jobOf('dispersion', { spec: {}, inputNorm2: 1, seed: 1, sampler: 'chain' }, [0, 9]), 'job: spec'],
  [jobOf('dispersion', { spec, inputNorm2: 1, seed: 1, sampler: 'quick' }, [0, 9]), 'job: sampler'],
])('a job that is none is one error: %j', async (job, message) => {
  await expect(compute(job)).rejects.toMatchObject({
    name: 'DeepntkError',
    message: expect.stringContaining(message) as string,
  });
});

test('equal jobs have equal ids', () => {
  const one = jobOf('sweep', { spec, goal }, [3, 4]);
  expect(jobId(jobOf('sweep', { spec, goal }, [3, 4]))).toBe(jobId(one));
  expect(jobId(jobOf('sweep', { spec, goal }, [4, 5]))).not.toBe(jobId(one));
});

describe('a row from a queue', () => {
  let row: Record<string, unknown>;
  beforeAll(async () => {
    row = { ...(await computePoint(point, goal, {})) };
  });

  test.each<[string, object]>([
    ['point', { point: 4 }],
    ['seed', { seed: 2 }],
    ['dispersion', { dispersion: '=cmd' }],
    ['dispersion', { dispersion: null }],
    ['warnings', { warnings: '=HYPERLINK(1)' }],
    ['sampler', { sampler: '+1' }],
    ['other columns', { more: 1 }],
  ])('is refused for its %s: %j', (what, change) => {
    expect(() => readRow({ ...row, ...change }, point, goal)).toThrow(
      `expected the row of point 3 from a worker, got ${what}`,
    );
  });

  test('may have numbers that JSON does not have', () => {
    expect(readRow({ ...row, mean: 'Infinity' }, point, goal)['mean']).toBe('Infinity');
    expect(() => readRow(null, point, goal)).toThrow('got point undefined');
  });
});
