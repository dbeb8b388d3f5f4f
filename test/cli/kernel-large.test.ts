/** `deepntk kernel --memory`, `eigenvalues` and `diagonal`, which do not hold the kernel in memory. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { createSpec, kernelSpectrum, Mlp, readNpy, writeNpy } from '../../src/index';
import { normalInputs } from '../support/arbitrary';
import { relativeError } from '../support/golden';
import { expectFailure, runInProcess, runJsonInProcess } from './run';

let cwd: string;
const X = normalInputs(300, 7, 1);
const net = Mlp.random(createSpec({ inputDim: 7, depth: 3, width: 20, outputDim: 2 }), { seed: 4 });
const net3 = ['--x', 'X.npy', '--depth', '3', '--width', '20', '--outputs', '2', '--seed', '4'];
const command = ['kernel', ...net3];

beforeAll(async () => {
  cwd = mkdtempSync(join(tmpdir(), 'deepntk-cli-large-'));
  await writeNpy(join(cwd, 'X.npy'), X);
});
afterAll(() => {
  rmSync(cwd, { recursive: true });
});

test('--memory writes the kernel in tiles, and does not overwrite it', async () => {
  const args = [...command, '--memory', '2G', '--dtype', 'float32', '--out', 'K.npy'];
  const said = await runJsonInProcess(args, { cwd });
  expect(said).toMatchObject({ shape: [300, 300], dtype: 'float32', tiles: { reused: 0 }, file: 'K.npy' });
  expect(said['plan']).toMatchObject({ bytes: { limit: 2 ** 31, file: 4 * 300 * 300 } });
  const kernel = await readNpy(join(cwd, 'K.npy'));
  expect(kernel.data).toBeInstanceOf(Float32Array);
  expect(relativeError(kernel.data, (await net.ntk(X)).data)).toBeLessThan(1e-6);
  expectFailure(await runInProcess(args, { cwd }), 1, 'K.npy: it exists already');
});

test('--explain prints the plan and computes nothing', async () => {
  const { status, stdout } = await runInProcess([...command, '--memory', '1G', '--explain'], { cwd });
  expect(status).toBe(0);
  expect(stdout).toMatch(/features +all in memory/);
  expect(stdout).toMatch(/memory +at most .* of 1\.07 GB/);
});

test('eigenvalues and diagonal', async () => {
  const kernel = await net.ntk(X);
  const said = await runJsonInProcess(['eigenvalues', ...net3, '--count', '3', '--out', 'vectors.npy'], {
    cwd,
  });
  expect(said['converged']).toBe(true);
  expect(
    relativeError(said['eigenvalues'] as number[], kernelSpectrum(kernel).eigenvalues.slice(0, 3)),
  ).toBeLessThan(1e-9);
  expect((await readNpy(join(cwd, 'vectors.npy'))).shape).toEqual([300, 3]);
  const diagonal = await runJsonInProcess(['diagonal', ...net3], { cwd });
  const own = Array.from({ length: 300 }, (_, i) => kernel.data[301 * i]!);
  expect(diagonal['mean']).toBeCloseTo(own.reduce((sum, entry) => sum + entry, 0) / 300, 8);
  expect(diagonal['largest']).toBeCloseTo(Math.max(...own), 8);
});

test('--explain prints the plan of the eigenvalues', async () => {
  for (const name of ['eigenvalues', 'diagonal']) {
    // Looked at before anything is computed or read: there is no such file of inputs either.
    const nowhere = await runInProcess([name, '--x', 'none.npy', '--out', 'nowhere/v.npy'], {
      cwd,
    });
    expectFailure(nowhere, 1, 'no such file or folder');
  }
  const { status, stdout } = await runInProcess(['eigenvalues', ...net3, '--count', '3', '--explain'], {
    cwd,
  });
  expect(status).toBe(0);
  expect(stdout).toMatch(/features +all in memory, 1 blocks of 512 inputs\nbasis +83 vectors, 2 at a time/);
});

test('--shard and merge: the bytes of one machine, the part from the environment of a batch system too', async () => {
  expect((await runInProcess([...command, '--memory', '2G', '--out', 'alone.npy'], { cwd })).status).toBe(0);
  const first = await runJsonInProcess([...command, '--shard', '0/2', '--out', '0.part'], { cwd });
  expect(first).toMatchObject({ tiles: { reused: 0 }, file: '0.part' });
  const env = { SLURM_ARRAY_TASK_ID: '1', SLURM_ARRAY_TASK_MIN: '0', SLURM_ARRAY_TASK_COUNT: '2' };
  const second = await runInProcess([...command, '--shard', 'slurm', '--out', '1.part'], { cwd, env });
  expect(second.stdout).toMatch(/part +1 of 2/);
  expect(second.stdout).toMatch(/tiles +3 of 256 inputs \(whole kernel\)/);
  expect(second.stdout).toMatch(/work +.* \(whole kernel\)/);
  expectFailure(
    await runInProcess(['merge', '0.part', '--out', 'merged.npy'], { cwd }),
    1,
    'tiles are missing',
  );
  expectFailure(await runInProcess(['merge', '0.part', '1.part'], { cwd }), 2, 'expected --out');
  const misnamed = 'out: expected the path of a .npy file, got "merged.txt"';
  expectFailure(await runInProcess(['merge', '0.part', '--out', 'merged.txt'], { cwd }), 2, misnamed);
  const mixed = 'X.npy: expected a whole JSON object';
  expectFailure(await runInProcess(['merge', '0.part', 'X.npy', '--out', 'merged.npy'], { cwd }), 1, mixed);
  expect(await runJsonInProcess(['merge', '0.part', '1.part', '--out', 'merged.npy'], { cwd })).toMatchObject(
    {
      file: 'merged.npy',
      shape: [300, 300],
    },
  );
  expect(readFileSync(join(cwd, 'merged.npy')).equals(readFileSync(join(cwd, 'alone.npy')))).toBe(true);
});

test.each([
  [['--memory', '2G'], '--memory: expected --out'],
  [['--memory', '2Q', '--out', 'L.npy'], 'Expected a size such as 2G or 500M'],
  [['--dtype', 'float32'], '--dtype: only for a kernel that goes to a file with --memory'],
  [['--shard', '0/2'], '--shard: expected --out'],
  [['--shard', '0/2', '--out', 'K.npy'], '--out: expected a .part file'],
  [['--shard', '2/2', '--out', '2.part'], 'Expected i/n with 0 <= i < n'],
  [['--tolerance', '1e-3'], "unknown option '--tolerance'"],
  [['--mnist', '10'], 'expected one of --x and --mnist, got both'],
])('%j is wrong usage', async (flags, message) => {
  expectFailure(await runInProcess([...command, ...flags], { cwd }), 2, message);
});
