import { resolveBackend } from '../../src/backend/choose';
import type { ChainPlan, ChainReplicas } from '../../src/backend/seam';
import { availableBackends, createSpec, Mlp, type NetworkSpec, type SpecOptions } from '../../src/index';
import { planChain } from '../../src/sampling/one-input/chain-plan';
import { kolmogorovSmirnov, KS_LIMIT } from './two-sample';
import { atDepth } from '../support/depth';

const SEED = 2 ** 40 + 3; // both words of the key count
const FIRST = 2 ** 32 - 100;

function sample(
  plan: ChainPlan,
  { first = FIRST, count = 200, threads = 1, backend = availableBackends()[0]! } = {},
): Promise<ChainReplicas> {
  return resolveBackend(backend).sampleChain({ plan, seed: SEED, first, count }, { threads });
}

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
      real = await realNets(spec, atDepth(3000));
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
    const { thetas, exponents, weights, weightExponents } = await sample(plan, { count: atDepth(30_000) });
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
