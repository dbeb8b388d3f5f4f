/** What a fixed kernel predicts: the mean outputs of gradient flow under the squared loss, and kernel ridge regression. */
import { type ArrayInput, readArray } from '../array-input';
import {
  DeepntkError,
  describeShape,
  expectNumber,
  expectOneOf,
  expectOptions,
  invalidArgument,
  mismatch,
} from '../errors';
import { expectArray, expectKernel, expectOutputs, flattenKernel, type KernelMatrix } from '../kernel/matrix';
import { rankTolerance } from '../kernel/structure';
import { symmetricEigen, type SymmetricEigen } from '../linalg/eigen';
import { type ResultArray, resultArray } from '../ndarray';

/** What is added to the diagonal of a kernel. */
export interface RegularizationOptions {
  /** Added to the kernel's diagonal, in units of the mean of that diagonal; 0 by default. */
  readonly diagReg?: number;
  /** Whether `diagReg` is in units of the mean of the diagonal (the default) or an absolute number. */
  readonly diagRegScale?: 'relative' | 'absolute';
}

/** What {@link predictGradientFlow} takes besides kernel and targets. */
export interface GradientFlowOptions extends RegularizationOptions {
  /** The speed of the flow; it multiplies time. 1 by default. */
  readonly learningRate?: number;
  /** Times >= 0; Infinity is the end of training. */
  readonly times: readonly number[];
  /** The outputs at time 0 on the training inputs, N x K; 0 by default. */
  readonly f0?: ArrayInput;
  /** The kernel of test inputs with training inputs, M x N, or M x N x K x K with a full kernel. */
  readonly testKernel?: ArrayInput;
  /** The outputs at time 0 on the test inputs, M x K; 0 by default. */
  readonly f0Test?: ArrayInput;
  /**
   * The loss: sum of (f - y)^2 over samples and outputs, halved, over N K (`'samples-and-outputs'`, the default, the
   * convention of neural-tangents) or over N (`'samples'`, that of {@link train}).
   */
  readonly meanOver?: 'samples-and-outputs' | 'samples';
}

/** Outputs at some times of gradient flow. */
export interface GradientFlowPrediction {
  readonly times: readonly number[];
  /** The outputs on the training inputs at each time, N x K. */
  readonly train: readonly ResultArray[];
  /** The outputs on the test inputs at each time, M x K; null without `testKernel`. */
  readonly test: readonly ResultArray[] | null;
}

/**
 * The solution of df/dt = -learningRate dLoss/df under a kernel that does not move: with Theta the N x N kernel applied to
 * every output alike, or the full kernel as an NK x NK matrix, c = 1/(NK) or 1/N as `meanOver` says, and
 * E = exp(-learningRate c t Theta),
 *
 *     train(t) = y + E (f0 - y),      test(t) = f0Test + Theta_test Theta^{-1} (E - 1) (f0 - y).
 *
 * Directions in which the kernel is zero to rounding do not move. Cost: one eigendecomposition, about 9 N^3 operations
 * (N K for a full kernel), on the calling thread; each time then takes N^2 K and M N K.
 *
 * A shared N x N kernel must be that of ONE output: of a net with K outputs, the mean over them (`outputs: 'mean'`).
 *
 * @param kernel N x N, shared by all outputs, or the full kernel N x N x K x K; symmetric and positive semidefinite
 * @param y targets, N x K, or N numbers of one output
 * @throws DeepntkError `ERR_INVALID_ARGUMENT` where shapes do not match, entries are not finite, or the kernel has an
 *   eigenvalue below zero beyond rounding
 * @see Jacot, Gabriel and Hongler 2018; Lee et al. 2019, equations 10 and 11
 * @example predictGradientFlow(await net.ntk(x), y, { learningRate: 1, times: [0, 10, Infinity] })
 */
export function predictGradientFlow(
  kernel: ArrayInput,
  y: ArrayInput,
  options: GradientFlowOptions,
): GradientFlowPrediction {
  const where = 'predictGradientFlow';
  expectOptions(where, options, [
    ...['learningRate', 'times', 'f0', 'testKernel', 'f0Test', 'diagReg', 'diagRegScale', 'meanOver'],
  ]);
  const times = readTimes(`${where}: times`, options.times);
  const learningRate = expectNumber(`${where}: learningRate`, options.learningRate ?? 1, { above: 0 });
  const meanOver = expectOneOf(`${where}: meanOver`, options.meanOver ?? 'samples-and-outputs', [
    'samples-and-outputs',
    'samples',
  ]);
  const problem = readProblem(where, kernel, y, options.testKernel);
  const f0 =
    options.f0 === undefined ? null : expectOutputs(`${where}: f0`, options.f0, ...problem.shape).data;
  const f0Test = readTestOutputs(where, problem, options);
  const eigen = decompose(where, regularize(where, problem.kernel, options));
  const speed = learningRate / (meanOver === 'samples' ? problem.inputs : problem.inputs * problem.outputs);
  const coordinates = toEigenbasis(
    eigen,
    problem,
    problem.y.map((target, i) => (f0?.[i] ?? 0) - target),
  );

  const train: ResultArray[] = [];
  const test: ResultArray[] = [];
  for (const t of times) {
    const decay = eigen.values.map((value) => (value === 0 ? 1 : Math.exp(-speed * t * value)));
    const residual = fromEigenbasis(eigen, problem, coordinates, decay);
    train.push(
      resultArray({ data: residual.map((entry, i) => entry + problem.y[i]!), shape: problem.shape }),
    );
    if (problem.test === null) continue;
    const gain = eigen.values.map((value) => (value === 0 ? 0 : Math.expm1(-speed * t * value) / value));
    const change = problem.test.apply(fromEigenbasis(eigen, problem, coordinates, gain));
    test.push(
      resultArray({ data: change.map((entry, i) => entry + (f0Test?.[i] ?? 0)), shape: problem.test.shape }),
    );
  }
  return { times, train, test: problem.test === null ? null : test };
}

/** What {@link kernelRidgeRegression} takes besides kernel and targets. */
export interface KernelRidgeOptions {
  /** lambda >= 0 of (Theta + lambda)^{-1}, in units of the mean of the diagonal unless `diagRegScale` says otherwise; 0 by default. */
  readonly diagReg?: number;
  readonly diagRegScale?: 'relative' | 'absolute';
  /** M x N, or M x N x K x K with a full kernel. */
  readonly testKernel?: ArrayInput;
}

/** The fit on training inputs, and outputs on test inputs. */
export interface KernelRidgePrediction {
  /** The fit on the training inputs, Theta (Theta + lambda)^{-1} y, N x K. */
  readonly train: ResultArray;
  /** Theta_test (Theta + lambda)^{-1} y, M x K; null without `testKernel`. */
  readonly test: ResultArray | null;
}

/**
 * Kernel ridge regression. Without a ridge, the end of gradient flow from f0 = 0.
 *
 * @param kernel N x N, shared by all outputs, or N x N x K x K
 * @param y targets, N x K, or N numbers of one output
 */
export function kernelRidgeRegression(
  kernel: ArrayInput,
  y: ArrayInput,
  options: KernelRidgeOptions = {},
): KernelRidgePrediction {
  const where = 'kernelRidgeRegression';
  expectOptions(where, options, ['diagReg', 'diagRegScale', 'testKernel']);
  const problem = readProblem(where, kernel, y, options.testKernel);
  const eigen = decompose(where, regularize(where, problem.kernel, options));
  const ridge = ridgeOf(where, problem.kernel, options);
  const coordinates = toEigenbasis(eigen, problem, problem.y);
  const inverse = eigen.values.map((value) => (value === 0 ? 0 : 1 / value));
  const fit = eigen.values.map((value) => (value === 0 ? 0 : (value - ridge) / value));
  const weights = fromEigenbasis(eigen, problem, coordinates, inverse);
  return {
    train: resultArray({ data: fromEigenbasis(eigen, problem, coordinates, fit), shape: problem.shape }),
    test: problem.test && resultArray({ data: problem.test.apply(weights), shape: problem.test.shape }),
  };
}

/** A regression in one form: `columns` right-hand sides of a `size` x `size` kernel. */
interface Problem {
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

function readProblem(
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

function readTestOutputs(
  where: string,
  { test }: Problem,
  { f0Test }: GradientFlowOptions,
): Float64Array | null {
  if (f0Test === undefined) return null;
  if (test === null) throw mismatch(`${where}: f0Test`, 'a testKernel with it', 'none');
  return expectOutputs(`${where}: f0Test`, f0Test, ...test.shape).data;
}

function readTimes(where: string, times: unknown): number[] {
  if (!Array.isArray(times) || times.length === 0) throw invalidArgument(where, 'an array of times', times);
  return times.map((t: unknown, i) => {
    if (typeof t !== 'number' || !(t >= 0))
      throw invalidArgument(`${where}[${i}]`, 'a time >= 0, or Infinity', t);
    return t;
  });
}

function ridgeOf(where: string, { data, size }: KernelMatrix, options: RegularizationOptions): number {
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

function regularize(where: string, matrix: KernelMatrix, options: RegularizationOptions): KernelMatrix {
  const ridge = ridgeOf(where, matrix, options);
  const data = Float64Array.from(matrix.data);
  for (let i = 0; i < matrix.size; i++) data[i * matrix.size + i]! += ridge;
  return { ...matrix, data };
}

/** The eigendecomposition, eigenvalues that are zero to rounding set to 0. */
function decompose(where: string, { data, size }: KernelMatrix): SymmetricEigen {
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
function toEigenbasis(
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
function fromEigenbasis(
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
