import type * as Bench from '../../src/cli/bench/index';
import { type BenchCase, variantsHere } from '../../src/cli/bench/suite';
import { createSpec, Mlp } from '../../src/index';

/**
 * From now on `deepntk bench`, in the process of the test, times a Jacobian of a few numbers in each of its suites, which
 * takes milliseconds in place of a minute. The suites themselves: every-command.full.test.ts.
 */
export function useSmallBenchCases(): void {
  const path = '../../src/cli/bench/index';
  jest.doMock(path, () => {
    const { SUITES } = jest.requireActual<typeof Bench>(path);
    return { SUITES: SUITES.map((suite) => ({ ...suite, cases: () => [smallCase()] })) };
  });
}

function smallCase(): BenchCase {
  const net = Mlp.random(createSpec({ inputDim: 3, depth: 1, width: 4 }), { seed: 1 });
  const x = { data: Float64Array.of(1, 2, 3, 4, 5, 6), shape: [2, 3] };
  return {
    title: 'N=2 L=1 M=4',
    unit: 'Jacobian',
    unitsPerRun: 1,
    flops: null,
    variants: variantsHere(),
    compute: async ({ backend, threads }) => (await net.jacobian(x, { backend, threads })).data,
    tolerance: { float64: 1e-10, mixed: 1e-4 },
  };
}
