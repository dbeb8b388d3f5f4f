/**
 * The features of a block of inputs. One thread computes a group of inputs. In mixed precision features are stored as float32
 * and scaled by powers of two, but the arithmetic is in float64. The twin is native/core/features.hpp.
 */
import { gateBlock, rectifyBlock, spreadRows, storeScaled } from '../../linalg/elementwise';
import type { Operand } from '../../linalg/pack';
import { type BlockRange, ProductBuffers, multiplyBlock } from '../../linalg/product';
import { featureFlops, featureSlots, lowestLayer } from '../features';
import { chainsOf } from '../forms';
import { largestOf, layerSlots } from '../layers';
import type { FeaturesTask, Reals } from '../seam';
import { sumOfRows } from './backward';
import type { InPlaceProgram } from './program';
import type { Team } from './team';
import { expectGates } from './forward';
import { exponentOf } from './workspace';

export const featuresProgram: InPlaceProgram<FeaturesTask> = {
  flops: (task) => {
    const { forward, backward } = featureFlops(task);
    return task.block.n * (forward + backward);
  },
  create: (task) => task,
  run: (team, task) => {
    const group = new GroupFeatures(team, task);
    team.stage(Math.ceil(task.block.n / task.group), (index) => {
      group.compute(index);
    });
  },
  result: () => undefined,
};

/** One thread's scratch memory, and the computation of one group of features. */
class GroupFeatures {
  readonly #team: Team;
  readonly #job: FeaturesTask;
  readonly #buffers = new ProductBuffers();
  readonly #layers;
  readonly #slots;
  readonly #lowest: number;
  readonly #chains: number;
  /** Activations of two layers in float64, used alternately. */
  readonly #passing: readonly [Float64Array, Float64Array];
  /** The activations (the gates) and the deltas of layers l that are not part of the block. */
  readonly #gates = new Map<number, Reals>();
  readonly #deltas: readonly [Reals, Reals];
  readonly #outputRows: { readonly data: Float64Array; readonly begin: number };

  constructor(team: Team, job: FeaturesTask) {
    this.#team = team;
    this.#job = job;
    const { network, form, group, precision } = job;
    const { widths, parameters } = network;
    this.#layers = layerSlots(widths);
    this.#slots = featureSlots(job).slots;
    const lowest = lowestLayer(job) + 1;
    this.#lowest = lowest === 0 ? widths.length : lowest;
    this.#chains = chainsOf(job);
    const rows = Math.min(group, job.block.n);
    const widest = largestOf(widths.slice(1, -1));
    this.#passing = [new Float64Array(rows * widest), new Float64Array(rows * widest)];
    const reals = (length: number): Reals =>
      precision === 'mixed' ? new Float32Array(length) : new Float64Array(length);
    for (let l = this.#lowest; l < widths.length - 1; l++) {
      if (this.#slots[l]!.activations === -1) this.#gates.set(l, reals(rows * widths[l]!));
    }
    const unkept = this.#slots.some(({ deltas }, index) => deltas === -1 && index + 1 < widths.length - 1);
    const length = unkept ? rows * this.#chains * widest : 0;
    this.#deltas = [reals(length), reals(length)];
    const last = this.#layers.at(-1)!;
    this.#outputRows =
      form === 'sum-of-logits'
        ? { data: sumOfRows(parameters, last), begin: 0 }
        : { data: parameters, begin: last.weights };
  }

  compute(index: number): void {
    if (this.#lowest > this.#layers.length) return;
    const { group, block, exponents } = { ...this.#job, exponents: this.#job.block.exponents };
    const first = index * group;
    const rows = Math.min(group, block.n - first);
    const perGroup = this.#layers.length * 2;
    const own = exponents.subarray(index * perGroup, (index + 1) * perGroup).fill(0);
    const gates = this.#forward(first, rows, own);
    this.#backward(first, rows, gates, own);
  }

  /** Computes x^0 .. x^L; returns the stored ones that the backward pass needs, in the block or in scratch memory. */
  #forward(first: number, rows: number, exponents: Int32Array): (Reals | null)[] {
    const { network, x, block, precision } = this.#job;
    const { widths, parameters, weightGains, biasGains } = network;
    const kept: (Reals | null)[] = [];
    let current = x.subarray(first * widths[0]!, (first + rows) * widths[0]!);
    let largest = precision === 'mixed' ? largestMagnitude(current) : 0;
    for (let l = 0; l < widths.length - 1; l++) {
      const width = widths[l]!;
      if (l > 0) {
        const slot = this.#layers[l - 1]!;
        const range = { rowBegin: 0, rowEnd: rows, columnBegin: 0, columnEnd: width };
        this.#multiply(
          matrix(current, 0, slot.inputs),
          matrix(parameters, slot.weights, slot.inputs),
          range,
          slot.inputs,
        );
        const gain = { weightGain: weightGains[l - 1]!, biasGain: biasGains[l - 1]! };
        const output = this.#passing[l % 2]!;
        const affine = { ...gain, parameters, biases: slot.biases };
        largest = rectifyBlock(this.#buffers, range, affine, output, width, new Uint8Array(width), 0);
        current = output;
        expectGates(exponentOf(largest), l);
      }
      const begin = this.#slots[l]!.activations;
      const to =
        begin === -1
          ? (this.#gates.get(l) ?? null)
          : block.values.subarray(block.n * begin + first * width, block.n * begin + (first + rows) * width);
      kept.push(to);
      if (to === null) continue;
      if (precision === 'mixed') {
        const exponent = scaleOf(largest);
        exponents[2 * l] = exponent;
        const range = { rowBegin: 0, rowEnd: rows, columnBegin: 0, columnEnd: width };
        storeScaled(current, to, range, width, 2 ** -exponent);
      } else {
        to.set(current.subarray(0, rows * width));
      }
    }
    return kept;
  }

  /** Computes delta^L down to the lowest layer that counts. */
  #backward(
    first: number,
    rows: number,
    activations: readonly (Reals | null)[],
    exponents: Int32Array,
  ): void {
    const { network, block, precision } = this.#job;
    const { widths, parameters, weightGains } = network;
    const depth = widths.length - 2;
    let above: Reals | null = null;
    let exponent = 0;
    let largest = 0;
    for (let l = depth; l >= this.#lowest; l--) {
      const width = widths[l]!;
      const range = { rowBegin: 0, rowEnd: rows * this.#chains, columnBegin: 0, columnEnd: width };
      const next = this.#layers[l]!; // layer l + 1
      const scale = above === null || precision === 'float64' ? 0 : scaleOf(largest);
      if (above === null) {
        const { data, begin } = this.#outputRows;
        spreadRows(this.#buffers, range, data, begin, width, this.#chains, null);
      } else {
        const weights = { ...matrix(parameters, next.weights, 1), innerStride: next.inputs };
        this.#multiply(matrix(above, 0, next.outputs), weights, range, next.outputs);
      }
      exponent += scale;
      const begin = this.#slots[l - 1]!.deltas;
      const to =
        begin === -1
          ? this.#deltas[l % 2]!
          : block.values.subarray(
              block.n * begin + first * this.#chains * width,
              block.n * begin + (first + rows) * this.#chains * width,
            );
      const gates = { activations: activations[l]!, width, units: null, outputs: this.#chains };
      largest = gateBlock(this.#buffers, range, gates, weightGains[l]! * 2 ** -scale, to, width);
      exponents[2 * (l - 1) + 1] = exponent;
      above = to;
    }
  }

  #multiply(a: Operand, b: Operand, range: BlockRange, depth: number): void {
    multiplyBlock(this.#buffers, a, b, range, depth, false, this.#team.advance);
  }
}

/** A row-major matrix as a factor. */
export function matrix(data: Reals, offset: number, rowStride: number): Operand {
  return { data, offset, rowStride, innerStride: 1, rows: null, inner: null };
}

function scaleOf(largest: number): number {
  return largest > 0 && Number.isFinite(largest) ? Math.max(exponentOf(largest), -1022) : 0;
}

function largestMagnitude(values: Float64Array): number {
  let largest = 0;
  for (const value of values) largest = Math.max(largest, Math.abs(value));
  return largest;
}
