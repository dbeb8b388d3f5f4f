import { availableBackends } from '../../src/index';
import { expectFailure, runInProcess, runJsonInProcess } from './run';
import { useSmallBenchCases } from './small-bench';

beforeAll(useSmallBenchCases);

test('only the suites asked for, every backend with its ratio to TypeScript', async () => {
  const { results } = (await runJsonInProcess(['bench', '--suite', 'jacobian', 'kernel'])) as {
    results: { suite: string; backend: string; threads: number; seconds: number; ratio: number }[];
  };
  expect([...new Set(results.map(({ suite }) => suite))].sort()).toEqual(['jacobian', 'kernel']);
  const jacobian = results.filter(({ suite }) => suite === 'jacobian');
  expect([...new Set(jacobian.map(({ backend }) => backend))]).toEqual(availableBackends());
  for (const { threads, seconds, ratio } of jacobian) {
    const peer = jacobian.find((other) => other.backend === 'typescript' && other.threads === threads);
    expect(ratio).toBe((peer ?? jacobian.find(({ backend }) => backend === 'typescript'))!.seconds / seconds);
  }
});

test('the table has a line for every backend', async () => {
  const { status, stdout } = await runInProcess(['bench', '--suite', 'jacobian']);
  expect(status).toBe(0);
  expect(stdout.match(/^\w+: .*$/gm)).toEqual(['jacobian: N=2 L=1 M=4']);
  for (const backend of availableBackends()) {
    expect(stdout).toMatch(
      new RegExp(
        `^${backend} float64, \\d+ threads? +[\\d.]+ (s|ms|us) +[\\d.]+ x +\\d\\.\\de[+-]\\d+$`,
        'm',
      ),
    );
  }
});

test('a suite that does not exist is wrong usage', async () => {
  const outcome = await runInProcess(['bench', '--suite', 'speed']);
  expectFailure(outcome, 2, "'speed' is invalid");
  expect(outcome.stderr).toMatch(/kernel, jacobian, sampling, training, startup/);
});
