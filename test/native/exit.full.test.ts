/** How soon the process ends: exit.timing.test.ts. */
import { spawnSync } from 'node:child_process';
import { describeNative, LONG_JOB } from './support';

describeNative('process exit with native work under way', () => {
  test('process.exit() ends it with its own status', () => {
    const child = spawnSync(process.execPath, [LONG_JOB, '--exit'], { encoding: 'utf8', timeout: 60_000 });
    expect({
      status: child.status,
      signal: child.signal,
      stdout: child.stdout,
      stderr: child.stderr,
    }).toEqual({
      status: 7,
      signal: null,
      stdout: 'started\n',
      stderr: '',
    });
  });

  test('an uncaught exception ends the process with its own message', () => {
    const program = `require(${JSON.stringify(LONG_JOB)}); setTimeout(() => { throw new Error('unrelated'); }, 50);`;
    const child = spawnSync(process.execPath, ['-e', program], { encoding: 'utf8', timeout: 60_000 });
    expect({ status: child.status, signal: child.signal }).toEqual({ status: 1, signal: null });
    expect(child.stderr).toContain('unrelated');
    expect(child.stdout).not.toContain('finished');
  });
});
