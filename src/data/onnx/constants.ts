/** The constant tensors of an ONNX file, from the file itself or from external files. */
import { open } from 'node:fs/promises';
import { dirname, isAbsolute, join } from 'node:path';

import { DeepntkError } from '../../errors';
import { expectFits } from '../../memory';
import { sizeOf } from '../../ndarray';
import { decodeNumbers, type NumberType } from '../dtypes';
import { invalidFile, reasonOf } from '../files';
import type { OnnxGraph, OnnxTensor } from './messages';

/** Floating-point types, by their number in TensorProto.DataType. */
export const FLOAT_TYPES: ReadonlyMap<number, NumberType> = new Map([
  [1, { kind: 'float', bytes: 4, order: 'little' }],
  [10, { kind: 'float', bytes: 2, order: 'little' }],
  [11, { kind: 'float', bytes: 8, order: 'little' }],
  [16, { kind: 'brain-float', bytes: 2, order: 'little' }],
]);

const INT64: NumberType = { kind: 'signed', bytes: 8, order: 'little' };
export const INT64_TYPE = 7;

/**
 * The numbers of a tensor in float64. The tensor may be of type float16 to float64, bfloat16 or int64.
 *
 * @throws DeepntkError `ERR_INVALID_FILE` if type, shape and data disagree; this is checked before memory is allocated
 */
export function numbersOf(tensor: OnnxTensor, name: string): Float64Array {
  const where = whereOf(tensor, name);
  const { type, count, bytes } = sizeOfTensor(tensor, where);
  const shape = `shape [${tensor.dims.join(', ')}]`;
  if (tensor.external !== null) throw invalidFile(where, 'a tensor with data in the file', 'external data');
  if (tensor.raw !== null) {
    if (tensor.raw.length !== bytes)
      throw invalidFile(where, `${bytes} bytes for ${shape}`, `${tensor.raw.length}`);
    return toFloat64(tensor.raw, type, name);
  }
  if (tensor.numbers.length !== count) {
    throw invalidFile(where, `${count} numbers for ${shape}`, `${tensor.numbers.length}`);
  }
  if (type.kind === 'signed' || type.bytes > 2) return Float64Array.from(tensor.numbers);
  // int32_data holds each half float in 16 bits.
  const halves = Uint16Array.from(tensor.numbers);
  return toFloat64(new Uint8Array(halves.buffer), type, name);
}

function whereOf(tensor: OnnxTensor, name: string): string {
  return `${name}: tensor ${JSON.stringify(tensor.name)}`;
}

function sizeOfTensor(
  { dataType, dims }: OnnxTensor,
  where: string,
): { type: NumberType; count: number; bytes: number } {
  const type = dataType === INT64_TYPE ? INT64 : FLOAT_TYPES.get(dataType);
  if (type === undefined) {
    throw invalidFile(where, 'float16, bfloat16, float32, float64 or int64', `data type ${dataType}`);
  }
  if (dims.some((extent) => extent < 0)) throw invalidFile(where, 'a shape', `[${dims.join(', ')}]`);
  const count = sizeOf(dims);
  return { type, count, bytes: count * type.bytes };
}

function toFloat64(bytes: Uint8Array, type: NumberType, name: string): Float64Array {
  const numbers = decodeNumbers(bytes, type, name);
  return numbers instanceof Float64Array ? numbers : Float64Array.from(numbers);
}

/** The place of the bytes of an external tensor. */
interface ExternalPart {
  readonly file: string;
  readonly offset: number;
  readonly length: number;
}

function externalPart(tensor: OnnxTensor, entries: ReadonlyMap<string, string>, path: string): ExternalPart {
  const where = whereOf(tensor, path);
  const { bytes } = sizeOfTensor(tensor, where);
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
      'a file in the folder of the model or below it',
      JSON.stringify(location),
    );
  }
  const length = integerOf('length', bytes);
  if (length !== bytes) throw invalidFile(`${where}: external data`, `${bytes} bytes`, `${length}`);
  return { file: join(dirname(path), location), offset: integerOf('offset', 0), length };
}

/**
 * A graph with the external tensors that its nodes use, read from files in the folder of the model or below it.
 *
 * @throws DeepntkError `ERR_INVALID_FILE` if a file is elsewhere, missing or too short; `ERR_OUT_OF_MEMORY`, before
 *   anything is read, if the tensors do not fit in memory
 */
export async function withExternalData(graph: OnnxGraph, path: string): Promise<OnnxGraph> {
  const used = new Set(graph.nodes.flatMap((node) => node.inputs));
  const parts = graph.initializers.map((tensor) =>
    tensor.external !== null && used.has(tensor.name) ? externalPart(tensor, tensor.external, path) : null,
  );
  const bytes = parts.reduce((sum, part) => sum + (part?.length ?? 0), 0);
  expectFits(`cannot read ${path}`, bytes, 'its external tensors');
  const initializers: OnnxTensor[] = [];
  for (const [i, tensor] of graph.initializers.entries()) {
    const part = parts[i] ?? null;
    initializers.push(
      part === null ? tensor : { ...tensor, external: null, raw: await readPart(part, path) },
    );
  }
  return { ...graph, initializers };
}

/** @param path of the model, for messages */
async function readPart({ file, offset, length }: ExternalPart, path: string): Promise<Uint8Array> {
  try {
    const handle = await open(file, 'r');
    try {
      const { size } = await handle.stat();
      if (offset + length > size) {
        throw invalidFile(file, `at least ${offset + length} bytes, as the model says`, `${size}`);
      }
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
    throw new DeepntkError(
      'ERR_INVALID_FILE',
      `cannot read ${file}, which has weights of ${path}: ${reasonOf(error)}`,
      {
        cause: error,
      },
    );
  }
}
