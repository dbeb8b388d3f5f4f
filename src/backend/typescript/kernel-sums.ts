/** Sums the kernel of a replica layer by layer, for each of several sets of terms. */
import { binaryExponent, powerOfTwo } from '../../numbers/powers';
import { chainsOf, entriesOf } from '../forms';
import type { KernelReplicas, KernelSampleTask } from '../seam';

/** One layer's two Gram matrices. Only entries with row <= column are read. */
export interface LayerGrams {
  /** n x n, over 4^`exponent`. */
  readonly activations: Float64Array;
  readonly exponent: number;
  /** Rows are (input, output) pairs, over 4^`deltaExponent`; null for the identity of the output layer. */
  readonly deltas: Float64Array | null;
  readonly deltaExponent: number;
}

/** The exponent of an empty sum. */
const NOTHING = -(2 ** 40);
const LARGEST_EXPONENT = 2 ** 30;

export class KernelSums {
  readonly #n: number;
  readonly #chains: number;
  readonly #entries: number;
  readonly #length: number;
  readonly #sums: Float64Array;
  readonly #exponents: Float64Array;

  constructor(private readonly task: KernelSampleTask) {
    this.#n = task.n;
    this.#chains = chainsOf({ form: task.form, network: task });
    this.#entries = entriesOf({ form: task.form, network: task });
    this.#length = task.n ** 2 * this.#entries;
    this.#sums = new Float64Array(task.terms.length * this.#length);
    this.#exponents = new Float64Array(task.terms.length);
  }

  clear(): void {
    this.#sums.fill(0);
    this.#exponents.fill(NOTHING);
  }

  /** Adds the term of layer l = `index` + 1: (weights X X' + biases) o (Delta Delta'). */
  addTerm(index: number, grams: LayerGrams): void {
    const { activations, exponent, deltas, deltaExponent } = grams;
    const n = this.#n;
    const pairs = n * this.#chains;
    let largestActivation = 0;
    for (let i = 0; i < n; i++) largestActivation = Math.max(largestActivation, activations[i * n + i]!);
    let largestDelta = deltas === null ? 1 : 0;
    for (let i = 0; deltas !== null && i < pairs; i++) {
      largestDelta = Math.max(largestDelta, deltas[i * pairs + i]!);
    }
    this.task.terms.forEach(({ weights, weightExponents, biases, biasExponents }, term) => {
      const weightExponent = weightExponents[index]! + 2 * exponent + 2 * deltaExponent;
      const biasExponent = biasExponents[index]! + 2 * deltaExponent;
      const largestWeight = weights[index]! * largestActivation * largestDelta;
      const largestBias = biases[index]! * largestDelta;
      const before = this.#exponents[term]!;
      const after = Math.max(
        before,
        largestWeight === 0 ? NOTHING : weightExponent + binaryExponent(largestWeight),
        largestBias === 0 ? NOTHING : biasExponent + binaryExponent(largestBias),
      );
      this.#exponents[term] = after;
      this.#add(
        term * this.#length,
        powerOfTwo(before - after),
        // A term of zeros has no exponent to compare with.
        largestWeight === 0 ? 0 : weights[index]! * powerOfTwo(weightExponent - after),
        largestBias === 0 ? 0 : biases[index]! * powerOfTwo(biasExponent - after),
        activations,
        deltas,
      );
    });
  }

  #add(
    begin: number,
    keep: number,
    weight: number,
    bias: number,
    activations: Float64Array,
    deltas: Float64Array | null,
  ): void {
    const sums = this.#sums;
    const n = this.#n;
    const chains = this.#chains;
    const pairs = n * chains;
    const { form } = this.task;
    for (let i = 0; i < n; i++) {
      for (let j = i; j < n; j++) {
        const gram = weight * activations[i * n + j]! + bias;
        const out = begin + (i * n + j) * this.#entries;
        const at = i * chains * pairs + j * chains;
        if (form === 'trace') {
          let sum = 0;
          for (let k = 0; k < chains; k++) sum += deltas === null ? 1 : deltas[at + k * pairs + k]!;
          sums[out] = keep * sums[out]! + gram * sum;
        } else if (form === 'full') {
          for (let k = 0; k < chains; k++) {
            for (let m = i === j ? k : 0; m < chains; m++) {
              const delta = deltas === null ? (k === m ? 1 : 0) : deltas[at + k * pairs + m]!;
              const entry = out + k * chains + m;
              sums[entry] = keep * sums[entry]! + gram * delta;
            }
          }
        } else {
          for (let k = 0; k < chains; k++) {
            const delta = deltas === null ? 1 : deltas[at + k * pairs + k]!;
            sums[out + k] = keep * sums[out + k]! + gram * delta;
          }
        }
      }
    }
  }

  /** Writes the kernels of the replica, number `position` of the task's. */
  write(position: number, { kernels, exponents }: KernelReplicas): void {
    const n = this.#n;
    const chains = this.#chains;
    const entries = this.#entries;
    const full = this.task.form === 'full';
    this.task.terms.forEach((_, term) => {
      const at = position * this.task.terms.length + term;
      const exponent = this.#exponents[term]!;
      exponents[at] =
        exponent === NOTHING ? 0 : Math.max(-LARGEST_EXPONENT, Math.min(LARGEST_EXPONENT, exponent));
      for (let i = 0; i < n; i++) {
        for (let j = i; j < n; j++) {
          for (let entry = 0; entry < entries; entry++) {
            const k = Math.floor(entry / chains);
            const m = entry % chains;
            if (full && i === j && m < k) continue;
            const value = this.#sums[term * this.#length + (i * n + j) * entries + entry]!;
            const mirrored = full ? m * chains + k : entry;
            kernels[at * this.#length + (i * n + j) * entries + entry] = value;
            kernels[at * this.#length + (j * n + i) * entries + mirrored] = value;
          }
        }
      }
    });
  }
}
