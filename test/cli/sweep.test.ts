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
  const interrupt = (rest: string): void => {
    writeFileSync(join(folder, broken), `${lines.slice(0, kept).join('\n')}\n${rest}`);
    const journal = read(`${whole}.meta.jsonl`).split('\n').slice(0, 3).join('\n');
    writeFileSync(join(folder, `${broken}.meta.jsonl`), `${journal}\n[2,"0a`);
  };
  for (const rest of [lines[kept]!.slice(0, 30), `${lines[kept]!}\n${lines[kept + 1]!.slice(0, 9)}`, '']) {
    interrupt(rest);
    expect(await runJsonInProcess([...GRID, '--out', broken], here())).toMatchObject({
      computed: 4,
      skipped: 2,
    });
    expect(read(broken)).toBe(read(whole));
  }
  expect(await runJsonInProcess([...GRID, '--out', broken], here())).toMatchObject({
    computed: 0,
    skipped: 6,
  });
  expectFailure(
    await runInProcess([...GRID, '--seed', '1', '--out', broken], here()),
    1,
    `broken.${format} belongs to other settings: seed 0, here 1`,
  );
  interrupt('my notes');
  const other = await runInProcess([...GRID, '--out', broken], here());
  expectFailure(other, 1, 'expected nothing behind the rows of its journal, got "my notes"');
  expect(read(broken)).toMatch(/my notes$/);
});

test('a changed row is refused, whatever the change, and stays', async () => {
  await runInProcess([...GRID, '--out', 'flips.csv'], here());
  const whole = readFileSync(join(folder, 'flips.csv'));
  const flipped = Buffer.from(whole);
  for (const at of [3, whole.indexOf('\n') + 5, whole.length - 3]) {
    flipped.set(whole);
    flipped[at]! ^= 0x80; // not UTF-8
    writeFileSync(join(folder, 'flips.csv'), flipped);
    for (const args of [
      [...GRID, '--out', 'flips.csv'],
      ['merge', 'flips.csv', '--out', 'merged-flips.csv'],
    ]) {
      const { status, stderr } = await runInProcess(args, here());
      expect([status, stderr]).toEqual([
        1,
        expect.stringMatching(/^deepntk: flips\.csv: expected the (row of point \d|header) /),
      ]);
    }
    expect(readFileSync(join(folder, 'flips.csv')).equals(flipped)).toBe(true);
  }
});

test('a file that is not ours is kept, unless --force is given', async () => {
  for (const content of ['notes', 'notes\n', read('flips.csv')]) {
    writeFileSync(join(folder, 'notes.csv'), content);
    expectFailure(
      await runInProcess([...GRID, '--out', 'notes.csv'], here()),
      1,
      'notes.csv: expected a table with its journal notes.csv.meta.jsonl beside it, got no journal',
    );
    expect(read('notes.csv')).toBe(content);
  }
  await runJsonInProcess([...GRID, '--out', 'notes.csv', '--force'], here());
  expect(read('notes.csv').split('\n')).toHaveLength(8);
});

test('shards, by number or by the environment of a job, merge into the whole', async () => {
  await runInProcess([...GRID, '--out', 'sweep.csv'], here());
  await runInProcess([...GRID, '--shard', '0/3', '--out', 'part-0.csv'], here());
  const slurm = { SLURM_ARRAY_TASK_ID: '1', SLURM_ARRAY_TASK_MIN: '0', SLURM_ARRAY_TASK_COUNT: '3' };
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
  expect(partly).toMatchObject({ status: 0, stderr: 'deepntk: warning: no file has points 1:2, 4:5\n' });
  expectFailure(
    await runInProcess(['merge', 'part-0.csv', 'part-0.csv', '--out', 'x.csv'], here()),
    1,
    'point 0 twice',
  );
  await runInProcess([...GRID, '--seed', '5', '--shard', '1/3', '--out', 'other.csv'], here());
  expectFailure(
    await runInProcess(['merge', 'part-0.csv', 'other.csv', '--out', 'x.csv'], here()),
    1,
    'other.csv belongs to other settings: seed 5, in part-0.csv 0',
  );
  expectFailure(await runInProcess(['merge', 'part-0.csv'], here()), 2, 'expected --out');
  // One file is merged too, and the points behind its last one are missing as well.
  const one = await runInProcess(['merge', 'part-0.csv', '--out', 'one.csv'], here());
  expect(one).toMatchObject({ status: 0, stderr: 'deepntk: warning: no file has points 1:3, 4:6\n' });
  expectFailure(
    await runInProcess(['merge', ...parts, '--out', 'one.csv'], here()),
    1,
    'cannot write one.csv: it exists already',
  );
  await runInProcess(['merge', ...parts, '--out', 'one.csv', '--force'], here());
  expect(read('one.csv')).toBe(read('sweep.csv'));
  // What was merged goes on.
  expect(await runJsonInProcess([...GRID, '--out', 'partly.csv'], here())).toMatchObject({ computed: 2 });
});

test('a Slurm array begins at 0 and may step, or the number of shards is given', async () => {
  const task = (id: number, min: number, count: number, step = 1) => ({
    SLURM_ARRAY_TASK_ID: String(id),
    SLURM_ARRAY_TASK_MIN: String(min),
    SLURM_ARRAY_TASK_COUNT: String(count),
    SLURM_ARRAY_TASK_STEP: String(step),
  });
  const points = async (shard: string, env: Record<string, string>) =>
    ((await runJsonInProcess([...GRID, '--shard', shard], here(env))) as { rows: Row[] }).rows.map(
      ({ point }) => point,
    );
  expect(await points('slurm', task(8, 0, 3, 4))).toEqual([2, 5]);
  // The third task of three, submitted again alone.
  expect(await points('slurm/3', task(2, 2, 1))).toEqual([2, 5]);
  const again = await runInProcess([...GRID, '--shard', 'slurm'], here(task(2, 2, 1)));
  expectFailure(again, 2, 'slurm/n with n the number of all tasks), got task 2 of 1 from 2 by 1');
  const beyond = await runInProcess([...GRID, '--shard', 'slurm/3'], here(task(3, 3, 1)));
  expectFailure(beyond, 2, 'got SLURM_ARRAY_TASK_ID 3 of 3');
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
});
