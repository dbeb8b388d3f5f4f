/** Cuts matrices into the tiles that threads take. */
import type { BlockRange } from '../../linalg/product';

/** Fewer tiles than this leave threads waiting for one another. */
const ENOUGH_TILES = 8;
/** Columns of a tile: enough to pay for packing, few enough for the buffers. */
const MIN_COLUMNS = 48;
const MAX_COLUMNS = 128;

export interface Tiles {
  readonly count: number;
  at(index: number): BlockRange;
}

/** Cuts a matrix into blocks of at most `rowBlock` rows, and its columns into a few equal parts. */
export function tilesOf(rows: number, columns: number, rowBlock: number): Tiles {
  const rowParts = Math.ceil(rows / rowBlock);
  const columnParts = Math.max(
    1,
    Math.ceil(columns / MAX_COLUMNS),
    Math.min(Math.floor(columns / MIN_COLUMNS), Math.ceil(ENOUGH_TILES / Math.max(1, rowParts))),
  );
  return {
    count: rowParts * columnParts,
    at(index) {
      const row = Math.floor(index / columnParts);
      const column = index % columnParts;
      return {
        rowBegin: cut(rows, rowParts, row),
        rowEnd: cut(rows, rowParts, row + 1),
        columnBegin: cut(columns, columnParts, column),
        columnEnd: cut(columns, columnParts, column + 1),
      };
    },
  };
}

/** Cuts n x n2 pairs of inputs into squares of edge `gram`; a symmetric matrix into those on and above the diagonal. */
export function gramTiles(n: number, n2: number, gram: number, symmetric: boolean): Tiles {
  const rowParts = Math.ceil(n / gram);
  const columnParts = Math.ceil(n2 / gram);
  const tiles: BlockRange[] = [];
  for (let row = 0; row < rowParts; row++) {
    for (let column = symmetric ? row : 0; column < columnParts; column++) {
      tiles.push({
        rowBegin: cut(n, rowParts, row),
        rowEnd: cut(n, rowParts, row + 1),
        columnBegin: cut(n2, columnParts, column),
        columnEnd: cut(n2, columnParts, column + 1),
      });
    }
  }
  return { count: tiles.length, at: (index) => tiles[index]! };
}

/** The first row of part `index` of `parts` equal parts. It is a multiple of 4, so that no panel is cut. */
function cut(length: number, parts: number, index: number): number {
  return index === parts ? length : Math.min(length, Math.round((index * length) / parts / 4) * 4);
}
