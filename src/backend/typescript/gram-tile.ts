/** The kernel of the inputs of two blocks of features. The twin is native/core/gram_tile.cpp. */
import { addProductOfGrams } from '../../linalg/elementwise';
import type { Operand } from '../../linalg/pack';
import { type BlockRange, ProductBuffers, multiplyBlock } from '../../linalg/product';
import { DeepntkError } from '../../errors';
import { featureSlots, pairFlops } from '../features';
import { chainsOf, entriesOf } from '../forms';
import type { FeatureBlock, GramTileTask } from '../seam';
import { matrix } from './features';
import type { InPlaceProgram } from './program';
import type { Team } from './team';

export const gramTileProgram: InPlaceProgram<GramTileTask> = {
  flops: (task) => {
    const { a, b } = task;
    return (b === null ? (a.n * (a.n + 1)) / 2 : a.n * b.n) * pairFlops(task);
  },
  create: (task) => task,
  run: gramTile,
  result: () => undefined,
};

function gramTile(team: Team, job: GramTileTask): void {
  const { a, b, edge } = job;
  const buffers = { activations: new ProductBuffers(), deltas: new ProductBuffers() };
  const pieces = piecesOf(a.n, b?.n ?? a.n, edge, b === null);
  const sums = new Float64Array(Math.min(edge, a.n) * Math.min(edge, b?.n ?? a.n) * entriesOf(job));
  team.stage(pieces.length, (index) => {
    const piece = pieces[index]!;
    sumLayers(team, job, piece, buffers, sums);
    store(job, piece, sums);
  });
}

/** Squares of edge `edge`; for a symmetric tile only those on and below the diagonal. */
function piecesOf(rows: number, columns: number, edge: number, symmetric: boolean): BlockRange[] {
  const pieces: BlockRange[] = [];
  for (let rowBegin = 0; rowBegin < rows; rowBegin += edge) {
    const end = symmetric ? rowBegin + 1 : columns;
    for (let columnBegin = 0; columnBegin < end; columnBegin += edge) {
      const rowEnd = Math.min(rows, rowBegin + edge);
      pieces.push({ rowBegin, rowEnd, columnBegin, columnEnd: Math.min(columns, columnBegin + edge) });
    }
  }
  return pieces;
}

function sumLayers(
  team: Team,
  job: GramTileTask,
  piece: BlockRange,
  buffers: { readonly activations: ProductBuffers; readonly deltas: ProductBuffers },
  sums: Float64Array,
): void {
  const { network, form, a, weightTerms, biasTerms, group } = job;
  const b = job.b ?? a;
  const { widths } = network;
  const outputs = widths.at(-1)!;
  const chains = chainsOf(job);
  const entries = entriesOf(job);
  const layers = weightTerms.length;
  const rows = piece.rowEnd - piece.rowBegin;
  const columns = piece.columnEnd - piece.columnBegin;
  const range = { rowBegin: 0, rowEnd: rows, columnBegin: 0, columnEnd: columns };
  const symmetric = job.b === null && piece.rowBegin === piece.columnBegin;
  sums.fill(0, 0, rows * columns * entries);
  const exponentsOf = (block: FeatureBlock, input: number, index: number): [number, number] => {
    const at = (Math.floor(input / group) * layers + index) * 2;
    return [block.exponents[at]!, block.exponents[at + 1]!];
  };
  const multiply = (
    out: ProductBuffers,
    side: (block: FeatureBlock, first: number) => Operand,
    ofRange: BlockRange,
    depth: number,
  ): void => {
    const [left, right] = [side(a, piece.rowBegin), side(b, piece.columnBegin)];
    multiplyBlock(out, left, right, ofRange, depth, symmetric, team.advance);
  };
  const { slots } = featureSlots(job);
  for (let index = layers - 1; index >= 0; index--) {
    if (weightTerms[index] === 0 && biasTerms[index] === 0) continue;
    const slot = slots[index]!;
    const [activationA, deltaA] = exponentsOf(a, piece.rowBegin, index);
    const [activationB, deltaB] = exponentsOf(b, piece.columnBegin, index);
    const deltaScale = 2 ** (deltaA + deltaB);
    const biasTerm = biasTerms[index]! * deltaScale;
    const weightTerm =
      weightTerms[index] === 0 ? 0 : weightTerms[index]! * 2 ** (activationA + activationB) * deltaScale;
    if (slot.activations !== -1) {
      const width = widths[index]!;
      const side = (block: FeatureBlock, first: number) =>
        matrix(block.values, block.n * slot.activations + first * width, width);
      multiply(buffers.activations, side, range, width);
    }
    const identity = slot.deltas === -1;
    const wholeBlocks = form === 'full' && !identity;
    const layout = { columns, entries, outputs: wholeBlocks ? outputs : 1, symmetric };
    const onePerOutput = form === 'diagonal' || (form === 'full' && identity);
    for (let k = 0; k < (onePerOutput ? outputs : 1); k++) {
      if (identity) {
        buffers.deltas.reset(rows, columns);
        buffers.deltas.block.fill(form === 'trace' ? outputs : 1);
      } else {
        const width = widths[index + 1]!;
        const perInput = chains * width;
        const side = (block: FeatureBlock, first: number) =>
          matrix(
            block.values,
            block.n * slot.deltas + first * perInput + k * width,
            form === 'full' ? width : perInput,
          );
        const scaled =
          form === 'full' ? { ...range, rowEnd: rows * outputs, columnEnd: columns * outputs } : range;
        const depth = form === 'full' || form === 'diagonal' ? width : perInput;
        multiply(buffers.deltas, side, scaled, depth);
      }
      const offset = form === 'full' ? k * (outputs + 1) : k;
      addProductOfGrams(
        sums,
        buffers.deltas,
        buffers.activations,
        range,
        layout,
        offset,
        weightTerm,
        biasTerm,
      );
    }
  }
}

function store(job: GramTileTask, piece: BlockRange, sums: Float64Array): void {
  const { a, form, scale, tile } = job;
  const b = job.b ?? a;
  const outputs = job.network.widths.at(-1)!;
  const entries = entriesOf(job);
  const columns = piece.columnEnd - piece.columnBegin;
  const single = tile instanceof Float32Array;
  const convert = (value: number): number => {
    const scaled = value * scale;
    if (single && Number.isFinite(scaled) && !Number.isFinite(Math.fround(scaled))) {
      const message = 'an entry of the kernel is beyond the range of float32; choose float64';
      throw new DeepntkError('ERR_COMPUTATION', message);
    }
    return scaled;
  };
  // If both blocks are the same, the part above the diagonal is the transpose of the part below.
  const transposed = job.b === null ? (piece.rowBegin === piece.columnBegin ? null : tile) : job.mirror;
  for (let i = piece.rowBegin; i < piece.rowEnd; i++) {
    let from = (i - piece.rowBegin) * columns * entries;
    for (let j = piece.columnBegin; j < piece.columnEnd; j++) {
      const to = (i * b.n + j) * entries;
      const mirror = (j * a.n + i) * entries;
      for (let entry = 0; entry < entries; entry++, from++) {
        const value = convert(sums[from]!);
        tile[to + entry] = value;
        if (transposed === null) continue;
        const swapped = form === 'full' ? (entry % outputs) * outputs + Math.floor(entry / outputs) : entry;
        transposed[mirror + swapped] = value;
      }
    }
  }
}
