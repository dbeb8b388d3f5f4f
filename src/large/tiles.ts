/** How a kernel is cut into tiles: blocks of so many rows and columns, of a symmetric one those on and below the diagonal. */
import { featureSlots } from '../backend/features';
import { entriesOf } from '../backend/forms';
import type { FeatureShape, Reals } from '../backend/seam';
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

/** How many {@link tilesOf} lists. */
export function tileCountOf(grid: TileGrid): number {
  const rows = rowBlocksOf(grid);
  return grid.symmetric ? (rows * (rows + 1)) / 2 : rows * columnBlocksOf(grid);
}

/** Part `index` of `count`. */
export interface TileShard {
  readonly index: number;
  readonly count: number;
}

/** The tiles of a part: neighbours, which share their features, and of all parts about as many pairs of inputs. */
export function tilesOfShard(grid: TileGrid, { index, count }: TileShard): TilePlace[] {
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

/** Two tiles that take turns: one is put where it belongs while the next is computed. */
export class TileWriter {
  readonly #grid: TileGrid;
  readonly #entries: number;
  readonly #put: (place: TilePlace, tile: Reals, mirror: Reals | null) => Promise<void>;
  readonly #rooms: { readonly tile: Reals; readonly mirror: Reals | null }[];
  readonly #pending: Promise<void>[] = [Promise.resolve(), Promise.resolve()];
  #next = 0;

  /** @param mirrors whether mirror images are wanted too */
  constructor(
    grid: TileGrid & { readonly dtype: Dtype },
    entries: number,
    mirrors: boolean,
    put: (place: TilePlace, tile: Reals, mirror: Reals | null) => Promise<void>,
  ) {
    this.#grid = grid;
    this.#entries = entries;
    this.#put = put;
    const { inputs, tileEdge, dtype, symmetric } = grid;
    const length = Math.min(tileEdge, inputs[0]) * Math.min(tileEdge, inputs[1]) * entries;
    this.#rooms = [0, 1].map(() => ({
      tile: shared(length, dtype),
      mirror: symmetric && mirrors ? shared(length, dtype) : null,
    }));
  }

  /** Arrays for the next tile, once they are free. */
  async room(place: TilePlace): Promise<{ tile: Reals; mirror: Reals | null }> {
    await this.#pending[this.#next];
    const { tile, mirror } = this.#rooms[this.#next]!;
    const length = place.rows * place.columns * this.#entries;
    return {
      tile: tile.subarray(0, length),
      mirror: isMirrored(place, this.#grid) ? (mirror?.subarray(0, length) ?? null) : null,
    };
  }

  /** Begins to write what {@link room} gave. A failure is thrown by the next call. */
  write(place: TilePlace, tile: Reals, mirror: Reals | null): void {
    const writing = this.#put(place, tile, mirror);
    writing.catch(() => undefined); // thrown where it is awaited
    this.#pending[this.#next] = writing;
    this.#next = 1 - this.#next;
  }

  async settle(): Promise<void> {
    await Promise.all(this.#pending);
  }

  /** Waits until nothing is written any more, however that ends. */
  async abandon(): Promise<void> {
    await Promise.allSettled(this.#pending);
  }
}
