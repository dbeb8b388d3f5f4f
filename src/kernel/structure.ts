/** The structure of a kernel matrix: how it tells classes apart, and its spectrum. */
import type { ArrayInput } from '../array-input';
import { expectBoolean, expectOptions, mismatch } from '../errors';
import { symmetricEigen } from '../linalg/eigen';
import { expectKernel, expectLabels, type KernelMatrix } from './matrix';

/** A kernel by the classes of its inputs. */
export interface ClassBlocks {
  /** Mean of the diagonal; the other numbers are divided by it. */
  readonly diagonalMean: number;
  /** Over pairs of inputs of one class, the diagonal included unless `diagonal` is false. Null where there is no such pair. */
  readonly sameClass: BlockStatistics | null;
  readonly otherClass: BlockStatistics | null;
}

/** Entries of a kernel over some pairs of inputs, over the mean of the diagonal. */
export interface BlockStatistics {
  readonly mean: number;
  /** Of the entries, not of their mean: the root of the mean squared difference from the mean. */
  readonly standardDeviation: number;
  readonly pairs: number;
}

/** The eigenvalues of a kernel, and how many of them count. */
export interface KernelSpectrum {
  /** The largest first. */
  readonly eigenvalues: Float64Array;
  /** exp of the entropy of the eigenvalues over their sum: from 1 (rank one) to N (identity). Roy and Vetterli 2007. */
  readonly effectiveRank: number;
  /** (sum of eigenvalues)^2 / sum of their squares; also from 1 to N, and less sensitive to small ones. */
  readonly participationRatio: number;
  /** Largest over smallest eigenvalue; Infinity where the smallest is not positive beyond rounding. */
  readonly conditionNumber: number;
}

/** How a kernel distinguishes classes. */
export interface ClassStructure extends ClassBlocks {
  /** Cosine between the kernel and the class kernel, which is 1 if two inputs have the same class and 0 otherwise. */
  readonly targetAlignment: number;
  /** The cosine of both kernels after centering (Cortes, Mohri and Rostamizadeh 2012). Null if a centered kernel is zero. */
  readonly centeredTargetAlignment: number | null;
}

/** The class structure of a kernel and its spectrum; see {@link kernelStructure}. */
export interface KernelStructure extends ClassStructure, KernelSpectrum {}

/** The choices of {@link kernelStructure}. */
export interface StructureOptions {
  /** Whether pairs of an input with itself count as pairs of one class; true by default, as in the paper's plots. */
  readonly diagonal?: boolean;
  /** False omits the eigenvalues, which take O(N^3) operations; true by default. */
  readonly spectrum?: boolean;
}

/**
 * The structure of one N x N kernel: its mean and deviation over pairs of one class and of different classes, each divided by
 * the mean of the diagonal (theory.md, section 7B), its alignment with the classes, and its spectrum.
 *
 * @param kernel N x N
 * @param labels the class of each input, N whole numbers >= 0
 * @throws DeepntkError `ERR_INVALID_ARGUMENT` if the kernel is not square, symmetric and finite, or the labels do not match
 * @example kernelStructure(await net.ntk(x), labels).sameClass.mean
 */
export function kernelStructure(
  kernel: ArrayInput,
  labels: ArrayInput,
  options: StructureOptions & { readonly spectrum: false },
): ClassStructure;
export function kernelStructure(
  kernel: ArrayInput,
  labels: ArrayInput,
  options?: StructureOptions,
): KernelStructure;
export function kernelStructure(
  kernel: ArrayInput,
  labels: ArrayInput,
  options: StructureOptions = {},
): ClassStructure | KernelStructure {
  const where = 'kernelStructure';
  const matrix = expectKernel(`${where}: kernel`, kernel);
  if (matrix.outputs !== 1) {
    throw mismatch(`${where}: kernel`, 'shape [N, N] (trace, mean or one output)', 'a full kernel');
  }
  const classes = expectLabels(`${where}: labels`, labels, matrix.size);
  expectOptions(where, options, ['diagonal', 'spectrum']);
  const diagonal = expectBoolean(`${where}: diagonal`, options.diagonal ?? true);
  const spectrum = expectBoolean(`${where}: spectrum`, options.spectrum ?? true);
  return {
    ...blocksOf(matrix, classes, diagonal),
    ...(spectrum && spectrumOf(matrix)),
    targetAlignment: alignment(matrix.data, classKernel(classes))!,
    centeredTargetAlignment: alignment(
      centered(matrix.data, matrix.size),
      centered(classKernel(classes), matrix.size),
    ),
  };
}

/**
 * Eigenvalues, effective rank and condition number.
 *
 * @param kernel N x N, or the full kernel N x N x K x K, which has N K eigenvalues
 */
export function kernelSpectrum(kernel: ArrayInput): KernelSpectrum {
  return spectrumOf(expectKernel('kernelSpectrum: kernel', kernel));
}

/** Cosine <A, B> / (|A| |B|) of the angle between two kernels of one shape, as vectors of their entries. */
export function kernelCosine(a: ArrayLike<number>, b: ArrayLike<number>): number | null {
  return alignment(a, b);
}

function blocksOf({ data, size }: KernelMatrix, labels: readonly number[], diagonal: boolean): ClassBlocks {
  let diagonalSum = 0;
  for (let i = 0; i < size; i++) diagonalSum += data[i * size + i]!;
  const diagonalMean = diagonalSum / size;
  const collect = (same: boolean): BlockStatistics | null => {
    const entries: number[] = [];
    for (let i = 0; i < size; i++) {
      for (let j = 0; j < size; j++) {
        if ((labels[i] === labels[j]) === same && (i !== j || diagonal)) entries.push(data[i * size + j]!);
      }
    }
    return entries.length === 0 ? null : statistics(entries, diagonalMean);
  };
  return { diagonalMean, sameClass: collect(true), otherClass: collect(false) };
}

function statistics(entries: readonly number[], unit: number): BlockStatistics {
  const pairs = entries.length;
  const mean = entries.reduce((sum, entry) => sum + entry / unit, 0) / pairs;
  const variance = entries.reduce((sum, entry) => sum + (entry / unit - mean) ** 2, 0) / pairs;
  return { mean, standardDeviation: Math.sqrt(variance), pairs };
}

function spectrumOf({ data, size }: KernelMatrix): KernelSpectrum {
  const eigenvalues = symmetricEigen(data, size).values;
  const largest = eigenvalues[0]!;
  const smallest = eigenvalues[size - 1]!;
  // Rounding leaves eigenvalues of about -size eps where a kernel is singular: they count as zero.
  const positive = eigenvalues.map((value) => Math.max(0, value));
  const sum = positive.reduce((total, value) => total + value, 0);
  const shares = positive.map((value) => value / sum);
  const entropy = -shares.reduce((total, share) => total + (share > 0 ? share * Math.log(share) : 0), 0);
  return {
    eigenvalues,
    effectiveRank: Math.exp(entropy),
    participationRatio: 1 / shares.reduce((total, share) => total + share * share, 0),
    conditionNumber: smallest > rankTolerance(size) * largest ? largest / smallest : Infinity,
  };
}

/** Eigenvalues below this share of the largest are rounding: those of a symmetric matrix are exact to about size eps. */
export function rankTolerance(size: number): number {
  return size * Number.EPSILON;
}

function classKernel(labels: readonly number[]): Float64Array {
  const n = labels.length;
  return Float64Array.from({ length: n * n }, (_, at) =>
    Number(labels[Math.floor(at / n)] === labels[at % n]),
  );
}

/** H A H with H = I - 1 1' / n: the kernel of features that have mean zero. */
function centered(matrix: Float64Array, n: number): Float64Array {
  const rowMeans = new Float64Array(n);
  for (let at = 0; at < n * n; at++) rowMeans[Math.floor(at / n)]! += matrix[at]! / n;
  const mean = rowMeans.reduce((sum, value) => sum + value, 0) / n;
  return matrix.map((entry, at) => entry - rowMeans[Math.floor(at / n)]! - rowMeans[at % n]! + mean);
}

function alignment(a: ArrayLike<number>, b: ArrayLike<number>): number | null {
  const [scaleA, scaleB] = [largestEntry(a), largestEntry(b)];
  if (scaleA === 0 || scaleB === 0) return null;
  let [product, squaresA, squaresB] = [0, 0, 0];
  for (let at = 0; at < a.length; at++) {
    const [x, y] = [a[at]! / scaleA, b[at]! / scaleB];
    product += x * y;
    squaresA += x * x;
    squaresB += y * y;
  }
  return product / Math.sqrt(squaresA * squaresB);
}

function largestEntry(entries: ArrayLike<number>): number {
  let largest = 0;
  for (let at = 0; at < entries.length; at++) largest = Math.max(largest, Math.abs(entries[at]!));
  return largest;
}
