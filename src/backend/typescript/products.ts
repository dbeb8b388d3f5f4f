/**
 * Products with the Jacobian, which is never formed. A layer's rows of it are the outer products of delta_i and x_i. The twin
 * is native/core/products.cpp.
 */
import { ProductBuffers, multiplyBlock } from '../../linalg/product';
import { featureSlots, productFlops } from '../features';
import { chainsOf } from '../forms';
import { layerSlots } from '../layers';
import type { ProductsTask } from '../seam';
import { matrix } from './features';
import type { InPlaceProgram } from './program';
import type { Team } from './team';

export const productsProgram: InPlaceProgram<ProductsTask> = {
  flops: (task) => task.directions * task.block.n * productFlops(task),
  create: (task) => task,
  run: products,
  result: () => undefined,
};

function products(team: Team, job: ProductsTask): void {
  const buffers = new ProductBuffers();
  if (job.product === 'add-transposed') {
    forEachGroupLayer(team, job, 'layer', (direction, layer) => {
      addGradient(team, job, buffers, direction, layer);
    });
    return;
  }
  const { directions, block, group, rows } = job;
  const chains = chainsOf(job);
  forEachGroupLayer(
    team,
    job,
    'group',
    (direction, layer) => {
      contract(team, job, buffers, direction, layer);
    },
    (direction, g) => {
      const end = Math.min(block.n, (g + 1) * group) * chains;
      for (let row = g * group * chains; row < end; row++) rows[row * directions + direction] = 0;
    },
  );
}

/**
 * Visits every direction with every layer that counts and every group. One item of the team is a direction with one layer,
 * or with one group. The item visits the groups, or the layers, in their order.
 */
function forEachGroupLayer(
  team: Team,
  job: ProductsTask,
  each: 'layer' | 'group',
  body: (direction: number, layer: GroupLayer) => void,
  begin?: (direction: number, item: number) => void,
): void {
  const { directions, weightTerms, biasTerms, block, group } = job;
  const layers = weightTerms.length;
  const groups = Math.ceil(block.n / group);
  const [items, steps] = each === 'layer' ? [layers, groups] : [groups, layers];
  team.stage(directions * items, (index) => {
    const direction = index % directions;
    const item = Math.floor(index / directions);
    begin?.(direction, item);
    for (let step = 0; step < steps; step++) {
      const [layer, g] = each === 'layer' ? [layers - 1 - item, step] : [step, item];
      if (weightTerms[layer] === 0 && biasTerms[layer] === 0) continue;
      body(direction, groupLayer(job, direction, layer, g));
    }
  });
}

type GroupLayer = ReturnType<typeof groupLayer>;

/** One layer of one group: its places in the arrays, and the factors of delta x' and of delta as they are stored. */
function groupLayer(job: ProductsTask, direction: number, index: number, g: number) {
  const { network, block, group, weightTerms, biasTerms } = job;
  const slot = featureSlots(job).slots[index]!;
  const { inputs, outputs: width, weights, biases } = layerSlots(network.widths)[index]!;
  const first = g * group;
  const rows = Math.min(group, block.n - first);
  const chains = chainsOf(job);
  const at = (g * weightTerms.length + index) * 2;
  const deltaScale = 2 ** block.exponents[at + 1]!;
  const offset = direction * network.parameters.length;
  return {
    first,
    rows,
    chains,
    inputs,
    width,
    /** In `columns`. */
    weights: offset + weights,
    biases: offset + biases,
    activations: slot.activations === -1 ? -1 : block.n * slot.activations + first * inputs,
    deltas: slot.deltas === -1 ? -1 : block.n * slot.deltas + first * chains * width,
    weightScale: network.weightGains[index]! * 2 ** block.exponents[at]! * deltaScale,
    biasScale: biasTerms[index] === 0 ? 0 : network.biasGains[index]! * deltaScale,
  };
}

/** columns += rows' J, of one direction, layer and group. */
function addGradient(
  team: Team,
  job: ProductsTask,
  buffers: ProductBuffers,
  direction: number,
  layer: GroupLayer,
): void {
  const { first, rows, chains, inputs, width, activations, deltas, weightScale, biasScale } = layer;
  const { directions, columns } = job;
  const { values } = job.block;
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
    for (let i = 0; i < width; i++) {
      const from = i * buffers.stride;
      for (let j = 0; j < inputs; j++) {
        columns[layer.weights + i * inputs + j]! += weightScale * buffers.block[from + j]!;
      }
    }
  }
  if (biasScale !== 0) {
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < width; j++) columns[layer.biases + j]! += biasScale * combined[i * width + j]!;
    }
  }
}

/** rows += J columns', of one direction, layer and group. */
function contract(
  team: Team,
  job: ProductsTask,
  buffers: ProductBuffers,
  direction: number,
  layer: GroupLayer,
): void {
  const { first, rows, chains, inputs, width, activations, deltas, biases, weightScale, biasScale } = layer;
  const { values } = job.block;
  const { directions, columns } = job;
  if (activations !== -1) {
    const range = { rowBegin: 0, rowEnd: rows, columnBegin: 0, columnEnd: width };
    const right = matrix(columns, layer.weights, inputs);
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
