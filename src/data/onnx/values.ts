/** The constants of a graph by name: initializers, `Constant` nodes, nodes that only rename or transpose them, and shapes. */
import { invalidFile } from '../files';
import { FLOAT_TYPES, INT64_TYPE, numbersOf } from './constants';
import type { OnnxGraph, OnnxNode, OnnxTensor } from './messages';
import { attributesOf, nodeName } from './nodes';
import { foldShape, type Integers } from './shapes';

/** A constant tensor, perhaps under another name or transposed. */
export interface Constant {
  readonly tensor: OnnxTensor;
  readonly transposed: boolean;
}

export class Constants {
  readonly #byName = new Map<string, Constant>();
  /** For each tensor, the first place that uses it as a parameter. */
  readonly #parameterOf = new Map<OnnxTensor, string>();
  readonly #name: string;

  constructor(graph: OnnxGraph, name: string) {
    this.#name = name;
    if (graph.sparseInitializers > 0) throw invalidFile(name, 'dense initializers', 'sparse ones');
    for (const tensor of graph.initializers) this.#define(tensor.name, { tensor, transposed: false });
  }

  has(value: string): boolean {
    return this.#byName.has(value);
  }

  /** Adds a node whose inputs are all constant. Returns false if it does not name or transpose a constant or compute a shape. */
  define(node: OnnxNode): boolean {
    const [input, output] = [this.#byName.get(node.inputs[0] ?? ''), node.outputs[0] ?? ''];
    switch (node.op) {
      case 'Constant':
        this.#define(output, { tensor: constantOf(node, this.#name), transposed: false });
        return true;
      case 'Identity':
        if (input === undefined) return false;
        this.#define(output, input);
        return true;
      case 'Cast': {
        const { to } = attributesOf(node, ['to', 'saturate'], this.#name);
        if (input === undefined || !isWider(input.tensor.dataType, to?.int ?? 0)) return false;
        this.#define(output, input);
        return true;
      }
      case 'Transpose': {
        const { perm } = attributesOf(node, ['perm'], this.#name);
        if (input?.tensor.dims.length !== 2 || (perm !== undefined && perm.ints.join() !== '1,0'))
          return false;
        this.#define(output, { ...input, transposed: !input.transposed });
        return true;
      }
      default: {
        const inputs = node.inputs.map((value) => this.#integersOf(value));
        const folded = foldShape(node, inputs, this.#name);
        if (folded === null) return false;
        this.defineIntegers(output, folded);
        return true;
      }
    }
  }

  defineIntegers(value: string, { numbers, scalar }: Integers): void {
    const dims = scalar ? [] : [numbers.length];
    const tensor = { name: value, dims, dataType: INT64_TYPE, numbers, raw: null, external: null };
    this.#define(value, { tensor, transposed: false });
  }

  #integersOf(value: string): Integers | undefined {
    const tensor = this.#byName.get(value)?.tensor;
    if (tensor === undefined || tensor.dataType !== INT64_TYPE || tensor.dims.length > 1) return undefined;
    return { numbers: Array.from(numbersOf(tensor, this.#name)), scalar: tensor.dims.length === 0 };
  }

  /** The extents of a constant. */
  shapeOf(value: string): readonly number[] {
    const { tensor, transposed } = this.#byName.get(value)!;
    return transposed ? [...tensor.dims].reverse() : tensor.dims;
  }

  /** The numbers of a constant, row-major. */
  numbers(value: string): Float64Array {
    const { tensor, transposed } = this.#byName.get(value)!;
    const numbers = numbersOf(tensor, this.#name);
    return transposed ? transpose(numbers, tensor.dims[0]!, tensor.dims[1]!) : numbers;
  }

  /**
   * {@link numbers} of a parameter. Only one place may use it.
   *
   * @param place the place that uses it, for the message
   */
  parameter(value: string, place: string): Float64Array {
    const { tensor } = this.#byName.get(value)!;
    const other = this.#parameterOf.get(tensor);
    if (other !== undefined) {
      throw invalidFile(
        this.#name,
        'layers with parameters of their own (the kernel of tied layers needs summed gradients)',
        `tensor ${JSON.stringify(tensor.name)} in ${other} and in ${place}; the exporter may have merged equal tensors; ` +
          'if so, save the state_dict as .safetensors instead',
      );
    }
    this.#parameterOf.set(tensor, place);
    return this.numbers(value);
  }

  #define(value: string, constant: Constant): void {
    if (this.#byName.has(value))
      throw invalidFile(`${this.#name}: ${JSON.stringify(value)}`, 'one definition', 'two');
    this.#byName.set(value, constant);
  }
}

export function transpose(numbers: Float64Array, rows: number, columns: number): Float64Array {
  const result = new Float64Array(numbers.length);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) result[j * rows + i] = numbers[i * columns + j]!;
  }
  return result;
}

/** Whether a cast between the two data types changes no number. */
export function isWider(from: number, to: number): boolean {
  const [source, target] = [FLOAT_TYPES.get(from), FLOAT_TYPES.get(to)];
  return from === to || (source !== undefined && target !== undefined && source.bytes < target.bytes);
}

function constantOf(node: OnnxNode, name: string): OnnxTensor {
  const { value, value_float, value_floats, value_int, value_ints } = attributesOf(
    node,
    ['value', 'value_float', 'value_floats', 'value_int', 'value_ints'],
    name,
  );
  const made = { name: node.outputs[0] ?? '', raw: null, external: null };
  if (value?.tensor) return { ...value.tensor, name: value.tensor.name || made.name };
  if (value_float) return { ...made, dims: [], dataType: 1, numbers: [value_float.float] };
  if (value_floats)
    return { ...made, dims: [value_floats.floats.length], dataType: 1, numbers: value_floats.floats };
  if (value_int) return { ...made, dims: [], dataType: 7, numbers: [value_int.int] };
  if (value_ints) return { ...made, dims: [value_ints.ints.length], dataType: 7, numbers: value_ints.ints };
  throw invalidFile(`${name}: ${nodeName(node)}`, 'a constant of numbers', 'none');
}
