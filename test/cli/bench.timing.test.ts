import { availableBackends } from '../../src/index';
import { runJson } from './run';

interface Result {
  readonly suite: string;
  readonly backend: string | null;
  readonly ratio: number | null;
}

test('bench ends within a minute, as its help says, and finds the native kernel faster than that of TypeScript', () => {
  const start = performance.now();
  const { results } = runJson(['bench']) as { results: Result[] };
  expect(performance.now() - start).toBeLessThan(60_000);
  const native = results.filter(({ suite, backend }) => suite === 'kernel' && backend === 'native');
  expect(native.length > 0).toBe(availableBackends().includes('native'));
  for (const { ratio } of native) expect(ratio).toBeGreaterThan(1);
});
