import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import {
  availableBackends,
  createSpec,
  estimateDispersion,
  inputsAtCosines,
  sampleNtk,
} from '../../src/index';
import { expectFailure, runInProcess, runJsonInProcess } from './run';

const NET = ['--input-dim', '30', '--depth', '10', '--width', '30'];
const spec = createSpec({ inputDim: 30, depth: 10, width: 30 });

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'deepntk-dispersion-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});
const here = () => ({ cwd: folder });

test.each(availableBackends())(
  'dispersion --json is what the library computes, on the %s backend',
  async (backend) => {
    const report = await runJsonInProcess(
      [
        'dispersion',
        ...NET,
        '--replicas',
        '3000',
        '--seed',
        '1',
        '--backend',
        backend,
        '--threads',
        '2',
        '--json',
      ],
      here(),
    );
    const expected = await estimateDispersion(spec, { replicas: 3000, seed: 1, backend, threads: 2 });
    expect(report).toEqual(JSON.parse(JSON.stringify(expected)));
    expect(report).toMatchObject({ replicas: 3000, sampler: 'tilted', seed: 1, backend, warnings: [] });
    expect(report['exact']).toBeCloseTo(2.240612523, 8);
  },
);

test('dispersion --input-norm2 reaches the library', async () => {
  const flags = ['dispersion', ...NET, '--replicas', '100', '--input-norm2', '4'];
  const { mean } = await estimateDispersion(spec, { replicas: 100, seed: 0, inputNorm2: 4 });
  expect((await runJsonInProcess(flags, here()))['mean']).toBe(mean);
});

test('dispersion prints a table, with errors beside estimates and the exact values beside both', async () => {
  const { stdout, stderr, status } = await runInProcess(['dispersion', ...NET, '--replicas', '2000'], here());
  expect(status).toBe(0);
  expect(stderr).toBe('');
  expect(stdout).toMatch(/^dispersion +2\.\d+ \+- [\d.]+ %, exact 2\.24061$/m);
  expect(stdout).toMatch(/^sampler +tilted: the exact dispersion/m);
});

test('dispersion warns on stderr where plain sampling cannot be right', async () => {
  const { stderr, status } = await runInProcess(
    [
      'dispersion',
      '--input-dim',
      '20',
      '--depth',
      '20',
      '--width',
      '20',
      '--replicas',
      '500',
      '--sampler',
      'chain',
    ],
    here(),
  );
  expect(status).toBe(0);
  expect(stderr).toMatch(/^deepntk: warning: heavy tail: .*use the tilted sampler$/m);
});

test('numbers that no double holds are told by their logarithms', async () => {
  const flags = ['--input-dim', '50', '--depth', '10000', '--width', '50', '--sw2', '4', '--replicas', '200'];
  const { stdout } = await runInProcess(['dispersion', ...flags], here());
  expect(stdout).toMatch(/^mean +e\^69\d\d/m);
});

test('ranges of replicas merge into the whole', async () => {
  const part = (range: string, file: string) =>
    runJsonInProcess(['dispersion', ...NET, '--replicas', range, '--checkpoint', file], here());
  await part('0:777', 'a.json');
  await part('777:2000', 'b.json');
  const merged = await runJsonInProcess(['merge', 'b.json', 'a.json', '--out', 'c.json'], here());
  const whole = await runJsonInProcess(['dispersion', ...NET, '--replicas', '2000'], here());
  for (const name of ['dispersion', 'standardError', 'mean', 'secondMoment', 'replicas', 'largestShare']) {
    expect(merged[name]).toBe(whole[name]);
  }
  expect(merged['ranges']).toEqual([[0, 2000]]);
  expectFailure(await runInProcess(['merge', 'a.json', 'c.json'], here()), 1, 'do not overlap, got');
  await part('3e3:4000', 'd.json');
  const { status, stderr } = await runInProcess(['merge', 'd.json', 'c.json'], here());
  expect([status, stderr]).toEqual([0, 'deepntk: warning: no file has replicas 2000:3000\n']);
  writeFileSync(join(folder, 'broken.json'), readFileSync(join(folder, 'a.json'), 'utf8').slice(0, 100));
  expectFailure(
    await runInProcess(['merge', 'a.json', 'broken.json'], here()),
    1,
    'broken.json: expected a whole JSON object',
  );
});

test('checkpoints of sampleNtk merge too: into what the library says of the whole', async () => {
  const net = createSpec({ inputDim: 8, depth: 2, width: 10 });
  const X = inputsAtCosines([1, 0.5], 8);
  const part = (firstReplica: number, replicas: number, name: string) =>
    sampleNtk(net, X, {
      seed: 1,
      firstReplica,
      replicas,
      weightVariances: [1],
      checkpoint: join(folder, name),
    });
  await part(0, 7, 'sample-a.json');
  await part(7, 13, 'sample-b.json');
  const whole = await sampleNtk(net, X, { seed: 1, replicas: 20, weightVariances: [1] });
  const files = ['sample-b.json', 'sample-a.json'];
  const report = await runJsonInProcess(['merge', ...files, '--out', 'sample.json'], here());
  expect(report).toMatchObject({
    ranges: [[0, 20]],
    replicas: 20,
    mean: whole.mean.toNested(),
    byWeightVariance: [{ weightVariance: 1, variance: whole.byWeightVariance[0]!.variance.toNested() }],
    conditionNumber: whole.conditionNumber,
  });
  const { stdout } = await runInProcess(['merge', 'sample.json'], here());
  expect(stdout).toMatch(/^kernel +2 x 2, outputs trace$/m);
  expect(stdout).toMatch(/^replicas +20 from number 0, seed 1$/m);
  expectFailure(await runInProcess(['merge', ...files, 'sample.json'], here()), 1, 'do not overlap');
  const dispersion = ['dispersion', ...NET, '--replicas', '9', '--checkpoint', 'of-dispersion.json'];
  expect((await runInProcess(dispersion, here())).status).toBe(0);
  const mixed = await runInProcess(['merge', 'sample-a.json', 'of-dispersion.json'], here());
  expectFailure(
    mixed,
    1,
    'of-dispersion.json: expected the format deepntk-ntk-sample, got "deepntk-dispersion"',
  );
  writeFileSync(join(folder, 'neither.json'), '{"format":"deepntk-net"}');
  expectFailure(
    await runInProcess(['merge', 'neither.json', 'sample-a.json'], here()),
    1,
    'neither.json: expected a file of the format deepntk-dispersion, deepntk-ntk-sample, deepntk-sweep, deepntk-kernel-part, got "deepntk-net"',
  );
});

test('--shard takes a part of the replicas, and merge makes the whole', async () => {
  const replicas = ['--replicas', '100:1101'];
  const env = { SLURM_ARRAY_TASK_ID: '1', SLURM_ARRAY_TASK_MIN: '1', SLURM_ARRAY_TASK_COUNT: '1' };
  const shard = (which: string, file: string) =>
    runJsonInProcess(['dispersion', ...NET, ...replicas, '--shard', which, '--checkpoint', file], {
      ...here(),
      env,
    });
  expect(await shard('0/2', 'shard-0.json')).toMatchObject({ firstReplica: 100, replicas: 501 });
  expect(await shard('slurm/2', 'shard-1.json')).toMatchObject({ firstReplica: 601, replicas: 500 });
  const merged = await runJsonInProcess(['merge', 'shard-1.json', 'shard-0.json'], here());
  const whole = await runJsonInProcess(['dispersion', ...NET, ...replicas], here());
  for (const name of ['dispersion', 'standardError', 'mean']) expect(merged[name]).toBe(whole[name]);
  expect(merged['ranges']).toEqual([[100, 1101]]);
});

test('flags that would be ignored are wrong usage', async () => {
  const refused = async (flags: string[], message: string) => {
    expectFailure(await runInProcess(['dispersion', ...NET, ...flags], here()), 2, message);
  };
  await refused(['--shard', '0/2'], '--shard: expected --checkpoint with it, got none');
  await refused(
    ['--shard', '0/2', '--checkpoint', 'x.json', '--relative-error', '0.1'],
    '--relative-error: not to be given with --shard',
  );
  await refused(['--redis', 'redis://a'], '--redis: only for --queue');
  await refused(['--queue', 'q', '--threads', '1'], '--threads: not to be given with --queue');
  await refused(
    ['--queue', 'q', '--relative-error', '0.1'],
    '--relative-error: not to be given with --queue',
  );
});

test('what does not fit together is wrong usage', async () => {
  expectFailure(
    await runInProcess(['dispersion', ...NET, '--replicas', '1'], here()),
    2,
    'at least 2 replicas',
  );
  expectFailure(
    await runInProcess(['dispersion', ...NET, '--replicas', '5:3'], here()),
    2,
    'at least 2 replicas',
  );
  expectFailure(
    await runInProcess(['dispersion', ...NET, '--replicas', '9', '--relative-error', '0.1'], here()),
    2,
    'cannot be used with',
  );
  expectFailure(
    await runInProcess(['dispersion', ...NET, '--max-replicas', '9'], here()),
    2,
    '--relative-error',
  );
  expectFailure(
    await runInProcess(['dispersion', ...NET, '--input-norm2', '0'], here()),
    2,
    'expected a number > 0',
  );
  expectFailure(
    await runInProcess(['dispersion', ...NET, '--sampler', 'fast'], here()),
    2,
    'Allowed choices are',
  );
});
