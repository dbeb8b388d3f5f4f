/**
 * Some tiles of a kernel in a file of their own: the shard that one of several machines computes. The first line is the head.
 * Then come the tiles, each a line with its row, its column and the CRC-32 of its numbers, and the numbers. A tile that a kill
 * has cut off does not count.
 */
import { type FileHandle, open } from 'node:fs/promises';
import { crc32 } from 'node:zlib';

import type { Reals } from '../backend/seam';
import { invalidFile, reasonOf } from '../data/files';
import { DeepntkError } from '../errors';
import { sizeOf } from '../ndarray';
import { bytesOf } from './blocks';
import { GROUP } from './plan';
import { expectSameSettings, type Fields, parseFields, readSettings } from '../runs/head';
import { type Lock, lockFile } from '../runs/lock';
import type { Shard } from '../runs/ranges';
import { type KernelSettings, readTileEdge, storedSettings } from './tile-map';
import { keyOf, type KernelGrid, tileOf, type TilePlace, type TileStore } from './tiles';

export const KERNEL_PART = { format: 'deepntk-kernel-part', version: 2 } as const;
const LONGEST_LINE = 2 ** 20;
/** Bytes of a tile that are looked at at a time: the plan of the memory knows of no more. */
const PIECE = 2 ** 18;

export interface PartHeader extends KernelSettings {
  readonly tileEdge: number;
  readonly shard: Shard;
}

/** Where a tile's numbers lie in the file. */
interface Stored {
  readonly place: TilePlace;
  readonly position: number;
  readonly checksum: number;
}

export class PartFile implements TileStore {
  readonly path: string;
  readonly header: PartHeader;
  readonly tiles = new Map<string, Stored>();
  readonly #file: FileHandle;
  #lock: Lock | null = null;
  #end = 0;
  #last: Promise<void> = Promise.resolve();

  private constructor(path: string, file: FileHandle, header: PartHeader) {
    this.path = path;
    this.#file = file;
    this.header = header;
  }

  /**
   * Locks a part and begins it, or opens one that is there.
   *
   * @throws DeepntkError `ERR_INVALID_FILE` if another run writes it, or if it is not a part or belongs to other settings; then
   *   nothing is cut off
   */
  static async create(
    path: string,
    header: PartHeader,
    { force, signal }: { readonly force: boolean; readonly signal: AbortSignal | undefined },
  ): Promise<PartFile> {
    const lock = await lockFile(path, signal);
    let file: FileHandle | undefined;
    try {
      file = await opened(path, 'a+');
      const { tileEdge, shard } = header;
      const settings = { ...storedSettings(header, tileEdge), shard };
      const line = Buffer.from(`${JSON.stringify({ ...KERNEL_PART, settings })}\n`);
      let part: PartFile;
      if (!force && !(await isTorn(file, line))) {
        part = await PartFile.#scan(path, file);
        expectSameSettings(path, part.#settings, settings);
        await part.#keepWhole();
      } else {
        await file.truncate(0);
        part = new PartFile(path, file, header);
        await part.#write([line]);
      }
      part.#lock = lock;
      return part;
    } catch (error) {
      await file?.close();
      await lock.release();
      throw error;
    }
  }

  get #settings(): Record<string, unknown> {
    return { ...storedSettings(this.header, this.header.tileEdge), shard: this.header.shard };
  }

  /** @throws DeepntkError `ERR_INVALID_FILE` if the other part is not of the same kernel */
  expectSameKernel(other: PartFile): void {
    const [own, wanted] = [this, other].map(({ header }) => storedSettings(header, header.tileEdge));
    expectSameSettings(this.path, own, wanted, `in ${other.path}`);
  }

  static async open(path: string): Promise<PartFile> {
    const file = await opened(path, 'r');
    try {
      return await PartFile.#scan(path, file);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  get grid(): KernelGrid {
    const { shape, tileEdge, symmetric, dtype } = this.header;
    return { inputs: [shape[0]!, shape[1]!], tileEdge, symmetric, dtype };
  }

  /** Bytes of a tile. */
  #bytesOf({ rows, columns }: TilePlace): number {
    const { shape, dtype } = this.header;
    return rows * columns * sizeOf(shape.slice(2)) * (dtype === 'float32' ? 4 : 8);
  }

  /** Reads the header, and which tiles follow it. */
  static async #scan(path: string, file: FileHandle): Promise<PartFile> {
    const { size } = await file.stat();
    const first = await lineAt(file, 0);
    const part = new PartFile(path, file, headerOf(path, first));
    let position = first!.length + 1;
    for (;;) {
      const line = await lineAt(file, position);
      const [, key, checksum] = /^(\d+ \d+) ([0-9a-f]{8})$/.exec(line ?? '') ?? [];
      const place = key === undefined ? null : tileOf(part.grid, key);
      if (place === null) break;
      const begin = position + line!.length + 1;
      const end = begin + part.#bytesOf(place);
      if (end > size) break;
      part.tiles.set(keyOf(place), { place, position: begin, checksum: parseInt(checksum!, 16) });
      position = end;
    }
    part.#end = position;
    return part;
  }

  /** Cuts the file off behind the last tile in front of which all are whole. */
  async #keepWhole(): Promise<void> {
    const piece = new Uint8Array(PIECE);
    let end: number | null = null;
    for (const [key, stored] of [...this.tiles]) {
      if (end === null && !(await this.#isWhole(stored, piece)))
        end = stored.position - `${key} 00000000\n`.length;
      if (end !== null) this.tiles.delete(key);
    }
    this.#end = end ?? this.#end;
    await this.#file.truncate(this.#end);
  }

  async #isWhole({ place, position, checksum }: Stored, piece: Uint8Array): Promise<boolean> {
    const length = this.#bytesOf(place);
    let found = 0;
    for (let at = 0; at < length; at += piece.length) {
      const bytes = piece.subarray(0, Math.min(piece.length, length - at));
      if (!(await this.#fill(bytes, position + at))) return false;
      found = crc32(bytes, found);
    }
    return found === checksum;
  }

  /** Reads a tile into an array of its size; whether it is there, with its checksum. */
  async read(place: TilePlace, tile: Reals): Promise<boolean> {
    const stored = this.tiles.get(keyOf(place));
    if (stored === undefined) return false;
    const bytes = bytesOf(tile);
    return (await this.#fill(bytes, stored.position)) && crc32(bytes) === stored.checksum;
  }

  /** Reads bytes from a position on; false where the file ends before they do. */
  async #fill(bytes: Uint8Array, position: number): Promise<boolean> {
    for (let at = 0; at < bytes.length;) {
      const { bytesRead } = await this.#file.read(bytes, at, bytes.length - at, position + at);
      if (bytesRead === 0) return false;
      at += bytesRead;
    }
    return true;
  }

  /** Tiles follow one another, though a writer may come with the next before the last is written. */
  write(place: TilePlace, tile: Reals): Promise<void> {
    this.#last = this.#last.then(() => this.#append(place, tile));
    return this.#last;
  }

  async #append(place: TilePlace, tile: Reals): Promise<void> {
    const bytes = bytesOf(tile);
    const checksum = crc32(bytes);
    const line = Buffer.from(`${keyOf(place)} ${checksum.toString(16).padStart(8, '0')}\n`);
    const position = this.#end + line.length;
    await this.#write([line, bytes]);
    this.tiles.set(keyOf(place), { place, position, checksum });
  }

  async #write(parts: readonly Uint8Array[]): Promise<void> {
    try {
      for (const part of parts) {
        await this.#file.appendFile(part);
        this.#end += part.length;
      }
    } catch (cause) {
      throw new DeepntkError(
        'ERR_INVALID_FILE',
        `cannot write ${this.path}: ${reasonOf(cause)}; finished tiles are kept: the same call goes on from there`,
        { cause },
      );
    }
  }

  async complete(): Promise<void> {
    await this.#file.sync();
  }

  async close(): Promise<void> {
    await this.#file.close();
    await this.#lock?.release();
  }
}

/** Whether all there is of a file is how this line begins: it was cut off, or has not been begun. */
async function isTorn(file: FileHandle, line: Uint8Array): Promise<boolean> {
  const { size } = await file.stat();
  if (size >= line.length) return false;
  const { buffer, bytesRead } = await file.read(Buffer.alloc(line.length), 0, line.length, 0);
  return buffer.subarray(0, bytesRead).equals(line.subarray(0, size));
}

async function opened(path: string, flags: string): Promise<FileHandle> {
  return open(path, flags).catch((cause: unknown) => {
    const what = flags === 'r' ? 'read' : 'write';
    throw new DeepntkError('ERR_INVALID_FILE', `cannot ${what} ${path}: ${reasonOf(cause)}`, { cause });
  });
}

/** The line that begins at a position, without its end; null where none ends. */
async function lineAt(file: FileHandle, position: number): Promise<string | null> {
  for (let length = 4096; length <= LONGEST_LINE; length *= 4) {
    const buffer = Buffer.alloc(length);
    const { bytesRead } = await file.read(buffer, 0, length, position);
    const end = buffer.subarray(0, bytesRead).indexOf(10);
    if (end >= 0) return buffer.toString('latin1', 0, end);
    if (bytesRead < length) return null;
  }
  return null;
}

function headerOf(path: string, line: string | null): PartHeader {
  if (line === null) throw invalidFile(path, 'a part of a kernel (deepntk kernel --shard)', 'something else');
  const stored = readSettings(parseFields(line, path), KERNEL_PART, path);
  const { shape, tileEdge, shard, dtype, symmetric, ...settings } = stored as unknown as PartHeader & Fields;
  const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) > 0;
  const whole =
    Array.isArray(shape) &&
    [2, 3, 4].includes(shape.length) &&
    shape.every(isCount) &&
    readTileEdge(stored, path) % GROUP === 0 &&
    isCount((shard as Shard | undefined)?.count) &&
    Number.isSafeInteger(shard.index) &&
    ['float32', 'float64'].includes(dtype) &&
    typeof symmetric === 'boolean' &&
    (!symmetric || shape[0] === shape[1]);
  if (!whole) throw invalidFile(path, 'the settings of a part of a kernel', 'damaged ones');
  return { shape, tileEdge, shard, dtype, symmetric, settings: settings as Record<string, string> };
}
