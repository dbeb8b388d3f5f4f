import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { createSpec, Mlp, readNpy, train, writeNpy } from '../../src/index';
import { testedBackends } from '../support/backends';
import { labels, N, NET, STEPS, trainIn, writeClouds, x } from './clouds';
import { expectFailure, runInProcess, runJsonInProcess } from './run';

let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'deepntk-train-'));
  await writeClouds(folder);
  const rows = labels.map((label, i) =>
    [...x.data.subarray(i * 5, (i + 1) * 5), ['setosa', 'versicolor', 'virginica'][label]].join(','),
  );
  writeFileSync(join(folder, 'table.csv'), ['a,b,c,d,e,kind', ...rows].join('\n'));
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const inFolder = (name: string): string => join(folder, name);
const lines = (name: string): string[] => readFileSync(inFolder(name), 'utf8').trim().split('\n');

test.each(testedBackends())(
  '%s backend: the run is that of the library, in files and in JSON',
  async (backend) => {
    const out = `library-${backend}`;
    const summary = await runJsonInProcess(
      trainIn(out, '--kernel-at', '0,5,20', '--kernel-per-class', '4', '--backend', backend),
      { cwd: folder },
    );
    const spec = createSpec({ inputDim: 5, depth: 3, width: 20, outputDim: 3, weightVariance: 2 });
    const y = new Float64Array(3 * N);
    labels.forEach((label, i) => (y[3 * i + label] = 1));
    const { losses, net } = await train(
      Mlp.random(spec, { seed: 4 }),
      { x, y: { data: y, shape: [N, 3] } },
      { optimizer: 'adam', learningRate: 0.003, steps: 20, backend },
    );
    expect(summary).toMatchObject({
      steps: 20,
      samples: N,
      initialLoss: losses[0],
      finalLoss: losses[20],
      seed: 4,
      backend,
      resumedFrom: null,
    });
    expect(lines(`${out}/losses.csv`)).toEqual([
      'step,loss',
      ...Array.from(losses, (loss, s) => `${s},${loss}`),
    ]);
    const saved = await Mlp.load(inFolder(`${out}/net.safetensors`));
    expect(saved.parameters).toEqual(net.parameters);
    const kernel = await readNpy(inFolder(`${out}/kernel-20.npy`));
    expect(kernel.shape).toEqual([12, 12]);
    expect(lines(`${out}/kernels.csv`)).toHaveLength(4);
    expect(lines(`${out}/evaluations.csv`).map((line) => line.split(',')[0])).toEqual([
      'step',
      '0',
      '5',
      '20',
    ]);
    expect(JSON.parse(readFileSync(inFolder(`${out}/result.json`), 'utf8'))).toEqual(summary);
    const rows = summary['kernels'] as {
      step: number;
      relativeChange: number;
      sameClass: number;
      otherClass: number;
    }[];
    expect(rows[0]).toMatchObject({ step: 0, relativeChange: 0 });
    expect(rows[2]!.relativeChange).toBeGreaterThan(0);
    expect(rows[2]!.sameClass).toBeGreaterThan(rows[2]!.otherClass);
  },
);

test('--momentum, --batch-size and --seed reach the library', async () => {
  const flags = ['--optimizer', 'momentum', '--momentum', '0.5', '--learning-rate', '0.01', '--steps', '5'];
  const files = ['--x', 'X.npy', '--y', 'labels.npy', '--out', 'momentum'];
  await runJsonInProcess(['train', ...files, ...NET, ...flags, '--batch-size', '7'], { cwd: folder });
  const spec = createSpec({ inputDim: 5, depth: 3, width: 20, outputDim: 3, weightVariance: 2 });
  const y = new Float64Array(3 * N);
  labels.forEach((label, i) => (y[3 * i + label] = 1));
  const { net } = await train(
    Mlp.random(spec, { seed: 4 }),
    { x, y: { data: y, shape: [N, 3] } },
    {
      optimizer: { name: 'momentum', momentum: 0.5 },
      learningRate: 0.01,
      steps: 5,
      batchSize: 7,
      seed: 4,
    },
  );
  expect((await Mlp.load(inFolder('momentum/net.safetensors'))).parameters).toEqual(net.parameters);
});

test('a CSV with named classes trains as the arrays do', async () => {
  const { finalLoss } = await runJsonInProcess(trainIn('arrays'), { cwd: folder });
  const table = ['train', '--x', 'table.csv', '--label-column', 'kind', ...NET, ...STEPS, '--out', 'table'];
  expect((await runJsonInProcess(table, { cwd: folder }))['finalLoss']).toBe(finalLoss);
});

test('test data, a choice of each class and scaling', async () => {
  const more = ['--test-x', 'X.npy', '--test-y', 'labels.npy', '--per-class', '10', '--test-per-class', '5'];
  const summary = await runJsonInProcess(
    trainIn('chosen', ...more, '--scale', 'standard', '--loss', 'cross-entropy'),
    {
      cwd: folder,
    },
  );
  expect(summary['samples']).toBe(30);
  expect(summary['testLoss']).toBeGreaterThan(0);
  expect(summary['testAccuracy']).toBeGreaterThan(0.5);
});

test('what is printed without --json', async () => {
  const { status, stdout, stderr } = await runInProcess(trainIn('printed', '--kernel-every', '10'), {
    cwd: folder,
  });
  expect(stderr).toBe('data: X.npy: 120 rows, 5 features; labels.npy: labels: 3 classes (0, 1, 2)\n');
  expect(status).toBe(0);
  expect(stdout).toMatch(
    /^steps +20 on 120 samples, in .*\nloss .* -> .*\naccuracy .*%\nkernel change .*\nrun +printed\n$/,
  );
});

test('a run that diverges says at which step and why, with status 1', async () => {
  const args = trainIn('diverged').map((arg) => (arg === 'adam' ? 'gd' : arg === '0.003' ? '1e9' : arg));
  expectFailure(
    await runInProcess(args, { cwd: folder }),
    1,
    'steps: the steps are too large: the learning rate',
  );
});

test('a run that is refused or diverges before anything is written leaves no folder', async () => {
  writeFileSync(inFolder('one.csv'), 'a,b,t\n1,2,3.5\n2,1,4\n');
  const args = ['train', '--x', 'one.csv', '--target-column', 't', ...NET, ...STEPS, '--out', 'refused'];
  const outcome = await runInProcess([...args, '--loss', 'cross-entropy'], { cwd: folder });
  expectFailure(outcome, 2, 'expected two classes or more for the cross-entropy');
  expect(existsSync(inFolder('refused'))).toBe(false);
  expectFailure(await runInProcess([...args, '--resume'], { cwd: folder }), 2, 'refused holds no run');
  expect(existsSync(inFolder('refused'))).toBe(false);
  expect((await runInProcess(args, { cwd: folder })).status).toBe(0);
});

describe('wrong usage ends with status 2 and one line', () => {
  test.each<[name: string, args: readonly string[], message: string]>([
    [
      'no targets',
      ['train', '--x', 'X.npy', ...NET, ...STEPS, '--out', 'o'],
      'expected --y, --label-column or --target-column, got none',
    ],
    [
      'both kinds of kernel steps',
      trainIn('o', '--kernel-at', '1', '--kernel-every', '1'),
      'cannot be used with',
    ],
    [
      'a kernel after the end',
      trainIn('o', '--kernel-at', '21'),
      '--kernel-at: expected at most --steps 20, got 21',
    ],
    ['steps that are none', trainIn('o', '--kernel-at', '1,x'), 'Expected steps such as 0,10,100'],
    ['a momentum of Adam', trainIn('o', '--momentum', '0.5'), '--momentum: only for --optimizer momentum'],
    ['nothing to go on with', trainIn('none', '--resume'), '--resume: none holds no run'],
    [
      'a class that is too small',
      trainIn('o', '--per-class', '99'),
      '--per-class: expected at most 40, the rows of class 0 in X.npy, got 99',
    ],
    ['test targets alone', trainIn('o', '--test-y', 'labels.npy'), '--test-y: expected --test-x with it'],
    ['another input dimension', trainIn('o', '--input-dim', '7'), '--input-dim: expected 5'],
    [
      'a label column of an array',
      trainIn('o', '--label-column', 'a'),
      '--y: not to be given with labelColumn (--label-column)',
    ],
  ])('%s', async (_, args, message) => {
    expectFailure(await runInProcess(args, { cwd: folder }), 2, message);
  });

  test('a second run in one folder, and a resumed run with other options', async () => {
    expect((await runInProcess(trainIn('taken'), { cwd: folder })).status).toBe(0);
    expectFailure(await runInProcess(trainIn('taken'), { cwd: folder }), 2, 'taken holds a run already');
    expectFailure(
      await runInProcess(trainIn('taken', '--resume', '--loss', 'cross-entropy'), { cwd: folder }),
      1,
      'taken/run.json belongs to other settings: loss "mse", here "cross-entropy"',
    );
  });
});

test('a folder with other files, or with a run, is kept unless --force is given', async () => {
  mkdirSync(inFolder('other'));
  writeFileSync(inFolder('other/losses.csv'), 'mine\n');
  const refused = await runInProcess(trainIn('other'), { cwd: folder });
  expectFailure(refused, 2, '--out: other has other files, such as losses.csv');
  expect(readFileSync(inFolder('other/losses.csv'), 'utf8')).toBe('mine\n');
  writeFileSync(inFolder('other/notes.txt'), 'mine\n');
  for (const steps of ['20', '21']) {
    const args = [...trainIn('other', '--kernel-at', steps), '--steps', steps, '--force'];
    expect((await runInProcess(args, { cwd: folder })).status).toBe(0);
  }
  expect(readFileSync(inFolder('other/notes.txt'), 'utf8')).toBe('mine\n');
  // Nothing of the first run is left.
  expect(readdirSync(inFolder('other')).filter((name) => name.startsWith('kernel-'))).toEqual([
    'kernel-21.npy',
  ]);
  const both = await runInProcess(trainIn('other', '--force', '--resume'), { cwd: folder });
  expectFailure(both, 2, 'cannot be used with');
});

test('a checkpoint with a changed bit is refused', async () => {
  const args = trainIn('flipped', '--checkpoint-every', '10');
  expect((await runInProcess(args, { cwd: folder })).status).toBe(0);
  const path = inFolder('flipped/checkpoint.safetensors');
  const whole = readFileSync(path);
  for (const back of [1, 1000, 3000]) {
    const flipped = Buffer.from(whole);
    flipped[whole.length - back]! ^= 1;
    writeFileSync(path, flipped);
    expectFailure(
      await runInProcess([...args, '--resume'], { cwd: folder }),
      1,
      'checkpoint.safetensors: expected numbers with the checksum',
    );
  }
  writeFileSync(path, whole);
  expect((await runInProcess([...args, '--resume'], { cwd: folder })).status).toBe(0);
});

test('labels that are out of range and targets of another length are named', async () => {
  await writeNpy(inFolder('short.npy'), { data: new Float64Array(3), shape: [3] });
  await writeNpy(inFolder('fractions.npy'), { data: new Float64Array(N).fill(0.5), shape: [N] });
  const withTargets = (file: string, ...more: string[]) =>
    trainIn('wrong', ...more).map((arg) => (arg === 'labels.npy' ? file : arg));
  expectFailure(
    await runInProcess(withTargets('short.npy'), { cwd: folder }),
    1,
    'short.npy: expected a target for each of the 120 inputs, got 3',
  );
  expectFailure(
    await runInProcess(withTargets('fractions.npy'), { cwd: folder }),
    1,
    'fractions.npy: row 0: expected a class number, or targets of shape N x 1, got 0.5',
  );
  expectFailure(
    await runInProcess(withTargets('labels.npy', '--outputs', '2'), { cwd: folder }),
    2,
    '--outputs: expected at least 3, the classes of X.npy, got 2',
  );
});
