/**
 * Features of blocks of inputs: the part of the seam by which kernels larger than memory are computed tile by tile, and
 * multiplied without being computed. The twin in C++ of what is said here is native/core/features.hpp.
 */
import type { KernelForm, NetworkData, Precision } from './backend';

export type Reals = Float64Array | Float32Array;

/** Which features an input has. */
export interface FeatureShape {
  readonly network: NetworkData;
  readonly form: KernelForm;
  /** As in a kernel task; L + 1 numbers each, 0 where a layer's parameters do not count. */
  readonly weightTerms: Float64Array;
  readonly biasTerms: Float64Array;
  /** Features in float64, or in float32 (`mixed`; the forward pass that they come from is in float64). */
  readonly precision: Precision;
  /**
   * A block is worked on in groups of so many consecutive inputs, each by one thread and scaled on its own. So results
   * depend, bit for bit, on where groups begin, and on nothing else: neither on blocks nor on threads.
   */
  readonly group: number;
}

/**
 * The features of n inputs. `values`: layer after layer x^{l-1} of all inputs (n x n_{l-1}, where layer l has a weight
 * term), then delta^l of all of them (n chains x n_l, where it counts; those of the output layer are the identity and not
 * there). `exponents`: for every group and layer, e and f with x^{l-1} = 2^e times and delta^l = 2^f times the values.
 * Both on SharedArrayBuffers.
 */
export interface FeatureBlock {
  readonly n: number;
  readonly values: Reals;
  readonly exponents: Int32Array;
}

export interface FeaturesTask extends FeatureShape {
  /** n x n_0 */
  readonly x: Float64Array;
  readonly block: FeatureBlock;
}

export interface GramTileTask extends FeatureShape {
  readonly a: FeatureBlock;
  /** Null stands for `a`: the tile is on the diagonal of a symmetric kernel, and one triangle of it is computed. */
  readonly b: FeatureBlock | null;
  /** Inputs of one piece of the tile; divides the group. */
  readonly edge: number;
  /** What the entries are multiplied by. */
  readonly scale: number;
  /** A.n x B.n x entries; float32 or float64, whatever the precision. On a SharedArrayBuffer, as `mirror`. */
  readonly tile: Reals;
  /** B.n x A.n x entries, the transpose; null where it is not asked for, and where `b` is. */
  readonly mirror: Reals | null;
}

/**
 * Several products at once with the Jacobian J of the block: its rows are pairs of input and output, its columns ALL
 * parameters (zero where they do not count). The form is not `sum-of-logits`.
 */
export interface ProductsTask extends FeatureShape {
  readonly block: FeatureBlock;
  readonly directions: number;
  /** `add-transposed`: columns += rows' J. `apply`: rows = J columns'. */
  readonly product: 'add-transposed' | 'apply';
  /** (n K) x directions and directions x P, on SharedArrayBuffers. */
  readonly rows: Float64Array;
  readonly columns: Float64Array;
}

/** Delta rows of one input: K, or 1 for the sum of logits. */
export function chainsOf({ network, form }: Pick<FeatureShape, 'network' | 'form'>): number {
  return form === 'sum-of-logits' ? 1 : network.widths.at(-1)!;
}

export function entriesOf({ network, form }: Pick<FeatureShape, 'network' | 'form'>): number {
  const outputs = network.widths.at(-1)!;
  return form === 'full' ? outputs ** 2 : form === 'diagonal' ? outputs : 1;
}

/** Where one layer's features begin, in numbers per input; -1 where it has none of a kind. */
export interface FeatureSlot {
  readonly activations: number;
  readonly deltas: number;
}

/** The slots of layers 1 .. L+1, and the numbers that one input takes altogether. */
export function featureSlots(shape: Pick<FeatureShape, 'network' | 'form' | 'weightTerms' | 'biasTerms'>): {
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

/** How many exponents a block of n inputs has. */
export function exponentCount(
  { network, group }: Pick<FeatureShape, 'network' | 'group'>,
  n: number,
): number {
  return Math.ceil(n / group) * (network.widths.length - 1) * 2;
}

/** Floating-point operations of the features of one input, forward and backward. */
export function featureFlops(shape: Pick<FeatureShape, 'network' | 'form' | 'weightTerms' | 'biasTerms'>): {
  readonly forward: number;
  readonly backward: number;
} {
  const { network, weightTerms, biasTerms } = shape;
  const lowest = weightTerms.findIndex((term, index) => term !== 0 || biasTerms[index] !== 0);
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
export function pairFlops(
  shape: Pick<FeatureShape, 'network' | 'form' | 'weightTerms' | 'biasTerms'>,
): number {
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
export function productFlops(shape: Pick<FeatureShape, 'network' | 'weightTerms' | 'biasTerms'>): number {
  const { network, weightTerms, biasTerms } = shape;
  return Array.from(weightTerms, (term, index) =>
    term === 0 && biasTerms[index] === 0 ? 0 : 2 * network.widths[index]! * network.widths[index + 1]!,
  ).reduce((sum, flops) => sum + flops, 0);
}
