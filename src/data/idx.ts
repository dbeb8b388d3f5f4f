/** IDX, the format of the MNIST files: http://yann.lecun.com/exdb/mnist */
import type { NdArray } from '../ndarray';
import { sizeOf } from '../ndarray';
import { invalidFile } from './files';
import { readNumbers, wrongLength } from './load/array';
import { type ByteReader, openBytes } from './load/bytes';
import { type DataSource, nameOfSource } from './load/source';

/** The contents of an IDX file: row-major bytes. */
export interface ByteArray {
  readonly data: Uint8Array;
  readonly shape: readonly number[];
}

const UNSIGNED_BYTES = 0x08;
/** The largest header: four bytes, and four bytes for each of at most 255 axes. */
const LONGEST_HEADER = 4 + 4 * 255;

/**
 * Reads an IDX file of unsigned bytes, plain or gzipped: MNIST's images are n x 28 x 28, its labels n.
 *
 * @param source the path of the file, or its bytes
 * @throws DeepntkError `ERR_INVALID_FILE` where the file cannot be read, is no IDX file, holds another type, is truncated
 *   or has trailing bytes
 */
export async function readIdx(source: DataSource): Promise<ByteArray> {
  const name = nameOfSource(source);
  const reader = await openBytes(source, { signal: undefined, onProgress: undefined });
  const { shape, dataStart } = await idxLayout(reader, name);
  const expected = sizeOf(shape);
  await reader.skip(dataStart);
  // A small gzip file can hold gigabytes of zeros, so no more is unpacked than the header states.
  const data = await reader.whole(name, expected);
  if (data.length === expected) return { data, shape };
  const got = data.length > expected ? 'more' : data.length;
  throw wrongLength({ shape, typeName: null }, expected, got, name);
}

/** The numbers of an open IDX file, as float64. */
export async function readIdxFrom(reader: ByteReader, name: string): Promise<NdArray> {
  const layout = await idxLayout(reader, name);
  const type = { kind: 'unsigned', bytes: 1, order: 'big' } as const;
  return readNumbers(reader, { ...layout, type, typeName: null, fortranOrder: false }, name);
}

async function idxLayout(reader: ByteReader, name: string): Promise<{ shape: number[]; dataStart: number }> {
  const head = Buffer.from(await reader.peek(LONGEST_HEADER));
  if (head.length < 4 || head.readUInt16BE(0) !== 0) {
    const got = head.length === 0 ? 'an empty file' : `the bytes ${head.toString('hex', 0, 4)}`;
    throw invalidFile(name, 'an IDX file (first bytes 0000, a type, the number of axes)', got);
  }
  if (head[2] !== UNSIGNED_BYTES) {
    throw invalidFile(name, 'IDX type 08 (unsigned bytes)', head.toString('hex', 2, 3));
  }
  const axes = head[3]!;
  const dataStart = 4 + 4 * axes;
  if (head.length < dataStart) {
    throw invalidFile(`${name} (truncated)`, `a header of ${dataStart} bytes`, `${head.length}`);
  }
  return { shape: Array.from({ length: axes }, (_, axis) => head.readUInt32BE(4 + 4 * axis)), dataStart };
}
