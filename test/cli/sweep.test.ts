import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { createSpec, moments } from '../../src/index';
import { expectFailure, runInProcess, runJsonInProcess } from './run';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'deepntk-sweep-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});
const here = (env: Record<string, string> = {}) => ({ cwd: folder, env });
const read = (file: string): string => readFileSync(join(folder, file), 'utf8');

const GRID = ['sweep', '--sw2', '1:2:0.5', '--depth', '2,5', '--width', '20', '--replicas', '300'];

interface Row {
  readonly point: number;
  readonly weightVariance: number;
  readonly depth: number;
  readonly exact: number;
  readonly dispersion: number;
  readonly standardError: number;
}

test('a grid has a row for every combination, with estimate, error and exact value', async () => {
  const { rows, ...summary } = (await runJsonInProcess(GRID, here())) as { rows: Row[] };
  expect(summary).toEqual({ points: 6, computed: 6, skipped: 0, pointsOfSweep: 6 });
  expect(rows.map(({ point, weightVariance, depth }) => [point, weightVariance, depth])).toEqual([
    [0, 1, 2],
    [1, 1, 5],
    [2, 1.5, 2],
    [3, 1.5, 5],
    [4, 2, 2],
    [5, 2, 5],
  ]);
  for (const { weightVariance, depth, exact, dispersion, standardError } of rows) {
    const spec = createSpec({ inputDim: 20, depth, width: 20, weightVariance });
    expect(exact).toBe(moments(spec, {}).dispersion);
    expect(Math.abs(dispersion - exact)).toBeLessThan(5 * standardError);
  }
});

test('--input-norm2 reaches the library', async () => {
  const net = ['--sw2', '2', '--sb2', '0.5', '--depth', '2', '--width', '20'];
  const { rows } = (await runJsonInProcess(
    ['sweep', ...net, '--replicas', '1000', '--input-norm2', '4'],
    here(),
  )) as { rows: Row[] };
  const spec = createSpec({ inputDim: 20, depth: 2, width: 20, weightVariance: 2, biasVariance: 0.5 });
  expect(rows[0]!.exact).toBe(moments(spec, { inputNorm2: 4 }).dispersion);
});

test('lists side by side are zipped, and a list of one value serves all', async () => {
  const { rows } = (await runJsonInProcess(
    [
      'sweep',
      '--zip',
      '--sw2',
      '1,2',
      '--sb2',
      '0.1,0',
      '--depth',
      '3',
      '--width',
      '20,30',
      '--replicas',
      '400',
    ],
    here(),
  )) as { rows: Record<string, unknown>[] };
  expect(rows).toMatchObject([
    { weightVariance: 1, biasVariance: 0.1, depth: 3, width: 20, inputDim: 20 },
    { weightVariance: 2, biasVariance: 0, depth: 3, width: 30, inputDim: 30 },
  ]);
  expectFailure(
    await runInProcess(['sweep', '--zip', '--sw2', '1,2', '--depth', '1,2,3', '--width', '9'], here()),
    2,
    'one length (or of one value) to zip, got 2 of sw2, 1 of sb2, 3 of depth, 1 of width',
  );
});

test.each(['csv', 'jsonl'])('a sweep that broke off goes on where it was, in a .%s file', async (format) => {
  const [whole, broken] = [`whole.${format}`, `broken.${format}`];
  expect(await runJsonInProcess([...GRID, '--out', whole], here())).toMatchObject({
    computed: 6,
    skipped: 0,
    out: whole,
  });
  // A row that a crash cut off is computed again.
  const lines = read(whole).split('\n');
  const kept = format === 'csv' ? 3 : 2;
  writeFileSync(join(folder, broken), `${lines.slice(0, kept).join('\n')}\n${lines[kept]!.slice(0, 30)}`);
  expect(await runJsonInProcess([...GRID, '--out', broken], here())).toMatchObject({
    computed: 4,
    skipped: 2,
  });
  expect(read(broken)).toBe(read(whole));
  expect(await runJsonInProcess([...GRID, '--out', broken], here())).toMatchObject({
    computed: 0,
    skipped: 6,
  });
  expectFailure(
    await runInProcess([...GRID, '--seed', '1', '--out', broken], here()),
    2,
    'broken.' + format + ' is of another sweep: expected seed 1 at point 0, got 0',
  );
});

test('shards, by number or by the environment of a job, merge into the whole', async () => {
  await runInProcess([...GRID, '--out', 'sweep.csv'], here());
  await runInProcess([...GRID, '--shard', '0/3', '--out', 'part-0.csv'], here());
  const slurm = { SLURM_ARRAY_TASK_ID: '2', SLURM_ARRAY_TASK_MIN: '1', SLURM_ARRAY_TASK_COUNT: '3' };
  const report = await runJsonInProcess([...GRID, '--shard', 'slurm', '--out', 'part-1.csv'], here(slurm));
  expect(report).toMatchObject({ points: 2, computed: 2, pointsOfSweep: 6 });
  await runInProcess(
    [...GRID, '--shard', 'kubernetes/3', '--out', 'part-2.csv'],
    here({ JOB_COMPLETION_INDEX: '2' }),
  );
  const parts = ['part-2.csv', 'part-0.csv', 'part-1.csv'];
  expect(await runJsonInProcess(['merge', ...parts, '--out', 'merged.csv'], here())).toEqual({
    points: 6,
    missing: [],
    out: 'merged.csv',
  });
  expect(read('merged.csv')).toBe(read('sweep.csv'));

  const partly = await runInProcess(['merge', 'part-0.csv', 'part-2.csv', '--out', 'partly.csv'], here());
  expect(partly).toMatchObject({ status: 0, stderr: 'deepntk: warning: no file has point 1, 4\n' });
  expectFailure(
    await runInProcess(['merge', 'part-0.csv', 'part-0.csv', '--out', 'x.csv'], here()),
    1,
    'point 0 twice',
  );
  await runInProcess([...GRID, '--seed', '5', '--shard', '1/3', '--out', 'other.csv'], here());
  expectFailure(
    await runInProcess(['merge', 'part-0.csv', 'other.csv', '--out', 'x.csv'], here()),
    1,
    'seed 5 in other.csv',
  );
  expectFailure(await runInProcess(['merge', 'part-0.csv'], here()), 2, 'expected --out');
});

test('a Slurm array may start anywhere and step, but not leap', async () => {
  const task = (id: string, step: string) => ({
    SLURM_ARRAY_TASK_ID: id,
    SLURM_ARRAY_TASK_MIN: '3',
    SLURM_ARRAY_TASK_COUNT: '3',
    SLURM_ARRAY_TASK_STEP: step,
  });
  const points = async (env: Record<string, string>) =>
    ((await runJsonInProcess([...GRID, '--shard', 'slurm'], here(env))) as { rows: Row[] }).rows.map(
      ({ point }) => point,
    );
  expect(await points(task('11', '4'))).toEqual([2, 5]);
  const leaping = await runInProcess([...GRID, '--shard', 'slurm'], here(task('8', '1')));
  expectFailure(leaping, 2, 'evenly spaced numbers, such as --array=0-7, got task 8 of 3 from 3 by 1');
});

test('what is wrong on the command line is one line and status 2', async () => {
  const net = ['sweep', '--width', '20', '--depth'];
  expectFailure(await runInProcess([...net, 'x'], here()), 2, 'Expected numbers such as');
  expectFailure(await runInProcess([...net, '1.5'], here()), 2, 'Expected integers >= 0');
  expectFailure(await runInProcess([...net, '5:1:1'], here()), 2, 'Expected numbers such as');
  expectFailure(
    await runInProcess([...net, '3', '--sw2', '0'], here()),
    2,
    'weightVariance: expected a finite number > 0',
  );
  expectFailure(
    await runInProcess([...net, '3', '--redis', 'redis://a'], here()),
    2,
    '--redis: only for --queue',
  );
  expectFailure(
    await runInProcess([...net, '3', '--queue', 'q', '--threads', '1'], here()),
    2,
    '--threads: not to be given with --queue',
  );
  expectFailure(
    await runInProcess([...net, '3', '--max-replicas', '9'], here()),
    2,
    'expected --relative-error with it',
  );
  expectFailure(await runInProcess([...net, '3', '--shard', '3/3'], here()), 2, 'Expected i/n');
  expectFailure(await runInProcess([...net, '3', '--shard', 'slurm'], here()), 2, 'SLURM_ARRAY_TASK');
  expectFailure(
    await runInProcess([...net, '3', '--out', 'rows.txt'], here()),
    2,
    'a file named .csv or .jsonl',
  );
  writeFileSync(join(folder, 'else.csv'), 'a,b\n1,2\n');
  expectFailure(await runInProcess([...net, '3', '--out', 'else.csv'], here()), 1, 'the header of a sweep');
  expect(read('else.csv')).toBe('a,b\n1,2\n');
});
