/**
 * NumPy's .npy files, versions 1, 2 and 3: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 */
import { type ArrayInput, readArray } from '../array-input';
import { describeShape, mismatch } from '../errors';
import type { ResultArray } from '../ndarray';
import { byteOrderOf, type NumberType } from './dtypes';
import { createFileAtomically, invalidFile, type PendingFile, writeFileAtomically } from './files';
import { readNumbers } from './load/array';
import { type ByteReader, openBytes } from './load/bytes';
import { type DataSource, expectSource, nameOfSource } from './load/source';
import { formatNpyHeader, parseNpyHeader } from './npy-header';

const MAGIC = Uint8Array.of(0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59);
/** numpy aligns the data to this many bytes ... */
const ALIGNMENT = 64;
/** ... and leaves room for the first extent to grow to this many digits. */
const GROWTH_DIGITS = 21;
/** The longest header of version 1, in bytes; numpy itself reads 10,000 of any version. */
const LONGEST_HEADER = 65_535;
/** The part before the header: magic bytes, version and length. */
const LONGEST_PREFIX = 12;
/** The most axes that numpy takes. */
const MAX_AXES = 64;

/**
 * Reads a .npy file, plain or gzipped, as a row-major array of the shape in the file.
 *
 * float64 and float32 keep their type; float16 becomes float32; booleans and integers become float64, exactly.
 * Big-endian and Fortran-order files are read like any other.
 *
 * @param source the path of the file, or its bytes
 * @throws DeepntkError `ERR_INVALID_FILE` where the file cannot be read, is not a .npy file, is truncated, has trailing
 *   bytes, holds anything but real numbers, or an integer beyond 2^53
 */
export async function readNpy(source: DataSource): Promise<ResultArray<Float64Array | Float32Array>> {
  const name = nameOfSource(expectSource('readNpy: path', source));
  return readNpyFrom(await openBytes(source, NO_WATCH), name);
}

const NO_WATCH = { signal: undefined, onProgress: undefined };

/** @internal {@link readNpy} for an open reader. */
export async function readNpyFrom(
  reader: ByteReader,
  name: string,
): Promise<ResultArray<Float64Array | Float32Array>> {
  // If the file is shorter, all of it is examined.
  const { text, dataStart } = splitHeader(await reader.peek(LONGEST_HEADER + LONGEST_PREFIX), name);
  const { descr, fortranOrder, shape } = parseNpyHeader(text, name);
  const type = numberTypeOf(descr, name);
  return readNumbers(reader, { type, typeName: descr, shape, fortranOrder, dataStart }, name);
}

/**
 * Writes an array as a .npy file (version 1, little-endian, row-major): byte for byte what `numpy.save` writes. The file
 * appears whole or not at all.
 *
 * @throws DeepntkError `ERR_INVALID_ARGUMENT` where data and shape disagree, `ERR_INVALID_FILE` where it cannot be written
 */
export async function writeNpy(path: string, array: ArrayInput): Promise<void> {
  const [header, data] = npyParts(array, 'writeNpy');
  await writeFileAtomically(path, [header, data]);
}

/**
 * Begins a .npy file of float64 entries, whose data are appended in row-major order, piece by piece; it appears whole when it
 * is committed, or not at all.
 */
export async function createNpy(path: string, shape: readonly number[]): Promise<NpyWriter> {
  const file = await createFileAtomically(path);
  try {
    await file.append(npyHeader('float64', shape));
  } catch (error) {
    await file.abandon();
    throw error;
  }
  return {
    append: (data) => file.append(byteOrderOf(data, 'little')),
    commit: () => file.commit(),
    abandon: () => file.abandon(),
  };
}

export interface NpyWriter extends Pick<PendingFile, 'commit' | 'abandon'> {
  append(data: Float64Array): Promise<void>;
}

/** The bytes that {@link writeNpy} writes. */
export function encodeNpy(array: ArrayInput): Uint8Array<ArrayBuffer> {
  const [header, data] = npyParts(array, 'encodeNpy');
  const bytes = new Uint8Array(header.length + data.length);
  bytes.set(header);
  bytes.set(data, header.length);
  return bytes;
}

function npyParts(array: ArrayInput, where: string): [header: Uint8Array, data: Uint8Array] {
  const { data, shape } = readArray(`${where}: array`, array);
  if (shape.length > MAX_AXES)
    throw mismatch(`${where}: array`, `at most ${MAX_AXES} axes`, `shape ${describeShape(shape)}`);
  return [
    npyHeader(data.BYTES_PER_ELEMENT === 8 ? 'float64' : 'float32', shape),
    byteOrderOf(data, 'little'),
  ];
}

/** All that stands before the data of a row-major little-endian file: byte for byte what `numpy.save` writes. */
export function npyHeader(dtype: 'float64' | 'float32', shape: readonly number[]): Uint8Array {
  const descr = dtype === 'float64' ? '<f8' : '<f4';
  const text = formatNpyHeader({ descr, fortranOrder: false, shape });
  const room = shape.length > 0 ? ' '.repeat(GROWTH_DIGITS - String(shape[0]).length) : '';
  const unpadded = MAGIC.length + 4 + text.length + room.length + 1;
  const padding = ' '.repeat(ALIGNMENT - (unpadded % ALIGNMENT));
  const header = Buffer.from(`${text}${room}${padding}\n`, 'latin1');
  const prefix = [...MAGIC, 1, 0, header.length & 0xff, header.length >> 8];
  return Buffer.concat([Uint8Array.from(prefix), header]);
}

function splitHeader(bytes: Uint8Array, name: string): { text: string; dataStart: number } {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const start = buffer.subarray(0, MAGIC.length);
  if (!start.equals(MAGIC)) {
    const got = start.length === 0 ? 'an empty file' : `the bytes ${start.toString('hex')}`;
    throw invalidFile(name, `a .npy file (first bytes ${Buffer.from(MAGIC).toString('hex')})`, got);
  }
  const major = buffer[6];
  if (major !== undefined && (major < 1 || major > 3)) {
    throw invalidFile(name, 'version 1, 2 or 3 of the .npy format', `version ${major}`);
  }
  const lengthBytes = major === 1 ? 2 : 4;
  const headerStart = 8 + lengthBytes;
  if (buffer.length < headerStart) {
    throw invalidFile(`${name} (truncated)`, `at least ${headerStart} bytes`, `${buffer.length}`);
  }
  const headerLength = buffer.readUIntLE(8, lengthBytes);
  if (headerLength > LONGEST_HEADER) {
    throw invalidFile(name, `a header of at most ${LONGEST_HEADER} bytes`, `${headerLength}`);
  }
  const dataStart = headerStart + headerLength;
  if (buffer.length < dataStart) {
    throw invalidFile(
      `${name} (truncated)`,
      `a header up to byte ${dataStart}`,
      `a file of ${buffer.length} bytes`,
    );
  }
  const text = buffer.toString(major === 3 ? 'utf8' : 'latin1', headerStart, dataStart);
  return { text, dataStart };
}

const KINDS: Readonly<Record<string, string>> = {
  c: 'complex numbers',
  O: 'Python objects',
  S: 'strings of bytes',
  U: 'strings',
  V: 'raw records',
  M: 'dates',
  m: 'time spans',
};

const SIZES: Readonly<Record<string, readonly number[]>> = {
  f: [2, 4, 8],
  i: [1, 2, 4, 8],
  u: [1, 2, 4, 8],
  b: [1],
};

function numberTypeOf(descr: string, name: string): NumberType {
  const [, order, kind, size] = /^([<>|=]?)([a-zA-Z])(\d*)/.exec(descr) ?? [];
  const bytes = Number(size);
  if (kind === undefined || SIZES[kind]?.includes(bytes) !== true) {
    const what = KINDS[kind ?? ''];
    throw invalidFile(
      name,
      'float64, float32, float16, integers or booleans',
      what === undefined ? `dtype ${JSON.stringify(descr)}` : `${what} (dtype ${JSON.stringify(descr)})`,
    );
  }
  return {
    kind: kind === 'f' ? 'float' : kind === 'i' ? 'signed' : kind === 'u' ? 'unsigned' : 'boolean',
    bytes: bytes as NumberType['bytes'],
    order: order === '>' ? 'big' : 'little',
  };
}
