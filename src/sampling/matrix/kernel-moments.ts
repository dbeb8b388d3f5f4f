/** Moments of kernels from exact sums over replicas: they merge in any order, and do not cancel where replicas are alike. */
import type { KernelForm } from '../../backend/forms';
import type { NtkOutputs } from '../../kernel/ntk';
import { type ResultArray, resultArray } from '../../ndarray';
import type { NetworkSpec } from '../../network/spec';
import { symmetricEigenvalues } from '../../linalg/eigen';
import { scaleByPower } from '../../numbers/powers';
import { ExactMoments, type ExactMomentsJson } from '../../numbers/exact-moments';

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
  readonly mean: ResultArray;
  readonly variance: ResultArray;
  readonly standardError: ResultArray;
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
  readonly dispersion: ResultArray;
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

/** Of the kernel of n inputs with these `outputs`. */
export function layoutOf(n: number, outputs: NtkOutputs, { outputDim }: NetworkSpec): KernelLayout {
  return { n, form: outputs === 'mean' ? 'trace' : outputs, outputs: outputDim };
}

export function shapeOf({ n, form, outputs }: KernelLayout): number[] {
  if (form === 'full') return [n, n, outputs, outputs];
  return form === 'diagonal' ? [n, n, outputs] : [n, n];
}

export function lengthOf(layout: KernelLayout): number {
  return shapeOf(layout).reduce((product, extent) => product * extent, 1);
}

/** Numbers of one replica after the other. */
export interface Spectra {
  readonly largest: number[];
  /** Of those that are not dead. */
  readonly conditions: number[];
}

/** As it is written to a file. */
export interface KernelAccumulatorJson {
  readonly count: number;
  readonly dead: number;
  readonly entries: ExactMomentsJson;
  readonly ratios: ExactMomentsJson;
  readonly largestEigenvalue: ExactMomentsJson;
  readonly conditionNumber: ExactMomentsJson;
}

/** No kernel of a replica is this many times, as a power of two, what is typical. */
const LARGEST = 2 ** 500;

export class KernelAccumulator {
  #dead = 0;
  readonly #length: number;
  readonly #entries: ExactMoments;
  readonly #ratios: ExactMoments;
  readonly #largest: ExactMoments;
  readonly #condition: ExactMoments;
  readonly #kernel: Float64Array;
  readonly #ratio: Float64Array;
  readonly #number = new Float64Array(1);
  /** For every entry, where the diagonal entry of its row is. */
  readonly #diagonal: Int32Array;
  readonly #matrices: readonly Int32Array[];
  readonly #order: number;
  /** Scratch, for one of them. */
  readonly #matrix: Float64Array;

  /**
   * @param unit sums are in units of 2^unit, in which kernels are numbers near 1
   * @param spectra where the numbers of every replica's eigenvalues go as well, in units of 2^`exponent`
   */
  constructor(
    private readonly layout: KernelLayout,
    readonly unit = 0,
    private readonly spectra?: Spectra,
  ) {
    this.#length = lengthOf(layout);
    this.#entries = new ExactMoments(this.#length);
    this.#ratios = new ExactMoments(this.#length);
    this.#largest = new ExactMoments(1);
    this.#condition = new ExactMoments(1);
    this.#kernel = new Float64Array(this.#length);
    this.#ratio = new Float64Array(this.#length);
    this.#diagonal = diagonalOf(layout, this.#length);
    this.#matrices = matricesOf(layout);
    this.#order = Math.sqrt(this.#matrices[0]!.length);
    this.#matrix = new Float64Array(this.#order ** 2);
  }

  get count(): number {
    return this.#entries.count;
  }

  /** Results are in units of 2^exponent. */
  get exponent(): number {
    return exponentOf(this.unit);
  }

  /**
   * @param kernel symmetric, over 2^`exponent`
   * @returns whether it could be added: not if it is more than 2^500 times the unit
   */
  add(replica: Float64Array, exponent: number): boolean {
    const kernel = this.#kernel;
    rescale(replica, exponent - this.unit, kernel);
    if (!kernel.every((value) => Math.abs(value) <= LARGEST)) return false;
    this.#entries.add(kernel);
    const [largest, smallest] = this.#extremeEigenvalues(kernel);
    this.#addNumber(this.#largest, largest);
    this.spectra?.largest.push(scaleByPower(largest, this.unit - this.exponent));
    if (this.#diagonal.some((at) => kernel[at] === 0)) {
      this.#dead++;
      return true;
    }
    for (let i = 0; i < this.#length; i++) this.#ratio[i] = kernel[i]! / kernel[this.#diagonal[i]!]!;
    this.#ratios.add(this.#ratio);
    const condition = smallest > this.#order * Number.EPSILON * largest ? largest / smallest : Infinity;
    this.#addNumber(this.#condition, condition);
    this.spectra?.conditions.push(condition);
    return true;
  }

  #addNumber(moments: ExactMoments, number: number): void {
    this.#number[0] = number;
    moments.add(this.#number);
  }

  /** Takes over what {@link json} of another one, of the same layout and unit and of other replicas, said. */
  addSaved({
    count,
    dead,
    entries,
    ratios,
    largestEigenvalue,
    conditionNumber,
  }: KernelAccumulatorJson): void {
    this.#dead += dead;
    this.#entries.addSaved(count, entries);
    this.#ratios.addSaved(count - dead, ratios);
    this.#largest.addSaved(count, largestEigenvalue);
    this.#condition.addSaved(count - dead, conditionNumber);
  }

  result(): KernelMoments {
    const shape = shapeOf(this.layout);
    const toExponent = this.unit - this.exponent;
    const entries = matrixMoments(this.#entries, shape, toExponent);
    const { count } = this;
    return {
      ...entries,
      exponent: this.exponent,
      ratio: matrixMoments(this.#ratios, shape),
      dispersion: resultArray({
        // E[Theta^2] by its unbiased pieces: the variance with n in the denominator and the squared mean.
        data: entries.mean.data.map((mean, i) => {
          const variance = (entries.variance.data[i]! * (count - 1)) / count;
          return 1 + variance / mean ** 2;
        }),
        shape,
      }),
      largestEigenvalue: numberMoments(this.#largest, 0, toExponent),
      conditionNumber: numberMoments(this.#condition),
      deadReplicas: this.#dead,
    };
  }

  /** The text of {@link KernelAccumulatorJson}, in pieces. */
  *json(): Iterable<string> {
    yield `{"count":${this.count},"dead":${this.#dead},"entries":`;
    yield* this.#entries.json();
    yield ',"ratios":';
    yield* this.#ratios.json();
    yield ',"largestEigenvalue":';
    yield* this.#largest.json();
    yield ',"conditionNumber":';
    yield* this.#condition.json();
    yield '}';
  }

  #extremeEigenvalues(kernel: Float64Array): [largest: number, smallest: number] {
    let [largest, smallest] = [-Infinity, Infinity];
    const matrix = this.#matrix;
    for (const places of this.#matrices) {
      for (let i = 0; i < matrix.length; i++) matrix[i] = kernel[places[i]!]!;
      const values = symmetricEigenvalues(matrix, this.#order);
      largest = Math.max(largest, values.at(-1)!);
      smallest = Math.min(smallest, values[0]!);
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

function numberMoments(moments: ExactMoments, i = 0, exponent = 0): NumberMoments {
  const { mean, variance } = moments.moments(i, exponent);
  return { mean, variance, standardError: Math.sqrt(variance / moments.count) };
}

function matrixMoments(moments: ExactMoments, shape: readonly number[], exponent = 0): MatrixMoments {
  const array = () => resultArray({ data: new Float64Array(moments.length), shape: [...shape] });
  const matrix = { mean: array(), variance: array(), standardError: array() };
  for (let i = 0; i < moments.length; i++) {
    const { mean, variance, standardError } = numberMoments(moments, i, exponent);
    matrix.mean.data[i] = mean;
    matrix.variance.data[i] = variance;
    matrix.standardError.data[i] = standardError;
  }
  return matrix;
}

/** Kernels whose typical number is within 2^-PLAIN .. 2^PLAIN are given as they are. */
const PLAIN = 400;

/** The exponent of what results of sums in units of 2^unit are given in. */
export function exponentOf(unit: number): number {
  return Math.abs(unit) <= PLAIN ? 0 : unit;
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
