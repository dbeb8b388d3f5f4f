import { resolveBackend } from '../../src/backend/choose';
import type { ChainPlan, ChainReplicas } from '../../src/backend/seam';
import { availableBackends, createSpec, moments, type SpecOptions } from '../../src/index';
import { planChain } from '../../src/sampling/one-input/chain-plan';
import { testedBackends } from '../support/backends';

const SEED = 2 ** 40 + 3; // both words of the key count
const FIRST = 2 ** 32 - 100; // replicas on both sides of a word's end

const nets: readonly [name: string, options: SpecOptions][] = [
  ['edge of chaos', { inputDim: 30, depth: 20, width: 100 }],
  ['uneven and narrow, with dead layers', { inputDim: 7, hiddenWidths: [5, 2, 9, 1, 30], weightVariance: 3 }],
  ['biases', { inputDim: 30, depth: 40, width: 50, weightVariance: 2.4, biasVariance: 0.2 }],
  ['narrow with biases', { inputDim: 3, depth: 4, width: 4, biasVariance: 0.2, parametrization: 'ntk' }],
  ['deep and chaotic', { inputDim: 30, depth: 1500, width: 30, weightVariance: 4 }],
  ['deep and ordered', { inputDim: 30, depth: 1500, width: 30, weightVariance: 1, biasGradients: false }],
  ['deep with biases', { inputDim: 30, depth: 1500, width: 30, weightVariance: 1, biasVariance: 0.1 }],
  ['linear', { inputDim: 30, depth: 0 }],
];

function sample(
  plan: ChainPlan,
  { first = FIRST, count = 200, threads = 1, backend = availableBackends()[0]! } = {},
): Promise<ChainReplicas> {
  return resolveBackend(backend).sampleChain({ plan, seed: SEED, first, count }, { threads });
}

describe.each(testedBackends())('the chain on the %s backend', (backend) => {
  describe.each([false, true])('tilted: %s', (tilted) => {
    test.each(nets)('draws the bits of the TypeScript backend: %s', async (_, options) => {
      const plan = planChain(createSpec(options), 1.3, tilted);
      const own = await sample(plan, { backend });
      expect(own).toEqual(await sample(plan, { backend: 'typescript' }));
      expect(own.thetas.every((theta) => theta >= 0 && theta < Infinity)).toBe(true);
    });
  });

  test('does not depend on threads, nor on where the run is cut', async () => {
    const plan = planChain(createSpec({ inputDim: 10, depth: 300, width: 20, biasVariance: 0.1 }), 1, true);
    const whole = await sample(plan, { backend, count: 900, threads: 1 });
    expect(await sample(plan, { backend, count: 900, threads: 7 })).toEqual(whole);
    const tail = await sample(plan, { backend, first: FIRST + 333, count: 567, threads: 2 });
    expect(tail.thetas).toEqual(whole.thetas.slice(333));
    expect(tail.weights).toEqual(whole.weights.slice(333));
  });
});

describe('laws that replicas are tilted by', () => {
  // The mean and the second moment that the mixture is normalized by come from sums over paths, `moments` from another
  // recursion altogether; without biases they are moments of one and the same number.
  test.each([
    ['edge of chaos', { inputDim: 30, depth: 20, width: 100 }],
    ['chaotic', { inputDim: 30, depth: 2000, width: 100, weightVariance: 4 }],
    ['ordered', { inputDim: 30, depth: 2000, width: 100, weightVariance: 1 }],
    ['NTK parametrization', { inputDim: 9, hiddenWidths: [40, 60, 50], parametrization: 'ntk' }],
  ] as const)('are normalized by the exact moments: %s', (_, options) => {
    const spec = createSpec(options);
    const { inverseMean, inverseSecondMoment } = planChain(spec, 1.7, true).mixture!;
    const exact = moments(spec, { inputNorm2: 1.7 });
    const logarithm = (number: { value: number; exponent: number }): number =>
      -Math.log(number.value) - number.exponent * Math.LN2;
    // Both sum thousands of products; dead layers, which one of them knows of, have probability 2^-40.
    expect(logarithm(inverseMean)).toBeCloseTo(exact.logMean, 9);
    expect(logarithm(inverseSecondMoment)).toBeCloseTo(exact.logSecondMoment, 9);
  });
});

test('numbers of 10,000 layers neither overflow nor underflow, and the scale is told', async () => {
  for (const weightVariance of [0.5, 1, 2, 3, 8]) {
    const spec = createSpec({ inputDim: 50, depth: 10_000, width: 50, weightVariance, biasGradients: false });
    const { thetas, exponents } = await sample(planChain(spec, 1, false), { count: 20 });
    const logs = Array.from(thetas, (theta, i) => Math.log(theta) + exponents[i]! * Math.LN2);
    const a = weightVariance / 2;
    // log Theta is about L log a less what its fluctuation takes, log-variance 5 lambda = 1000: within ten deviations.
    const expected = 10_000 * Math.log(a) - 500;
    for (const log of logs) expect(Math.abs(log - expected)).toBeLessThan(10 * Math.sqrt(1000));
  }
});
