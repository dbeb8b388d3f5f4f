/** How a kernel is cut into tiles: blocks of so many rows and columns, of a symmetric one those on and below the diagonal. */
import { featureSlots } from '../backend/features';
import { entriesOf } from '../backend/forms';
import type { FeatureShape, Reals } from '../backend/seam';
import { expectInteger } from '../errors';
import type { Sink } from '../runs/job';
import type { Shard } from '../runs/ranges';
import { shared } from './blocks';
import type { Dtype } from './options';
import { GROUP } from './plan';

export interface TileGrid {
  readonly inputs: readonly [rows: number, columns: number];
  readonly tileEdge: number;
  readonly symmetric: boolean;
}

/** A tile: its number of row and column, and its rows and columns as numbers of inputs. */
export interface TilePlace {
  readonly row: number;
  readonly column: number;
  readonly firstRow: number;
  readonly rows: number;
  readonly firstColumn: number;
  readonly columns: number;
}

export const rowBlocksOf = ({ inputs, tileEdge }: TileGrid): number => Math.ceil(inputs[0] / tileEdge);
export const columnBlocksOf = ({ inputs, tileEdge }: TileGrid): number => Math.ceil(inputs[1] / tileEdge);

export function placeOf({ inputs, tileEdge }: TileGrid, row: number, column: number): TilePlace {
  const firstRow = row * tileEdge;
  const firstColumn = column * tileEdge;
  return {
    row,
    column,
    firstRow,
    rows: Math.min(tileEdge, inputs[0] - firstRow),
    firstColumn,
    columns: Math.min(tileEdge, inputs[1] - firstColumn),
  };
}

/** The name of a tile. */
export const keyOf = ({ row, column }: Pick<TilePlace, 'row' | 'column'>): string => `${row} ${column}`;

/** The tile of a name; null where the grid has none of it. */
export function tileOf(grid: TileGrid, key: string): TilePlace | null {
  const [row, column] = key.split(' ').map(Number) as [number, number];
  const inside = row < rowBlocksOf(grid) && column < columnBlocksOf(grid);
  return inside && !(grid.symmetric && column > row) ? placeOf(grid, row, column) : null;
}

/** All tiles that are computed, row by row. */
export function tilesOf(grid: TileGrid): TilePlace[] {
  return Array.from({ length: rowBlocksOf(grid) }, (_, row) =>
    Array.from({ length: grid.symmetric ? row + 1 : columnBlocksOf(grid) }, (_tile, column) =>
      placeOf(grid, row, column),
    ),
  ).flat();
}

/** Tile `number` of {@link tilesOf}. @throws DeepntkError `ERR_INVALID_ARGUMENT` if the grid has fewer */
export function tileAt(grid: TileGrid, number: number): TilePlace {
  expectInteger('tile', number, { min: 0, max: tileCountOf(grid) - 1 });
  if (!grid.symmetric) {
    const columns = columnBlocksOf(grid);
    return placeOf(grid, Math.floor(number / columns), number % columns);
  }
  // Row r begins at number r (r + 1) / 2. The root may be off by one.
  let row = Math.floor((Math.sqrt(8 * number + 1) - 1) / 2);
  if ((row * (row + 1)) / 2 > number) row--;
  if (((row + 1) * (row + 2)) / 2 <= number) row++;
  return placeOf(grid, row, number - (row * (row + 1)) / 2);
}

/** The number of a tile, by which {@link tileAt} finds it. */
export function tileNumberOf(grid: TileGrid, { row, column }: Pick<TilePlace, 'row' | 'column'>): number {
  return grid.symmetric ? (row * (row + 1)) / 2 + column : row * columnBlocksOf(grid) + column;
}

/** How many {@link tilesOf} lists. */
export function tileCountOf(grid: TileGrid): number {
  const rows = rowBlocksOf(grid);
  return grid.symmetric ? (rows * (rows + 1)) / 2 : rows * columnBlocksOf(grid);
}

/** The tiles of a part: neighbours, which share their features, and of all parts about as many pairs of inputs. */
export function tilesOfShard(grid: TileGrid, { index, count }: Shard): TilePlace[] {
  const all = tilesOf(grid);
  const total = all.reduce((sum, place) => sum + pairsOf(place, grid), 0);
  let before = 0;
  return all.filter((place) => {
    const middle = before + pairsOf(place, grid) / 2;
    before += pairsOf(place, grid);
    return Math.min(count - 1, Math.floor((middle * count) / total)) === index;
  });
}

/** Pairs of inputs that are computed for a tile. */
export function pairsOf({ row, column, rows, columns }: TilePlace, { symmetric }: TileGrid): number {
  return symmetric && row === column ? (rows * (rows + 1)) / 2 : rows * columns;
}

/** Whether a tile has a mirror image on the other side of the diagonal. */
export const isMirrored = ({ row, column }: TilePlace, { symmetric }: TileGrid): boolean =>
  symmetric && row !== column;

/**
 * The tile across the diagonal, that of the pairs (x', x).
 *
 * @param axes of one pair of inputs; a K x K block is transposed too
 */
export function mirrorOf(
  tile: Reals,
  mirror: Reals,
  { rows, columns }: TilePlace,
  axes: readonly number[],
): void {
  const [K = 1, K2 = 1] = axes;
  const entries = K * K2;
  const swapped = Int32Array.from({ length: entries }, (_, entry) =>
    axes.length === 2 ? (entry % K) * K + Math.floor(entry / K) : entry,
  );
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      const from = (i * columns + j) * entries;
      const to = (j * rows + i) * entries;
      for (let entry = 0; entry < entries; entry++) mirror[to + swapped[entry]!] = tile[from + entry]!;
    }
  }
}

const MIB = 2 ** 20;
/** Bytes of one tile that travels, of the features of one of its blocks; and tiles, so that many have something to do. */
const MOST_OF_TILE = 32 * MIB;
const MOST_OF_FEATURES = 1024 * MIB;
const ENOUGH_TILES = 48;

/**
 * The edge of tiles that several machines compute: a function of the kernel alone, since they have to agree about it. Large
 * tiles repeat less of the features.
 */
export function sharedTileEdge(shape: FeatureShape, n: number, n2: number | null, dtype: Dtype): number {
  const tile = entriesOf(shape) * (dtype === 'float32' ? 4 : 8);
  const features = featureSlots(shape).perInput * (shape.precision === 'mixed' ? 4 : 8);
  const fits = (edge: number): boolean => {
    const rows = Math.ceil(n / edge);
    const tiles = n2 === null ? (rows * (rows + 1)) / 2 : rows * Math.ceil(n2 / edge);
    return edge ** 2 * tile <= MOST_OF_TILE && edge * features <= MOST_OF_FEATURES && tiles >= ENOUGH_TILES;
  };
  return [2048, 1024, 512].find(fits) ?? GROUP;
}

/** A grid, and the numbers of its tiles. */
export interface KernelGrid extends TileGrid {
  readonly dtype: Dtype;
}

/** The numbers of a tile, and of the one across the diagonal if it is wanted. */
export interface TileNumbers {
  readonly tile: Reals;
  readonly mirror: Reals | null;
}

/** The file behind a {@link TileWriter}. */
export interface TileStore {
  write(place: TilePlace, tile: Reals, mirror: Reals | null): Promise<void>;
  complete(): Promise<void>;
  close(): Promise<void>;
}

/** The sink of the tiles of a kernel. It has room for two: one is written while the next is computed. */
export class TileWriter<Grid extends KernelGrid> implements Sink<TilePlace, TileNumbers> {
  /** The tiles that an interrupted run has left. */
  reused: readonly TilePlace[] = [];
  readonly #entries: number;
  readonly #rooms: readonly TileNumbers[];
  readonly #pending: Promise<void>[] = [Promise.resolve(), Promise.resolve()];
  #next = 0;

  /**
   * @param mirrors whether the store needs the tiles across the diagonal
   * @param tiles the tiles of the job
   */
  constructor(
    readonly grid: Grid,
    entries: number,
    mirrors: boolean,
    private readonly store: TileStore,
    private readonly tiles: readonly TilePlace[],
  ) {
    this.#entries = entries;
    const { inputs, tileEdge, dtype, symmetric } = grid;
    const length = Math.min(tileEdge, inputs[0]) * Math.min(tileEdge, inputs[1]) * entries;
    this.#rooms = [0, 1].map(() => ({
      tile: shared(length, dtype),
      mirror: symmetric && mirrors ? shared(length, dtype) : null,
    }));
  }

  missing(): TilePlace[] {
    const there = new Set(this.reused.map(keyOf));
    return this.tiles.filter((place) => !there.has(keyOf(place)));
  }

  /** The numbers of tiles that this run computes, and of those that were there. */
  get counts(): { readonly computed: number; readonly reused: number } {
    return { computed: this.tiles.length - this.reused.length, reused: this.reused.length };
  }

  /** Arrays for the next tile, once they are free. */
  async room(place: TilePlace): Promise<TileNumbers> {
    await this.#pending[this.#next];
    const { tile, mirror } = this.#rooms[this.#next]!;
    const length = place.rows * place.columns * this.#entries;
    return {
      tile: tile.subarray(0, length),
      mirror: isMirrored(place, this.grid) ? (mirror?.subarray(0, length) ?? null) : null,
    };
  }

  /** Begins to write the arrays that {@link room} gave. A failure is thrown by the next call. */
  add(place: TilePlace, { tile, mirror }: TileNumbers): void {
    const writing = this.store.write(place, tile, mirror);
    writing.catch(() => undefined); // thrown where it is awaited
    this.#pending[this.#next] = writing;
    this.#next = 1 - this.#next;
  }

  async complete(): Promise<void> {
    await Promise.all(this.#pending);
    await this.store.complete();
  }

  /** Waits until nothing is written any more, however that ends. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#pending);
    await this.store.close();
  }
}
