/**
 * Derivatives of every output by every selected parameter, from the stored activations and the deltas:
 * df/dW^l_ij = weightGain_l delta^l_i x^{l-1}_j, df/db^l_i = biasGain_l delta^l_i. The twin is native/core/jacobian.hpp.
 */
import { writeOuterProduct } from '../../linalg/elementwise';
import { type LayerSlot, layerSlots } from '../layers';
import type { JacobianTask } from '../seam';
import { createDeltas, type DeltaBuffers, type DeltaLayer, forwardAndBackward } from './backward';
import type { Program } from './program';
import type { Team } from './team';
import { type Activations, type Allocator, createActivations } from './workspace';

/** All that the threads of one computation share. */
interface JacobianJob {
  readonly activations: Activations;
  readonly deltas: DeltaBuffers;
  /** The first columns of W^l and of b^l, at l - 1; -1 if they have none. */
  readonly weightColumns: readonly number[];
  readonly biasColumns: readonly number[];
  readonly columns: number;
  /** n x K x columns */
  readonly jacobian: Float64Array;
}

/** Fills in the columns from the last layer to the lowest selected one; every thread of the team runs this. */
function jacobian(team: Team, job: JacobianJob): void {
  const { activations, deltas, weightColumns, biasColumns } = job;
  const lowest = weightColumns.findIndex((column, index) => column !== -1 || biasColumns[index] !== -1);
  const identity = outputDeltas(deltas.outputs);
  forwardAndBackward(team, job, lowest, ({ slots }, index, current) => {
    const selected = weightColumns[index] !== -1 || biasColumns[index] !== -1;
    const slot = slots[index]!;
    return {
      count: selected ? activations.rows * deltas.outputs : 0,
      tile: (row) => {
        writeRow(job, slot, index, current ?? identity, row);
        team.advance(2 * slot.inputs * slot.outputs);
      },
    };
  });
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
