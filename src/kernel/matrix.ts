/** Checks of a kernel matrix and of the labels of its inputs, for all statistics of kernels. */
import { readArray, readIntegers, readOutputs } from '../array-input';
import { describeShape, invalidArgument, mismatch } from '../errors';
import type { NdArray } from '../ndarray';

/** A kernel as a square matrix of float64 numbers. */
export interface KernelMatrix {
  /** size x size, row-major. */
  readonly data: Float64Array;
  readonly size: number;
  /** N, the number of inputs. */
  readonly inputs: number;
  /** K if rows are (input, output) pairs, as in the full kernel; else 1. */
  readonly outputs: number;
}

/**
 * Reads a kernel of inputs with themselves: N x N unchanged, or the full kernel N x N x K x K as an NK x NK matrix. Row
 * n K + k belongs to output k of input n.
 *
 * @throws DeepntkError `ERR_INVALID_ARGUMENT` if it is neither, has an entry that is not finite, or is not symmetric
 */
export function expectKernel(where: string, kernel: unknown): KernelMatrix {
  const { data, shape } = expectArray(where, kernel);
  const [inputs = 0, columns, outputs = 1, outputs2 = 1] = shape;
  if ((shape.length !== 2 && shape.length !== 4) || inputs !== columns || outputs !== outputs2) {
    throw mismatch(where, 'shape [N, N] or [N, N, K, K]', `[${shape.join(', ')}]`);
  }
  const size = inputs * outputs;
  const matrix = flattenKernel(data, inputs, inputs, outputs);
  expectSymmetric(where, matrix, size);
  return { data: matrix, size, inputs, outputs };
}

/** N x N' x K x K as the matrix NK x N'K; a copy. */
export function flattenKernel(
  data: Float64Array | Float32Array,
  rows: number,
  columns: number,
  outputs: number,
): Float64Array {
  const matrix = new Float64Array(data.length);
  if (outputs === 1) {
    matrix.set(data);
    return matrix;
  }
  let at = 0;
  for (let a = 0; a < rows; a++) {
    for (let b = 0; b < columns; b++) {
      for (let k = 0; k < outputs; k++) {
        for (let m = 0; m < outputs; m++)
          matrix[(a * outputs + k) * columns * outputs + b * outputs + m] = data[at++]!;
      }
    }
  }
  return matrix;
}

/** An array with at least one entry, all of them finite. */
export function expectArray(where: string, array: unknown): NdArray {
  const read = readArray(where, array);
  if (read.data.length === 0)
    throw mismatch(where, 'at least one entry', `shape ${describeShape(read.shape)}`);
  return expectFinite(where, read);
}

/** Targets or outputs of N inputs, N x K, as float64; all finite. @param outputs K, or null if the array determines it */
export function expectOutputs(
  where: string,
  y: unknown,
  inputs: number,
  outputs: number | null,
): NdArray<Float64Array> {
  const { data, shape } = expectFinite(where, readOutputs(where, y, inputs, outputs));
  return { data: Float64Array.from(data), shape };
}

function expectFinite(where: string, array: NdArray): NdArray {
  const at = array.data.findIndex((entry) => !Number.isFinite(entry));
  if (at >= 0) throw invalidArgument(`${where}: entry ${at}`, 'a finite number', array.data[at]);
  return array;
}

/** Kernels of this package are exactly symmetric, kernels of other tools only up to rounding. */
const ASYMMETRY = 1e-6;

function expectSymmetric(where: string, matrix: Float64Array, size: number): void {
  const largest = matrix.reduce((max, entry) => Math.max(max, Math.abs(entry)), 0);
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < i; j++) {
      const difference = Math.abs(matrix[i * size + j]! - matrix[j * size + i]!);
      if (difference > ASYMMETRY * largest) {
        throw mismatch(where, 'a symmetric matrix', `entries that differ by ${difference}`);
      }
    }
  }
}

/** The class of each input: whole numbers >= 0, one for each of the `inputs`. */
export function expectLabels(where: string, labels: unknown, inputs: number): number[] {
  const classes = readIntegers(where, labels, { what: 'class numbers', min: 0 });
  if (classes.length !== inputs)
    throw mismatch(where, `one label for each of the ${inputs} inputs`, `${classes.length}`);
  return classes;
}
