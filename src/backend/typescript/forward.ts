/** The forward pass over a batch of inputs. The twins in C++ are native/core/activations.hpp and mlp.hpp. */
import { DeepntkError } from '../../errors';
import { rectifyBlock, shiftBlock, storeScaled } from '../../linalg/elementwise';
import type { Operand } from '../../linalg/pack';
import { type ProductBuffers, multiplyBlock } from '../../linalg/product';
import { layerSlots } from '../layers';
import { type Team, countWork } from './team';
import { tilesOf } from './tiles';
import { type Activations, exponentOf, raiseExponent, scaleExponent } from './workspace';

/**
 * Computes the activations of all hidden layers: x^l = relu(weightGain_l W^l x^{l-1} + biasGain_l b^l).
 *
 * @returns the units of x^0 .. x^L that some input activates
 */
export function forward(team: Team, activations: Activations, buffers: ProductBuffers): ActiveUnits[] {
  const { network, rows, rowBlock, layers, passing, active, exponents } = activations;
  const { widths } = network;
  const units = [activeUnits(active, 0, widths[0]!)];
  let input = layers[0] as Float64Array;
  let offset = 0;
  for (const [index, slot] of layerSlots(widths).slice(0, -1).entries()) {
    offset += slot.inputs;
    const layer = index + 1;
    const kept = layers[layer]!;
    const output = passing === null ? (kept as Float64Array) : passing[layer % 2]!;
    const x = inputOperand(input, slot.inputs, units[index]!.list);
    const weights: Operand = { ...x, data: network.parameters, offset: slot.weights };
    const affine = affineOf(activations, index, slot.biases);
    const inner = units[index]!.count;
    const scale = keptExponent(activations, layer);
    const activeOffset = offset;
    const tiles = tilesOf(rows, slot.outputs, rowBlock);
    const onWork = countWork(team, inner / slot.inputs);
    team.stage(tiles.count, (tile) => {
      const range = tiles.at(tile);
      multiplyBlock(buffers, x, weights, range, inner, false, onWork);
      const largest = rectifyBlock(buffers, range, affine, output, slot.outputs, active, activeOffset);
      raiseExponent(exponents, layer, exponentOf(largest));
      if (passing !== null && kept.length > 0) storeScaled(output, kept, range, slot.outputs, 2 ** -scale);
    });
    if (kept.length > 0) expectGates(exponents[layer]!, layer);
    units.push(activeUnits(active, offset, slot.outputs));
    input = output;
  }
  return units;
}

/** Runs {@link forward}, then the output layer. */
export function forwardOutputs(
  team: Team,
  activations: Activations,
  outputs: Float64Array,
  buffers: ProductBuffers,
): void {
  const { list, count } = forward(team, activations, buffers).at(-1)!;
  const { network, rows, rowBlock, layers, passing } = activations;
  const depth = layers.length - 1;
  const slot = layerSlots(network.widths)[depth]!;
  const input = passing === null ? layers[depth]! : passing[depth % 2]!;
  const x = inputOperand(input as Float64Array, slot.inputs, list);
  const weights: Operand = { ...x, data: network.parameters, offset: slot.weights };
  const affine = affineOf(activations, depth, slot.biases);
  const onWork = countWork(team, count / slot.inputs);
  const tiles = tilesOf(rows, slot.outputs, rowBlock);
  team.stage(tiles.count, (tile) => {
    const range = tiles.at(tile);
    multiplyBlock(buffers, x, weights, range, count, false, onWork);
    shiftBlock(buffers, range, affine, outputs, slot.outputs);
  });
}

function inputOperand(data: Float64Array, width: number, units: Int32Array | null): Operand {
  return { data, offset: 0, rowStride: width, innerStride: 1, rows: null, inner: units };
}

function affineOf({ network }: Activations, index: number, biases: number) {
  return {
    weightGain: network.weightGains[index]!,
    biasGain: network.biasGains[index]!,
    parameters: network.parameters,
    biases,
  };
}

/** A list of units slows packing a little, so it does not pay for a few dead units. */
const WORTH_GATHERING = 0.97;

/** The units of one layer that are not zero for all inputs. */
export interface ActiveUnits {
  /** Their numbers; null for all units, also if leaving out a few does not pay. */
  readonly list: Int32Array | null;
  readonly count: number;
}

function activeUnits(active: Uint8Array, offset: number, width: number): ActiveUnits {
  const units = new Int32Array(width);
  let count = 0;
  for (let unit = 0; unit < width; unit++) {
    if (active[offset + unit] !== 0) units[count++] = unit;
  }
  return count > width * WORTH_GATHERING
    ? { list: null, count: width }
    : { list: units.slice(0, count), count };
}

/**
 * The exponent of the stored activations of layer l: they are x^l / 2^exponent. It is the larger one of the layer below, whose
 * largest entry is known, and of the biases, because one layer changes the magnitude only a little.
 */
export function keptExponent(activations: Activations, layer: number): number {
  const { passing, exponents, biasExponents } = activations;
  if (passing === null || layer === 0) return 0;
  return scaleExponent(exponents, layer - 1, biasExponents[layer - 1]);
}

/** Below this exponent, numbers of a layer underflow to zero, so that open gates seem closed. */
const SMALLEST_EXPONENT = -960;

/** Throws if the largest activation of a layer is that small. A layer of zeros passes. */
export function expectGates(exponent: number, layer: number): void {
  if (exponent >= -1023 && exponent < SMALLEST_EXPONENT) {
    throw new DeepntkError(
      'ERR_COMPUTATION',
      `the activations of layer ${layer} are below 2^-960, the range of doubles nearly left: gates are lost there`,
    );
  }
}
