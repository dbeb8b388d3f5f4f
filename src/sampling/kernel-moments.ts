/** Running moments of kernel matrices, by Welford's updates: no cancellation where replicas are alike. */
import type { NdArray } from '../ndarray';
import { symmetricEigen } from '../linalg/eigen';

/** Mean, variance and the standard error of the mean of a number over replicas. */
export interface NumberMoments {
  readonly mean: number;
  /** Of one replica; with n - 1 in the denominator. */
  readonly variance: number;
  /** Of the mean. */
  readonly standardError: number;
}

/** The same of an N x N matrix, entry by entry. */
export interface MatrixMoments {
  readonly mean: NdArray<Float64Array>;
  readonly variance: NdArray<Float64Array>;
  readonly standardError: NdArray<Float64Array>;
}

/** What is known of the kernel matrix Theta(x_i, x_j) over initializations. */
export interface KernelMoments extends MatrixMoments {
  /** Theta(x_i, x_j) / Theta(x_i, x_i): row i is measured by its own diagonal. */
  readonly ratio: MatrixMoments;
  /** E[Theta_ij^2] / E[Theta_ij]^2, entry by entry. */
  readonly dispersion: NdArray<Float64Array>;
  readonly largestEigenvalue: NumberMoments;
  /** The largest over the smallest eigenvalue; Infinity where a replica's kernel is singular to rounding. */
  readonly conditionNumber: NumberMoments;
}

export class KernelAccumulator {
  count = 0;
  readonly #entries: Welford;
  readonly #ratios: Welford;
  /** The largest eigenvalue and the condition number. */
  readonly #spectrum = new Welford(2);
  readonly #ratio: Float64Array;
  readonly #pair = new Float64Array(2);

  constructor(private readonly n: number) {
    this.#entries = new Welford(n * n);
    this.#ratios = new Welford(n * n);
    this.#ratio = new Float64Array(n * n);
  }

  /** @param kernel N x N, symmetric */
  add(kernel: Float64Array): void {
    const { n } = this;
    this.count++;
    this.#entries.add(kernel, this.count);
    for (let i = 0; i < n; i++) {
      const diagonal = kernel[i * n + i]!;
      for (let j = 0; j < n; j++) this.#ratio[i * n + j] = kernel[i * n + j]! / diagonal;
    }
    this.#ratios.add(this.#ratio, this.count);
    const [largest, smallest] = extremeEigenvalues(kernel, n);
    this.#pair[0] = largest;
    this.#pair[1] = smallest > n * Number.EPSILON * largest ? largest / smallest : Infinity;
    this.#spectrum.add(this.#pair, this.count);
  }

  result(): KernelMoments {
    const { n, count } = this;
    const entries = this.#entries.moments(count, n);
    const spectrum = this.#spectrum;
    const numberAt = (i: number): NumberMoments => {
      const variance = spectrum.squares[i]! / (count - 1);
      return { mean: spectrum.mean[i]!, variance, standardError: Math.sqrt(variance / count) };
    };
    const infinite = { mean: Infinity, variance: Infinity, standardError: Infinity };
    return {
      ...entries,
      ratio: this.#ratios.moments(count, n),
      dispersion: {
        // E[Theta^2] by its unbiased pieces: the variance with n in the denominator and the squared mean.
        data: entries.mean.data.map((mean, i) => 1 + this.#entries.squares[i]! / count / mean ** 2),
        shape: [n, n],
      },
      largestEigenvalue: numberAt(0),
      conditionNumber: Number.isFinite(spectrum.mean[1]!) ? numberAt(1) : infinite,
    };
  }
}

class Welford {
  readonly mean: Float64Array;
  /** Sums of squared deviations from the mean. */
  readonly squares: Float64Array;

  constructor(length: number) {
    this.mean = new Float64Array(length);
    this.squares = new Float64Array(length);
  }

  add(values: Float64Array, count: number): void {
    const { mean, squares } = this;
    for (let i = 0; i < mean.length; i++) {
      const difference = values[i]! - mean[i]!;
      mean[i]! += difference / count;
      squares[i]! += difference * (values[i]! - mean[i]!);
    }
  }

  moments(count: number, n: number): MatrixMoments {
    const array = (data: Float64Array): NdArray<Float64Array> => ({ data, shape: [n, n] });
    const variance = this.squares.map((square) => square / (count - 1));
    return {
      mean: array(this.mean.slice()),
      variance: array(variance),
      standardError: array(variance.map((v) => Math.sqrt(v / count))),
    };
  }
}

/** Those of a kernel that overflowed are NaN. */
function extremeEigenvalues(kernel: Float64Array, n: number): [largest: number, smallest: number] {
  if (!kernel.every(Number.isFinite)) return [NaN, NaN];
  const { values } = symmetricEigen(kernel, n);
  return [values[0]!, values[n - 1]!];
}
