/** IDX, the format of the MNIST files: http://yann.lecun.com/exdb/mnist */
import { constants, gunzipSync } from 'node:zlib';

import { DeepntkError } from '../errors';
import { expectFits } from '../memory';
import { sizeOf } from '../ndarray';
import { invalidFile, readBytes } from './files';

/** The contents of an IDX file: row-major bytes. */
export interface ByteArray {
  readonly data: Uint8Array;
  readonly shape: readonly number[];
}

const UNSIGNED_BYTES = 0x08;

/**
 * Reads an IDX file of unsigned bytes, plain or gzipped: MNIST's images are n x 28 x 28, its labels n.
 *
 * @throws DeepntkError `ERR_INVALID_FILE` where the file cannot be read, is no IDX file, holds another type, is truncated
 *   or has trailing bytes
 */
export async function readIdx(path: string): Promise<ByteArray> {
  return decodeIdx(await readBytes(path), path);
}

/**
 * {@link readIdx} of a file that is already in memory.
 *
 * @param name what error messages call it
 */
export function decodeIdx(bytes: Uint8Array, name = 'IDX data'): ByteArray {
  const content = bytes[0] === 0x1f && bytes[1] === 0x8b ? unzip(bytes, name) : bytes;
  const buffer = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
  if (buffer.length < 4 || buffer.readUInt16BE(0) !== 0) {
    const got = buffer.length === 0 ? 'an empty file' : `the bytes ${buffer.toString('hex', 0, 4)}`;
    throw invalidFile(name, 'an IDX file (first bytes 0000, a type, the number of axes)', got);
  }
  if (buffer[2] !== UNSIGNED_BYTES) {
    throw invalidFile(name, 'IDX type 08 (unsigned bytes)', buffer.toString('hex', 2, 3));
  }
  const axes = buffer[3]!;
  const dataStart = 4 + 4 * axes;
  if (buffer.length < dataStart) {
    throw invalidFile(`${name} (truncated)`, `a header of ${dataStart} bytes`, `${buffer.length}`);
  }
  const shape = Array.from({ length: axes }, (_, axis) => buffer.readUInt32BE(4 + 4 * axis));
  const data = buffer.subarray(dataStart);
  if (data.length !== sizeOf(shape)) {
    const problem = data.length < sizeOf(shape) ? 'truncated' : 'trailing bytes';
    throw invalidFile(
      `${name} (${problem})`,
      `${sizeOf(shape)} bytes of data for shape (${shape.join(', ')})`,
      `${data.length}`,
    );
  }
  return { data: new Uint8Array(data), shape };
}

/** No more is unpacked than the header inside says there is: a small file can hold gigabytes of zeros. */
function unzip(bytes: Uint8Array, name: string): Uint8Array {
  try {
    const header = gunzipSync(bytes.subarray(0, HEADER_PACKED), { finishFlush: constants.Z_SYNC_FLUSH });
    const whole = contentLength(header);
    expectFits(`cannot read ${name}`, whole, 'its content');
    return gunzipSync(bytes, { maxOutputLength: whole + 1 });
  } catch (error) {
    if (error instanceof DeepntkError) throw error;
    const tooLong = (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE';
    throw invalidFile(
      name,
      'a whole gzip file of an IDX file',
      tooLong ? 'more than its header says' : (error as Error).message,
      { cause: error },
    );
  }
}

/** The longest header, 4 + 4 * 255 bytes, lies in the first this many of a gzip file. */
const HEADER_PACKED = 4096;

/** How long a file with this beginning should be. */
function contentLength(header: Uint8Array): number {
  const axes = header[3] ?? 0;
  const dataStart = 4 + 4 * axes;
  if (header.length < dataStart) return header.length;
  const view = Buffer.from(header.buffer, header.byteOffset, header.byteLength);
  return dataStart + sizeOf(Array.from({ length: axes }, (_, axis) => view.readUInt32BE(4 + 4 * axis)));
}
