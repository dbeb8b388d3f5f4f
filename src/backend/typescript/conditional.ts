/**
 * The conditional Gaussian sampler: replicas of the kernel of N inputs with the law of real nets, but without weights. Its
 * twin, native/core/conditional.hpp, explains the mathematics and gives the same bits.
 */
import {
  factor,
  multiplySmall as multiply,
  type SmallMatrix,
  solveTransposed,
  solveUpper,
} from '../../linalg/small';
import { binaryExponent, powerOfTwo } from '../../numbers/powers';
import { fillNormals } from '../../random/normal';
import { PURPOSE, type StreamKey, streamOf } from '../../random/streams';
import { chainsOf } from '../forms';
import type { ScaledSampleTask } from '../kernel-samples';
import { largestOf } from '../layers';
import type { KernelReplicas } from '../seam';
import { KernelSums } from './kernel-sums';

/** Layers beyond this many bytes are drawn a second time in the backward pass. */
const LAYER_BYTES = 48 * 2 ** 20;

/** Units that pass the gates at a time. */
const UNITS = 64;

/** What the forward pass stores of a layer. The activations are 2^exponent times the stored ones. */
interface LayerState {
  /** X'X of this layer, upper triangle. */
  gram: Float64Array;
  /** R of the layer's preactivations, over 2^exponent, and the inverses of its pivots. */
  readonly root: Float64Array;
  readonly inverses: Float64Array;
  shift: number;
  exponent: number;
}

interface LayerNumbers {
  readonly normals: Float64Array;
  readonly activations: Float64Array;
}

export class ConditionalSampler {
  readonly #chains: number;
  readonly #pairs: number;
  readonly #layers: number;
  readonly #weightScale: Float64Array;
  readonly #biasVariance: number;
  readonly #states: LayerState[];
  /** Z_h and X of the hidden layers; undefined if they are drawn again. */
  readonly #kept: (LayerNumbers | undefined)[];
  readonly #spare: LayerNumbers;
  readonly #covariance: Float64Array;
  readonly #top: Float64Array;
  /** Delta' Delta, upper triangle, and that of the layer below. */
  #gram: Float64Array;
  #gramBelow: Float64Array;
  /** Z_h' Delta, then S. */
  #along: Float64Array;
  #alongBelow: Float64Array;
  /** C, and the inverses of its pivots. */
  readonly #root: Float64Array;
  readonly #pivots: Float64Array;
  /** Z */
  readonly #fresh: Float64Array;
  /** X~' Z */
  readonly #across: Float64Array;
  readonly #work: Float64Array;
  readonly #open: Float64Array;
  readonly #deltas: Float64Array;
  #deltaExponent = 0;
  readonly #sums: KernelSums;
  #replica = 0;

  constructor(private readonly task: ScaledSampleTask) {
    const { n, widths } = task;
    this.#layers = widths.length - 1;
    this.#chains = chainsOf({ form: task.form, network: task });
    const pairs = n * this.#chains;
    this.#pairs = pairs;
    this.#weightScale = task.weightScale;
    this.#biasVariance = task.biasVariance;
    const hidden = largestOf(widths.slice(1, -1));
    const numbers = (width: number): LayerNumbers => ({
      normals: new Float64Array(width * n),
      activations: new Float64Array(width * n),
    });
    this.#states = widths.map(() => ({
      gram: new Float64Array(n * n),
      root: new Float64Array(n * n),
      inverses: new Float64Array(n),
      shift: 0,
      exponent: 0,
    }));
    this.#kept = widths.map(() => undefined);
    let bytes = 0;
    for (let l = this.#layers - 1; l >= 1; l--) {
      bytes += 16 * widths[l]! * n;
      if (bytes <= LAYER_BYTES) this.#kept[l] = numbers(widths[l]!);
    }
    this.#spare = numbers(bytes > LAYER_BYTES ? hidden : 0);
    this.#covariance = new Float64Array(n * n);
    this.#top = new Float64Array(widths.at(-1)! * n);
    this.#gram = new Float64Array(pairs * pairs);
    this.#gramBelow = new Float64Array(pairs * pairs);
    this.#root = new Float64Array(pairs * pairs);
    this.#pivots = new Float64Array(pairs);
    this.#fresh = new Float64Array((hidden + 1) * pairs);
    this.#across = new Float64Array(n * pairs);
    this.#along = new Float64Array(n * pairs);
    this.#alongBelow = new Float64Array(n * pairs);
    this.#work = new Float64Array(n * pairs);
    this.#open = new Float64Array(UNITS * pairs);
    this.#deltas = new Float64Array(UNITS * pairs);
    this.#sums = new KernelSums(task);
  }

  /** Draws replica `first + position`; `onWork` is called after every layer and may throw to stop. */
  sample(position: number, out: KernelReplicas, onWork: () => void): void {
    this.#replica = this.task.first + position;
    this.#climb(onWork);
    this.#startDescent();
    for (let l = this.#layers; l > 1; l--) {
      this.#descend(l);
      this.#addTerm(l - 1);
      onWork();
    }
    this.#sums.write(position, out);
  }

  #key(purpose: number, layer: number): StreamKey {
    return { seed: this.task.seed, replica: this.#replica, stream: streamOf(purpose, layer) };
  }

  /** From the inputs to the outputs. */
  #climb(onWork: () => void): void {
    const state = this.#states[0]!;
    state.gram = this.task.inputGram!; // only the direct sampler has none
    state.exponent = this.task.inputExponent;
    for (let l = 1; l <= this.#layers; l++) {
      this.#findRoot(l);
      if (l < this.#layers) this.#drawLayer(l, true);
      onWork();
    }
    fillNormals(this.#top, this.#key(PURPOSE.conditionalForward, this.#layers));
  }

  /** R of layer l, scaled to near 1. */
  #findRoot(l: number): void {
    const covariance = this.#covariance;
    const below = this.#states[l - 1]!;
    const state = this.#states[l]!;
    const bias = powerOfTwo(-2 * below.exponent) * this.#biasVariance;
    const weight = this.#weightScale[l - 1]!;
    for (let i = 0; i < covariance.length; i++) covariance[i] = weight * below.gram[i]! + bias;
    state.shift = halfExponent(covariance, this.task.n);
    scale(covariance, covariance.length, powerOfTwo(-2 * state.shift));
    state.exponent = below.exponent + state.shift;
    factor(covariance, this.task.n, state.root, state.inverses);
  }

  /** Z_h and X = relu(Z_h R) of a hidden layer, and with `withGram` X'X. */
  #drawLayer(l: number, withGram: boolean): void {
    const { n } = this.task;
    const width = this.task.widths[l]!;
    const { root, gram } = this.#states[l]!;
    const { normals, activations } = this.#kept[l] ?? this.#spare;
    const size = width * n;
    fillNormals(normals.subarray(0, size), this.#key(PURPOSE.conditionalForward, l));
    multiply(
      width,
      n,
      n,
      rowMajor(normals, n),
      rowMajor(root, n),
      rowMajor(activations, n),
      'triangular',
      false,
    );
    for (let i = 0; i < size; i++) if (!(activations[i]! > 0)) activations[i] = 0;
    if (!withGram) return;
    multiply(
      n,
      n,
      width,
      transposed(activations, n),
      rowMajor(activations, n),
      rowMajor(gram, n),
      'upper',
      false,
    );
  }

  /** Delta' Delta and Z_h' Delta of the output layer, whose deltas are the identity, or a column of 1 / sqrt(K). */
  #startDescent(): void {
    const { n, form, widths } = this.task;
    const chains = this.#chains;
    const outputs = widths.at(-1)!;
    this.#sums.clear();
    this.#deltaExponent = 0;
    this.#gram.fill(0, 0, chains * chains);
    for (let k = 0; k < chains; k++) this.#gram[k * chains + k] = 1;
    const share = 1 / Math.sqrt(outputs);
    for (let i = 0; i < n; i++) {
      if (form === 'sum-of-logits') {
        let sum = 0;
        for (let k = 0; k < outputs; k++) sum += this.#top[k * n + i]!;
        this.#along[i] = share * sum;
      } else {
        for (let k = 0; k < outputs; k++) this.#along[i * chains + k] = this.#top[k * n + i]!;
      }
    }
    this.#addTerm(this.#layers);
  }

  #addTerm(l: number): void {
    const { gram, exponent } = this.#states[l - 1]!;
    const deltas = l === this.#layers ? null : this.#gram;
    this.#sums.addTerm(l - 1, { activations: gram, exponent, deltas, deltaExponent: this.#deltaExponent });
  }

  /** From the deltas of layer l to those of the layer below. */
  #descend(l: number): void {
    const { n } = this.task;
    const columns = l === this.#layers ? this.#chains : this.#pairs;
    const width = this.task.widths[l - 1]!;
    const { root, inverses, shift } = this.#states[l]!;
    const s = this.#weightScale[l - 1]!;
    const work = this.#work;
    factor(this.#gram, columns, this.#root, this.#pivots);
    scale(this.#root, columns * columns, Math.sqrt(s));
    if (this.#kept[l - 1] === undefined) this.#drawLayer(l - 1, false);
    const { activations } = this.#kept[l - 1] ?? this.#spare;

    const fresh = this.#fresh.subarray(0, (width + 1) * columns); // its last row belongs to the biases
    fillNormals(
      this.#biasVariance > 0 ? fresh : fresh.subarray(0, width * columns),
      this.#key(PURPOSE.conditionalBackward, l - 1),
    );
    const across = rowMajor(this.#across, columns);
    multiply(n, columns, width, transposed(activations, n), rowMajor(fresh, columns), across, 'all', false);
    if (this.#biasVariance > 0) this.#addBiasRow(fresh, s, width, columns, this.#states[l - 1]!.exponent);

    // S replaces Z_h' Delta. R is stored over 2^shift, in units of the layer below.
    const unshift = powerOfTwo(-shift);
    multiply(
      n,
      columns,
      columns,
      across,
      rowMajor(this.#root, columns),
      rowMajor(work, columns),
      'triangular',
      false,
    );
    solveTransposed(root, inverses, n, work, columns);
    for (let i = 0; i < n * columns; i++) this.#along[i]! -= unshift * work[i]!;
    solveUpper(root, inverses, n, this.#along, columns);
    scale(this.#along, n * columns, unshift * s);
    this.#passGates(l, columns, width);
  }

  #addBiasRow(fresh: Float64Array, s: number, width: number, columns: number, exponent: number): void {
    const length = powerOfTwo(-exponent) * Math.sqrt(this.#biasVariance / s);
    for (let i = 0; i < this.task.n; i++) {
      for (let j = 0; j < columns; j++) {
        this.#across[i * columns + j]! += length * fresh[width * columns + j]!;
      }
    }
  }

  /** Z C + X S, the gates, and the numbers that the next step needs. */
  #passGates(l: number, columns: number, width: number): void {
    const { n } = this.task;
    const pairs = this.#pairs;
    const { normals, activations } = this.#kept[l - 1] ?? this.#spare;
    const [open, deltas] = [rowMajor(this.#open, columns), rowMajor(this.#deltas, pairs)];
    this.#gramBelow.fill(0);
    this.#alongBelow.fill(0);
    for (let unit = 0; unit < width; unit += UNITS) {
      const units = Math.min(UNITS, width - unit);
      const x = rowMajor(activations, n, unit * n);
      const z = rowMajor(this.#fresh, columns, unit * columns);
      multiply(units, columns, columns, z, rowMajor(this.#root, columns), open, 'triangular', false);
      multiply(units, columns, n, x, rowMajor(this.#along, columns), open, 'all', true);
      this.#gate(activations, unit, units, columns);
      const gram = rowMajor(this.#gramBelow, pairs);
      multiply(pairs, pairs, units, transposed(this.#deltas, pairs), deltas, gram, 'upper', true);
      if (l === 2) continue;
      const along = rowMajor(this.#alongBelow, pairs);
      multiply(n, pairs, units, transposed(normals, n, unit * n), deltas, along, 'all', true);
    }
    [this.#gram, this.#gramBelow] = [this.#gramBelow, this.#gram];
    [this.#along, this.#alongBelow] = [this.#alongBelow, this.#along];
    const by = halfExponent(this.#gram, pairs);
    scale(this.#gram, pairs * pairs, powerOfTwo(-2 * by));
    scale(this.#along, n * pairs, powerOfTwo(-by));
    this.#deltaExponent += by;
  }

  #gate(activations: Float64Array, unit: number, units: number, columns: number): void {
    const { n } = this.task;
    const chains = this.#chains;
    const spread = columns !== this.#pairs || n === 1;
    let out = 0;
    for (let u = 0; u < units; u++) {
      for (let i = 0; i < n; i++) {
        const closed = !(activations[(unit + u) * n + i]! > 0);
        for (let k = 0; k < chains; k++) {
          this.#deltas[out++] = closed ? 0 : this.#open[u * columns + (spread ? k : i * chains + k)]!;
        }
      }
    }
  }
}

function rowMajor(data: Float64Array, columns: number, offset = 0): SmallMatrix {
  return { data, offset, row: columns, column: 1 };
}

function transposed(data: Float64Array, columns: number, offset = 0): SmallMatrix {
  return { data, offset, row: 1, column: columns };
}

function scale(numbers: Float64Array, count: number, by: number): void {
  for (let i = 0; i < count; i++) numbers[i]! *= by;
}

/** Half the binary exponent of the largest diagonal entry. */
function halfExponent(matrix: Float64Array, n: number): number {
  let largest = 0;
  for (let i = 0; i < n; i++) largest = Math.max(largest, matrix[i * n + i]!);
  return binaryExponent(largest) >> 1;
}
