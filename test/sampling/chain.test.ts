import { resolveBackend } from '../../src/backend/choose';
import type { ChainPlan, ChainReplicas } from '../../src/backend/backend';
import {
  availableBackends,
  createSpec,
  Mlp,
  moments,
  type NetworkSpec,
  type SpecOptions,
} from '../../src/index';
import { planChain } from '../../src/sampling/chain-plan';
import { testedBackends } from '../support/backends';
import { kolmogorovSmirnov, KS_LIMIT } from './two-sample';

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

describe('the chain and real nets have one law', () => {
  const cases: readonly [name: string, options: SpecOptions][] = [
    ['edge of chaos', { inputDim: 12, depth: 5, width: 16 }],
    ['chaotic with biases', { inputDim: 12, depth: 5, width: 16, weightVariance: 2.5, biasVariance: 0.3 }],
    ['uneven, without bias gradients', { inputDim: 5, hiddenWidths: [14, 20, 12], biasGradients: false }],
    ['NTK parametrization', { inputDim: 9, depth: 3, width: 14, biasVariance: 0.5, parametrization: 'ntk' }],
  ];
  let real: number[];

  describe.each(cases)('%s', (_, options) => {
    const spec = createSpec(options);
    beforeAll(async () => {
      real = await realNets(spec, 3000);
    });

    test('log Theta of the chain', async () => {
      expect(kolmogorovSmirnov(await chain(planChain(spec, 1, false)), real)).toBeLessThan(KS_LIMIT);
    });

    test('a chain of chi-squares with one degree of freedom too many is told apart', async () => {
      const plan = planChain(spec, 1, false);
      const { gates } = plan;
      const wrong = { ...gates, low: gates.low.map((b) => b + 1), other: gates.other.map((b) => b + 1) };
      expect(kolmogorovSmirnov(await chain({ ...plan, gates: wrong }), real)).toBeGreaterThan(KS_LIMIT);
    });

    test('log Theta of the tilted chain, drawn again by weight', async () => {
      expect(kolmogorovSmirnov(await chain(planChain(spec, 1, true)), real)).toBeLessThan(KS_LIMIT);
    });
  });

  async function chain(plan: ChainPlan): Promise<number[]> {
    const { thetas, exponents, weights, weightExponents } = await sample(plan, { count: 30_000 });
    const logs = Array.from(thetas, (theta, i) => Math.log(theta) + exponents[i]! * Math.LN2);
    // Weights are at most 10 here, 1 over the share of the plain law: keep a replica with probability weight / 10.
    return plan.mixture === null
      ? logs
      : logs.filter((_, i) => weights[i]! * 2 ** weightExponents[i]! > 10 * golden(i));
  }

  /** Evenly spread over (0, 1), and nothing to do with the sampler's own numbers. */
  function golden(i: number): number {
    return ((i + 1) * 0.6180339887498949) % 1;
  }
});

async function realNets(spec: NetworkSpec, count: number): Promise<number[]> {
  const X = { data: new Float64Array(spec.inputDim).fill(spec.inputDim ** -0.5), shape: [1, spec.inputDim] };
  const logs: number[] = [];
  for (let replica = 0; replica < count; replica++) {
    const { data } = await Mlp.random(spec, { seed: 11, replica }).ntk(X, null, { threads: 1 });
    logs.push(Math.log(data[0]!));
  }
  return logs;
}

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
