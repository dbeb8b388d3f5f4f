/**
 * A .npy file that comes to be tile by tile, beside it a map of the tiles that are there; docs/large-kernels.md describes
 * both. While it is incomplete it is called NAME.partial, and the map NAME.tiles. A process that is killed leaves both,
 * and the next one with the same settings goes on: it believes a tile only if its checksum holds.
 */
import {
  closeSync,
  constants,
  fsync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readSync,
  writeSync,
} from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { promisify } from 'node:util';
import { crc32 } from 'node:zlib';

import type { Reals } from '../backend/seam';
import { reasonOf } from '../data/files';
import { sizeOf } from '../ndarray';
import { bytesOf } from './blocks';
import {
  dataBytes,
  exists,
  failure,
  headerOf,
  type Leftover,
  mapHeader,
  mapPath,
  partialPath,
  type TileFileSpec,
} from './tile-map';
import { keyOf, type TileGrid, tileOf, type TilePlace, type TileWriter } from './tiles';

const toDisk = promisify(fsync);

/** Rows written or read before the event loop has its turn. */
const ROWS_A_TURN = 128;

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
    const { path } = spec;
    try {
      const fresh = leftover === null;
      // The map comes first: a partial file without one is somebody else's.
      const map = openSync(mapPath(path), fresh ? 'w' : 'a');
      if (fresh) {
        writeSync(map, mapHeader(spec, tileEdge));
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
      writeSync(this.#map, `${keyOf(place)} ${checksum.toString(16).padStart(8, '0')}\n`);
    } catch (cause) {
      const { path } = this.#spec;
      throw failure(
        `cannot write ${partialPath(path)}: ${reasonOf(cause)}; finished tiles are kept: the same call goes on from there`,
        cause,
      );
    }
  }

  /** The tiles of a map that are in the file, each with its checksum. */
  async verify(
    grid: TileGrid,
    { tiles }: Pick<Leftover, 'tiles'>,
    writer: TileWriter,
    signal: AbortSignal | undefined,
  ): Promise<TilePlace[]> {
    const whole: TilePlace[] = [];
    for (const [key, checksum] of tiles) {
      signal?.throwIfAborted();
      const place = tileOf(grid, key);
      if (place === null) continue;
      const { tile, mirror } = await writer.room(place);
      if (await this.#holds(place, checksum, tile, mirror)) whole.push(place);
    }
    return whole;
  }

  /** Whether the file holds a tile with this checksum; the arrays are scratch of its size. */
  async #holds(place: TilePlace, checksum: number, tile: Reals, mirror: Reals | null): Promise<boolean> {
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
      bytes: bytesOf(array),
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
      // Many gigabytes may take minutes: the lock's signs of life go on meanwhile.
      await toDisk(this.#file);
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
