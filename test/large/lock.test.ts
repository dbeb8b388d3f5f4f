/** One writer a file, in processes of their own: who holds it is named, and what a killed one left is taken over. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';

import { lockFile } from '../../src/data/lock';
import { createSpec, mergeNtk, Mlp } from '../../src/index';
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
  const module_ = join(__dirname, '..', '..', 'dist', 'data', 'lock.js');
  const program = `require(${JSON.stringify(module_)}).lockFile(${JSON.stringify(out)}).then(() => {
    console.log('held'); setInterval(() => undefined, 1000); }, (error) => console.log(error.message));`;
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  const [said] = (await once(child.stdout, 'data')) as [Buffer];
  expect(said.toString()).toBe('held\n');
  return child;
}

const left = (holder_: object): void => {
  const whole = { pid: 1, host: 'elsewhere', place: 'elsewhere', started: '1', id: 'x', ...holder_ };
  writeFileSync(`${out}.lock`, JSON.stringify(whole));
};

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

test('two calls of one process are two writers', async () => {
  const lock = await lockFile(out);
  await expect(lockFile(out)).rejects.toThrow(/this process is writing it/);
  await lock.release();
  await (await lockFile(out)).release();
  expect(readdirSync(folder)).toEqual([]);
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
  if (held.started === '') return; // a system that does not tell when a process started
  left({ ...held, started: '1' });
  await (await lockFile(out)).release();
  expect(first.exitCode).toBeNull();
});

test('on another machine only signs of life count: they are waited for', async () => {
  const age = (seconds: number): void => {
    const time = Date.now() / 1000 - seconds;
    utimesSync(`${out}.lock`, time, time);
  };
  left({ pid: 12, host: 'node-7' });
  age(10);
  const signs = setInterval(() => {
    age(0);
  }, 100);
  await expect(lockFile(out)).rejects.toThrow(/process 12 on node-7 is writing it/);
  clearInterval(signs);
  age(29); // it has been silent for almost long enough
  await (await lockFile(out)).release();
  expect(existsSync(`${out}.lock`)).toBe(false);
});

test('a lock that cannot be read is one error that names it', async () => {
  mkdirSync(`${out}.lock`);
  await expect(lockFile(out)).rejects.toThrow(
    /cannot write .*K\.npy: cannot read .*K\.npy\.lock: it is a folder/,
  );
  expect(readdirSync(folder)).toEqual(['K.npy.lock']);
});

test('who waits for a sign of life stops when the signal aborts', async () => {
  const X = normalInputs(5, 3, 1);
  const net = Mlp.random(createSpec({ inputDim: 3, depth: 1, width: 5 }), { seed: 1 });
  const part = join(folder, 'K.part');
  const shard = { index: 0, count: 1 };
  await net.ntk(X, null, { out: part, shard });
  left({ pid: 12, host: 'node-7' });
  copyFileSync(`${out}.lock`, `${part}.lock`);
  const files = readdirSync(folder);
  for (const call of [
    (signal: AbortSignal) => lockFile(out, signal),
    (signal: AbortSignal) => net.ntk(X, null, { out, signal }),
    (signal: AbortSignal) => net.ntk(X, null, { out: part, shard, signal }),
    (signal: AbortSignal) => mergeNtk([part], { out, signal }),
  ]) {
    const controller = new AbortController();
    const begun = performance.now();
    setTimeout(() => {
      controller.abort(new Error('enough'));
    }, 100);
    await expect(call(controller.signal)).rejects.toThrow('enough');
    expect(performance.now() - begun).toBeLessThan(10_000); // without a signal it waits for 30 s
  }
  expect(readdirSync(folder)).toEqual(files);
});

test('a folder that cannot be written to is one error', async () => {
  await expect(lockFile(join(folder, 'missing', 'K.npy'))).rejects.toThrow(/no such file or folder/);
});
