/**
 * The empirical neural tangent kernel in its structured form: for every layer a Gram matrix of activations times, entry
 * by entry, a Gram matrix of deltas. The Jacobian is never formed. The twin is native/core/kernel.hpp.
 *
 * The Gram matrices are not stored, because each of their tiles is added to the kernel when it is finished. So the memory is
 * the activations of all layers, two layers of deltas and the result.
 *
 * In mixed precision activations and deltas are stored as float32, scaled by a power of two for each layer, which halves that
 * memory. The arithmetic is in float64, because JavaScript has no other, so it is not faster.
 */
import { addProductOfGrams } from '../../linalg/elementwise';
import type { Operand } from '../../linalg/pack';
import { type BlockRange, ProductBuffers, multiplyBlock } from '../../linalg/product';
import { featureFlops, lowestLayer, pairFlops } from '../features';
import { entriesOf, type KernelForm } from '../forms';
import type { KernelArrays, KernelTask } from '../seam';
import {
  type BackwardPass,
  createDeltas,
  type DeltaBuffers,
  type DeltaLayer,
  forwardAndBackward,
} from './backward';
import { keptExponent } from './forward';
import type { Program } from './program';
import { type Team, countWork } from './team';
import { gramTiles } from './tiles';
import { type Activations, type Allocator, createActivations } from './workspace';

/** All that the threads of one computation share. */
interface KernelJob {
  readonly activations: Activations;
  readonly deltas: DeltaBuffers;
  readonly n: number;
  readonly n2: number;
  readonly symmetric: boolean;
  readonly form: KernelForm;
  readonly weightTerms: Float64Array;
  readonly biasTerms: Float64Array;
  readonly gram: number;
  readonly kernel: Float64Array;
  /** The parts of the layers; null for a layer whose term is 0, and for all if no parts are wanted. */
  readonly weights: readonly (Float64Array | null)[];
  readonly biases: readonly (Float64Array | null)[];
}

/** Sums the kernel from the last layer to the lowest that has a term; every thread of the team runs this. */
function kernel(team: Team, job: KernelJob): void {
  const activationBuffers = new ProductBuffers();
  const tiles = gramTiles(job.n, job.n2, job.gram, job.symmetric);
  forwardAndBackward(team, job, lowestLayer(job), (pass, index, current) => ({
    count: job.weightTerms[index] !== 0 || job.biasTerms[index] !== 0 ? tiles.count : 0,
    tile: (tile) => {
      addTile(pass, job, index, current, tiles.at(tile), activationBuffers);
    },
  }));
}

/** Adds layer `index` + 1's part of one tile. */
function addTile(
  pass: BackwardPass,
  job: KernelJob,
  index: number,
  current: DeltaLayer | null,
  range: BlockRange,
  activationBuffers: ProductBuffers,
): void {
  const { kernel, weights, biases, form, symmetric, n2 } = job;
  const deltaScale = current?.exponent ?? 0;
  const scale = deltaScale + keptExponent(job.activations, index);
  const weightTerm = job.weightTerms[index]! === 0 ? 0 : job.weightTerms[index]! * 2 ** (2 * scale);
  const biasTerm = job.biasTerms[index]! * 2 ** (2 * deltaScale);
  if (weightTerm !== 0) multiplyActivations(pass, job, index, range, activationBuffers);
  const outputs = job.activations.network.widths.at(-1)!;
  const entries = entriesOf({ form, network: job.activations.network });
  // df/dh^{L+1} is the identity, so only the diagonal of a block takes part, even for inputs that are not finite.
  const wholeBlocks = form === 'full' && current !== null;
  const layout = { columns: n2, entries, outputs: wholeBlocks ? outputs : 1, symmetric };
  const onePerOutput = form === 'diagonal' || (form === 'full' && current === null);
  for (let k = 0; k < (onePerOutput ? outputs : 1); k++) {
    const offset = form === 'full' ? k * (outputs + 1) : k;
    if (current === null) outputGram(pass.buffers, range, form === 'trace' ? outputs : 1);
    else multiplyDeltas(pass, job, current, k, range);
    const add = (out: Float64Array, weightFactor: number, biasFactor: number): void => {
      addProductOfGrams(
        out,
        pass.buffers,
        activationBuffers,
        range,
        layout,
        offset,
        weightFactor,
        biasFactor,
      );
    };
    add(kernel, weightTerm, biasTerm);
    if (weights[index]) add(weights[index], weightTerm, 0);
    if (biases[index]) add(biases[index], 0, biasTerm);
  }
}

function multiplyActivations(
  { team, activations, units }: BackwardPass,
  { n, symmetric }: KernelJob,
  index: number,
  range: BlockRange,
  buffers: ProductBuffers,
): void {
  const width = activations.network.widths[index]!;
  const { list, count } = units[index]!;
  const a: Operand = {
    data: activations.layers[index]!,
    offset: 0,
    rowStride: width,
    innerStride: 1,
    rows: null,
    inner: list,
  };
  const b = symmetric ? a : { ...a, offset: n * width };
  const onWork = countWork(team, count / width);
  multiplyBlock(buffers, a, b, range, count, onDiagonal(symmetric, range), onWork);
}

/** The Gram block of the deltas: an inner product over outputs and units for the trace, else over units. */
function multiplyDeltas(
  { team, activations, buffers, deltas }: BackwardPass,
  { form, n, symmetric }: KernelJob,
  { layer, data, width }: DeltaLayer,
  k: number,
  range: BlockRange,
): void {
  const perOutput = form === 'full' || form === 'diagonal';
  const inputStride = width * deltas.outputs;
  const a: Operand = {
    data,
    offset: k * width,
    rowStride: form === 'full' ? width : inputStride,
    innerStride: 1,
    rows: null,
    inner: null,
  };
  const b = symmetric ? a : { ...a, offset: a.offset + n * inputStride };
  const scaled = form === 'full' ? scaleRange(range, deltas.outputs) : range;
  const depth = perOutput ? width : inputStride;
  const onWork = countWork(team, width / activations.network.widths[layer]!);
  multiplyBlock(buffers, a, b, scaled, depth, onDiagonal(symmetric, range), onWork);
}

/** The Gram block of one row of df/dh^{L+1}, the identity, or with `value` K the sum over all its rows. */
function outputGram(buffers: ProductBuffers, range: BlockRange, value: number): void {
  buffers.reset(range.rowEnd - range.rowBegin, range.columnEnd - range.columnBegin);
  buffers.block.fill(value);
}

function onDiagonal(symmetric: boolean, { rowBegin, columnBegin }: BlockRange): boolean {
  return symmetric && rowBegin === columnBegin;
}

function scaleRange(range: BlockRange, factor: number): BlockRange {
  return {
    rowBegin: range.rowBegin * factor,
    rowEnd: range.rowEnd * factor,
    columnBegin: range.columnBegin * factor,
    columnEnd: range.columnEnd * factor,
  };
}

/** Makes the arrays of a kernel. */
function createKernelJob(task: KernelTask, memory: Allocator): KernelJob {
  const { network, x, n, x2, n2, form, weightTerms, biasTerms, perLayer, precision, blocks } = task;
  const length = kernelLength(task);
  const parts = (terms: Float64Array): (Float64Array | null)[] =>
    Array.from(terms, (term) => (perLayer && term !== 0 ? memory.float64(length) : null));
  const activations = createActivations(network, { x, n, x2, n2 }, blocks.rows, precision, memory);
  return {
    activations,
    deltas: createDeltas(activations, form === 'sum-of-logits', memory),
    n,
    n2,
    symmetric: x2 === null,
    form,
    weightTerms,
    biasTerms,
    gram: blocks.gram,
    kernel: memory.float64(length),
    weights: parts(weightTerms),
    biases: parts(biasTerms),
  };
}

/** Number of entries of the result of a task. */
function kernelLength(task: KernelTask): number {
  return task.n * task.n2 * entriesOf(task);
}

/** The number of floating-point operations of a kernel, before compaction. */
function kernelFlops(task: KernelTask): number {
  const { n, x2, n2 } = task;
  const { forward, backward } = featureFlops(task);
  const pairs = x2 === null ? (n * n) / 2 : n * n2;
  return (x2 === null ? n : n + n2) * (forward + backward) + pairs * pairFlops(task);
}

export const kernelProgram: Program<KernelTask, KernelJob, KernelArrays> = {
  flops: kernelFlops,
  create: createKernelJob,
  run: kernel,
  result: ({ kernel, weights, biases }, own, task) => {
    const parts = (arrays: readonly (Float64Array | null)[]) =>
      task.perLayer
        ? arrays.map((part) => (part === null ? new Float64Array(kernelLength(task)) : own(part)))
        : null;
    return { kernel: own(kernel), weights: parts(weights), biases: parts(biases) };
  },
};
