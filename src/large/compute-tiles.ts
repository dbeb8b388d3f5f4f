/** The source of the tiles of a kernel: computed here, panel by panel of their rows. */
import { featureFlops, pairFlops } from '../backend/features';
import type { NdArray } from '../ndarray';
import { blockRange, FeatureSource } from './blocks';
import { gramEdge, type LargeKernelPlan, panelsOf } from './plan';
import { type LargeOptions, ProgressMeter } from './inputs';
import {
  columnBlocksOf,
  keyOf,
  pairsOf,
  placeOf,
  rowBlocksOf,
  type TileNumbers,
  type TilePlace,
  type TileWriter,
} from './tiles';

export interface TileComputation {
  readonly large: LargeOptions;
  readonly X: NdArray;
  readonly X2: NdArray | null;
  /** The arrays that the tiles are computed into, and the tiles that are there already. */
  readonly writer: Pick<TileWriter<LargeKernelPlan>, 'room' | 'reused' | 'grid'>;
  /** The file for features that do not fit, if the plan is to spill them. */
  readonly spillPath: string;
}

export async function* computeTiles(
  { large, X, X2, writer, spillPath }: TileComputation,
  missing: readonly TilePlace[],
): AsyncGenerator<readonly [TilePlace, TileNumbers], void, void> {
  const { grid: plan, reused } = writer;
  const { request, shape, report } = large;
  const { backend, run } = request;
  const symmetric = X2 === null;
  const grams = (places: readonly TilePlace[]): number =>
    places.reduce((sum, place) => sum + pairsOf(place, plan), 0) * pairFlops(shape);
  const before = grams(reused);
  const open = new Set(missing.map(keyOf));
  const wanted = (row: number, column: number) => open.has(keyOf({ row, column }));
  const panels = panelsFor(plan, wanted);
  const columnOffset = symmetric ? 0 : rowBlocksOf(plan);
  const spill = plan.strategy === 'spill' ? spillPath : null;
  const list = { X, X2, edge: plan.tileEdge };
  const { forward, backward } = featureFlops(shape);
  const featureWork = (index: number): number => blockRange(list, index).count * (forward + backward);
  const loads = panels.flatMap(({ needed, passing }) => [...needed, ...passing.map((i) => columnOffset + i)]);
  // What was spilled is read again: no work to speak of.
  const toCompute = spill === null ? loads : [...new Set(loads)];
  const features = toCompute.reduce((sum, index) => sum + featureWork(index), 0);
  const meter = new ProgressMeter(features + before + grams(missing), before, report);
  const source = new FeatureSource(backend, shape, list, plan.blocksInMemory, spill);
  const load = async (index: number, slot: number) => {
    const piece = meter.piece(source.isSpilled(index) ? 0 : featureWork(index));
    const block = await source.load(index, slot, { ...run, onProgress: piece.onProgress });
    piece.finish();
    return block;
  };
  try {
    for (const { first, rows, needed, columns } of panels) {
      const blocks = new Map<number, Awaited<ReturnType<typeof load>>>();
      for (const row of needed) blocks.set(row, await load(row, row - first));
      for (const column of columns) {
        const inPanel = symmetric ? blocks.get(column) : undefined;
        const slot = plan.strategy === 'resident' && !symmetric ? rowBlocksOf(plan) + column : rows.length;
        const b = inPanel ?? (await load(columnOffset + column, slot));
        for (const row of rows.filter((candidate) => wanted(candidate, column))) {
          const place = placeOf(plan, row, column);
          const { tile, mirror } = await writer.room(place);
          const piece = meter.piece(pairsOf(place, plan) * pairFlops(shape));
          await backend.gramTile(
            {
              ...shape,
              a: blocks.get(row)!,
              b: symmetric && row === column ? null : b,
              edge: gramEdge(shape.form, shape.network.widths.at(-1)!),
              scale: request.scale,
              tile,
              mirror,
            },
            { ...run, onProgress: piece.onProgress },
          );
          piece.finish();
          yield [place, { tile, mirror }];
        }
      }
    }
  } finally {
    await source.close();
  }
}

/** Of every panel of rows: the columns with tiles that are wanted, the rows to be loaded for them, and the columns that pass. */
function panelsFor(plan: LargeKernelPlan, wanted: (row: number, column: number) => boolean) {
  const { symmetric } = plan;
  return panelsOf(rowBlocksOf(plan), plan).map(({ first, end }) => {
    const rows = range(first, end);
    const columns = range(0, symmetric ? end : columnBlocksOf(plan)).filter((column) =>
      rows.some((row) => wanted(row, column)),
    );
    const needed = rows.filter(
      (row) => columns.some((column) => wanted(row, column)) || (symmetric && columns.includes(row)),
    );
    const passing = columns.filter((column) => !symmetric || column < first);
    return { first, rows, needed, columns, passing };
  });
}

function range(first: number, end: number): number[] {
  return Array.from({ length: Math.max(0, end - first) }, (_, i) => first + i);
}
