/** Reads bytes chunk by chunk from a file, standard input or memory, gzipped or not. */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { pipeline, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';

import { allocated, DeepntkError } from '../../errors';
import { expectFits } from '../../memory';
import type { Watch } from '../../watch';
import { invalidFile, reasonOf } from '../files';
import { type DataSource, nameOfSource } from './source';

/** Reads bytes in chunks and can look ahead at the beginning. */
export class ByteReader {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #held: Uint8Array = new Uint8Array(0);

  /** @param size the total number of bytes; null if it is not known in advance */
  constructor(
    chunks: AsyncIterable<Uint8Array>,
    readonly size: number | null,
  ) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** The next `count` bytes, or all remaining bytes. They stay in the reader. */
  async peek(count: number): Promise<Uint8Array> {
    while (this.#held.length < count) {
      const next = await this.#chunks.next();
      if (next.done === true) break;
      this.#held = this.#held.length === 0 ? next.value : Buffer.concat([this.#held, next.value]);
    }
    return this.#held.subarray(0, count);
  }

  async skip(count: number): Promise<void> {
    await this.peek(count);
    this.#held = this.#held.subarray(count);
  }

  /** All remaining bytes. */
  async *rest(): AsyncGenerator<Uint8Array> {
    try {
      if (this.#held.length > 0) yield this.#held;
      this.#held = new Uint8Array(0);
      for (;;) {
        const next = await this.#chunks.next();
        if (next.done === true) return;
        yield next.value;
      }
    } finally {
      await this.close();
    }
  }

  /** All remaining bytes in one piece. Reading stops beyond `limit` bytes. */
  async whole(name: string, limit = Infinity): Promise<Buffer> {
    const parts: Uint8Array[] = [];
    let length = 0;
    for await (const part of this.rest()) {
      parts.push(part);
      length += part.length;
      if (length > limit) break;
      expectFits(`cannot read ${name}`, 2 * length, 'its content');
    }
    return allocated(`the ${length} bytes of ${name}`, () => Buffer.concat(parts));
  }

  /** Closes a file that was not read to its end. */
  async close(): Promise<void> {
    await this.#chunks.return?.();
  }
}

/**
 * Opens data. Gzipped data are unpacked.
 *
 * @param onBytes is called with the bytes read so far (before unpacking) and the total; not called for standard input
 */
export async function openBytes(
  source: DataSource,
  { signal }: Watch,
  onBytes?: (read: number, total: number) => void,
): Promise<ByteReader> {
  const name = nameOfSource(source);
  const size = await sizeOfSource(source, name);
  const raw = new ByteReader(counted(chunksOf(source, name), signal, size, onBytes), size);
  const [first, second] = await raw.peek(2);
  if (first !== 0x1f || second !== 0x8b) return raw;
  const reader = new ByteReader(gunzipped(raw.rest(), name), null);
  const inner = await reader.peek(2);
  if (inner[0] !== 0x1f || inner[1] !== 0x8b) return reader;
  await reader.close();
  throw invalidFile(name, 'data that are gzipped once', 'a gzip file inside a gzip file');
}

async function sizeOfSource(source: DataSource, name: string): Promise<number | null> {
  if (typeof source !== 'string') return source.length;
  if (source === '-') return null;
  const found = await stat(source).catch((error: unknown) => {
    throw cannotRead(name, error);
  });
  if (found.isDirectory()) throw cannotRead(name, new Error('it is a folder'));
  return found.isFile() ? found.size : null;
}

async function* chunksOf(source: DataSource, name: string): AsyncGenerator<Uint8Array> {
  if (typeof source !== 'string') {
    for (let at = 0; at < source.length; at += CHUNK) yield source.subarray(at, at + CHUNK);
    return;
  }
  try {
    const stream = source === '-' ? process.stdin : createReadStream(source, { highWaterMark: CHUNK });
    for await (const chunk of stream) yield chunk as Buffer;
  } catch (error) {
    throw cannotRead(name, error);
  }
}

/** The work for one chunk takes some milliseconds, and the event loop is free between chunks. */
const CHUNK = 2 ** 16;

async function* counted(
  chunks: AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
  total: number | null,
  onBytes: ((read: number, total: number) => void) | undefined,
): AsyncGenerator<Uint8Array> {
  let read = 0;
  for await (const chunk of chunks) {
    signal?.throwIfAborted();
    yield chunk;
    read += chunk.length;
    if (total !== null && total > 0) onBytes?.(Math.min(read, total), total);
  }
  signal?.throwIfAborted();
}

async function* gunzipped(chunks: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<Uint8Array> {
  const unpacking = pipeline(Readable.from(chunks), createGunzip({ chunkSize: CHUNK }), () => undefined);
  try {
    for await (const chunk of unpacking) yield chunk as Buffer;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined || !code.startsWith('Z_')) throw error;
    throw invalidFile(name, 'a complete gzip file', (error as Error).message, { cause: error });
  }
}

export function cannotRead(name: string, error: unknown): DeepntkError {
  if (error instanceof DeepntkError) return error;
  return new DeepntkError('ERR_INVALID_FILE', `cannot read ${name}: ${reasonOf(error)}`, { cause: error });
}
