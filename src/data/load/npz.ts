/** NumPy's .npz files: zip archives of .npy files, read one array at a time. */
import { crc32 } from 'node:zlib';

import { type Entry, fromBufferPromise, openPromise, type ZipFile } from 'yauzl';

import type { NdArray } from '../../ndarray';
import type { Watch } from '../../watch';
import { invalidFile } from '../files';
import { readNpyFrom } from '../npy';
import { ByteReader, cannotRead } from './bytes';
import { list } from './decide';
import { archiveRecipe } from './formats';

/**
 * Reads one array of an archive.
 *
 * @param archive the path of the file, or its bytes
 * @param member the name of the array; null for the only one
 * @returns the array, and its name in messages, such as "data.npz:x"
 * @throws DeepntkError `ERR_INVALID_FILE` if there is no such array; the error lists the arrays of the file
 */
export async function readNpz(
  archive: string | Buffer,
  name: string,
  member: string | null,
  { signal, onProgress }: Watch,
): Promise<{ array: NdArray; name: string }> {
  const zip = await explained(name, () =>
    typeof archive === 'string'
      ? openPromise(archive, { autoClose: false })
      : fromBufferPromise(archive, { autoClose: false }),
  );
  try {
    const entries: Entry[] = [];
    await explained(name, async () => {
      for await (const entry of zip.eachEntry()) entries.push(entry);
    });
    const { entry, array } = choose(entries, name, member);
    const full = `${name}:${array}`;
    const stream = await explained(full, () => openEntry(zip, entry, full));
    const reader = new ByteReader(checked(stream, entry, full, signal, onProgress), null);
    return { array: await readNpyFrom(reader, full), name: full };
  } finally {
    zip.close();
  }
}

function choose(
  entries: readonly Entry[],
  name: string,
  member: string | null,
): { entry: Entry; array: string } {
  const names = entries.map(({ fileName }) => fileName);
  const recipe = archiveRecipe(names);
  if (recipe !== undefined) throw invalidFile(name, 'a .npz file of arrays', recipe);
  const arrays = entries.flatMap((entry) =>
    entry.fileName.endsWith('.npy') ? [{ entry, array: entry.fileName.slice(0, -'.npy'.length) }] : [],
  );
  const known = arrays.map(({ array }) => array);
  if (arrays.length === 0)
    throw invalidFile(name, 'a .npz file of arrays', `a zip file of ${list(names) || 'nothing'}`);
  if (member === null && arrays.length > 1) {
    const isFile = /\.npz(\.gz)?$/i.test(name);
    const expected = isFile
      ? `the name of an array, as in ${name}:${known[0]!}`
      : 'one array, or a file .npz, whose arrays can be named';
    throw invalidFile(name, expected, `arrays ${list(known, 20)}`);
  }
  const fitting = member === null ? arrays : arrays.filter(({ array }) => array === member);
  if (fitting.length === 1) return fitting[0]!;
  const got = fitting.length === 0 ? `arrays ${list(known, 20)}` : 'two with this name';
  throw invalidFile(name, `one array ${JSON.stringify(member)}`, got);
}

async function openEntry(zip: ZipFile, entry: Entry, name: string): Promise<AsyncIterable<Buffer>> {
  if (entry.isEncrypted()) throw invalidFile(name, 'an array', 'an encrypted array');
  if (!entry.canDecodeFileData()) {
    throw invalidFile(
      name,
      'an array that is stored or deflated',
      `compression method ${entry.compressionMethod}`,
    );
  }
  return zip.openReadStreamPromise(entry);
}

/** yauzl checks the length of the unpacked data; this function verifies the checksum. */
async function* checked(
  stream: AsyncIterable<Buffer>,
  { crc32: expected, uncompressedSize }: Entry,
  name: string,
  signal: AbortSignal | undefined,
  onProgress: Watch['onProgress'],
): AsyncGenerator<Uint8Array> {
  let sum = 0;
  let read = 0;
  try {
    for await (const chunk of stream) {
      signal?.throwIfAborted();
      sum = crc32(chunk, sum);
      read += chunk.length;
      yield chunk;
      onProgress?.(Math.min(1, read / Math.max(1, uncompressedSize)));
    }
  } catch (error) {
    throw signal?.aborted === true ? error : broken(name, error);
  }
  if (sum !== expected)
    throw invalidFile(name, `data with the checksum ${expected}`, `${sum}: the file is damaged`);
}

async function explained<T>(name: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw broken(name, error);
  }
}

function broken(name: string, error: unknown): Error {
  const { code } = error as NodeJS.ErrnoException;
  if (code?.startsWith('E') === true) return cannotRead(name, error);
  return invalidFile(name, 'a complete .npz file', error instanceof Error ? error.message : String(error), {
    cause: error,
  });
}
