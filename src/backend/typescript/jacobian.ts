/**
 * Derivatives of every output by every selected parameter, from the stored activations and the deltas:
 * df/dW^l_ij = weightGain_l delta^l_i x^{l-1}_j, df/db^l_i = biasGain_l delta^l_i. The twin in C++ is native/core/jacobian.hpp.
 */
import { writeOuterProduct } from '../../linalg/elementwise';
import { ProductBuffers } from '../../linalg/product';
import { type LayerSlot, layerSlots } from '../layers';
import type { JacobianTask } from '../seam';
import {
  type BackwardPass,
  type BackwardStep,
  type DeltaBuffers,
  type DeltaLayer,
  backwardStep,
  createDeltas,
} from './backward';
import { forward } from './forward';
import type { Program } from './program';
import type { Team } from './team';
import { type Activations, type Allocator, createActivations } from './workspace';

/** All that the threads of one computation share. */
interface JacobianJob {
  readonly activations: Activations;
  readonly deltas: DeltaBuffers;
  /** The first columns of W^l and of b^l, at l - 1; -1 where they have none. */
  readonly weightColumns: readonly number[];
  readonly biasColumns: readonly number[];
  readonly columns: number;
  /** n x K x columns */
  readonly jacobian: Float64Array;
}

/** Fills in the columns from the last layer to the lowest selected one; every thread of the team runs this. */
function jacobian(team: Team, job: JacobianJob): void {
  const buffers = new ProductBuffers();
  const { activations, deltas, weightColumns, biasColumns } = job;
  const lowest = weightColumns.findIndex((column, index) => column !== -1 || biasColumns[index] !== -1);
  if (lowest === -1) return;
  const units = forward(team, activations, buffers);
  const slots = layerSlots(activations.network.widths);
  const pass: BackwardPass = { team, activations, deltas, buffers, units, slots };
  const identity = outputDeltas(deltas.outputs);
  let above: DeltaLayer | null = null;
  for (let index = slots.length - 1; index >= lowest; index--) {
    const step: BackwardStep | null = index > lowest ? backwardStep(pass, above) : null;
    const selected = weightColumns[index] !== -1 || biasColumns[index] !== -1;
    const rowCount = selected ? activations.rows * deltas.outputs : 0;
    const current: DeltaLayer | null = above;
    team.stage(rowCount + (step?.count ?? 0), (tile) => {
      if (tile >= rowCount) {
        step!.tile(tile - rowCount);
      } else {
        writeRow(job, slots[index]!, index, current ?? identity, tile);
        team.advance(2 * slots[index]!.inputs * slots[index]!.outputs);
      }
    });
    if (step !== null) above = step.result;
  }
}

/** Writes the columns of layer `index` + 1 for one (input, output) pair. */
function writeRow(job: JacobianJob, slot: LayerSlot, index: number, deltas: DeltaLayer, row: number): void {
  const { activations, weightColumns, biasColumns, columns, jacobian } = job;
  const { outputs } = job.deltas;
  const { weightGains, biasGains } = activations.network;
  const isOutput = index === weightColumns.length - 1;
  const from = (isOutput ? row % outputs : row) * deltas.width;
  const x = activations.layers[index]!;
  const xBegin = Math.floor(row / outputs) * slot.inputs;
  const { data, width, units } = deltas;
  const begin = row * columns;
  if (weightColumns[index] !== -1) {
    const at = begin + weightColumns[index]!;
    writeOuterProduct(jacobian, at, data, from, width, units, x, xBegin, slot.inputs, weightGains[index]!);
  }
  if (biasColumns[index] !== -1) {
    const at = begin + biasColumns[index]!;
    writeOuterProduct(jacobian, at, data, from, width, units, ONE, 0, 1, biasGains[index]!);
  }
}

const ONE = Float64Array.of(1);

/** df/dh^{L+1}: the K x K identity. */
function outputDeltas(outputs: number): DeltaLayer {
  const data = new Float64Array(outputs * outputs);
  for (let k = 0; k < outputs; k++) data[k * outputs + k] = 1;
  return { layer: -1, data, units: null, width: outputs, exponent: 0 };
}

/** Makes the arrays of a Jacobian. */
function createJacobianJob(task: JacobianTask, memory: Allocator): JacobianJob {
  const { network, x, n, rowBlock } = task;
  const { weightColumns, biasColumns, columns } = selectColumns(task);
  const activations = createActivations(network, { x, n, x2: null, n2: n }, rowBlock, 'float64', memory);
  return {
    activations,
    deltas: createDeltas(activations, false, memory),
    weightColumns,
    biasColumns,
    columns,
    jacobian: memory.float64(n * network.widths.at(-1)! * columns),
  };
}

function selectColumns({ network, weights, biases }: JacobianTask) {
  let columns = 0;
  const weightColumns: number[] = [];
  const biasColumns: number[] = [];
  for (const [index, { inputs, outputs }] of layerSlots(network.widths).entries()) {
    weightColumns.push(weights[index] ? columns : -1);
    if (weights[index]) columns += inputs * outputs;
    biasColumns.push(biases[index] ? columns : -1);
    if (biases[index]) columns += outputs;
  }
  return { weightColumns, biasColumns, columns };
}

/** The number of floating-point operations of a Jacobian, one per entry written, before compaction. */
function jacobianFlops(task: JacobianTask): number {
  const { network, n, weights, biases } = task;
  const outputs = network.widths.at(-1)!;
  const lowest = weights.findIndex((selected, index) => selected || biases[index]!);
  let flops = 0;
  for (const [index, { inputs, outputs: width }] of layerSlots(network.widths).entries()) {
    const last = index === weights.length - 1;
    if (!last) flops += 2 * n * inputs * width;
    if (!last && lowest !== -1 && index > lowest) flops += 2 * n * outputs * inputs * width;
    if (weights[index] || biases[index]) flops += 2 * n * outputs * inputs * width;
  }
  return flops;
}

export const jacobianProgram: Program<JacobianTask, JacobianJob, Float64Array> = {
  flops: jacobianFlops,
  create: createJacobianJob,
  run: jacobian,
  result: ({ jacobian }, own) => own(jacobian),
};
