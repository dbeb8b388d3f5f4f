/**
 * A .npy file that comes to be tile by tile (docs/large-kernels.md). While it is incomplete it is called NAME.partial, and its
 * journal, NAME.meta.jsonl, lists the finished tiles. A process that is killed leaves both, and the next one with the same
 * settings continues: it accepts a tile only if its checksum is right.
 */
import {
  closeSync,
  constants,
  fstatSync,
  fsync,
  ftruncateSync,
  openSync,
  readSync,
  statSync,
  writeSync,
} from 'node:fs';
import { rename } from 'node:fs/promises';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { promisify } from 'node:util';
import { crc32 } from 'node:zlib';

import type { Reals } from '../backend/seam';
import { reasonOf } from '../data/files';
import { sizeOf } from '../ndarray';
import { Journal } from '../runs/journal';
import { type Lock, lockFile } from '../runs/lock';
import { bytesOf } from './blocks';
import {
  dataBytes,
  exists,
  failure,
  headerOf,
  inspectTarget,
  KERNEL_TILES,
  type Leftover,
  partialPath,
  storedSettings,
  type TileFileSpec,
} from './tile-map';
import { keyOf, type KernelGrid, tileOf, type TilePlace, tilesOf, type TileStore, TileWriter } from './tiles';

const toDisk = promisify(fsync);

/** Rows written or read before the event loop has its turn. */
const ROWS_A_TURN = 128;

/** How a file is opened. */
export interface OpenOptions {
  /** The bytes of temporary files beside it. */
  readonly extraBytes?: number;
  readonly force: boolean;
  readonly signal: AbortSignal | undefined;
}

export class TileFile implements TileStore {
  readonly #spec: TileFileSpec;
  readonly #file: number;
  readonly #journal: Journal;
  readonly #lock: Lock;
  readonly #dataStart: number;
  /** Bytes of one pair of inputs, and of one row of the file. */
  readonly #pair: number;
  readonly #line: number;
  #closed = false;

  private constructor(spec: TileFileSpec, file: number, journal: Journal, lock: Lock) {
    this.#spec = spec;
    this.#file = file;
    this.#journal = journal;
    this.#lock = lock;
    this.#dataStart = headerOf(spec).length;
    this.#pair = sizeOf(spec.shape.slice(2)) * (spec.dtype === 'float32' ? 4 : 8);
    this.#line = this.#pair * spec.shape[1]!;
  }

  /**
   * Locks a file and begins it, or opens what an interrupted run left.
   *
   * @param gridOf the tiles; its argument is the edge of those that are there, or null
   * @returns a sink for the tiles, which closes the file
   * @throws DeepntkError `ERR_INVALID_FILE` as {@link inspectTarget}, or if another run writes the file
   */
  static async open<Grid extends KernelGrid>(
    spec: TileFileSpec,
    { extraBytes = 0, force, signal }: OpenOptions,
    gridOf: (tileEdge: number | null) => Grid,
  ): Promise<TileWriter<Grid>> {
    const lock = await lockFile(spec.path, signal);
    let file: TileFile | undefined;
    try {
      const leftover = await inspectTarget(spec, extraBytes, force);
      const grid = gridOf(leftover?.tileEdge ?? null);
      signal?.throwIfAborted();
      file = TileFile.#begin(spec, grid.tileEdge, leftover, lock);
      const writer = new TileWriter(grid, sizeOf(spec.shape.slice(2)), true, file, tilesOf(grid));
      if (leftover !== null) writer.reused = await file.#verify(leftover, writer, signal);
      return writer;
    } catch (error) {
      await file?.close();
      await lock.release();
      throw error;
    }
  }

  static #begin(spec: TileFileSpec, tileEdge: number, leftover: Leftover | null, lock: Lock): TileFile {
    const { path } = spec;
    const fresh = leftover === null;
    // The journal comes first: a partial file without one is somebody else's.
    const head = { ...KERNEL_TILES, settings: storedSettings(spec, tileEdge) };
    const journal = Journal.open(path, head, fresh);
    try {
      const file = openSync(partialPath(path), fresh ? 'w+' : constants.O_RDWR | constants.O_CREAT);
      const header = headerOf(spec);
      writeSync(file, header, 0, header.length, 0);
      ftruncateSync(file, header.length + dataBytes(spec));
      return new TileFile(spec, file, journal, lock);
    } catch (cause) {
      journal.close();
      throw failure(`cannot write ${partialPath(path)}: ${reasonOf(cause)}`, cause);
    }
  }

  /** Writes a tile, and with it the transpose across the diagonal, then records it in the journal. */
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
      this.#journal.append(keyOf(place), checksum);
    } catch (cause) {
      const { path } = this.#spec;
      throw failure(
        `cannot write ${partialPath(path)}: ${reasonOf(cause)}; finished tiles are kept: the same call goes on from there`,
        cause,
      );
    }
  }

  /** The tiles of a journal that are in the file, each with its checksum. */
  async #verify<Grid extends KernelGrid>(
    { tiles }: Leftover,
    writer: TileWriter<Grid>,
    signal: AbortSignal | undefined,
  ): Promise<TilePlace[]> {
    const whole: TilePlace[] = [];
    for (const [key, checksum] of tiles) {
      signal?.throwIfAborted();
      const place = tileOf(writer.grid, key);
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

  /** The file gets its name, and the journal is removed. */
  async complete(): Promise<void> {
    const { path } = this.#spec;
    try {
      // Many gigabytes may take minutes. The lock shows meanwhile that this process lives.
      await toDisk(this.#file);
      if (fstatSync(this.#file).ino !== statSync(partialPath(path)).ino)
        throw new Error(`${partialPath(path)} has been replaced meanwhile`);
      this.#closeFile();
      if (await exists(path))
        throw new Error('the file has come to exist meanwhile; what was computed is kept');
      await rename(partialPath(path), path);
      await this.#journal.remove();
    } catch (cause) {
      throw failure(`cannot write ${path}: ${reasonOf(cause)}`, cause);
    }
  }

  #closeFile(): void {
    if (!this.#closed) closeSync(this.#file);
    this.#closed = true;
  }

  async close(): Promise<void> {
    this.#closeFile();
    this.#journal.close();
    await this.#lock.release();
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
