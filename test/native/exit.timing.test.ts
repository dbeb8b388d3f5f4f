import { spawnSync } from 'node:child_process';
import { describeNative, LONG_JOB } from './support';

/** Seconds that the program takes. */
function secondsOf(args: readonly string[], output: string): number {
  const start = performance.now();
  const { stdout } = spawnSync(process.execPath, [LONG_JOB, ...args], { encoding: 'utf8', timeout: 240_000 });
  expect(stdout).toBe(output);
  return (performance.now() - start) / 1000;
}

describeNative('process exit with native work under way', () => {
  test('process.exit() does not wait for the work: it takes less than half of the time', () => {
    const whole = secondsOf([], 'started\nfinished\n');
    expect(secondsOf(['--exit'], 'started\n')).toBeLessThan(whole / 2);
  });
});
