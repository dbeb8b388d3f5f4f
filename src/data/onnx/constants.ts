/** The constant tensors of an ONNX file, from the file itself or from files beside it. */
import { open } from 'node:fs/promises';
import { dirname, isAbsolute, join } from 'node:path';

import { DeepntkError } from '../../errors';
import { expectFits } from '../../memory';
import { sizeOf } from '../../ndarray';
import { decodeNumbers, type NumberType } from '../dtypes';
import { invalidFile, reasonOf } from '../files';
import type { OnnxTensor } from './messages';

/** Floating-point types by their number in TensorProto.DataType. */
export const FLOAT_TYPES: ReadonlyMap<number, NumberType> = new Map([
  [1, { kind: 'float', bytes: 4, order: 'little' }],
  [10, { kind: 'float', bytes: 2, order: 'little' }],
  [11, { kind: 'float', bytes: 8, order: 'little' }],
  [16, { kind: 'brain-float', bytes: 2, order: 'little' }],
]);

const INT64: NumberType = { kind: 'signed', bytes: 8, order: 'little' };
const INT64_TYPE = 7;

/** The bytes of a part of a file beside the model. */
export type ReadExternal = (location: string, offset: number, length: number) => Promise<Uint8Array>;

/**
 * The numbers of a tensor in float64; of float16 to float64, and of int64.
 *
 * @throws DeepntkError `ERR_INVALID_FILE` where type, shape and data do not agree; checked before anything is allocated
 */
export async function numbersOf(tensor: OnnxTensor, name: string, read: ReadExternal): Promise<Float64Array> {
  const where = `${name}: tensor ${JSON.stringify(tensor.name)}`;
  const type = tensor.dataType === INT64_TYPE ? INT64 : FLOAT_TYPES.get(tensor.dataType);
  if (type === undefined) {
    throw invalidFile(where, 'float16, bfloat16, float32, float64 or int64', `data type ${tensor.dataType}`);
  }
  if (tensor.dims.some((extent) => extent < 0))
    throw invalidFile(where, 'a shape', `[${tensor.dims.join(', ')}]`);
  const count = sizeOf(tensor.dims);
  const shape = `shape [${tensor.dims.join(', ')}]`;
  const bytes = count * type.bytes;
  if (tensor.external !== null)
    return toFloat64(await readExternal(tensor.external, bytes, where, read), type, name);
  if (tensor.raw !== null) {
    if (tensor.raw.length !== bytes)
      throw invalidFile(where, `${bytes} bytes for ${shape}`, `${tensor.raw.length}`);
    return toFloat64(tensor.raw, type, name);
  }
  if (tensor.numbers.length !== count) {
    throw invalidFile(where, `${count} numbers for ${shape}`, `${tensor.numbers.length}`);
  }
  if (type.kind === 'signed' || type.bytes > 2) return Float64Array.from(tensor.numbers);
  // Half floats lie as 16 bits each in int32_data.
  const halves = Uint16Array.from(tensor.numbers);
  return toFloat64(new Uint8Array(halves.buffer), type, name);
}

function toFloat64(bytes: Uint8Array, type: NumberType, name: string): Float64Array {
  const numbers = decodeNumbers(bytes, type, name);
  return numbers instanceof Float64Array ? numbers : Float64Array.from(numbers);
}

async function readExternal(
  entries: ReadonlyMap<string, string>,
  bytes: number,
  where: string,
  read: ReadExternal,
): Promise<Uint8Array> {
  const integerOf = (key: string, missing: number): number => {
    const text = entries.get(key);
    const value = text === undefined ? missing : /^\d{1,15}$/.test(text) ? Number(text) : NaN;
    if (Number.isNaN(value)) throw invalidFile(`${where}: external data: ${key}`, 'a number of bytes', text!);
    return value;
  };
  const location = entries.get('location') ?? '';
  const parts = location.split(/[/\\]/);
  if (
    location === '' ||
    isAbsolute(location) ||
    /^[a-z]:/i.test(location) ||
    parts.includes('..') ||
    location.includes('\0')
  ) {
    throw invalidFile(
      `${where}: external data`,
      'a file beside the model or below it',
      JSON.stringify(location),
    );
  }
  const length = integerOf('length', bytes);
  if (length !== bytes) throw invalidFile(`${where}: external data`, `${bytes} bytes`, `${length}`);
  return read(location, integerOf('offset', 0), length);
}

/** Reads parts of files in the folder of a model. */
export function externalReader(path: string): ReadExternal {
  return async (location, offset, length) => {
    const file = join(dirname(path), location);
    try {
      const handle = await open(file, 'r');
      try {
        const { size } = await handle.stat();
        if (offset + length > size) {
          throw invalidFile(file, `at least ${offset + length} bytes, as the model says`, `${size}`);
        }
        expectFits(`cannot read ${file}`, length, 'a tensor');
        const bytes = new Uint8Array(length);
        let filled = 0;
        while (filled < length) {
          const part = Math.min(length - filled, 2 ** 30);
          const { bytesRead } = await handle.read(bytes, filled, part, offset + filled);
          if (bytesRead === 0) throw invalidFile(file, `${length} bytes at ${offset}`, `${filled}`);
          filled += bytesRead;
        }
        return bytes;
      } finally {
        await handle.close();
      }
    } catch (error) {
      if (error instanceof DeepntkError) throw error;
      throw new DeepntkError('ERR_INVALID_FILE', `cannot read ${file}: ${reasonOf(error)}`, { cause: error });
    }
  };
}
