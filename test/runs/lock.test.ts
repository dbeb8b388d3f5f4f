/** One writer a file. Processes that hold a lock, and are killed: lock.full.test.ts. */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { lockFile } from '../../src/runs/lock';
import { createSpec, mergeNtk, Mlp } from '../../src/index';
import { normalInputs } from '../support/arbitrary';

let folder: string;
let out: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'deepntk-lock-'));
  out = join(folder, 'K.npy');
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const left = (holder_: object): void => {
  const whole = { pid: 1, host: 'elsewhere', place: 'elsewhere', started: '1', id: 'x', ...holder_ };
  writeFileSync(`${out}.lock`, JSON.stringify(whole));
};

test('two calls of one process are two writers', async () => {
  const lock = await lockFile(out);
  await expect(lockFile(out)).rejects.toThrow(/this process is writing it/);
  await lock.release();
  await (await lockFile(out)).release();
  expect(readdirSync(folder)).toEqual([]);
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

test('who waits is told for whom', async () => {
  const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
  left({ pid: 12, host: 'node-7' });
  const controller = new AbortController();
  const waiting = lockFile(out, controller.signal);
  setTimeout(() => {
    controller.abort(new Error('enough'));
  }, 700);
  await expect(waiting).rejects.toThrow('enough');
  expect(warn.mock.calls.map(([message]) => message)).toEqual([
    expect.stringMatching(
      /^waiting up to 30 s for a sign of life of process 12 on node-7, which holds .*K\.npy\.lock$/,
    ),
  ]);
  warn.mockRestore();
});

test('two names of one file have one lock', async () => {
  writeFileSync(out, '');
  symlinkSync(folder, `${folder}-linked`);
  symlinkSync(out, join(folder, 'other.npy'));
  try {
    const lock = await lockFile(join(`${folder}-linked`, 'K.npy'));
    for (const name of [out, join(folder, 'other.npy')]) {
      await expect(lockFile(name)).rejects.toThrow(/this process is writing it/);
    }
    await lock.release();
  } finally {
    rmSync(`${folder}-linked`);
  }
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
  // Whoever waits for the same holder without a signal waits for 30 s, and so longer than all the others together.
  const other = join(folder, 'other.npy');
  copyFileSync(`${out}.lock`, `${other}.lock`);
  const release = new AbortController();
  const patient = jest.fn();
  const waiting = lockFile(other, release.signal).then(patient, patient);
  for (const call of [
    (signal: AbortSignal) => lockFile(out, signal),
    (signal: AbortSignal) => net.ntk(X, null, { out, signal }),
    (signal: AbortSignal) => net.ntk(X, null, { out: part, shard, signal }),
    (signal: AbortSignal) => mergeNtk([part], { out, signal }),
  ]) {
    const controller = new AbortController();
    setTimeout(() => {
      controller.abort(new Error('enough'));
    }, 100);
    await expect(call(controller.signal)).rejects.toThrow('enough');
    expect(patient).toHaveBeenCalledTimes(0);
  }
  release.abort();
  await waiting;
  expect(patient).toHaveBeenCalledTimes(1);
  rmSync(`${other}.lock`);
  expect(readdirSync(folder)).toEqual(files);
});

test('a folder that cannot be written to is one error', async () => {
  await expect(lockFile(join(folder, 'missing', 'K.npy'))).rejects.toThrow(/no such file or folder/);
});
