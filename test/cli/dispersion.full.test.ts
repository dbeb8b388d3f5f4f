/** `deepntk dispersion` is killed and resumed. */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { MAIN, runJsonInProcess } from './run';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'deepntk-dispersion-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

test('a run that is killed (kill -9) goes on from its checkpoint, to the same bits', async () => {
  const net = ['--input-dim', '100', '--depth', '400', '--width', '100'];
  const args = ['dispersion', ...net, '--replicas', '100000', '--seed', '2'];
  const checkpoint = join(folder, 'killed.json');
  const child = spawn(
    process.execPath,
    [MAIN, ...args, '--backend', 'typescript', '--threads', '1', '--checkpoint', checkpoint],
    {
      stdio: 'ignore',
    },
  );
  const exit = new Promise<NodeJS.Signals | null>((resolve) => {
    child.on('exit', (_, signal) => {
      resolve(signal);
    });
  });
  // The first checkpoint is due after a second of work, of about four.
  const watch = setInterval(() => {
    if (existsSync(checkpoint)) child.kill('SIGKILL');
  }, 50);
  expect(await exit).toBe('SIGKILL');
  clearInterval(watch);
  const { ranges } = JSON.parse(readFileSync(checkpoint, 'utf8')) as { ranges: [[number, number]] };
  expect(ranges[0][1]).toBeLessThan(100_000);
  // The file is whole, and the run goes on from it, on whichever backend.
  const resumed = await runJsonInProcess([...args, '--checkpoint', checkpoint]);
  expect(resumed).toEqual(await runJsonInProcess(args));
});
