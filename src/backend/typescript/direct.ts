/**
 * The direct sampler: replicas of the kernel of N inputs from completely drawn nets, the same as those of `Mlp.random`. Each
 * thread has one net. The twin is native/core/direct.hpp.
 */
import { binaryExponent, powerOfTwo } from '../../numbers/powers';
import type { Operand } from '../../linalg/pack';
import { type BlockRange, multiplyBlock, ProductBuffers } from '../../linalg/product';
import { fillNormals } from '../../random/normal';
import { PURPOSE, type StreamKey, streamOf } from '../../random/streams';
import { chainsOf } from '../forms';
import type { ScaledSampleTask } from '../kernel-samples';
import { largestOf } from '../layers';
import type { KernelReplicas } from '../seam';
import { KernelSums } from './kernel-sums';

/** A layer is rescaled to near 1 if its largest number is not in 2^-RANGE .. 2^RANGE. */
const RANGE = 100;
/** Weights beyond this many bytes are drawn a second time in the backward pass. */
const WEIGHT_BYTES = 2 ** 28;

export class DirectSampler {
  readonly #chains: number;
  readonly #rows: number;
  readonly #layers: number;
  /** The weights of layers 1 .. L+1, each n_l x n_{l-1}; undefined if they are drawn again. */
  readonly #weights: (Float64Array | undefined)[];
  readonly #spare: Float64Array;
  readonly #biases: Float64Array;
  /** x^0 .. x^L over 2^exponents, n x n_l. */
  readonly #activations: Float64Array[];
  readonly #exponents: Float64Array;
  #above: Float64Array;
  #below: Float64Array;
  #deltaExponent = 0;
  readonly #gram: Float64Array;
  readonly #deltaGram: Float64Array;
  readonly #sums: KernelSums;
  readonly #buffers = new ProductBuffers();
  #replica = 0;
  #onWork: (flops: number) => void = () => undefined;

  constructor(private readonly task: ScaledSampleTask) {
    const { n, widths } = task;
    this.#layers = widths.length - 1;
    this.#chains = chainsOf({ form: task.form, network: task });
    this.#rows = n * this.#chains;
    this.#weights = widths.map(() => undefined);
    let bytes = 0;
    let largest = 0;
    for (let l = this.#layers; l >= 1; l--) {
      const size = widths[l]! * widths[l - 1]!;
      bytes += 8 * size;
      if (bytes <= WEIGHT_BYTES) this.#weights[l] = new Float64Array(size);
      else largest = Math.max(largest, size);
    }
    const widest = largestOf(widths.slice(1));
    this.#spare = new Float64Array(largest);
    this.#biases = new Float64Array(widest);
    this.#activations = widths
      .slice(0, -1)
      .map((width, l) => (l === 0 ? task.x : new Float64Array(n * width)));
    this.#exponents = new Float64Array(this.#layers);
    this.#exponents[0] = task.inputExponent;
    this.#above = new Float64Array(this.#rows * widest);
    this.#below = new Float64Array(this.#rows * widest);
    this.#gram = new Float64Array(n * n);
    this.#deltaGram = new Float64Array(this.#rows ** 2);
    this.#sums = new KernelSums(task);
  }

  /** Draws replica `first + position`; `onWork` is told the work done every few milliseconds and may throw to stop. */
  sample(position: number, out: KernelReplicas, onWork: (flops: number) => void): void {
    this.#replica = this.task.first + position;
    this.#onWork = onWork;
    this.#forward();
    this.#backward();
    this.#sums.write(position, out);
  }

  #key(purpose: number, layer: number): StreamKey {
    return { seed: this.task.seed, replica: this.#replica, stream: streamOf(purpose, layer) };
  }

  #weightsOf(l: number, drawn: boolean): Float64Array {
    const size = this.task.widths[l]! * this.task.widths[l - 1]!;
    const kept = this.#weights[l];
    const weights = kept ?? this.#spare.subarray(0, size);
    if (kept === undefined || !drawn) {
      fillNormals(weights, this.#key(PURPOSE.weights, l), this.task.law.weightDeviations[l - 1]);
      this.#onWork(FLOPS_PER_NORMAL * size);
    }
    return weights;
  }

  #forward(): void {
    const { n, widths, law } = this.task;
    for (let l = 1; l < this.#layers; l++) {
      const inputs = widths[l - 1]!;
      const width = widths[l]!;
      const weights = operand(this.#weightsOf(l, false), inputs);
      const { block, stride } = this.#multiply(
        operand(this.#activations[l - 1]!, inputs),
        weights,
        n,
        width,
        inputs,
      );
      const weightGain = law.weightGains[l - 1]!;
      const deviation = law.biasDeviations[l - 1]!;
      const biasGain = deviation > 0 ? law.biasGains[l - 1]! * powerOfTwo(-this.#exponents[l - 1]!) : 0;
      if (deviation > 0) {
        fillNormals(this.#biases.subarray(0, width), this.#key(PURPOSE.biases, l), deviation);
      }
      const x = this.#activations[l]!;
      for (let i = 0; i < n; i++) {
        for (let j = 0; j < width; j++) {
          const h = weightGain * block[i * stride + j]! + biasGain * this.#biases[j]!;
          x[i * width + j] = h > 0 ? h : 0;
        }
      }
      this.#exponents[l] = this.#exponents[l - 1]! + normalize(x, n * width);
    }
  }

  #backward(): void {
    const { widths, law } = this.task;
    const rows = this.#rows;
    this.#sums.clear();
    this.#deltaExponent = 0;
    this.#addTerm(this.#layers);
    for (let l = this.#layers; l > 1; l--) {
      const weights = this.#weightsOf(l, l < this.#layers);
      const above = widths[l]!;
      const width = widths[l - 1]!;
      const gain = law.weightGains[l - 1]!;
      if (l === this.#layers) {
        this.#spreadOutputs(weights, width, gain);
      } else {
        const across = { ...operand(weights, 1), innerStride: width };
        const { block, stride } = this.#multiply(operand(this.#above, above), across, rows, width, above);
        for (let row = 0; row < rows; row++) {
          for (let j = 0; j < width; j++) this.#below[row * width + j] = gain * block[row * stride + j]!;
        }
      }
      const x = this.#activations[l - 1]!;
      for (let row = 0; row < rows; row++) {
        const gates = Math.floor(row / this.#chains) * width;
        for (let j = 0; j < width; j++) if (!(x[gates + j]! > 0)) this.#below[row * width + j] = 0;
      }
      this.#deltaExponent += normalize(this.#below, rows * width);
      [this.#above, this.#below] = [this.#below, this.#above];
      this.#addTerm(l - 1);
    }
  }

  /** The rows of W^{L+1} for every input, or their sum over sqrt(K). */
  #spreadOutputs(weights: Float64Array, width: number, gain: number): void {
    const { n, form, widths } = this.task;
    const outputs = widths.at(-1)!;
    const out = this.#below;
    if (form === 'sum-of-logits') {
      for (let j = 0; j < width; j++) {
        let sum = 0;
        for (let k = 0; k < outputs; k++) sum += weights[k * width + j]!;
        out[j] = (gain / Math.sqrt(outputs)) * sum;
      }
    } else {
      for (let i = 0; i < outputs * width; i++) out[i] = gain * weights[i]!;
    }
    const length = this.#chains * width;
    for (let i = 1; i < n; i++) out.copyWithin(i * length, 0, length);
  }

  #addTerm(l: number): void {
    const { n, widths } = this.task;
    const deltas = l === this.#layers ? null : this.#deltaGram;
    this.#gramOf(this.#activations[l - 1]!, n, widths[l - 1]!, this.#gram);
    if (deltas !== null) this.#gramOf(this.#above, this.#rows, widths[l]!, deltas);
    const exponent = this.#exponents[l - 1]!;
    const grams = { activations: this.#gram, exponent, deltas, deltaExponent: this.#deltaExponent };
    this.#sums.addTerm(l - 1, grams);
  }

  #gramOf(matrix: Float64Array, rows: number, width: number, out: Float64Array): void {
    const a = operand(matrix, width);
    const { block, stride } = this.#multiply(a, a, rows, rows, width, true);
    for (let i = 0; i < rows; i++) {
      for (let j = i; j < rows; j++) out[i * rows + j] = block[i * stride + j]!;
    }
  }

  #multiply(
    a: Operand,
    b: Operand,
    rows: number,
    columns: number,
    depth: number,
    triangle = false,
  ): ProductBuffers {
    const range: BlockRange = { rowBegin: 0, rowEnd: rows, columnBegin: 0, columnEnd: columns };
    multiplyBlock(this.#buffers, a, b, range, depth, triangle, this.#onWork);
    return this.#buffers;
  }
}

/** The time of a normal number, in floating-point operations of a matrix product. */
export const FLOPS_PER_NORMAL = 80;

function operand(data: Float64Array, rowStride: number): Operand {
  return { data, offset: 0, rowStride, innerStride: 1, rows: null, inner: null };
}

/** Rescales numbers to near 1 if needed; returns the exponent. */
function normalize(values: Float64Array, count: number): number {
  let largest = 0;
  for (let i = 0; i < count; i++) largest = Math.max(largest, Math.abs(values[i]!));
  const exponent = binaryExponent(largest);
  if (exponent >= -RANGE && exponent <= RANGE) return 0;
  const factor = powerOfTwo(-exponent);
  for (let i = 0; i < count; i++) values[i]! *= factor;
  return exponent;
}
