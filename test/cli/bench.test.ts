import { availableParallelism, loadavg } from 'node:os';
import { availableBackends, version } from '../../src/index';
import { run, runJson } from './run';

test('bench times every backend, compared with TypeScript first', () => {
  const start = performance.now();
  const report = runJson(['bench']);
  // Under a minute; where other work has its share of the cores, that much more.
  const share = Math.max(1, loadavg()[0]! / availableParallelism());
  expect((performance.now() - start) / share).toBeLessThan(60_000);
  expect(report).toMatchObject({ version, node: process.version });
  const results = report['results'] as {
    suite: string;
    backend: string | null;
    precision: string;
    seconds: number;
    error: number;
    ratio: number | null;
  }[];
  for (const suite of ['kernel', 'jacobian', 'sampling', 'training', 'startup']) {
    const backends = results
      .filter((result) => result.suite === suite && result.backend !== null)
      .map(({ backend }) => backend);
    expect([...new Set(backends)].sort()).toEqual([...availableBackends()].sort());
  }
  for (const { suite, seconds, error, ratio, backend, precision } of results) {
    expect(seconds).toBeGreaterThan(0);
    expect(error).toBeLessThan(precision === 'mixed' ? 1e-4 : 1e-8);
    if (suite === 'kernel' && backend === 'native') expect(ratio).toBeGreaterThan(1);
  }
}, 150_000);

test('only the suites asked for, and a suite that does not exist', () => {
  const { results } = runJson(['bench', '--suite', 'jacobian']) as { results: { suite: string }[] };
  expect(new Set(results.map(({ suite }) => suite))).toEqual(new Set(['jacobian']));
  const { status, stderr } = run(['bench', '--suite', 'speed']);
  expect(status).toBe(2);
  expect(stderr).toMatch(/'speed' is invalid.*kernel, jacobian, sampling, training, startup/);
}, 60_000);
