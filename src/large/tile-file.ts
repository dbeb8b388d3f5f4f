/**
 * A .npy file that comes to be tile by tile, beside it a map of the tiles that are there; docs/large-kernels.md describes
 * both. While it is incomplete it is called NAME.partial, and the map NAME.tiles. A process that is killed leaves both,
 * and the next one with the same settings goes on: it believes a tile only if its checksum holds.
 */
import { closeSync, fsyncSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';
import { access, readFile, rename, rm, statfs } from 'node:fs/promises';
import { constants } from 'node:fs';
import { dirname } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { crc32 } from 'node:zlib';

import type { Reals } from '../backend/features';
import { reasonOf } from '../data/files';
import { npyHeader } from '../data/npy';
import { DeepntkError } from '../errors';
import { formatBytes } from '../memory';
import { sizeOf } from '../ndarray';
import type { Dtype } from './plan';

const FORMAT = 'deepntk tile map';
const VERSION = 1;

/** Rows written or read before the event loop has its turn. */
const ROWS_A_TURN = 128;

/** What a file is made of; `settings` are compared, one by one, with those of a file to be continued. */
export interface TileFileSpec {
  readonly path: string;
  readonly dtype: Dtype;
  /** N x N' and the axes of one pair of inputs. */
  readonly shape: readonly number[];
  readonly symmetric: boolean;
  readonly settings: Readonly<Record<string, string>>;
}

interface MapHeader {
  readonly format: string;
  readonly version: number;
  readonly tileEdge: number;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly symmetric: boolean;
  readonly settings: Readonly<Record<string, string>>;
}

/** What an interrupted run left. */
export interface Leftover {
  readonly tileEdge: number;
  /** Checksums by "row column". */
  readonly tiles: ReadonlyMap<string, number>;
}

const partialPath = (path: string): string => `${path}.partial`;
const mapPath = (path: string): string => `${path}.tiles`;

function failure(message: string, cause?: unknown): DeepntkError {
  return new DeepntkError('ERR_INVALID_FILE', message, cause === undefined ? undefined : { cause });
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/**
 * Looks at what is there before anything is computed.
 *
 * @returns what an interrupted run with the same settings left; null where there is nothing
 * @throws DeepntkError `ERR_INVALID_FILE` where the file exists, its folder cannot be written to or has too little room,
 *   or what is there was left by a run with other settings
 */
export async function inspectTarget(spec: TileFileSpec, extraBytes: number): Promise<Leftover | null> {
  const { path } = spec;
  const folder = dirname(path);
  await access(folder, constants.W_OK).catch((cause: unknown) => {
    throw failure(`cannot write ${path}: ${folder}: ${reasonOf(cause)}`, cause);
  });
  if (await exists(path)) {
    throw failure(`cannot write ${path}: it exists already; remove it or choose another name`);
  }
  const leftover = await readMap(spec);
  if (leftover === null && (await exists(partialPath(path)))) {
    throw failure(
      `cannot write ${path}: ${partialPath(path)} is there without its tile map ${mapPath(path)}; remove it or choose another name`,
    );
  }
  const { bavail, bsize } = await statfs(folder);
  const needed = extraBytes + (leftover === null ? headerOf(spec).length + dataBytes(spec) : 0);
  if (needed > bavail * bsize) {
    throw failure(
      `cannot write ${path}: expected ${formatBytes(needed)} of free space in ${folder}, got ${formatBytes(bavail * bsize)}`,
    );
  }
  return leftover;
}

async function readMap(spec: TileFileSpec): Promise<Leftover | null> {
  const path = mapPath(spec.path);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw failure(`cannot read ${path}: ${reasonOf(cause)}`, cause);
  }
  // A line without its end was being written when the process died.
  const lines = text.split('\n').slice(0, -1);
  if (lines.length === 0) return null;
  const remedy = `remove ${path} and ${partialPath(spec.path)} to begin anew, or choose another name`;
  const header = parseHeader(lines[0]!);
  if (header === null)
    throw failure(`${path}: expected a tile map of deepntk, got something else; ${remedy}`);
  if (header.version !== VERSION) {
    throw failure(`${path}: expected version ${VERSION} of the tile map, got ${header.version}; ${remedy}`);
  }
  const differing = [
    ...(String(header.shape) === String(spec.shape) ? [] : ['shape']),
    ...(header.symmetric === spec.symmetric ? [] : ['columns']),
    ...(header.dtype === spec.dtype ? [] : ['dtype']),
    ...Object.keys({ ...header.settings, ...spec.settings }).filter(
      (name) => header.settings[name] !== spec.settings[name],
    ),
  ];
  if (differing.length > 0) {
    throw failure(
      `cannot continue ${partialPath(spec.path)}: it was begun with other settings (${differing.join(', ')}); ${remedy}`,
    );
  }
  const tiles = new Map<string, number>();
  for (const line of lines.slice(1)) {
    const [, row, column, checksum] = /^(\d+) (\d+) ([0-9a-f]{8})$/.exec(line) ?? [];
    if (checksum !== undefined) tiles.set(`${row!} ${column!}`, parseInt(checksum, 16));
  }
  return { tileEdge: header.tileEdge, tiles };
}

function parseHeader(line: string): MapHeader | null {
  try {
    const header = JSON.parse(line) as Partial<MapHeader> | null;
    const whole =
      header?.format === FORMAT &&
      typeof header.version === 'number' &&
      Number.isSafeInteger(header.tileEdge) &&
      header.tileEdge! > 0 &&
      typeof header.settings === 'object';
    return whole ? (header as MapHeader) : null;
  } catch {
    return null;
  }
}

function headerOf({ dtype, shape }: TileFileSpec): Uint8Array {
  return npyHeader(dtype, shape);
}

function dataBytes({ dtype, shape }: TileFileSpec): number {
  return sizeOf(shape) * (dtype === 'float32' ? 4 : 8);
}

/** A tile: its rows and columns as numbers of inputs, and its number in the map. */
export interface TilePlace {
  readonly row: number;
  readonly column: number;
  readonly firstRow: number;
  readonly rows: number;
  readonly firstColumn: number;
  readonly columns: number;
}

export class TileFile {
  readonly #spec: TileFileSpec;
  readonly #file: number;
  readonly #map: number;
  readonly #dataStart: number;
  /** Bytes of one pair of inputs, and of one row of the file. */
  readonly #pair: number;
  readonly #line: number;

  private constructor(spec: TileFileSpec, file: number, map: number) {
    this.#spec = spec;
    this.#file = file;
    this.#map = map;
    this.#dataStart = headerOf(spec).length;
    this.#pair = sizeOf(spec.shape.slice(2)) * (spec.dtype === 'float32' ? 4 : 8);
    this.#line = this.#pair * spec.shape[1]!;
  }

  /** Begins a file, or opens what an interrupted run left. */
  static open(spec: TileFileSpec, tileEdge: number, leftover: Leftover | null): TileFile {
    const { path, dtype, shape, symmetric, settings } = spec;
    try {
      const fresh = leftover === null;
      // The map comes first: a partial file without one is somebody else's.
      const map = openSync(mapPath(path), fresh ? 'w' : 'a');
      if (fresh) {
        const header: MapHeader = {
          format: FORMAT,
          version: VERSION,
          tileEdge,
          dtype,
          shape,
          symmetric,
          settings,
        };
        writeSync(map, `${JSON.stringify(header)}\n`);
        fsyncSync(map);
      }
      const file = openSync(partialPath(path), fresh ? 'w+' : constants.O_RDWR | constants.O_CREAT);
      const header = headerOf(spec);
      writeSync(file, header, 0, header.length, 0);
      ftruncateSync(file, header.length + dataBytes(spec));
      // A record that was cut off by a kill must not run into the next one.
      if (!fresh) writeSync(map, '\n');
      return new TileFile(spec, file, map);
    } catch (cause) {
      throw failure(`cannot write ${partialPath(path)}: ${reasonOf(cause)}`, cause);
    }
  }

  /** Writes a tile, and with it the transpose across the diagonal, then records it in the map. */
  async write(place: TilePlace, tile: Reals, mirror: Reals | null): Promise<void> {
    try {
      let checksum = 0;
      for (const part of this.#parts(place, tile, mirror)) {
        checksum = crc32(part.bytes, checksum);
        await this.#eachRow(part, (row, position) => {
          for (let at = 0; at < row.length;)
            at += writeSync(this.#file, row, at, row.length - at, position + at);
        });
      }
      writeSync(this.#map, `${place.row} ${place.column} ${checksum.toString(16).padStart(8, '0')}\n`);
    } catch (cause) {
      const { path } = this.#spec;
      throw failure(
        `cannot write ${partialPath(path)}: ${reasonOf(cause)}; finished tiles are kept: the same call goes on from there`,
        cause,
      );
    }
  }

  /** Whether the file holds a tile with this checksum; the arrays are scratch of its size. */
  async holds(place: TilePlace, checksum: number, tile: Reals, mirror: Reals | null): Promise<boolean> {
    let found = 0;
    try {
      for (const part of this.#parts(place, tile, mirror)) {
        await this.#eachRow(part, (row, position) => {
          for (let at = 0; at < row.length;) {
            const read = readSync(this.#file, row, at, row.length - at, position + at);
            if (read === 0) throw new Error('it ends too early');
            at += read;
          }
        });
        found = crc32(part.bytes, found);
      }
    } catch (cause) {
      throw failure(`cannot read ${partialPath(this.#spec.path)}: ${reasonOf(cause)}`, cause);
    }
    return found === checksum;
  }

  #parts({ firstRow, rows, firstColumn, columns }: TilePlace, tile: Reals, mirror: Reals | null): Part[] {
    const part = (array: Reals, row: number, count: number, column: number, length: number): Part => ({
      bytes: new Uint8Array(array.buffer, array.byteOffset, array.byteLength),
      row,
      count,
      column,
      length: length * this.#pair,
    });
    const own = part(tile, firstRow, rows, firstColumn, columns);
    return mirror === null ? [own] : [own, part(mirror, firstColumn, columns, firstRow, rows)];
  }

  async #eachRow(
    { bytes, row, count, column, length }: Part,
    use: (row: Uint8Array, position: number) => void,
  ): Promise<void> {
    for (let i = 0; i < count; i++) {
      const position = this.#dataStart + (row + i) * this.#line + column * this.#pair;
      use(bytes.subarray(i * length, (i + 1) * length), position);
      if (i % ROWS_A_TURN === ROWS_A_TURN - 1) await nextTurn();
    }
  }

  /** The file gets its name; the map goes. */
  async complete(): Promise<void> {
    const { path } = this.#spec;
    try {
      fsyncSync(this.#file);
      this.close();
      if (await exists(path))
        throw new Error('the file has come to exist meanwhile; what was computed is kept');
      await rename(partialPath(path), path);
      await rm(mapPath(path), { force: true });
    } catch (cause) {
      throw failure(`cannot write ${path}: ${reasonOf(cause)}`, cause);
    }
  }

  #closed = false;

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    closeSync(this.#file);
    closeSync(this.#map);
  }
}

/** Rows of one array, and where they lie in the file. */
interface Part {
  readonly bytes: Uint8Array;
  readonly row: number;
  readonly count: number;
  readonly column: number;
  readonly length: number;
}
