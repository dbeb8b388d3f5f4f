/** How far a kernel has moved from a reference, e.g. from the kernel at initialization. */
import type { ArrayInput } from '../array-input';
import { DeepntkError, expectBoolean, expectList, expectOptions, invalidArgument } from '../errors';
import { symmetricEigen } from '../linalg/eigen';
import type { NdArray } from '../ndarray';
import { expectArray, expectKernel } from './matrix';
import { kernelCosine } from './structure';

/** A kernel as `{ data, shape }`, and the parts of its layers if `perLayer: true` was given. */
export interface KernelWithParts extends NdArray {
  readonly perLayer?: { readonly weights: readonly ArrayInput[]; readonly biases: readonly ArrayInput[] };
}

/** Every part as float64. All parts have the same shape. */
interface Parts {
  readonly weights: readonly NdArray<Float64Array>[];
  readonly biases: readonly NdArray<Float64Array>[];
}

/** How far a kernel is from a reference: see {@link kernelDrift}. */
export interface KernelDrift {
  /** |Theta - Theta_0| / |Theta_0| in the Frobenius norm, over all entries. */
  readonly relativeChange: number;
  /** <Theta, Theta_0> / (|Theta| |Theta_0|); null if one of them is zero. */
  readonly cosine: number | null;
  /** The relative change of each layer's part, weights and biases together and apart; null unless both kernels have parts. */
  readonly perLayer: LayerDrift | null;
  /** Null unless `eigenvalues: true`. */
  readonly eigenvalues: EigenvalueDrift | null;
}

/** Position l - 1 belongs to layer l; null if the reference's part is zero, e.g. for a frozen layer. */
export interface LayerDrift {
  readonly layers: readonly (number | null)[];
  readonly weights: readonly (number | null)[];
  readonly biases: readonly (number | null)[];
}

/** The change of a spectrum. */
export interface EigenvalueDrift {
  /** Both the largest first. */
  readonly before: Float64Array;
  readonly after: Float64Array;
  /** |after - before| / |before| of the sorted eigenvalues; at most the relative change of the kernel (Hoffman and Wielandt). */
  readonly relativeChange: number;
}

/** What {@link kernelDrift} computes besides the change of the entries. */
export interface DriftOptions {
  /** Also compute the eigenvalues of both: some 9 N^3 operations. */
  readonly eigenvalues?: boolean;
}

/**
 * The drift of a kernel from a reference of the same shape: trace kernels N x N, full ones N x N x K x K, any other.
 *
 * @throws DeepntkError `ERR_INVALID_ARGUMENT` where the shapes differ or entries are not finite; with `eigenvalues`, where
 *   the kernels are not symmetric
 * @example kernelDrift(kernels[0], kernels[1]).relativeChange
 */
export function kernelDrift(
  reference: ArrayInput | KernelWithParts,
  kernel: ArrayInput | KernelWithParts,
  options: DriftOptions = {},
): KernelDrift {
  const where = 'kernelDrift';
  expectOptions(where, options, ['eigenvalues']);
  const before = expectArray(`${where}: reference`, reference);
  const after = expectArray(`${where}: kernel`, kernel);
  if (String(before.shape) !== String(after.shape)) {
    throw new DeepntkError(
      'ERR_INVALID_ARGUMENT',
      `${where}: expected kernels of one shape, got [${before.shape.join(', ')}] and [${after.shape.join(', ')}]`,
    );
  }
  return {
    relativeChange: relativeChange(before.data, after.data) ?? (isZero(after.data) ? 0 : Infinity),
    cosine: kernelCosine(before.data, after.data),
    perLayer: layerDrift(
      readParts(`${where}: reference.perLayer`, reference),
      readParts(`${where}: kernel.perLayer`, kernel),
    ),
    eigenvalues: expectBoolean(`${where}: eigenvalues`, options.eigenvalues ?? false)
      ? eigenvalueDrift(where, before, after)
      : null,
  };
}

function readParts(where: string, kernel: ArrayInput | KernelWithParts): Parts | undefined {
  const parts = 'perLayer' in kernel ? kernel.perLayer : undefined;
  if (parts === undefined) return undefined;
  if (typeof parts !== 'object' || (parts as unknown) === null)
    throw invalidArgument(where, 'the parts by layer { weights, biases }', parts);
  const read = (name: 'weights' | 'biases'): NdArray<Float64Array>[] => {
    const list = expectList(`${where}.${name}`, parts[name], 'a list of arrays');
    return list.map((part, i) => {
      const { data, shape } = expectArray(`${where}.${name}[${i}]`, part);
      return { data: Float64Array.from(data), shape };
    });
  };
  const [weights, biases] = [read('weights'), read('biases')];
  const sizes = new Set([...weights, ...biases].map(({ data }) => data.length));
  if (weights.length !== biases.length || sizes.size > 1)
    throw invalidArgument(where, 'weights and biases of the same layers and one shape', 'others');
  return { weights, biases };
}

function layerDrift(before: Parts | undefined, after: Parts | undefined): LayerDrift | null {
  if (before === undefined || after === undefined) return null;
  if (before.weights.length !== after.weights.length)
    throw invalidArgument('kernelDrift', 'kernels of as many layers', 'others');
  const changes = (from: readonly NdArray[], to: readonly NdArray[]): (number | null)[] =>
    from.map((part, i) => relativeChange(part.data, to[i]!.data));
  const sums = ({ weights, biases }: Parts): NdArray[] =>
    weights.map(({ data, shape }, i) => ({
      data: data.map((entry, at) => entry + biases[i]!.data[at]!),
      shape,
    }));
  return {
    layers: changes(sums(before), sums(after)),
    weights: changes(before.weights, after.weights),
    biases: changes(before.biases, after.biases),
  };
}

function eigenvalueDrift(where: string, before: NdArray, after: NdArray): EigenvalueDrift {
  const spectrum = (name: string, kernel: NdArray): Float64Array => {
    const { data, size } = expectKernel(`${where}: ${name}`, kernel);
    return symmetricEigen(data, size).values;
  };
  const [from, to] = [spectrum('reference', before), spectrum('kernel', after)];
  return { before: from, after: to, relativeChange: relativeChange(from, to) ?? 0 };
}

/** |b - a| / |a|, scaled so that squares neither overflow nor underflow; null if a is zero. */
function relativeChange(a: ArrayLike<number>, b: ArrayLike<number>): number | null {
  let scale = 0;
  for (let at = 0; at < a.length; at++) scale = Math.max(scale, Math.abs(a[at]!));
  if (scale === 0) return null;
  let [change, size] = [0, 0];
  for (let at = 0; at < a.length; at++) {
    change += ((b[at]! - a[at]!) / scale) ** 2;
    size += (a[at]! / scale) ** 2;
  }
  return Math.sqrt(change / size);
}

function isZero(entries: ArrayLike<number>): boolean {
  return !Array.prototype.some.call(entries, (entry: number) => entry !== 0);
}
