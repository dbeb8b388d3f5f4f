/**
 * The protocol buffers of an ONNX file, restricted to those that a chain of layers uses: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
 *
 * The reader of the wire format checks lengths, so nothing here allocates more than the size of the file.
 */
import type * as Wire from '@bufbuild/protobuf/wire';

import { invalidFile } from '../files';

export interface OnnxTensor {
  readonly name: string;
  readonly dims: readonly number[];
  /** The number of ONNX's TensorProto.DataType. */
  readonly dataType: number;
  readonly raw: Uint8Array | null;
  /** The typed fields float_data, double_data, int32_data and int64_data. */
  readonly numbers: readonly number[];
  /** The entries of external_data; null if the tensor is in the file. */
  readonly external: ReadonlyMap<string, string> | null;
}

export interface OnnxAttribute {
  readonly name: string;
  readonly float: number;
  readonly int: number;
  readonly ints: readonly number[];
  readonly floats: readonly number[];
  readonly tensor: OnnxTensor | null;
}

export interface OnnxNode {
  readonly name: string;
  readonly op: string;
  /** Empty or `ai.onnx` for standard ONNX operators. */
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: readonly OnnxAttribute[];
}

export interface OnnxValue {
  readonly name: string;
  readonly elementType: number;
  /** Each extent is a number, a name, or null if unknown. The list is null if the rank is unknown. */
  readonly dims: readonly (number | string | null)[] | null;
}

export interface OnnxGraph {
  readonly nodes: readonly OnnxNode[];
  readonly initializers: readonly OnnxTensor[];
  readonly sparseInitializers: number;
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
}

export interface OnnxModel {
  readonly producer: string;
  readonly graph: OnnxGraph;
}

/** @throws DeepntkError `ERR_INVALID_FILE` if the bytes are not a model, or are damaged */
export function decodeModel(bytes: Uint8Array, name: string): OnnxModel {
  try {
    let producer = '';
    const graphs: OnnxGraph[] = [];
    readMessage(bytes, {
      2: text((value) => (producer = value)),
      7: message((value) => graphs.push(decodeGraph(value))),
    });
    const graph = graphs.at(-1);
    if (graph !== undefined) return { producer, graph };
  } catch (error) {
    const reason = (error as Error).message;
    throw invalidFile(
      name,
      'an ONNX model',
      `a file that is truncated, damaged or of another format (${reason})`,
      {
        cause: error,
      },
    );
  }
  throw invalidFile(name, 'an ONNX model', 'a file without a graph');
}

function decodeGraph(bytes: Uint8Array): OnnxGraph {
  const nodes: OnnxNode[] = [];
  const initializers: OnnxTensor[] = [];
  const inputs: OnnxValue[] = [];
  const outputs: OnnxValue[] = [];
  let sparseInitializers = 0;
  readMessage(bytes, {
    1: message((value) => nodes.push(decodeNode(value))),
    5: message((value) => initializers.push(decodeTensor(value))),
    11: message((value) => inputs.push(decodeValue(value))),
    12: message((value) => outputs.push(decodeValue(value))),
    15: message(() => sparseInitializers++),
  });
  return { nodes, initializers, sparseInitializers, inputs, outputs };
}

function decodeNode(bytes: Uint8Array): OnnxNode {
  const inputs: string[] = [];
  const outputs: string[] = [];
  const attributes: OnnxAttribute[] = [];
  let [name, op, domain] = ['', '', ''];
  readMessage(bytes, {
    1: text((value) => inputs.push(value)),
    2: text((value) => outputs.push(value)),
    3: text((value) => (name = value)),
    4: text((value) => (op = value)),
    5: message((value) => attributes.push(decodeAttribute(value))),
    7: text((value) => (domain = value)),
  });
  return { name, op, domain, inputs, outputs, attributes };
}

function decodeAttribute(bytes: Uint8Array): OnnxAttribute {
  const ints: number[] = [];
  const floats: number[] = [];
  let name = '';
  let [float, int] = [0, 0];
  let tensor: OnnxTensor | null = null;
  readMessage(bytes, {
    1: text((value) => (name = value)),
    2: { 5: (reader) => (float = reader.float()) },
    3: { 0: (reader) => (int = integer(reader)) },
    5: message((value) => (tensor = decodeTensor(value))),
    7: numbers(5, (reader) => floats.push(reader.float())),
    8: numbers(0, (reader) => ints.push(integer(reader))),
  });
  return { name, float, int, ints, floats, tensor };
}

function decodeTensor(bytes: Uint8Array): OnnxTensor {
  const dims: number[] = [];
  const values: number[] = [];
  const external = new Map<string, string>();
  let name = '';
  let dataType = 0;
  let location = 0;
  let raw: Uint8Array | null = null;
  readMessage(bytes, {
    1: numbers(0, (reader) => dims.push(integer(reader))),
    2: { 0: (reader) => (dataType = reader.int32()) },
    4: numbers(5, (reader) => values.push(reader.float())),
    5: numbers(0, (reader) => values.push(reader.int32())),
    7: numbers(0, (reader) => values.push(integer(reader))),
    8: text((value) => (name = value)),
    9: message((value) => (raw = value)),
    10: numbers(1, (reader) => values.push(reader.double())),
    13: message((value) => {
      const [key, entry] = decodeEntry(value);
      external.set(key, entry);
    }),
    14: { 0: (reader) => (location = reader.int32()) },
  });
  return { name, dims, dataType, raw, numbers: values, external: location === 1 ? external : null };
}

function decodeEntry(bytes: Uint8Array): [key: string, value: string] {
  let [key, value] = ['', ''];
  readMessage(bytes, { 1: text((entry) => (key = entry)), 2: text((entry) => (value = entry)) });
  return [key, value];
}

function decodeValue(bytes: Uint8Array): OnnxValue {
  let name = '';
  let elementType = 0;
  let dims: (number | string | null)[] | null = null;
  const dimension = (value: Uint8Array): number | string | null => {
    let extent: number | string | null = null;
    readMessage(value, {
      1: { 0: (reader) => (extent = integer(reader)) },
      2: text((symbol) => (extent = symbol)),
    });
    return extent;
  };
  const shape = (value: Uint8Array): void => {
    const extents: (number | string | null)[] = [];
    readMessage(value, { 1: message((extent) => extents.push(dimension(extent))) });
    dims = extents;
  };
  const tensorType = (value: Uint8Array): void => {
    readMessage(value, { 1: { 0: (reader) => (elementType = reader.int32()) }, 2: message(shape) });
  };
  readMessage(bytes, {
    1: text((value) => (name = value)),
    2: message((value) => {
      readMessage(value, { 1: message(tensorType) });
    }),
  });
  return { name, elementType, dims };
}

type Reader = Wire.BinaryReader;
/** The reader of a field, by its wire type. */
type Field = Readonly<Partial<Record<number, (reader: Reader) => unknown>>>;

/** Wire type 2 carries texts, messages and packed numbers. */
const LENGTH_DELIMITED = 2;

function readMessage(bytes: Uint8Array, fields: Readonly<Partial<Record<number, Field>>>): void {
  const { BinaryReader } = wire();
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    const known = fields[field];
    if (known === undefined) {
      reader.skip(wireType, field);
      continue;
    }
    const read = known[wireType];
    if (read === undefined) throw new Error(`field ${field} has wire type ${wireType}`);
    read(reader);
  }
}

function text(take: (value: string) => unknown): Field {
  return { [LENGTH_DELIMITED]: (reader) => take(reader.string()) };
}

function message(take: (value: Uint8Array) => unknown): Field {
  return { [LENGTH_DELIMITED]: (reader) => take(reader.bytes()) };
}

/** Repeated numbers, packed or one by one. @param wireType the wire type of one number */
function numbers(wireType: number, take: (reader: Reader) => unknown): Field {
  return {
    [wireType]: take,
    [LENGTH_DELIMITED]: (reader) => {
      const end = reader.uint32() + reader.pos;
      if (end > reader.len) throw new Error('premature EOF');
      while (reader.pos < end) take(reader);
      if (reader.pos !== end) throw new Error('packed numbers with a wrong length');
    },
  };
}

function integer(reader: Reader): number {
  const value = Number(reader.int64());
  if (!Number.isSafeInteger(value)) throw new Error('an integer beyond 2^53');
  return value;
}

/** The package is loaded only when an ONNX file is read. */
function wire(): typeof Wire {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- a literal path, which bundlers follow
  return require('@bufbuild/protobuf/wire') as typeof Wire;
}
