/** Running moments of kernels, by Welford's updates: no cancellation where replicas are alike. */
import type { KernelForm } from '../backend/backend';
import type { NdArray } from '../ndarray';
import { symmetricEigen } from '../linalg/eigen';
import { scaleByPower } from '../linalg/powers';

/** Mean, variance and the standard error of the mean of a number over replicas. */
export interface NumberMoments {
  readonly mean: number;
  /** Of one replica; with n - 1 in the denominator. */
  readonly variance: number;
  /** Of the mean. */
  readonly standardError: number;
}

/** The same of an array, entry by entry; of the shape of the kernel. */
export interface MatrixMoments {
  readonly mean: NdArray<Float64Array>;
  readonly variance: NdArray<Float64Array>;
  readonly standardError: NdArray<Float64Array>;
}

/**
 * What is known of the kernel Theta(x_i, x_j) over initializations: N x N, with `outputs: 'diagonal'` N x N x K, with
 * `outputs: 'full'` N x N x K x K.
 */
export interface KernelMoments extends MatrixMoments {
  /**
   * 0, unless kernels are out of the range of doubles: then means, standard errors, quantiles, eigenvalues and replicas are
   * in units of 2^exponent, and variances in units of its square. Ratios, dispersions and condition numbers have no units.
   */
  readonly exponent: number;
  /**
   * Theta(x_i, x_j) / Theta(x_i, x_i): row i is measured by its own diagonal, at the row's output where outputs are told
   * apart. Over the replicas that are not dead.
   */
  readonly ratio: MatrixMoments;
  /** E[Theta_ij^2] / E[Theta_ij]^2, entry by entry. */
  readonly dispersion: NdArray<Float64Array>;
  /** Of the matrix of all (input, output) pairs; for `diagonal`, of the K kernels of single outputs together. */
  readonly largestEigenvalue: NumberMoments;
  /** The largest over the smallest eigenvalue; Infinity where the kernel of a replica that is not dead is singular to rounding. */
  readonly conditionNumber: NumberMoments;
  /** Replicas with a zero on the diagonal of the kernel: all paths from an input to an output are closed. */
  readonly deadReplicas: number;
}

/** How the numbers of a kernel lie: n x n (`trace`, `sum-of-logits`), n x n x outputs or n x n x outputs x outputs. */
export interface KernelLayout {
  readonly n: number;
  readonly form: KernelForm;
  readonly outputs: number;
}

export function shapeOf({ n, form, outputs }: KernelLayout): number[] {
  if (form === 'full') return [n, n, outputs, outputs];
  return form === 'diagonal' ? [n, n, outputs] : [n, n];
}

/** Numbers of one replica after the other. */
export interface Spectra {
  readonly largest: number[];
  /** Of those that are not dead. */
  readonly conditions: number[];
}

export class KernelAccumulator {
  count = 0;
  #dead = 0;
  readonly #length: number;
  readonly #entries: Welford;
  readonly #ratios: Welford;
  readonly #largest = new Welford(1);
  readonly #condition = new Welford(1);
  readonly #ratio: Float64Array;
  readonly #number = new Float64Array(1);
  /** For every entry, where the diagonal entry of its row is. */
  readonly #diagonal: Int32Array;
  readonly #matrices: readonly Int32Array[];
  readonly #order: number;

  /**
   * @param exponent of the unit that added kernels are in
   * @param spectra where the numbers of every replica's eigenvalues go as well
   */
  constructor(
    private readonly layout: KernelLayout,
    private readonly exponent = 0,
    private readonly spectra?: Spectra,
  ) {
    this.#length = shapeOf(layout).reduce((product, extent) => product * extent, 1);
    this.#entries = new Welford(this.#length);
    this.#ratios = new Welford(this.#length);
    this.#ratio = new Float64Array(this.#length);
    this.#diagonal = diagonalOf(layout, this.#length);
    this.#matrices = matricesOf(layout);
    this.#order = Math.sqrt(this.#matrices[0]!.length);
  }

  /** @param kernel symmetric */
  add(kernel: Float64Array): void {
    this.count++;
    this.#entries.add(kernel, this.count);
    const [largest, smallest] = this.#extremeEigenvalues(kernel);
    this.#number[0] = largest;
    this.#largest.add(this.#number, this.count);
    this.spectra?.largest.push(largest);
    if (this.#diagonal.some((at) => kernel[at] === 0)) {
      this.#dead++;
      return;
    }
    const alive = this.count - this.#dead;
    for (let i = 0; i < this.#length; i++) this.#ratio[i] = kernel[i]! / kernel[this.#diagonal[i]!]!;
    this.#ratios.add(this.#ratio, alive);
    this.#number[0] = smallest > this.#order * Number.EPSILON * largest ? largest / smallest : Infinity;
    this.#condition.add(this.#number, alive);
    this.spectra?.conditions.push(this.#number[0]);
  }

  result(): KernelMoments {
    const { count, exponent } = this;
    const alive = count - this.#dead;
    const shape = shapeOf(this.layout);
    const entries = this.#entries.moments(count, shape);
    const infinite = { mean: Infinity, variance: Infinity, standardError: Infinity };
    const condition = this.#condition.numberMoments(alive);
    return {
      ...entries,
      exponent,
      ratio: this.#ratios.moments(alive, shape),
      dispersion: {
        // E[Theta^2] by its unbiased pieces: the variance with n in the denominator and the squared mean.
        data: entries.mean.data.map((mean, i) => 1 + this.#entries.squares[i]! / count / mean ** 2),
        shape,
      },
      largestEigenvalue: this.#largest.numberMoments(count),
      conditionNumber: alive > 0 && !Number.isFinite(condition.mean) ? infinite : condition,
      deadReplicas: this.#dead,
    };
  }

  #extremeEigenvalues(kernel: Float64Array): [largest: number, smallest: number] {
    let [largest, smallest] = [-Infinity, Infinity];
    const matrix = new Float64Array(this.#order ** 2);
    for (const places of this.#matrices) {
      places.forEach((at, i) => (matrix[i] = kernel[at]!));
      const { values } = symmetricEigen(matrix, this.#order);
      largest = Math.max(largest, values[0]!);
      smallest = Math.min(smallest, values.at(-1)!);
    }
    return [largest, smallest];
  }
}

/** For every number of a kernel, where the one is that ratios measure it by: the diagonal one of its row and output. */
export function diagonalOf({ n, form, outputs }: KernelLayout, length: number): Int32Array {
  const entries = length / (n * n);
  return Int32Array.from({ length }, (_, at) => {
    const entry = at % entries;
    const row = Math.floor(at / entries / n);
    const own = form === 'full' ? Math.floor(entry / outputs) * (outputs + 1) : entry;
    return (row * n + row) * entries + own;
  });
}

/** The places in a kernel of the symmetric matrices that it consists of, each row-major. */
function matricesOf({ n, form, outputs }: KernelLayout): Int32Array[] {
  if (form === 'full') {
    const order = n * outputs;
    const places = Int32Array.from({ length: order * order }, (_, at) => {
      const [row, column] = [Math.floor(at / order), at % order];
      const pair = Math.floor(row / outputs) * n + Math.floor(column / outputs);
      return (pair * outputs + (row % outputs)) * outputs + (column % outputs);
    });
    return [places];
  }
  const entries = form === 'diagonal' ? outputs : 1;
  return Array.from({ length: entries }, (_, k) =>
    Int32Array.from({ length: n * n }, (_, at) => at * entries + k),
  );
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

  moments(count: number, shape: readonly number[]): MatrixMoments {
    const array = (data: Float64Array): NdArray<Float64Array> => ({ data, shape: [...shape] });
    const variance = this.squares.map((square) => square / (count - 1));
    return {
      mean: array(count > 0 ? this.mean.slice() : this.mean.map(() => NaN)),
      variance: array(variance),
      standardError: array(variance.map((v) => Math.sqrt(v / count))),
    };
  }

  numberMoments(count: number): NumberMoments {
    const { mean, variance, standardError } = this.moments(count, [1]);
    return { mean: mean.data[0]!, variance: variance.data[0]!, standardError: standardError.data[0]! };
  }
}

/** Kernels whose largest number is within 2^-PLAIN .. 2^PLAIN are given as they are. */
const PLAIN = 400;

/** The exponent of the unit for kernels like this one, given over 2^exponent; null where it is zero. */
export function unitFor(kernel: Float64Array, exponent: number): number | null {
  const largest = kernel.reduce((sum, value) => Math.max(sum, Math.abs(value)), 0);
  if (!(largest > 0)) return null;
  const total = exponent + Math.floor(Math.log2(largest));
  return Math.abs(total) <= PLAIN ? 0 : total;
}

/** out = kernel times 2^exponent */
export function rescale(kernel: Float64Array, exponent: number, out: Float64Array): void {
  if (Math.abs(exponent) < 1000) {
    const factor = 2 ** exponent;
    for (let i = 0; i < out.length; i++) out[i] = kernel[i]! * factor;
  } else {
    for (let i = 0; i < out.length; i++) out[i] = scaleByPower(kernel[i]!, exponent);
  }
}
