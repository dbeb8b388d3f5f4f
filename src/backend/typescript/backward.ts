/** Derivatives of the outputs by the preactivations, layer by layer, for all inputs and outputs at once. */
import { gateBlock, spreadRows } from '../../linalg/elementwise';
import type { Numbers, Operand } from '../../linalg/pack';
import { type BlockRange, ProductBuffers, multiplyBlock } from '../../linalg/product';
import { largestOf, type LayerSlot, layerSlots } from '../layers';
import { type ActiveUnits, forward } from './forward';
import { type Team, countWork } from './team';
import { tilesOf } from './tiles';
import { type Activations, type Allocator, exponentOf, raiseExponent, scaleExponent } from './workspace';

/** Two layers of deltas, used alternately. */
export interface DeltaBuffers {
  /** Rows of deltas of one input: K, or 1 for the derivatives of the sum of the outputs over sqrt(K). */
  readonly outputs: number;
  readonly sumOfOutputs: boolean;
  readonly layers: readonly [Numbers, Numbers];
  /** For l = 1 .. L at l - 1, the exponent of the largest delta as stored; null if deltas are not scaled. */
  readonly exponents: Int32Array | null;
}

/** delta^l = df/dh^l: (inputs, outputs) x units, only the units that some input activates, divided by 2^exponent. */
export interface DeltaLayer {
  readonly layer: number;
  readonly data: Numbers;
  readonly units: Int32Array | null;
  readonly width: number;
  readonly exponent: number;
}

/** Work that threads share tile by tile. */
interface TileWork {
  readonly count: number;
  readonly tile: (index: number) => void;
}

/** The computation of the deltas of the layer below another one. */
interface BackwardStep extends TileWork {
  readonly result: DeltaLayer;
}

export function createDeltas(
  { network, rows, passing }: Activations,
  sumOfOutputs: boolean,
  memory: Allocator,
): DeltaBuffers {
  const { widths } = network;
  const outputs = sumOfOutputs ? 1 : widths.at(-1)!;
  const length = rows * outputs * largestOf(widths.slice(1, -1));
  const layers: [Numbers, Numbers] =
    passing === null
      ? [memory.float64(length), memory.float64(length)]
      : [memory.float32(length), memory.float32(length)];
  const exponents = passing === null ? null : memory.int32(widths.length - 2).fill(-(2 ** 30));
  return { outputs, sumOfOutputs, layers, exponents };
}

export interface BackwardPass {
  readonly team: Team;
  readonly activations: Activations;
  readonly deltas: DeltaBuffers;
  readonly buffers: ProductBuffers;
  /** The result of {@link forward}. */
  readonly units: readonly ActiveUnits[];
  /** Those of layers 1 .. L+1. */
  readonly slots: readonly LayerSlot[];
}

/**
 * Runs the forward pass, then goes through the layers from the last to position `lowest`; -1 means no layer. Every thread of
 * the team calls it.
 *
 * @param layerWork the caller's work at a layer, with the layer's deltas; null stands for the identity of the output layer
 */
export function forwardAndBackward(
  team: Team,
  { activations, deltas }: { readonly activations: Activations; readonly deltas: DeltaBuffers },
  lowest: number,
  layerWork: (pass: BackwardPass, index: number, current: DeltaLayer | null) => TileWork,
): void {
  if (lowest === -1) return;
  const buffers = new ProductBuffers();
  const units = forward(team, activations, buffers);
  const slots = layerSlots(activations.network.widths);
  const pass: BackwardPass = { team, activations, deltas, buffers, units, slots };
  let current: DeltaLayer | null = null;
  for (let index = slots.length - 1; index >= lowest; index--) {
    const step: BackwardStep | null = index > lowest ? backwardStep(pass, current) : null;
    const work = layerWork(pass, index, current);
    // The caller's work and the next deltas both need only the current deltas, so they are one stage.
    team.stage(work.count + (step?.count ?? 0), (tile) => {
      if (tile < work.count) work.tile(tile);
      else step!.tile(tile - work.count);
    });
    if (step !== null) current = step.result;
  }
}

/** The step from layer `above` to the layer below it; null stands for the outputs. */
function backwardStep(pass: BackwardPass, above: DeltaLayer | null): BackwardStep {
  const { activations, deltas, units, slots } = pass;
  const { network, rows, layers } = activations;
  const layer = above === null ? network.widths.length - 2 : above.layer - 1;
  const slot = slots[layer]!;
  const scale = above === null || deltas.exponents === null ? 0 : scaleExponent(deltas.exponents, layer);
  const { list, count } = units[layer]!;
  const result: DeltaLayer = {
    layer,
    data: deltas.layers[layer % 2]!,
    units: list,
    width: count,
    exponent: (above?.exponent ?? 0) + scale,
  };
  const gates = { activations: layers[layer]!, width: slot.inputs, units: list, outputs: deltas.outputs };
  const factor = network.weightGains[layer]! * 2 ** -scale;
  const tiles = tilesOf(rows * deltas.outputs, result.width, activations.rowBlock);
  const compute = above === null ? spreadOutputs(pass, slot) : multiplyDeltas(pass, slot, above);
  return {
    count: tiles.count,
    tile(index) {
      const range = tiles.at(index);
      compute(range);
      const largest = gateBlock(pass.buffers, range, gates, factor, result.data, result.width);
      if (deltas.exponents !== null) raiseExponent(deltas.exponents, layer - 1, exponentOf(largest));
    },
    result,
  };
}

/** delta^{l+1} W^{l+1}, restricted to the active units on both sides. */
function multiplyDeltas(
  { team, activations, buffers, units }: BackwardPass,
  slot: LayerSlot,
  above: DeltaLayer,
): (range: BlockRange) => void {
  const a: Operand = {
    data: above.data,
    offset: 0,
    rowStride: above.width,
    innerStride: 1,
    rows: null,
    inner: null,
  };
  const { list, count } = units[above.layer - 1]!;
  const transposedWeights: Operand = {
    data: activations.network.parameters,
    offset: slot.weights,
    rowStride: 1,
    innerStride: slot.inputs,
    rows: list,
    inner: above.units,
  };
  const onWork = countWork(team, (count * above.width) / (slot.inputs * slot.outputs));
  return (range) => {
    multiplyBlock(buffers, a, transposedWeights, range, above.width, false, onWork);
  };
}

/** The first step: df/dh^{L+1} is the identity, so that each input gets the rows of W^{L+1}, or their scaled sum. */
function spreadOutputs(
  { activations, deltas, buffers, units }: BackwardPass,
  slot: LayerSlot,
): (range: BlockRange) => void {
  const { parameters } = activations.network;
  const { list } = units.at(-1)!;
  const rows = deltas.sumOfOutputs ? sumOfRows(parameters, slot) : parameters;
  const begin = deltas.sumOfOutputs ? 0 : slot.weights;
  return (range) => {
    spreadRows(buffers, range, rows, begin, slot.inputs, deltas.outputs, list);
  };
}

export function sumOfRows(parameters: Float64Array, { weights, inputs, outputs }: LayerSlot): Float64Array {
  const scale = 1 / Math.sqrt(outputs);
  return Float64Array.from({ length: inputs }, (_, unit) => {
    let sum = 0;
    for (let k = 0; k < outputs; k++) sum += parameters[weights + k * inputs + unit]!;
    return scale * sum;
  });
}
