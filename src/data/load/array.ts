/** Reads .npy and IDX arrays chunk by chunk into the result. */
import { allocated } from '../../errors';
import { expectFits } from '../../memory';
import { type NdArray, type ResultArray, resultArray, sizeOf } from '../../ndarray';
import { decodeNumbers, type NumberType } from '../dtypes';
import { invalidFile } from '../files';
import type { ByteReader } from './bytes';

/** How the numbers of a file are laid out. */
export interface ArrayLayout {
  readonly type: NumberType;
  /** The name of the type in messages; null if the format has only one type. */
  readonly typeName: string | null;
  readonly shape: readonly number[];
  readonly fortranOrder: boolean;
  /** Bytes before the first number. */
  readonly dataStart: number;
}

/**
 * Reads the numbers after a header.
 *
 * @returns a Float32Array for float32 and smaller, else a Float64Array; row-major
 * @throws DeepntkError `ERR_INVALID_FILE` if there are fewer or more bytes than the shape needs; `ERR_OUT_OF_MEMORY`
 */
export async function readNumbers(
  reader: ByteReader,
  layout: ArrayLayout,
  name: string,
): Promise<ResultArray<NdArray['data']>> {
  const { type, shape, dataStart, fortranOrder } = layout;
  const count = sizeOf(shape);
  const small = (type.kind === 'float' || type.kind === 'brain-float') && type.bytes < 8;
  await reader.skip(dataStart);
  const data = await firstNumbers(reader, layout, count, small, name);
  return resultArray({ data: fortranOrder ? toRowMajor(data, shape) : data, shape: [...shape] });
}

async function firstNumbers(
  reader: ByteReader,
  { type, dataStart, ...layout }: ArrayLayout,
  count: number,
  small: boolean,
  name: string,
): Promise<NdArray['data']> {
  const expected = count * type.bytes;
  const mismatch = (got: number | 'more'): Error => wrongLength(layout, expected, got, name);
  const make = (length: number): NdArray['data'] =>
    allocated(`the ${length} numbers of ${name}`, () =>
      small ? new Float32Array(length) : new Float64Array(length),
    );
  if (reader.size !== null && reader.size - dataStart !== expected) throw mismatch(reader.size - dataStart);
  expectFits(`cannot read ${name}`, count * (small ? 4 : 8), 'its numbers');
  // The header of compressed data may state more numbers than the file has.
  let data = make(reader.size === null ? Math.min(count, FIRST_NUMBERS) : count);
  let filled = 0;
  let bytes = 0;
  let rest: Uint8Array = new Uint8Array(0);
  for await (const chunk of reader.rest()) {
    bytes += chunk.length;
    if (bytes > expected) throw mismatch('more');
    const joined = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const whole = joined.length - (joined.length % type.bytes);
    const numbers = decodeNumbers(joined.subarray(0, whole), type, name, filled);
    if (filled + numbers.length > data.length) {
      const larger = make(Math.min(count, 2 * data.length + numbers.length));
      larger.set(data);
      data = larger;
    }
    data.set(numbers, filled);
    filled += numbers.length;
    rest = joined.subarray(whole);
  }
  if (bytes !== expected) throw mismatch(bytes);
  return data;
}

/** The error for a file with another number of bytes than its header states. */
export function wrongLength(
  { shape, typeName }: Pick<ArrayLayout, 'shape' | 'typeName'>,
  expected: number,
  got: number | 'more',
  name: string,
): Error {
  const problem = got === 'more' || got > expected ? 'trailing bytes' : 'truncated';
  const ofType = typeName === null ? '' : ` of ${typeName}`;
  const what = `${expected} bytes of data for shape (${shape.join(', ')})${ofType}`;
  return invalidFile(`${name} (${problem})`, what, String(got));
}

/** 1 MiB of float64. */
const FIRST_NUMBERS = 2 ** 17;

/** Converts Fortran order, in which the first index runs fastest, to row-major order. */
function toRowMajor<T extends NdArray['data']>(data: T, shape: readonly number[]): T {
  const result = data.slice() as T;
  const strides = shape.map((_, axis) => sizeOf(shape.slice(0, axis)));
  const index = new Array<number>(shape.length).fill(0);
  let source = 0;
  for (let target = 0; target < data.length; target++) {
    result[target] = data[source]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      source += strides[axis]!;
      if (++index[axis]! < shape[axis]!) break;
      source -= strides[axis]! * shape[axis]!;
      index[axis] = 0;
    }
  }
  return result;
}
