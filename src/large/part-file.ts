/**
 * Some tiles of a kernel in a file of their own: a part that one of several machines computes. The first line is a JSON
 * object that says of which kernel, then tile after tile: a line with its row, its column and the CRC-32 of its numbers,
 * and the numbers themselves. What a kill cuts off does not count.
 */
import { type FileHandle, open } from 'node:fs/promises';
import { crc32 } from 'node:zlib';

import type { Reals } from '../backend/seam';
import { invalidFile, reasonOf } from '../data/files';
import { DeepntkError } from '../errors';
import { sizeOf } from '../ndarray';
import { bytesOf } from './blocks';
import { GROUP } from './plan';
import type { KernelSettings } from './tile-map';
import { keyOf, type TileGrid, tileOf, type TilePlace, type TileShard } from './tiles';

const FORMAT = 'deepntk kernel part';
const VERSION = 1;
const LONGEST_LINE = 2 ** 20;
/** Bytes of a tile that are looked at at a time: the plan of the memory knows of no more. */
const PIECE = 2 ** 18;

export interface PartHeader extends KernelSettings {
  readonly tileEdge: number;
  readonly shard: TileShard;
}

/** Where a tile's numbers lie in the file. */
interface Stored {
  readonly place: TilePlace;
  readonly position: number;
  readonly checksum: number;
}

export class PartFile {
  readonly path: string;
  readonly header: PartHeader;
  readonly tiles = new Map<string, Stored>();
  readonly #file: FileHandle;
  #end = 0;
  #last: Promise<void> = Promise.resolve();

  private constructor(path: string, file: FileHandle, header: PartHeader) {
    this.path = path;
    this.#file = file;
    this.header = header;
  }

  /**
   * A new part, or one that is there and is to go on. `expectSame` throws where what is there is another part: it is looked at
   * before anything is cut off.
   */
  static async create(
    path: string,
    header: PartHeader,
    expectSame: (part: PartFile) => void,
  ): Promise<PartFile> {
    const file = await opened(path, 'a+');
    try {
      const line = Buffer.from(`${JSON.stringify({ format: FORMAT, version: VERSION, ...header })}\n`);
      if (!(await isTorn(file, line))) {
        const part = await PartFile.#scan(path, file);
        expectSame(part);
        await part.#keepWhole();
        return part;
      }
      await file.truncate(0);
      const part = new PartFile(path, file, header);
      await part.#write([line]);
      return part;
    } catch (error) {
      await file.close();
      throw error;
    }
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

  get grid(): TileGrid {
    const { shape, tileEdge, symmetric } = this.header;
    return { inputs: [shape[0]!, shape[1]!], tileEdge, symmetric };
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
  append(place: TilePlace, tile: Reals): Promise<void> {
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

  async close(): Promise<void> {
    await this.#file.close();
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
  const header = parsed(line);
  if (header?.['format'] !== FORMAT) {
    throw invalidFile(path, 'a part of a kernel (deepntk kernel --shard)', 'something else');
  }
  if (header['version'] !== VERSION)
    throw invalidFile(path, `version ${VERSION} of kernel parts`, String(header['version']));
  const { shape, tileEdge, settings, shard, dtype, symmetric } = header as Partial<PartHeader>;
  const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) > 0;
  const whole =
    Array.isArray(shape) &&
    [2, 3, 4].includes(shape.length) &&
    shape.every(isCount) &&
    isCount(tileEdge) &&
    tileEdge! % GROUP === 0 &&
    typeof settings === 'object' &&
    (settings as unknown) !== null &&
    isCount(shard?.count) &&
    Number.isSafeInteger(shard?.index) &&
    (dtype === 'float32' || dtype === 'float64') &&
    typeof symmetric === 'boolean' &&
    (!symmetric || shape[0] === shape[1]);
  if (!whole) throw invalidFile(path, 'the header of a part of a kernel', 'a damaged one');
  return header as unknown as PartHeader;
}

function parsed(line: string | null): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(line ?? '');
    return typeof value === 'object' ? (value as Record<string, unknown> | null) : null;
  } catch {
    return null;
  }
}
