/**
 * Products with the Jacobian, which is never formed: of a layer its rows are the outer products of delta_i and x_i. The
 * twin in C++ is native/core/products.cpp.
 */
import { ProductBuffers, multiplyBlock } from '../../linalg/product';
import { layerSlots } from '../backend';
import { chainsOf, featureSlots, productFlops, type ProductsTask } from '../features';
import { matrix } from './features';
import type { Team } from './team';

export interface ProductsJob extends ProductsTask {
  readonly kind: 'products';
}

export function productsFlops(task: ProductsTask): number {
  return task.directions * task.block.n * productFlops(task);
}

/** Every thread of the team runs this. */
export function products(team: Team, job: ProductsJob): void {
  const { directions, weightTerms, block, group, product, rows } = job;
  const groups = Math.ceil(block.n / group);
  const buffers = new ProductBuffers();
  if (product === 'add-transposed') {
    // One item is one layer of one direction, and goes through the groups in their order.
    team.stage(directions * weightTerms.length, (item) => {
      const index = weightTerms.length - 1 - Math.floor(item / directions);
      for (let g = 0; g < groups; g++) addGradient(team, job, buffers, item % directions, index, g);
    });
    return;
  }
  const chains = chainsOf(job);
  team.stage(directions * groups, (item) => {
    const direction = item % directions;
    const g = Math.floor(item / directions);
    const end = Math.min(block.n, (g + 1) * group) * chains;
    for (let row = g * group * chains; row < end; row++) rows[row * directions + direction] = 0;
    for (let index = 0; index < weightTerms.length; index++)
      contract(team, job, buffers, direction, index, g);
  });
}

/** Where one layer of one group lies, and the factors of delta x' and of delta as they are stored. */
function groupLayer(job: ProductsJob, index: number, g: number) {
  const { network, block, group, weightTerms, biasTerms } = job;
  const slot = featureSlots(job).slots[index]!;
  const { inputs, outputs: width } = layerSlots(network.widths)[index]!;
  const first = g * group;
  const rows = Math.min(group, block.n - first);
  const chains = chainsOf(job);
  const at = (g * weightTerms.length + index) * 2;
  const deltaScale = 2 ** block.exponents[at + 1]!;
  return {
    first,
    rows,
    chains,
    inputs,
    width,
    activations: slot.activations === -1 ? -1 : block.n * slot.activations + first * inputs,
    deltas: slot.deltas === -1 ? -1 : block.n * slot.deltas + first * chains * width,
    weightScale: network.weightGains[index]! * 2 ** block.exponents[at]! * deltaScale,
    biasScale: biasTerms[index] === 0 ? 0 : network.biasGains[index]! * deltaScale,
    counts: weightTerms[index] !== 0 || biasTerms[index] !== 0,
  };
}

/** columns += rows' J, of one direction, layer and group. */
function addGradient(
  team: Team,
  job: ProductsJob,
  buffers: ProductBuffers,
  direction: number,
  index: number,
  g: number,
): void {
  const { first, rows, chains, inputs, width, activations, deltas, weightScale, biasScale, counts } =
    groupLayer(job, index, g);
  if (!counts) return;
  const { values } = job.block;
  const { network, directions, columns } = job;
  const parameters = network.parameters.length;
  const slot = layerSlots(network.widths)[index]!;
  // The cotangent of h^l: the sum over outputs of coefficient times delta.
  const combined = new Float64Array(rows * width);
  for (let i = 0; i < rows; i++) {
    for (let k = 0; k < chains; k++) {
      const factor = job.rows[((first + i) * chains + k) * directions + direction]!;
      if (deltas === -1) {
        combined[i * width + k] = factor;
      } else if (factor !== 0) {
        const from = deltas + (i * chains + k) * width;
        for (let j = 0; j < width; j++) combined[i * width + j]! += factor * values[from + j]!;
      }
    }
  }
  if (activations !== -1) {
    const left = { ...matrix(combined, 0, 1), innerStride: width };
    const right = { ...matrix(values, activations, 1), innerStride: inputs };
    const range = { rowBegin: 0, rowEnd: width, columnBegin: 0, columnEnd: inputs };
    multiplyBlock(buffers, left, right, range, rows, false, team.advance);
    const begin = direction * parameters + slot.weights;
    for (let i = 0; i < width; i++) {
      const from = i * buffers.stride;
      for (let j = 0; j < inputs; j++) {
        columns[begin + i * inputs + j]! += weightScale * buffers.block[from + j]!;
      }
    }
  }
  if (biasScale !== 0) {
    const begin = direction * parameters + slot.biases;
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < width; j++) columns[begin + j]! += biasScale * combined[i * width + j]!;
    }
  }
}

/** rows += J columns', of one direction, layer and group. */
function contract(
  team: Team,
  job: ProductsJob,
  buffers: ProductBuffers,
  direction: number,
  index: number,
  g: number,
): void {
  const { first, rows, chains, inputs, width, activations, deltas, weightScale, biasScale, counts } =
    groupLayer(job, index, g);
  if (!counts) return;
  const { values } = job.block;
  const { network, directions, columns } = job;
  const slot = layerSlots(network.widths)[index]!;
  const begin = direction * network.parameters.length;
  const biases = begin + slot.biases;
  if (activations !== -1) {
    const range = { rowBegin: 0, rowEnd: rows, columnBegin: 0, columnEnd: width };
    const right = matrix(columns, begin + slot.weights, inputs);
    multiplyBlock(buffers, matrix(values, activations, inputs), right, range, inputs, false, team.advance);
  }
  for (let i = 0; i < rows; i++) {
    for (let k = 0; k < chains; k++) {
      let weightPart = 0;
      let biasPart = 0;
      if (deltas === -1) {
        weightPart = activations === -1 ? 0 : buffers.block[i * buffers.stride + k]!;
        biasPart = columns[biases + k]!;
      } else {
        const from = deltas + (i * chains + k) * width;
        for (let j = 0; j < width; j++) {
          const delta = values[from + j]!;
          if (activations !== -1) weightPart += delta * buffers.block[i * buffers.stride + j]!;
          if (biasScale !== 0) biasPart += delta * columns[biases + j]!;
        }
      }
      job.rows[((first + i) * chains + k) * directions + direction]! +=
        (activations === -1 ? 0 : weightScale * weightPart) + (biasScale === 0 ? 0 : biasScale * biasPart);
    }
  }
}
