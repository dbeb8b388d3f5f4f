import { availableBackends, version } from '../../src/index';
import { withFastClock } from './fast-clock';
import { runJsonInProcess } from './run';

test('bench times every suite on every backend, and their results agree', async () => {
  const report = await withFastClock(() => runJsonInProcess(['bench']));
  expect(report).toMatchObject({ version, node: process.version });
  const results = report['results'] as {
    suite: string;
    backend: string | null;
    precision: string;
    seconds: number;
    error: number;
  }[];
  for (const suite of ['kernel', 'jacobian', 'sampling', 'training', 'startup']) {
    const backends = results
      .filter((result) => result.suite === suite && result.backend !== null)
      .map(({ backend }) => backend);
    expect([...new Set(backends)].sort()).toEqual([...availableBackends()].sort());
  }
  for (const { seconds, error, precision } of results) {
    expect(seconds).toBeGreaterThan(0);
    expect(error).toBeLessThan(precision === 'mixed' ? 1e-4 : 1e-8);
  }
});
