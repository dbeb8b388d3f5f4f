/** The samplers by name, and the choice among them. */
import type { NetworkSpec } from '../network/spec';
import type { MomentPair } from '../theory/moments';
import { chooseKernelSampler } from './matrix/kernel-source';

/**
 * - `direct`: draws every weight of a net and computes its kernel: the reference, O(depth width^2) a replica
 * - `conditional`: draws preactivations and derivatives of all units from their law, without weights; O(depth width) a replica
 * - `chain`: the scalar chain, the same law in O(depth) a replica; one output
 * - `tilted`: the chain, drawn mostly from the laws weighted by Theta and by Theta^2 and weighed back: for dispersions that
 *   rest on replicas too rare to be drawn otherwise
 */
export type Sampler = 'direct' | 'conditional' | 'chain' | 'tilted';

export const SAMPLERS: readonly Sampler[] = ['direct', 'conditional', 'chain', 'tilted'];

export interface SamplerChoice {
  readonly sampler: Sampler;
  /** Why, in words. */
  readonly reason: string;
}

/** Above this dispersion the tilted sampler's error is the smaller one, at 100 units a layer and for equal time. */
const PLAIN_UP_TO = 1.3;

export function chooseSampler(spec: NetworkSpec, exact: MomentPair): SamplerChoice {
  if (spec.outputDim > 1) {
    const { sampler, reason } = chooseKernelSampler(spec, 1, 'trace');
    return {
      sampler,
      reason: `the scalar chain is for one output, and there are ${spec.outputDim}; ${reason}`,
    };
  }
  const value = exact.dispersion.toPrecision(4);
  if (exact.dispersion <= PLAIN_UP_TO) {
    return { sampler: 'chain', reason: `the exact dispersion, ${value}, is small: replicas are alike` };
  }
  return {
    sampler: 'tilted',
    reason: `the exact dispersion, ${value}, is above ${PLAIN_UP_TO}: it rests on rare replicas`,
  };
}
