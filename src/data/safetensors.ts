/** The safetensors format of named tensors: https://huggingface.co/docs/safetensors */
import { DeepntkError, describe } from '../errors';
import { sizeOf, type NdArray } from '../ndarray';
import { byteOrderOf, decodeNumbers, type NumberType } from './dtypes';
import { invalidFile, readBytes, shown, writeFileAtomically } from './files';

/** Tensors by name, in the order of the file. */
export type NamedTensors = ReadonlyMap<string, NdArray>;

/** A tensor of a file, not yet decoded. */
export interface StoredTensor {
  readonly dtype: string;
  readonly shape: readonly number[];
  /** @throws DeepntkError `ERR_INVALID_FILE` if the dtype is not a float type */
  readonly decode: () => NdArray;
}

/** The content of a file: its metadata, and its tensors by name in the order of their bytes. */
export interface SafetensorsFile {
  readonly metadata: Readonly<Record<string, string>>;
  readonly tensors: ReadonlyMap<string, StoredTensor>;
}

/** The format's own limit on the length of the header. */
const MAX_HEADER_BYTES = 100_000_000;

const TYPES: ReadonlyMap<string, NumberType> = new Map([
  ['F64', { kind: 'float', bytes: 8, order: 'little' }],
  ['F32', { kind: 'float', bytes: 4, order: 'little' }],
  ['F16', { kind: 'float', bytes: 2, order: 'little' }],
  ['BF16', { kind: 'brain-float', bytes: 2, order: 'little' }],
]);

/**
 * Reads a safetensors file. F64 tensors keep their type; F32, F16 and BF16 become float32, exactly.
 *
 * @throws DeepntkError `ERR_INVALID_FILE` if the file cannot be read, is not a safetensors file, is truncated, or has
 *   tensors that overlap or leave gaps
 */
export async function readSafetensors(path: string): Promise<SafetensorsFile> {
  return openSafetensors(await readBytes(path), path);
}

/**
 * Writes named tensors, with the same bytes as the `safetensors` library. A failed write leaves no partial file.
 *
 * @param metadata texts by name, for other programs
 */
export async function writeSafetensors(
  path: string,
  tensors: NamedTensors,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  await writeFileAtomically(path, safetensorsParts(tensors, metadata));
}

/**
 * {@link readSafetensors} of a file that is already in memory. Tensors of other dtypes than floats are errors only when
 * they are decoded.
 *
 * @param name what error messages call it
 */
export function openSafetensors(bytes: Uint8Array, name = 'safetensors data'): SafetensorsFile {
  const { entries, metadata, dataStart } = readHeader(bytes, name);
  const data = bytes.subarray(dataStart);
  checkCoverage(entries, data.length, name);
  return {
    metadata,
    tensors: new Map(
      entries.map(({ tensor, dtype, shape, begin, end }) => {
        const where = `${name}: tensor ${quote(tensor)}`;
        const type = TYPES.get(dtype);
        const needed = sizeOf(shape) * (type?.bytes ?? 0);
        if (type !== undefined && end - begin !== needed) {
          const what = `${needed} bytes for shape [${shape.join(', ')}] of ${dtype}`;
          throw invalidFile(where, what, `${end - begin}`);
        }
        const decode = (): NdArray => {
          if (type === undefined) throw invalidFile(where, `dtype ${[...TYPES.keys()].join(', ')}`, dtype);
          return { data: decodeNumbers(data.subarray(begin, end), type, name), shape };
        };
        return [tensor, { dtype, shape, decode }];
      }),
    ),
  };
}

/** The bytes that {@link writeSafetensors} writes. */
export function encodeSafetensors(
  tensors: NamedTensors,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.concat([...safetensorsParts(tensors, metadata)]));
}

interface Entry {
  readonly tensor: string;
  readonly dtype: string;
  readonly shape: number[];
  readonly begin: number;
  readonly end: number;
}

interface Header {
  readonly entries: Entry[];
  readonly metadata: Readonly<Record<string, string>>;
  readonly dataStart: number;
}

function readHeader(bytes: Uint8Array, name: string): Header {
  if (bytes.length < 8) {
    throw invalidFile(`${name} (truncated)`, 'at least 8 bytes', `${bytes.length}`);
  }
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = Number(buffer.readBigUInt64LE(0));
  if (length > MAX_HEADER_BYTES || (buffer.length > 8 && buffer[8] !== 0x7b)) {
    throw invalidFile(name, 'a safetensors file (8 bytes of header length, then "{")', 'another format');
  }
  const dataStart = 8 + length;
  if (buffer.length < dataStart) {
    throw invalidFile(`${name} (truncated)`, `a header of ${length} bytes`, `${buffer.length - 8}`);
  }
  let header: unknown;
  try {
    header = JSON.parse(buffer.toString('utf8', 8, dataStart));
  } catch (error) {
    throw invalidFile(name, 'a header in JSON', (error as Error).message, { cause: error });
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header)) {
    throw invalidFile(name, 'a JSON object as header', describe(header));
  }
  const entries = Object.entries(header)
    .filter(([tensor]) => tensor !== METADATA)
    .map(([tensor, entry]) => readEntry(tensor, entry, name))
    .sort((a, b) => a.begin - b.begin || a.end - b.end);
  const metadata = (header as Readonly<Record<string, unknown>>)[METADATA];
  return { entries, metadata: readMetadata(metadata, name), dataStart };
}

const METADATA = '__metadata__';

function readMetadata(metadata: unknown, name: string): Record<string, string> {
  if (metadata === undefined || metadata === null) return {};
  if (typeof metadata !== 'object' || Array.isArray(metadata))
    throw invalidFile(`${name}: ${METADATA}`, 'an object of texts', describe(metadata));
  for (const [key, value] of Object.entries(metadata)) {
    if (typeof value !== 'string')
      throw invalidFile(`${name}: ${METADATA}: ${quote(key)}`, 'a text', describe(value));
  }
  return metadata as Record<string, string>;
}

function readEntry(tensor: string, entry: unknown, name: string): Entry {
  const where = `${name}: tensor ${quote(tensor)}`;
  const { dtype, shape, data_offsets: offsets } = (entry ?? {}) as Record<string, unknown>;
  if (typeof dtype !== 'string') throw invalidFile(where, 'a string as dtype', describe(dtype));
  if (!isListOfSizes(shape)) throw invalidFile(where, 'a list of sizes as shape', shown(shape));
  if (!isListOfSizes(offsets) || offsets.length !== 2 || offsets[0]! > offsets[1]!) {
    throw invalidFile(where, 'data_offsets [begin, end] with begin <= end', shown(offsets));
  }
  return { tensor, dtype, shape, begin: offsets[0]!, end: offsets[1]! };
}

function isListOfSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && (size as number) >= 0);
}

/** The format asks that the tensors cover the data without gap and without overlap. */
function checkCoverage(entries: readonly Entry[], length: number, name: string): void {
  let covered = 0;
  for (const { tensor, begin, end } of entries) {
    if (begin !== covered) {
      const problem = begin < covered ? 'overlaps the tensor before it' : 'leaves a gap before it';
      throw invalidFile(
        `${name}: tensor ${quote(tensor)}`,
        `a begin at byte ${covered}`,
        `${begin}: it ${problem}`,
      );
    }
    covered = end;
  }
  if (covered !== length) {
    const problem = length < covered ? 'truncated' : 'trailing bytes';
    throw invalidFile(`${name} (${problem})`, `${covered} bytes of tensors`, `${length}`);
  }
}

function* safetensorsParts(
  tensors: NamedTensors,
  metadata: Readonly<Record<string, string>>,
): Generator<Uint8Array> {
  const sorted = [...tensors].sort(
    ([nameA, a], [nameB, b]) =>
      b.data.BYTES_PER_ELEMENT - a.data.BYTES_PER_ELEMENT ||
      Buffer.compare(Buffer.from(nameA), Buffer.from(nameB)),
  );
  let offset = 0;
  const header: Record<string, unknown> = Object.keys(metadata).length === 0 ? {} : { [METADATA]: metadata };
  for (const [tensor, { data, shape }] of sorted) {
    if (sizeOf(shape) !== data.length) {
      throw new DeepntkError(
        'ERR_INVALID_ARGUMENT',
        `tensor ${quote(tensor)}: expected a shape of ${data.length} entries, as many as the data have, got [${shape.join(', ')}]`,
      );
    }
    const dtype = data.BYTES_PER_ELEMENT === 8 ? 'F64' : 'F32';
    header[tensor] = { dtype, shape, data_offsets: [offset, offset + data.byteLength] };
    offset += data.byteLength;
  }
  const text = Buffer.from(JSON.stringify(header));
  const padding = Buffer.alloc((8 - (text.length % 8)) % 8, ' ');
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length + padding.length));
  yield length;
  yield text;
  yield padding;
  for (const [, { data }] of sorted) yield byteOrderOf(data, 'little');
}

function quote(tensor: string): string {
  return JSON.stringify(tensor);
}
