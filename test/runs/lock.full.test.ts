/** One writer a file, in processes of their own: the error names the holder, and the lock of a killed one is taken over. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';

import { lockFile } from '../../src/runs/lock';
import { createSpec, Mlp } from '../../src/index';
import { normalInputs } from '../support/arbitrary';

let folder: string;
let out: string;
const children: ChildProcess[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'deepntk-lock-'));
  out = join(folder, 'K.npy');
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

/** A process that holds the lock of `out` until it is killed. */
async function holder(): Promise<ChildProcess> {
  const module_ = join(__dirname, '..', '..', 'dist', 'runs', 'lock.js');
  const program = `require(${JSON.stringify(module_)}).lockFile(${JSON.stringify(out)}).then(() => {
    console.log('held'); setInterval(() => undefined, 1000); }, (error) => console.log(error.message));`;
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  const [said] = (await once(child.stdout, 'data')) as [Buffer];
  expect(said.toString()).toBe('held\n');
  return child;
}

test('a second process gets one error that names the first; when that is killed, it goes on at once', async () => {
  const first = await holder();
  const message = new RegExp(
    `K\\.npy: process ${first.pid!} on ${hostname()} is writing it; wait for it, or remove .*\\.lock`,
  );
  const net = Mlp.random(createSpec({ inputDim: 3, depth: 1, width: 5 }), { seed: 1 });
  const X = normalInputs(5, 3, 1);
  await expect(net.ntk(X, null, { out })).rejects.toThrow(message);
  expect(readdirSync(folder)).toEqual(['K.npy.lock']);
  first.kill('SIGKILL');
  await once(first, 'exit');
  expect((await net.ntk(X, null, { out })).shape).toEqual([5, 5]);
  expect(readdirSync(folder)).toEqual(['K.npy']);
});

test('of many that find a lock that was left, one takes it over', async () => {
  const first = await holder();
  first.kill('SIGKILL');
  await once(first, 'exit');
  const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => lockFile(out)));
  const won = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  expect(won).toHaveLength(1);
  await won[0]!.release();
  expect(readdirSync(folder)).toEqual([]);
});

test('a number that another process has by now is not the holder', async () => {
  const first = await holder();
  const held = JSON.parse(readFileSync(`${out}.lock`, 'utf8')) as { started: string };
  if (held.started === '') {
    process.stderr.write('SKIPPED: this system does not tell when a process started\n');
    return;
  }
  writeFileSync(`${out}.lock`, JSON.stringify({ ...held, started: '1' }));
  await (await lockFile(out)).release();
  expect(first.exitCode).toBeNull();
});
