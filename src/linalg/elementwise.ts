/** What is done to a block of a matrix product, entry by entry, while it is still in the cache. */
import type { Numbers } from './pack';
import type { BlockRange, ProductBuffers } from './product';

/** h = weightGain W x + biasGain b of one layer, once W x is known. */
export interface Affine {
  readonly weightGain: number;
  readonly biasGain: number;
  readonly parameters: Float64Array;
  /** Where b begins in `parameters`. */
  readonly biases: number;
}

/**
 * Turns a block of products W x into one of relu(h), and marks the units that are not zero.
 *
 * A NaN stays one: it is not hidden by the comparison.
 *
 * @param out rows x width
 * @param active receives 1 at `activeOffset + unit`
 * @returns the largest entry
 */
export function rectifyBlock(
  { block, stride }: ProductBuffers,
  { rowBegin, rowEnd, columnBegin, columnEnd }: BlockRange,
  { weightGain, biasGain, parameters, biases }: Affine,
  out: Float64Array,
  width: number,
  active: Uint8Array,
  activeOffset: number,
): number {
  let largest = 0;
  for (let row = rowBegin; row < rowEnd; row++) {
    let at = (row - rowBegin) * stride;
    for (let unit = columnBegin; unit < columnEnd; unit++, at++) {
      const h = weightGain * block[at] + biasGain * parameters[biases + unit];
      if (h <= 0) {
        out[row * width + unit] = 0;
      } else {
        out[row * width + unit] = h;
        active[activeOffset + unit] = 1;
        if (h > largest) largest = h;
      }
    }
  }
  return largest;
}

/** Turns a block of products W x into one of h, for the output layer. */
export function shiftBlock(
  { block, stride }: ProductBuffers,
  { rowBegin, rowEnd, columnBegin, columnEnd }: BlockRange,
  { weightGain, biasGain, parameters, biases }: Affine,
  out: Float64Array,
  width: number,
): void {
  for (let row = rowBegin; row < rowEnd; row++) {
    let at = (row - rowBegin) * stride;
    for (let unit = columnBegin; unit < columnEnd; unit++, at++) {
      out[row * width + unit] = weightGain * block[at] + biasGain * parameters[biases + unit];
    }
  }
}

/** The smallest positive normal float32. */
const SMALLEST = 2 ** -126;

/** Writes `factor` times a range of activations as float32; a positive one stays positive, because it is also a gate. */
export function storeScaled(
  from: Float64Array,
  to: Numbers,
  { rowBegin, rowEnd, columnBegin, columnEnd }: BlockRange,
  width: number,
  factor: number,
): void {
  for (let row = rowBegin; row < rowEnd; row++) {
    const end = row * width + columnEnd;
    for (let at = row * width + columnBegin; at < end; at++) {
      const value = from[at] * factor;
      to[at] = value > 0 && value < SMALLEST ? SMALLEST : value;
    }
  }
}

/** Fills a block whose row (i, k) is row k, of `outputs`, of a matrix: the columns `units` of it, all where that is null. */
export function spreadRows(
  buffers: ProductBuffers,
  { rowBegin, rowEnd, columnBegin, columnEnd }: BlockRange,
  matrix: Float64Array,
  begin: number,
  width: number,
  outputs: number,
  units: Int32Array | null,
): void {
  buffers.reset(rowEnd - rowBegin, columnEnd - columnBegin);
  const { block, stride } = buffers;
  for (let row = rowBegin; row < rowEnd; row++) {
    const from = begin + (row % outputs) * width;
    let at = (row - rowBegin) * stride;
    for (let column = columnBegin; column < columnEnd; column++, at++) {
      block[at] = matrix[from + (units === null ? column : units[column])];
    }
  }
}

/** The gates of a layer: which units (all where `units` is null) pass a derivative, for each input. */
export interface Gates {
  readonly activations: Numbers;
  readonly width: number;
  readonly units: Int32Array | null;
  /** Rows of deltas of one input. */
  readonly outputs: number;
}

/**
 * Writes `factor` times a block of products, masked by the gates, to a layer of deltas.
 *
 * @returns the largest absolute value written
 */
export function gateBlock(
  { block, stride }: ProductBuffers,
  { rowBegin, rowEnd, columnBegin, columnEnd }: BlockRange,
  { activations, width, units, outputs }: Gates,
  factor: number,
  out: Numbers,
  outWidth: number,
): number {
  let largest = 0;
  for (let row = rowBegin; row < rowEnd; row++) {
    const gates = Math.floor(row / outputs) * width;
    let at = (row - rowBegin) * stride;
    for (let column = columnBegin; column < columnEnd; column++, at++) {
      const unit = units === null ? column : units[column];
      const value = activations[gates + unit] > 0 ? factor * block[at] : 0;
      out[row * outWidth + column] = value;
      const size = Math.abs(value);
      if (size > largest) largest = size;
    }
  }
  return largest;
}

/** Where the entries of a kernel lie: n x columns pairs of inputs, `entries` numbers a pair. */
export interface KernelLayout {
  readonly columns: number;
  readonly entries: number;
  /** Rows of deltas of one input that a block holds: K for the full kernel, else 1. */
  readonly outputs: number;
  /** Whether entry (j, i) is to be written with (i, j). */
  readonly symmetric: boolean;
}

/**
 * out += (weightTerm x.x' + biasTerm) (delta.delta') for one tile of pairs of inputs.
 *
 * @param deltas block of delta Grams, (inputs, outputs) x (inputs, outputs)
 * @param activations block of activation Grams, inputs x inputs
 * @param range the tile, in inputs
 * @param offset which entry of each pair comes first
 */
export function addProductOfGrams(
  out: Float64Array,
  deltas: ProductBuffers,
  activations: ProductBuffers,
  { rowBegin, rowEnd, columnBegin, columnEnd }: BlockRange,
  { columns, entries, outputs, symmetric }: KernelLayout,
  offset: number,
  weightTerm: number,
  biasTerm: number,
): void {
  for (let i = rowBegin; i < rowEnd; i++) {
    for (let j = symmetric ? Math.max(i, columnBegin) : columnBegin; j < columnEnd; j++) {
      const gram = activations.block[(i - rowBegin) * activations.stride + j - columnBegin];
      const factor = weightTerm === 0 ? biasTerm : weightTerm * gram + biasTerm;
      const pair = (i * columns + j) * entries + offset;
      const mirror = (j * columns + i) * entries + offset;
      for (let k = 0; k < outputs; k++) {
        const at = ((i - rowBegin) * outputs + k) * deltas.stride + (j - columnBegin) * outputs;
        for (let m = symmetric && i === j ? k : 0; m < outputs; m++) {
          const value = out[pair + k * outputs + m] + factor * deltas.block[at + m];
          out[pair + k * outputs + m] = value;
          if (symmetric) out[mirror + m * outputs + k] = value;
        }
      }
    }
  }
}

/**
 * out[unit, j] = gain * delta[unit] * x[j]: the derivatives of one output by the weights of one layer.
 *
 * @param units which units the deltas belong to; all where it is null. The other rows of `out` stay as they are
 */
export function writeOuterProduct(
  out: Float64Array,
  outBegin: number,
  deltas: Numbers,
  deltaBegin: number,
  deltaCount: number,
  units: Int32Array | null,
  x: Numbers,
  xBegin: number,
  xCount: number,
  gain: number,
): void {
  for (let row = 0; row < deltaCount; row++) {
    const delta = gain * deltas[deltaBegin + row];
    if (delta === 0) continue;
    const at = outBegin + (units === null ? row : units[row]) * xCount;
    for (let j = 0; j < xCount; j++) out[at + j] = delta * x[xBegin + j];
  }
}
