import { availableBackends } from '../../src/index';
import { withFastClock } from './fast-clock';
import { expectFailure, runInProcess } from './run';

test('only the suites asked for, in a table with the ratio to TypeScript', async () => {
  const { status, stdout } = await withFastClock(() => runInProcess(['bench', '--suite', 'jacobian']));
  expect(status).toBe(0);
  expect(stdout.match(/^\w+: /gm)).toEqual(['jacobian: ']);
  for (const backend of availableBackends()) {
    // Every run takes a second by this clock, on every backend.
    expect(stdout).toMatch(
      new RegExp(`^${backend} float64, \\d+ threads? +1\\.00 s +1\\.0 x +\\d\\.\\de[+-]\\d+$`, 'm'),
    );
  }
});

test('a suite that does not exist is wrong usage', async () => {
  const outcome = await runInProcess(['bench', '--suite', 'speed']);
  expectFailure(outcome, 2, "'speed' is invalid");
  expect(outcome.stderr).toMatch(/kernel, jacobian, sampling, training, startup/);
});
