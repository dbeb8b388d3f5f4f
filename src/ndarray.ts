/** A dense row-major array: a plain object, so that any program can make one. */
export interface NdArray<T extends Float64Array | Float32Array = Float64Array | Float32Array> {
  readonly data: T;
  readonly shape: readonly number[];
}

/** The number of entries of an array of this shape; 1 for the empty shape (a scalar). */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, extent) => product * extent, 1);
}
