/**
 * Features: what the kernel of an input with any other is computed from. With them a kernel larger than memory is computed
 * tile by tile, and products with a kernel need no kernel. This file holds the memory layout of features and the operation
 * counts. The twin is native/core/features.hpp.
 */
import { chainsOf, type Formed } from './forms';
import type { FeatureShape } from './seam';

/** A form, and which layers' parameters count (a term of 0: not). */
export type Weighted = Formed & Pick<FeatureShape, 'weightTerms' | 'biasTerms'>;

/** The position (l - 1) of the lowest layer with a term other than 0; -1 without such a layer. */
export function lowestLayer({ weightTerms, biasTerms }: Pick<Weighted, 'weightTerms' | 'biasTerms'>): number {
  return weightTerms.findIndex((term, index) => term !== 0 || biasTerms[index] !== 0);
}

/** Where one layer's features begin, in numbers per input; -1 for features that it does not have. */
export interface FeatureSlot {
  readonly activations: number;
  readonly deltas: number;
}

/** The slots of layers 1 .. L+1, and the numbers that one input takes altogether. */
export function featureSlots(shape: Weighted): {
  readonly slots: readonly FeatureSlot[];
  readonly perInput: number;
} {
  const { network, weightTerms, biasTerms } = shape;
  const chains = chainsOf(shape);
  let offset = 0;
  const take = (wanted: boolean, length: number): number => {
    if (!wanted) return -1;
    offset += length;
    return offset - length;
  };
  const slots = Array.from(weightTerms, (term, index): FeatureSlot => {
    const hasDeltas = (term !== 0 || biasTerms[index] !== 0) && index < weightTerms.length - 1;
    return {
      activations: take(term !== 0, network.widths[index]!),
      deltas: take(hasDeltas, chains * network.widths[index + 1]!),
    };
  });
  return { slots, perInput: offset };
}

/** The number of exponents of a block of n inputs. */
export function exponentCount(
  { network, group }: Pick<FeatureShape, 'network' | 'group'>,
  n: number,
): number {
  return Math.ceil(n / group) * (network.widths.length - 1) * 2;
}

/** Floating-point operations of the features of one input, forward and backward. */
export function featureFlops(shape: Weighted): {
  readonly forward: number;
  readonly backward: number;
} {
  const { network, weightTerms } = shape;
  const lowest = lowestLayer(shape);
  let forward = 0;
  let backward = 0;
  for (let index = 0; index < weightTerms.length - 1; index++) {
    const product = 2 * network.widths[index]! * network.widths[index + 1]!;
    forward += product;
    if (lowest !== -1 && index > lowest) backward += product * chainsOf(shape);
  }
  return { forward, backward };
}

/** Floating-point operations of one pair of inputs of a tile. */
export function pairFlops(shape: Weighted): number {
  const { network, form, weightTerms, biasTerms } = shape;
  const chains = chainsOf(shape);
  return Array.from(weightTerms, (term, index) => {
    const hasDeltas = (term !== 0 || biasTerms[index] !== 0) && index < weightTerms.length - 1;
    return (
      (term === 0 ? 0 : 2 * network.widths[index]!) +
      (hasDeltas ? 2 * chains * (form === 'full' ? chains : 1) * network.widths[index + 1]! : 0)
    );
  }).reduce((sum, flops) => sum + flops, 0);
}

/** Floating-point operations of one direction of a product, for one input. */
export function productFlops(shape: Omit<Weighted, 'form'>): number {
  const { network, weightTerms, biasTerms } = shape;
  return Array.from(weightTerms, (term, index) =>
    term === 0 && biasTerms[index] === 0 ? 0 : 2 * network.widths[index]! * network.widths[index + 1]!,
  ).reduce((sum, flops) => sum + flops, 0);
}
