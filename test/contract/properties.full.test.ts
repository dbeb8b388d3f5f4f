import { createSpec, Mlp } from '../../src/index';
import { normalInputs } from '../support/arbitrary';
import { testedBackends } from '../support/backends';
import { relativeError } from '../support/golden';

// Two orders of summation over at most some thousand terms; random nets here have condition numbers near 1.
const TOLERANCE = 1e-12;

const backends = testedBackends();

describe.each(backends)('%s backend', (backend) => {
  test.each([1, 2, 3])(
    'sigma_w^2 = %d: the mixed mode stays within 1e-5 of float64 in deep nets',
    async (weightVariance) => {
      const net = Mlp.random(
        createSpec({ inputDim: 50, depth: 200, width: 100, outputDim: 2, weightVariance }),
        { seed: 3 },
      );
      const X = normalInputs(30, 50, 2);
      for (const outputs of ['trace', 'full', 'diagonal', 'sum-of-logits'] as const) {
        const exact = await net.ntk(X, null, { outputs, backend });
        const mixed = await net.ntk(X, null, { outputs, precision: 'mixed', backend });
        const error = relativeError(mixed.data, exact.data);
        expect(error).toBeLessThan(1e-5);
        expect(error).toBeGreaterThan(0); // an option that is ignored would give 0
      }
    },
  );
});

const pairOfBackends = backends.length > 1 ? describe : describe.skip;
pairOfBackends('native and TypeScript', () => {
  // The sizes for which the precision of the mixed mode is promised.
  test.each([
    [20, 300, 10],
    [200, 500, 1],
  ])('mixed is within 1e-5 of float64: depth %i, width %i, 100 inputs', async (depth, width, outputDim) => {
    const net = Mlp.random(createSpec({ inputDim: 100, depth, width, outputDim }), { seed: 2 });
    const X = normalInputs(100, 100, 5);
    const exact = await net.ntk(X, null, { backend: 'native' });
    for (const backend of backends) {
      const mixed = await net.ntk(X, null, { precision: 'mixed', backend });
      expect(relativeError(mixed.data, exact.data)).toBeLessThan(1e-5);
      expect(relativeError(mixed.data, exact.data)).toBeGreaterThan(0);
    }
  });

  test.each([
    [20, 300],
    [60, 150],
  ])('agree at depth %i, width %i, where both leave inactive units out', async (depth, width) => {
    const net = Mlp.random(createSpec({ inputDim: 60, depth, width, outputDim: 2 }), { seed: 11 });
    const X = normalInputs(64, 60, 4);
    const native = await net.ntk(X, null, { backend: 'native' });
    const typescript = await net.ntk(X, null, { backend: 'typescript' });
    expect(relativeError(native.data, typescript.data)).toBeLessThan(TOLERANCE);
  });
});
