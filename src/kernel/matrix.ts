/** What the statistics of a kernel have in common: checking a kernel matrix and the labels of its inputs. */
import { types } from 'node:util';
import { DeepntkError, expectInteger, expectList, invalidArgument } from '../errors';
import { type NdArray, sizeOf } from '../ndarray';

/** A kernel as a square matrix of float64 numbers. */
export interface KernelMatrix {
  /** size x size, row-major. */
  readonly data: Float64Array;
  readonly size: number;
  /** N, the number of inputs. */
  readonly inputs: number;
  /** K where rows are (input, output) pairs, as in the full kernel; else 1. */
  readonly outputs: number;
}

/**
 * Reads a kernel of inputs with themselves: N x N as it is, or the full kernel N x N x K x K as the NK x NK matrix whose row
 * n K + k belongs to output k of input n.
 *
 * @throws DeepntkError `ERR_INVALID_ARGUMENT` where it is neither, has an entry that is not finite, or is not symmetric
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

/** An array whose data and shape agree, with at least one entry and finite ones only. */
export function expectArray(where: string, array: unknown): NdArray {
  if (typeof array !== 'object' || array === null || !('data' in array) || !('shape' in array)) {
    throw invalidArgument(where, 'an array { data: Float64Array | Float32Array, shape }', array);
  }
  const { data, shape } = array;
  if (!types.isFloat64Array(data) && !types.isFloat32Array(data)) {
    throw invalidArgument(`${where}.data`, 'a Float64Array or a Float32Array', data);
  }
  if (!Array.isArray(shape)) throw invalidArgument(`${where}.shape`, 'an array of extents', shape);
  const extents = Array.from(shape, (extent, axis) => expectInteger(`${where}.shape[${axis}]`, extent));
  if (data.length !== sizeOf(extents)) {
    throw new DeepntkError(
      'ERR_INVALID_ARGUMENT',
      `${where}.data: expected ${sizeOf(extents)} entries for shape [${extents.join(', ')}], got ${data.length}`,
    );
  }
  const at = data.findIndex((entry) => !Number.isFinite(entry));
  if (at >= 0) throw invalidArgument(`${where}: entry ${at}`, 'a finite number', data[at]);
  return { data, shape: extents };
}

/** An array of a given shape, as float64; `-1` in the shape stands for any extent. */
export function expectShape(where: string, array: unknown, shape: readonly number[]): Float64Array {
  const found = expectArray(where, array);
  if (
    found.shape.length !== shape.length ||
    shape.some((extent, i) => extent !== -1 && extent !== found.shape[i])
  ) {
    const wanted = shape.map((extent) => (extent === -1 ? 'any' : extent)).join(', ');
    throw mismatch(where, `shape [${wanted}]`, `[${found.shape.join(', ')}]`);
  }
  return Float64Array.from(found.data);
}

/** Kernels of the structured form are symmetric exactly, those of other tools to their rounding. */
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
  if (!Array.isArray(labels) && !(ArrayBuffer.isView(labels) && !(labels instanceof DataView))) {
    throw invalidArgument(where, 'an array of class numbers', labels);
  }
  const list = expectList(where, labels, 'an array of class numbers');
  if (list.length !== inputs) {
    throw mismatch(where, `one label for each of the ${inputs} inputs`, `${list.length}`);
  }
  return list.map((label, i) => expectInteger(`${where}[${i}]`, label, { min: 0 }));
}

/** "`where`: expected `what`, got ..." where what came is best said in words of our own. */
export function mismatch(where: string, what: string, got: string): DeepntkError {
  return new DeepntkError('ERR_INVALID_ARGUMENT', `${where}: expected ${what}, got ${got}`);
}
