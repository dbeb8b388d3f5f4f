/** Replicas by the scalar chain, from whatever computes it. */
import type { Backend, ChainReplicas, RunOptions } from '../../backend/seam';
import type { NetworkSpec } from '../../network/spec';
import { planChain, planShares } from './chain-plan';
import type { Sampler } from '../samplers';

export interface ReplicaSource {
  /** Shares of the parts that replicas are drawn from. */
  readonly shares: readonly [number, number, number];
  /** About how many replicas to ask for at once: some hundredths of a second of work. */
  readonly chunk: number;
  readonly sample: (first: number, count: number, run: RunOptions) => Promise<ChainReplicas>;
}

export function chainSource(
  sampler: Exclude<Sampler, 'direct' | 'conditional'>,
  spec: NetworkSpec,
  inputNorm2: number,
  seed: number,
  backend: Pick<Backend, 'sampleChain'>,
): ReplicaSource {
  const plan = planChain(spec, inputNorm2, sampler === 'tilted');
  return {
    shares: planShares(sampler === 'tilted'),
    chunk: Math.min(32_768, Math.max(64, Math.round(2 ** 19 / (spec.depth + 1)))),
    sample: (first, count, run) => backend.sampleChain({ plan, seed, first, count }, run),
  };
}
