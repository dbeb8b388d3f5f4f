import { DeepntkError, expectInteger, invalidArgument } from './errors';

/** A dense row-major array: a plain object, so that any program can make one. */
export interface NdArray<T extends Float64Array | Float32Array = Float64Array | Float32Array> {
  readonly data: T;
  readonly shape: readonly number[];
}

/** The number of entries of an array of this shape; 1 for the empty shape (a scalar). */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, extent) => product * extent, 1);
}

/**
 * @internal An array as {@link NdArray} describes it, of any program and realm; entries may be anything.
 *
 * @throws DeepntkError `ERR_INVALID_ARGUMENT` where data and shape are not there or do not agree
 */
export function expectNdArray(where: string, array: unknown): NdArray {
  if (typeof array !== 'object' || array === null || !('data' in array) || !('shape' in array)) {
    throw invalidArgument(where, 'an array { data: Float64Array | Float32Array, shape }', array);
  }
  const { data, shape } = array;
  if (!isFloatArray(data)) throw invalidArgument(`${where}.data`, 'a Float64Array or a Float32Array', data);
  if (!Array.isArray(shape)) throw invalidArgument(`${where}.shape`, 'an array of extents', shape);
  const extents = Array.from(shape, (extent, axis) =>
    expectInteger(`${where}.shape[${axis}]`, extent, { min: 0 }),
  );
  if (data.length !== sizeOf(extents)) {
    throw new DeepntkError(
      'ERR_INVALID_ARGUMENT',
      `${where}.data: expected ${sizeOf(extents)} entries for shape [${extents.join(', ')}], got ${data.length}`,
    );
  }
  return { data, shape: extents };
}

/** @internal Whatever the realm (vm context) that it was made in. */
export function isFloatArray(data: unknown): data is Float64Array | Float32Array {
  if (!ArrayBuffer.isView(data)) return false;
  const tag = (data as { readonly [Symbol.toStringTag]?: string })[Symbol.toStringTag];
  return tag === 'Float64Array' || tag === 'Float32Array';
}
