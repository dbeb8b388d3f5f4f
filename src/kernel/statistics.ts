/** A summary of a kernel matrix. */
import { type ArrayInput, readArray } from '../array-input';
import { describeShape, mismatch } from '../errors';

/** A square kernel matrix in a few numbers: see `summarizeKernel`. */
export interface KernelSummary {
  /** The mean of Theta(x, x). */
  readonly meanDiagonal: number;
  /** The mean of Theta(x, x') over x != x'; NaN for a single input. */
  readonly meanOffDiagonal: number;
  /**
   * meanOffDiagonal / meanDiagonal: 1 where the net sees all inputs alike, 0 where a step of gradient descent on one
   * input leaves the outputs of all others as they are.
   */
  readonly offDiagonalRatio: number;
  /** The smallest and the largest entry; NaN if an entry is NaN. */
  readonly smallest: number;
  readonly largest: number;
}

/**
 * Summarizes the kernel of inputs with themselves.
 *
 * @param kernel N x N: a trace, mean or sum-of-logits kernel
 * @throws DeepntkError `ERR_INVALID_ARGUMENT` if the array is not square
 */
export function summarizeKernel(kernel: ArrayInput): KernelSummary {
  const { data, shape } = readArray('summarizeKernel: kernel', kernel);
  const n = shape[0] ?? 0;
  if (shape.length !== 2 || shape[1] !== n || n === 0) {
    throw mismatch('summarizeKernel: kernel', 'N x N', `shape ${describeShape(shape)}`);
  }
  let diagonal = 0;
  let offDiagonal = 0;
  let smallest = Infinity;
  let largest = -Infinity;
  for (let row = 0; row < n; row++) {
    for (let column = 0; column < n; column++) {
      const entry = data[row * n + column]!;
      smallest = Math.min(smallest, entry);
      largest = Math.max(largest, entry);
      if (row === column) diagonal += entry / n;
      else offDiagonal += entry / (n * (n - 1));
    }
  }
  const meanOffDiagonal = n === 1 ? NaN : offDiagonal;
  return {
    meanDiagonal: diagonal,
    meanOffDiagonal,
    offDiagonalRatio: meanOffDiagonal / diagonal,
    smallest,
    largest,
  };
}
