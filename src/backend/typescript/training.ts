/**
 * Steps of gradient descent. Every thread takes slots of the batch and goes forward and backward through all layers. The
 * gradient is one product per layer, summed in an array of the slot. The twin is native/core/training.hpp.
 */
import { gateBlock, rectifyBlock, shiftBlock } from '../../linalg/elementwise';
import type { Operand } from '../../linalg/pack';
import { type BlockRange, ProductBuffers, multiplyBlock } from '../../linalg/product';
import { addScaledBlock, addScaledColumnSums, lossAndDeltas, updateParameters } from '../../linalg/training';
import { type LayerSlot, layerSlots } from '../layers';
import type { NetworkData, TrainTask } from '../seam';
import type { InPlaceProgram } from './program';
import type { Team } from './team';

/** All that the threads of one computation share. */
interface TrainJob {
  readonly network: NetworkData;
  readonly task: Omit<TrainTask, 'network'>;
  /** The sum of the losses of each slot's samples. */
  readonly slotLosses: Float64Array;
}

/** Takes all steps; every thread of the team runs this. */
function train(team: Team, job: TrainJob): void {
  const { task, network, slotLosses } = job;
  const pass = createPass(team, job);
  let begin = 0;
  task.batchSizes.forEach((size, step) => {
    const slots = slotCount(task, size);
    team.stage(slots, (slot) => {
      runSlot(
        pass,
        slot,
        begin,
        Math.floor((slot * size) / slots),
        Math.floor(((slot + 1) * size) / slots),
        size,
      );
    });
    const parameters = network.parameters.length;
    const tiles = Math.ceil(parameters / UPDATE_TILE);
    team.stage(tiles, (tile) => {
      const end = Math.min(parameters, (tile + 1) * UPDATE_TILE);
      const used = task.gradients.slice(0, slots);
      const t = task.stepsBefore + step + 1;
      updateParameters(network.parameters, used, task.moments, tile * UPDATE_TILE, end, {
        ...task.optimizer,
        learningRate: task.learningRates[step]!,
        correction1: 1 - task.optimizer.beta1 ** t,
        correction2: 1 - task.optimizer.beta2 ** t,
      });
      if (tile === 0)
        task.losses[step] = slotLosses.subarray(0, slots).reduce((sum, part) => sum + part, 0) / size;
    });
    begin += size;
  });
}

/** Parameters of one tile of the update. */
const UPDATE_TILE = 1 << 16;

function slotCount(
  { gradients, minSlotRows }: Pick<TrainTask, 'gradients' | 'minSlotRows'>,
  size: number,
): number {
  return Math.min(gradients.length, Math.ceil(size / minSlotRows));
}

/** The state of one thread for a forward and a backward pass of a block of samples. */
interface Pass {
  readonly team: Team;
  readonly job: TrainJob;
  readonly layers: readonly LayerSlot[];
  readonly buffers: ProductBuffers;
  /** x^1 .. x^L of a block at l, then the outputs at L + 1. x^0 is not copied. */
  readonly activations: readonly Float64Array[];
  /** Two layers of deltas, used alternately. */
  readonly deltas: readonly [Float64Array, Float64Array];
  readonly active: Uint8Array;
}

function createPass(team: Team, job: TrainJob): Pass {
  const { widths } = job.network;
  const largest = job.task.batchSizes.reduce((max, size) => Math.max(max, size), 0);
  const rows = Math.min(job.task.rowBlock, largest);
  const widest = Math.max(...widths.slice(1));
  return {
    team,
    job,
    layers: layerSlots(widths),
    buffers: new ProductBuffers(),
    activations: widths.map((width, l) => new Float64Array(l === 0 ? 0 : rows * width)),
    deltas: [new Float64Array(rows * widest), new Float64Array(rows * widest)],
    active: new Uint8Array(widest),
  };
}

/** Samples `first` to `end` of the batch that begins at `begin` in the list of rows: their losses and their gradient. */
function runSlot(pass: Pass, slot: number, begin: number, first: number, end: number, size: number): void {
  const { job } = pass;
  const gradient = job.task.gradients[slot]!.fill(0);
  const blocks = Math.ceil((end - first) / job.task.rowBlock);
  let loss = 0;
  for (let block = 0; block < blocks; block++) {
    const from = first + Math.floor((block * (end - first)) / blocks);
    const to = first + Math.floor(((block + 1) * (end - first)) / blocks);
    loss += runBlock(pass, gradient, begin, from, to, size);
  }
  job.slotLosses[slot] = loss;
}

function runBlock(
  pass: Pass,
  gradient: Float64Array,
  begin: number,
  from: number,
  to: number,
  size: number,
): number {
  const { task, network } = pass.job;
  const { batchRows } = task;
  const rows = to - from;
  const listed = batchRows === null ? null : batchRows.subarray(begin + from, begin + to);
  const inputs: Samples = { data: task.x, first: listed === null ? from : 0, list: listed };
  forwardBlock(pass, inputs, rows);
  const depth = pass.layers.length;
  const outputs = network.widths[depth]!;
  const loss = lossAndDeltas(
    pass.activations[depth]!,
    task.y,
    inputs.first,
    listed,
    rows,
    outputs,
    task.loss === 'cross-entropy',
    1 / size,
    pass.deltas[depth % 2]!,
  );
  backwardBlock(pass, inputs, rows, gradient);
  return loss;
}

/** Rows `first`, `first` + 1, ... of the inputs, or the rows of a list. */
interface Samples {
  readonly data: Float64Array;
  readonly first: number;
  readonly list: Int32Array | null;
}

function forwardBlock(pass: Pass, inputs: Samples, rows: number): void {
  const { network } = pass.job;
  pass.layers.forEach((slot, index) => {
    const output = pass.activations[index + 1]!;
    const x = operandOf(pass, inputs, index);
    const weights: Operand = { ...plain(network.parameters, slot.inputs), offset: slot.weights };
    const range = { rowBegin: 0, rowEnd: rows, columnBegin: 0, columnEnd: slot.outputs };
    multiply(pass, x, weights, range, slot.inputs);
    const affine = {
      weightGain: network.weightGains[index]!,
      biasGain: network.biasGains[index]!,
      parameters: network.parameters,
      biases: slot.biases,
    };
    if (index === pass.layers.length - 1) shiftBlock(pass.buffers, range, affine, output, slot.outputs);
    else rectifyBlock(pass.buffers, range, affine, output, slot.outputs, pass.active, 0);
  });
}

/** From the deltas of the outputs down to layer 1: the gradient of each layer, and the deltas of the one below. */
function backwardBlock(pass: Pass, inputs: Samples, rows: number, gradient: Float64Array): void {
  const { network, task } = pass.job;
  for (let index = pass.layers.length - 1; index >= 0; index--) {
    const slot = pass.layers[index]!;
    const deltas = pass.deltas[(index + 1) % 2]!;
    const x = operandOf(pass, inputs, index);
    const transposedX: Operand = {
      ...x,
      rowStride: 1,
      innerStride: x.rowStride,
      rows: null,
      inner: x.rows,
    };
    const transposedDeltas: Operand = { ...plain(deltas, 1), innerStride: slot.outputs };
    const ofWeights = { rowBegin: 0, rowEnd: slot.outputs, columnBegin: 0, columnEnd: slot.inputs };
    multiply(pass, transposedDeltas, transposedX, ofWeights, rows);
    addScaledBlock(gradient, slot.weights, slot.inputs, pass.buffers, ofWeights, network.weightGains[index]!);
    if (task.biasGradients) {
      addScaledColumnSums(gradient, slot.biases, deltas, rows, slot.outputs, network.biasGains[index]!);
    }
    if (index === 0) return;
    const weights: Operand = {
      ...plain(network.parameters, 1),
      offset: slot.weights,
      innerStride: slot.inputs,
    };
    const range = { rowBegin: 0, rowEnd: rows, columnBegin: 0, columnEnd: slot.inputs };
    multiply(pass, plain(deltas, slot.outputs), weights, range, slot.outputs);
    const gates = { activations: pass.activations[index]!, width: slot.inputs, units: null, outputs: 1 };
    gateBlock(pass.buffers, range, gates, network.weightGains[index]!, pass.deltas[index % 2]!, slot.inputs);
  }
}

function multiply({ team, buffers }: Pass, a: Operand, b: Operand, range: BlockRange, depth: number): void {
  multiplyBlock(buffers, a, b, range, depth, false, team.advance);
}

/** x^index of a block: the inputs themselves, or the activations of a hidden layer. */
function operandOf({ activations, job }: Pass, { data, first, list }: Samples, index: number): Operand {
  const width = job.network.widths[index]!;
  if (index > 0) return plain(activations[index]!, width);
  return { ...plain(data, width), offset: first * width, rows: list };
}

function plain(data: Float64Array, rowStride: number): Operand {
  return { data, offset: 0, rowStride, innerStride: 1, rows: null, inner: null };
}

export const trainProgram: InPlaceProgram<TrainTask, TrainJob> = {
  // Only the products count.
  flops: ({ network, batchSizes }) => {
    const samples = batchSizes.reduce((sum, size) => sum + size, 0);
    return layerSlots(network.widths).reduce(
      (sum, { inputs, outputs }, index) => sum + (index === 0 ? 4 : 6) * samples * inputs * outputs,
      0,
    );
  },
  create: ({ network, ...task }, memory) => ({
    network,
    task,
    slotLosses: memory.float64(task.gradients.length),
  }),
  run: train,
  result: () => undefined,
};
