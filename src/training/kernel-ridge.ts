/** Kernel ridge regression. */
import type { ArrayInput } from '../array-input';
import { expectOptions } from '../errors';
import { type ResultArray, resultArray } from '../ndarray';
import {
  decompose,
  fromEigenbasis,
  readProblem,
  regularize,
  ridgeOf,
  toEigenbasis,
} from './kernel-regression';

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
