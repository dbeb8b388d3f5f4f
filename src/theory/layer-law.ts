/** What the parametrizations make of a layer: the factors of theory.md's table. */
import type { NetworkSpec } from '../network/spec';

type Law = Pick<NetworkSpec, 'weightVariance' | 'biasVariance' | 'parametrization' | 'biasGradients'>;

/** s_l = sigma_w^2 / n_{l-1}, the variance of an effective weight of a layer with this fan-in. */
export function weightScale({ weightVariance }: Law, fanIn: number): number {
  return weightVariance / fanIn;
}

/** alpha_l: what |x^{l-1}|^2 |delta^l|^2 counts in Theta. */
export function weightFactor(law: Law, fanIn: number): number {
  return law.parametrization === 'standard' ? 1 : weightScale(law, fanIn);
}

/** beta_l: what |delta^l|^2 counts in Theta by the bias's gradient. */
export function biasFactor({ biasGradients, parametrization, biasVariance }: Law): number {
  if (!biasGradients) return 0;
  return parametrization === 'standard' ? 1 : biasVariance;
}
