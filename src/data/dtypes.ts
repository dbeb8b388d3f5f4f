/** Numbers as bytes: from the types and byte orders that files have to typed arrays, and back. */
import { endianness } from 'node:os';

import { invalidFile } from './files';

export interface NumberType {
  readonly kind: 'float' | 'brain-float' | 'signed' | 'unsigned' | 'boolean';
  readonly bytes: 1 | 2 | 4 | 8;
  readonly order: 'little' | 'big';
}

const HOST_ORDER = endianness() === 'LE' ? 'little' : 'big';

/**
 * The numbers in `bytes`, on memory of their own. float64 gives a Float64Array; float32, float16 and bfloat16 a
 * Float32Array; integers and booleans a Float64Array. Every value is exact.
 *
 * @param first the number of the first entry, for error messages
 * @throws DeepntkError `ERR_INVALID_FILE` where a 64-bit integer is beyond 2^53
 */
export function decodeNumbers(
  bytes: Uint8Array,
  type: NumberType,
  name: string,
  first = 0,
): Float64Array<ArrayBuffer> | Float32Array<ArrayBuffer> {
  const own = new Uint8Array(bytes);
  if (type.order !== HOST_ORDER) swapBytes(own, type.bytes);
  const { buffer } = own;
  const floats = type.kind === 'float' || type.kind === 'brain-float';
  switch (type.bytes) {
    case 1:
      if (type.kind === 'boolean') return Float64Array.from(own, (value) => (value === 0 ? 0 : 1));
      return Float64Array.from(type.kind === 'signed' ? new Int8Array(buffer) : own);
    case 2:
      if (floats) {
        return Float32Array.from(
          new Uint16Array(buffer),
          type.kind === 'float' ? halfToNumber : brainToNumber,
        );
      }
      return Float64Array.from(type.kind === 'signed' ? new Int16Array(buffer) : new Uint16Array(buffer));
    case 4:
      if (floats) return new Float32Array(buffer);
      return Float64Array.from(type.kind === 'signed' ? new Int32Array(buffer) : new Uint32Array(buffer));
    case 8:
      if (floats) return new Float64Array(buffer);
      return fromBigIntegers(
        type.kind === 'signed' ? new BigInt64Array(buffer) : new BigUint64Array(buffer),
        name,
        first,
      );
  }
}

/** The bytes of an array in the given order; a view where that is the order of this machine. */
export function byteOrderOf(data: Float64Array | Float32Array, order: 'little' | 'big'): Uint8Array {
  const view = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  if (order === HOST_ORDER) return view;
  const copy = new Uint8Array(view);
  swapBytes(copy, data.BYTES_PER_ELEMENT);
  return copy;
}

function swapBytes(bytes: Uint8Array, size: number): void {
  if (size === 1) return;
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (size === 2) buffer.swap16();
  else if (size === 4) buffer.swap32();
  else buffer.swap64();
}

/** IEEE binary16: 1 bit of sign, 5 of exponent (bias 15), 10 of fraction. */
function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

const brainBits = new Uint32Array(1);
const brainValue = new Float32Array(brainBits.buffer);

/** bfloat16 is the upper half of a float32. */
function brainToNumber(bits: number): number {
  brainBits[0] = bits << 16;
  return brainValue[0]!;
}

function fromBigIntegers(
  values: BigInt64Array | BigUint64Array,
  name: string,
  first: number,
): Float64Array<ArrayBuffer> {
  const result = new Float64Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const exact = values[i]!;
    const rounded = Number(exact);
    if (BigInt(rounded) !== exact || Math.abs(rounded) > 2 ** 53) {
      throw invalidFile(
        `${name}: entry ${first + i}`,
        'an integer that float64 can represent, up to 2^53',
        exact.toString(),
      );
    }
    result[i] = rounded;
  }
  return result;
}
