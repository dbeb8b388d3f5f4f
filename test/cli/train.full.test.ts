/** `deepntk train` is killed and resumed. */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { trainIn, writeClouds } from './clouds';
import { MAIN, runInProcess, runJsonInProcess } from './run';

let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'deepntk-train-'));
  await writeClouds(folder);
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const inFolder = (name: string): string => join(folder, name);

test('a run that is killed goes on from its checkpoint and ends bit for bit as if it had not been', async () => {
  const more = ['--batch-size', '30', '--kernel-every', '400', '--checkpoint-every', '100', '--threads', '1'];
  const args = [...trainIn('whole', ...more)];
  args[args.indexOf('--steps') + 1] = '2000';
  expect((await runInProcess(args, { cwd: folder })).status).toBe(0);
  const again = args.map((arg) => (arg === 'whole' ? 'killed' : arg));
  await killAfterCheckpoint(again, inFolder('killed/checkpoint.safetensors'));
  expect(existsSync(inFolder('killed/result.json'))).toBe(false);

  const summary = await runJsonInProcess([...again, '--resume'], { cwd: folder });
  expect(summary['resumedFrom']).toBeGreaterThan(0);
  for (const name of readdirSync(inFolder('whole'))) {
    if (name === 'result.json') continue; // it has the seconds
    expect([
      name,
      readFileSync(inFolder(`killed/${name}`)).equals(readFileSync(inFolder(`whole/${name}`))),
    ]).toEqual([name, true]);
  }
});

/** SIGKILL as soon as a first checkpoint is there: nothing can be tidied up. */
function killAfterCheckpoint(args: readonly string[], checkpoint: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [MAIN, ...args], { cwd: folder, stdio: 'ignore' });
    const timer = setInterval(() => {
      if (existsSync(checkpoint)) child.kill('SIGKILL');
    }, 2);
    child.on('exit', (_, signal) => {
      clearInterval(timer);
      if (signal === 'SIGKILL') resolve();
      else reject(new Error('the run ended before it could be killed'));
    });
  });
}
