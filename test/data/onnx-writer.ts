/** Writes small ONNX models for tests: the fields of onnx.proto that exporters write. */
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';

export interface TensorOptions {
  readonly dims: readonly number[];
  readonly values?: readonly number[];
  /** 1 float, 7 int64, 10 float16, 11 double, 16 bfloat16. */
  readonly type?: number;
  readonly raw?: Uint8Array;
  readonly external?: Readonly<Record<string, string>>;
}

export interface NodeOptions {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly output: string;
  readonly name?: string;
  readonly domain?: string;
  /** Whole numbers are written as ints, `{ f }` as floats. */
  readonly attributes?: Readonly<Record<string, number | readonly number[] | { readonly f: number }>>;
}

export interface ModelOptions {
  readonly initializers: Readonly<Record<string, TensorOptions>>;
  readonly nodes: readonly NodeOptions[];
  readonly inputs?: Readonly<Record<string, readonly (number | string)[]>>;
  readonly outputs?: readonly string[];
}

export function onnxModel({
  initializers,
  nodes,
  inputs = { x: ['N', 2] },
  outputs,
}: ModelOptions): Uint8Array {
  const graph = new BinaryWriter();
  for (const node of nodes) message(graph, 1, nodeOf(node));
  for (const [name, tensor] of Object.entries(initializers)) message(graph, 5, tensorOf(name, tensor));
  for (const [name, dims] of Object.entries(inputs)) message(graph, 11, valueOf(name, dims));
  for (const name of outputs ?? [nodes.at(-1)?.output ?? '']) message(graph, 12, valueOf(name, ['N', 1]));
  const model = new BinaryWriter();
  model.tag(1, WireType.Varint).int64(10);
  model.tag(2, WireType.LengthDelimited).string('test');
  message(model, 7, graph);
  return model.finish();
}

function message(writer: BinaryWriter, field: number, content: BinaryWriter): void {
  writer.tag(field, WireType.LengthDelimited).bytes(content.finish());
}

function tensorOf(name: string, { dims, values = [], type = 1, raw, external }: TensorOptions): BinaryWriter {
  const tensor = new BinaryWriter();
  for (const extent of dims) tensor.tag(1, WireType.Varint).int64(extent);
  tensor.tag(2, WireType.Varint).int32(type);
  if (raw !== undefined) tensor.tag(9, WireType.LengthDelimited).bytes(raw);
  else if (type === 1) for (const value of values) tensor.tag(4, WireType.Bit32).float(value);
  else if (type === 11) for (const value of values) tensor.tag(10, WireType.Bit64).double(value);
  else if (type === 7) for (const value of values) tensor.tag(7, WireType.Varint).int64(value);
  else for (const value of values) tensor.tag(5, WireType.Varint).int32(value);
  tensor.tag(8, WireType.LengthDelimited).string(name);
  for (const [key, value] of Object.entries(external ?? {})) {
    const entry = new BinaryWriter();
    entry.tag(1, WireType.LengthDelimited).string(key).tag(2, WireType.LengthDelimited).string(value);
    message(tensor, 13, entry);
  }
  if (external !== undefined) tensor.tag(14, WireType.Varint).int32(1);
  return tensor;
}

function nodeOf({ op, inputs, output, name, domain, attributes = {} }: NodeOptions): BinaryWriter {
  const node = new BinaryWriter();
  for (const input of inputs) node.tag(1, WireType.LengthDelimited).string(input);
  node
    .tag(2, WireType.LengthDelimited)
    .string(output)
    .tag(3, WireType.LengthDelimited)
    .string(name ?? output)
    .tag(4, WireType.LengthDelimited)
    .string(op);
  for (const [key, value] of Object.entries(attributes)) {
    const attribute = new BinaryWriter();
    attribute.tag(1, WireType.LengthDelimited).string(key);
    if (typeof value === 'number') attribute.tag(3, WireType.Varint).int64(value);
    else if ('f' in value) attribute.tag(2, WireType.Bit32).float(value.f);
    else for (const entry of value) attribute.tag(8, WireType.Varint).int64(entry);
    message(node, 5, attribute);
  }
  if (domain !== undefined) node.tag(7, WireType.LengthDelimited).string(domain);
  return node;
}

function valueOf(name: string, dims: readonly (number | string)[]): BinaryWriter {
  const shape = new BinaryWriter();
  for (const extent of dims) {
    const dimension = new BinaryWriter();
    if (typeof extent === 'number') dimension.tag(1, WireType.Varint).int64(extent);
    else dimension.tag(2, WireType.LengthDelimited).string(extent);
    message(shape, 1, dimension);
  }
  const tensorType = new BinaryWriter();
  tensorType.tag(1, WireType.Varint).int32(1);
  message(tensorType, 2, shape);
  const type = new BinaryWriter();
  message(type, 1, tensorType);
  const value = new BinaryWriter();
  value.tag(1, WireType.LengthDelimited).string(name);
  message(value, 2, type);
  return value;
}
