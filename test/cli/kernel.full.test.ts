/** `deepntk kernel` is interrupted. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';

import { availableBackends, writeNpy } from '../../src/index';
import { MAIN } from './run';

let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'deepntk-interrupt-'));
  const data = new Float64Array(2000 * 20).map((_, i) => Math.sin(i * i));
  await writeNpy(join(folder, 'many.npy'), { data, shape: [2000, 20] });
  // Tells the test when the command listens to Ctrl-C.
  writeFileSync(
    join(folder, 'tell.cjs'),
    `process.on('newListener', (name) => {
       if (name === 'SIGINT') process.send('listening', () => process.disconnect());
     });`,
  );
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

test.each(availableBackends())(
  'Ctrl-C ends a computation on the %s backend with status 130, and leaves no file',
  async (backend) => {
    const before = readdirSync(folder).sort();
    // Hours of work: a process that waited for its end would not end before the test does.
    const net = ['--depth', '200', '--width', '300', '--outputs', '200'];
    const args = ['kernel', '--x', 'many.npy', ...net, '--backend', backend, '--out', 'long.npy'];
    const child = spawn(process.execPath, ['--require', join(folder, 'tell.cjs'), MAIN, ...args], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    let printed = '';
    child.stdout!.on('data', (chunk) => (printed += String(chunk)));
    child.stderr!.on('data', (chunk) => (printed += String(chunk)));
    const ended = once(child, 'close');
    await once(child, 'message');
    // Time to begin with the computation, so that it is what is interrupted.
    await setTimeout(2000);
    child.kill('SIGINT');
    expect(await ended).toEqual([130, null]);
    expect(printed).toBe('deepntk: interrupted\n');
    expect(readdirSync(folder).sort()).toEqual(before);
  },
);
