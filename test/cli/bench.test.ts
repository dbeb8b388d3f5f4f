import { availableBackends, version } from '../../src/index';
import { runJson } from './run';

test('bench times every backend, compared with TypeScript first', () => {
  const start = performance.now();
  const report = runJson(['bench']);
  expect(performance.now() - start).toBeLessThan(60_000);
  expect(report).toMatchObject({ version, node: process.version });
  const results = report['results'] as {
    suite: string;
    backend: string;
    precision: string;
    seconds: number;
    error: number;
    ratio: number;
  }[];
  for (const suite of ['kernel', 'jacobian']) {
    const backends = results.filter((result) => result.suite === suite).map(({ backend }) => backend);
    expect([...new Set(backends)].sort()).toEqual([...availableBackends()].sort());
  }
  for (const { suite, seconds, error, ratio, backend, precision } of results) {
    expect(seconds).toBeGreaterThan(0);
    expect(error).toBeLessThan(precision === 'mixed' ? 1e-4 : 1e-10);
    if (suite === 'kernel' && backend === 'native') expect(ratio).toBeGreaterThan(1);
  }
}, 90_000);
