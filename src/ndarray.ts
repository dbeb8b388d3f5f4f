/** A dense row-major array: a plain object, so that any program can make one. */
export interface NdArray<T extends Float64Array | Float32Array = Float64Array | Float32Array> {
  readonly data: T;
  readonly shape: readonly number[];
}

/** Numbers in nested lists, one level per axis. Without axes it is a single number. */
export type Nested = number | Nested[];

/**
 * An array that deepntk returns: an {@link NdArray} with methods. The methods are on the prototype, so copies by
 * `structuredClone`, `postMessage` or `{ ...array }` are plain objects without them.
 *
 * @example const rows = (await net.ntk(X)).toNested(); // [[...], ...]
 */
export class ResultArray<T extends Float64Array | Float32Array = Float64Array> implements NdArray<T> {
  declare readonly data: T;
  declare readonly shape: readonly number[];

  /** @internal */
  constructor(fields: NdArray<T>) {
    Object.assign(this, fields);
  }

  /** A copy of the entries as one plain array of numbers, row-major. */
  toArray(): number[] {
    return Array.from(this.data);
  }

  /** A copy of the entries as nested arrays: a list of rows for two axes, a number for no axes. */
  toNested(): Nested {
    return nest(this.data, this.shape);
  }

  /**
   * Returns the same as {@link toNested}. `JSON.stringify(array)` therefore writes only the entries, without the fields that
   * record how they were computed. JSON has no NaN and no Infinity, so they become null.
   */
  toJSON(): Nested {
    return this.toNested();
  }
}

/** @internal The result with these fields: `data`, `shape` and any others. */
export function resultArray<Fields extends NdArray>(fields: Fields): Fields & ResultArray<Fields['data']> {
  return new ResultArray(fields) as Fields & ResultArray<Fields['data']>;
}

/** The number of entries of an array of this shape; 1 for the empty shape (a scalar). */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, extent) => product * extent, 1);
}

/** @internal Whatever the realm (vm context) that it was made in. */
export function isFloatArray(data: unknown): data is Float64Array | Float32Array {
  const kind = kindOfTypedArray(data);
  return kind === 'Float64Array' || kind === 'Float32Array';
}

/** @internal The type name of a typed array from any realm; undefined for everything else, including a DataView. */
export function kindOfTypedArray(data: unknown): string | undefined {
  if (!ArrayBuffer.isView(data)) return undefined;
  const tag = (data as { readonly [Symbol.toStringTag]?: string })[Symbol.toStringTag];
  return tag === 'DataView' ? undefined : tag;
}

function nest(data: Float64Array | Float32Array, [extent, ...inner]: readonly number[]): Nested {
  if (extent === undefined) return data[0]!;
  if (inner.length === 0) return Array.from(data);
  const size = sizeOf(inner);
  return Array.from({ length: extent }, (_, i) => nest(data.subarray(i * size, (i + 1) * size), inner));
}
