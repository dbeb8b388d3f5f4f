/** Regression with a fixed kernel: its arguments, its ridge and its eigenvectors. */
import { type ArrayInput, readArray } from '../array-input';
import { DeepntkError, describeShape, expectNumber, expectOneOf, mismatch } from '../errors';
import { expectArray, expectKernel, expectOutputs, flattenKernel, type KernelMatrix } from '../kernel/matrix';
import { rankTolerance } from '../kernel/structure';
import { symmetricEigen, type SymmetricEigen } from '../linalg/eigen';

/** What is added to the diagonal of a kernel. */
export interface RegularizationOptions {
  /** Added to the kernel's diagonal, in units of the mean of that diagonal; 0 by default. */
  readonly diagReg?: number;
  /** Whether `diagReg` is in units of the mean of the diagonal (the default) or an absolute number. */
  readonly diagRegScale?: 'relative' | 'absolute';
}

/** A regression in one form: `columns` right-hand sides of a `size` x `size` kernel. */
export interface Problem {
  readonly kernel: KernelMatrix;
  readonly inputs: number;
  /** K */
  readonly outputs: number;
  /** K for a kernel that the outputs share, 1 for a full one. */
  readonly columns: number;
  readonly shape: readonly [number, number];
  readonly y: Float64Array;
  readonly test: TestKernel | null;
}

interface TestKernel {
  readonly shape: readonly [number, number];
  /** Theta_test times size x columns numbers. */
  readonly apply: (weights: Float64Array) => Float64Array;
}

export function readProblem(
  where: string,
  kernel: ArrayInput,
  y: ArrayInput,
  testKernel: ArrayInput | undefined,
): Problem {
  const given = readArray(`${where}: kernel`, kernel);
  const matrix = expectKernel(`${where}: kernel`, given);
  const full = given.shape.length === 4;
  const targets = expectOutputs(`${where}: y`, y, matrix.inputs, full ? matrix.outputs : null);
  const outputs = targets.shape[1]!;
  const columns = full ? 1 : outputs;
  return {
    kernel: matrix,
    inputs: matrix.inputs,
    outputs,
    columns,
    shape: [matrix.inputs, outputs],
    y: targets.data,
    test:
      testKernel === undefined
        ? null
        : readTestKernel(where, testKernel, matrix, full ? outputs : 1, columns),
  };
}

function readTestKernel(
  where: string,
  testKernel: ArrayInput,
  { inputs, size }: KernelMatrix,
  outputs: number,
  columns: number,
): TestKernel {
  const name = `${where}: testKernel`;
  const given = expectArray(name, testKernel);
  const [tests = 0, ...rest] = given.shape;
  const wanted = outputs > 1 || given.shape.length === 4 ? [inputs, outputs, outputs] : [inputs];
  if (String(rest) !== String(wanted))
    throw mismatch(name, `shape [M, ${wanted.join(', ')}]`, describeShape(given.shape));
  const data = flattenKernel(given.data, tests, inputs, outputs);
  return {
    shape: [tests, outputs * columns],
    apply: (weights) => multiply(data, weights, tests * outputs, size, columns),
  };
}

export function ridgeOf(where: string, { data, size }: KernelMatrix, options: RegularizationOptions): number {
  const diagReg = expectNumber(`${where}: diagReg`, options.diagReg ?? 0, {
    min: 0,
    max: 1e100,
    what: 'a number from 0 to 1e100',
  });
  const scale = expectOneOf(`${where}: diagRegScale`, options.diagRegScale ?? 'relative', [
    'relative',
    'absolute',
  ]);
  if (scale === 'absolute') return diagReg;
  let trace = 0;
  for (let i = 0; i < size; i++) trace += data[i * size + i]!;
  return (diagReg * trace) / size;
}

export function regularize(
  where: string,
  matrix: KernelMatrix,
  options: RegularizationOptions,
): KernelMatrix {
  const ridge = ridgeOf(where, matrix, options);
  const data = Float64Array.from(matrix.data);
  for (let i = 0; i < matrix.size; i++) data[i * matrix.size + i]! += ridge;
  return { ...matrix, data };
}

/** The eigendecomposition, eigenvalues that are zero to rounding set to 0. */
export function decompose(where: string, { data, size }: KernelMatrix): SymmetricEigen {
  const { values, vectors } = symmetricEigen(data, size);
  const rounding = rankTolerance(size) * Math.abs(values[0]!);
  const smallest = values[size - 1]!;
  // The kernels of other tools come in float32, whose rounding is larger than ours.
  if (smallest < -1e-6 * Math.abs(values[0]!)) {
    throw new DeepntkError(
      'ERR_INVALID_ARGUMENT',
      `${where}: kernel: expected a positive semidefinite kernel, got one with the eigenvalue ${smallest}`,
    );
  }
  return { values: values.map((value) => (value > rounding ? value : 0)), vectors };
}

/** V' b, size x columns. */
export function toEigenbasis(
  { vectors }: SymmetricEigen,
  { kernel, columns }: Problem,
  b: Float64Array,
): Float64Array {
  const { size } = kernel;
  const result = new Float64Array(size * columns);
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < size; j++) {
      const v = vectors[i * size + j]!;
      for (let c = 0; c < columns; c++) result[j * columns + c]! += v * b[i * columns + c]!;
    }
  }
  return result;
}

/** V diag(factors) coordinates, size x columns. */
export function fromEigenbasis(
  { vectors }: SymmetricEigen,
  { kernel, columns }: Problem,
  coordinates: Float64Array,
  factors: Float64Array,
): Float64Array {
  const scaled = coordinates.map((entry, at) => entry * factors[Math.floor(at / columns)]!);
  return multiply(vectors, scaled, kernel.size, kernel.size, columns);
}

function multiply(
  a: Float64Array,
  b: Float64Array,
  rows: number,
  inner: number,
  columns: number,
): Float64Array {
  const result = new Float64Array(rows * columns);
  for (let i = 0; i < rows; i++) {
    for (let p = 0; p < inner; p++) {
      const x = a[i * inner + p]!;
      for (let c = 0; c < columns; c++) result[i * columns + c]! += x * b[p * columns + c]!;
    }
  }
  return result;
}
