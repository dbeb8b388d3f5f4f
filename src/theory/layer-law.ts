/** What the parametrizations make of a layer: the factors of theory.md's table. */
import { invalidArgument } from '../errors';
import type { NetworkSpec } from '../network/spec';

type Law = Pick<NetworkSpec, 'weightVariance' | 'biasVariance' | 'parametrization' | 'biasGradients'>;
type BiasLaw = Pick<Law, 'biasVariance' | 'parametrization' | 'biasGradients'>;

/** s_l = sigma_w^2 / n_{l-1}, the variance of an effective weight of a layer with this fan-in. */
export function weightScale({ weightVariance }: Law, fanIn: number): number {
  return weightVariance / fanIn;
}

/** alpha_l: what |x^{l-1}|^2 |delta^l|^2 counts in Theta. */
export function weightFactor(law: Law, fanIn: number): number {
  return law.parametrization === 'standard' ? 1 : weightScale(law, fanIn);
}

/** beta_l: the factor of |delta^l|^2 in Theta from the bias's gradient. @param layer 1 .. L+1 */
export function biasFactor({ biasGradients, parametrization, biasVariance }: BiasLaw, layer: number): number {
  const trained = typeof biasGradients === 'boolean' ? biasGradients : biasGradients[layer - 1]!;
  if (!trained) return 0;
  return parametrization === 'standard' ? 1 : biasVariance;
}

/** The largest beta_l; 0 if no bias counts. */
export function largestBiasFactor(law: BiasLaw): number {
  const trained =
    law.biasGradients === true || (law.biasGradients !== false && law.biasGradients.includes(true));
  return biasFactor({ ...law, biasGradients: trained }, 1);
}

/**
 * Refuses a list of bias gradients if the question concerns nets of other depths than the spec's.
 *
 * @throws DeepntkError `ERR_INVALID_ARGUMENT`
 */
export function expectUniformBiases(where: string, biasGradients: boolean | readonly boolean[]): boolean {
  if (typeof biasGradients === 'boolean') return biasGradients;
  throw invalidArgument(
    `${where}: biasGradients`,
    'true or false, because a list of layers does not apply to nets of other depths',
    biasGradients,
  );
}
