/** The one reader of array arguments, and the rules about their shapes. */
import { allocated, describeShape, expectInteger, invalidArgument, mismatch } from './errors';
import {
  isFloatArray,
  kindOfTypedArray,
  type NdArray,
  type ResultArray,
  resultArray,
  sizeOf,
} from './ndarray';

/** Typed arrays of integers. Entries of the two BigInt types have an absolute value of at most 2^53. */
export type IntegerArray =
  | Int8Array
  | Uint8Array
  | Uint8ClampedArray
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array;

/** One axis of numbers. */
export type NumberList = readonly number[] | Float64Array | Float32Array | IntegerArray;

/** Nested lists, one level per axis. All lists of a level have the same length, and the innermost may be typed arrays. */
export type NestedNumbers = NumberList | readonly NestedNumbers[];

/**
 * An array that every function accepts: nested lists of numbers, a typed array, or `{ data, shape }` with row-major data.
 * Every number is converted to a double exactly. Anything that is not a number is refused with its index.
 *
 * @example net.ntk([[0.5, 1], [2, 3]]); net.ntk({ data: Float64Array.of(0.5, 1, 2, 3), shape: [2, 2] });
 */
export type ArrayInput = NestedNumbers | { readonly data: NumberList; readonly shape: readonly number[] };

/** The class of each input, a number or a name. */
export type ClassLabels = ArrayInput | readonly (number | string)[];

/**
 * Converts any array that deepntk accepts to `{ data, shape }` with methods. A `Float64Array` or `Float32Array` is not copied: the result
 * shares its memory. A flat list has one axis.
 *
 * @param array nested lists of numbers, a typed array or `{ data, shape }`
 * @throws DeepntkError `ERR_INVALID_ARGUMENT` if rows differ in length, an entry is not a number, or data and shape disagree
 * @example toNdArray([[1, 2, 3], [4, 5, 6]]).shape; // [2, 3]
 */
export function toNdArray(array: ArrayInput): ResultArray<Float64Array | Float32Array> {
  return resultArray(readArray('toNdArray: array', array));
}

/**
 * @internal Reads any {@link ArrayInput}; entries may be NaN or infinite. Float data are not copied.
 *
 * @throws DeepntkError `ERR_INVALID_ARGUMENT`, with the index of the wrong entry
 */
export function readArray(where: string, value: unknown): NdArray {
  if (isNumberSource(value)) return readNested(where, value);
  if (typeof value !== 'object' || value === null || !('data' in value) || !('shape' in value))
    throw invalidArgument(where, 'nested arrays of numbers, a typed array or { data, shape }', value);
  const { data, shape } = value;
  if (!isNumberSource(data))
    throw invalidArgument(`${where}.data`, 'a typed array or an array of numbers', data);
  if (!Array.isArray(shape)) throw invalidArgument(`${where}.shape`, 'an array of extents', shape);
  const extents = Array.from(shape, (extent: unknown, axis) =>
    expectInteger(`${where}.shape[${axis}]`, extent, { min: 0 }),
  );
  if (data.length !== sizeOf(extents)) {
    const detached = ArrayBuffer.isView(data) && data.buffer.byteLength === 0;
    const got = detached ? 'none: the buffer is empty or was detached (transferred away)' : `${data.length}`;
    throw mismatch(`${where}.data`, `${sizeOf(extents)} entries for shape ${describeShape(extents)}`, got);
  }
  return { data: numbersOf(`${where}.data`, data), shape: extents };
}

/** @internal Inputs of a net, as N x inputDim with N >= 1. One axis of inputDim numbers is one input. */
export function readInputs(where: string, X: unknown, inputDim: number): NdArray {
  const array = readArray(where, X);
  const { data, shape } = array;
  if (shape.length === 2 && shape[1] === inputDim && shape[0]! > 0) return array;
  if (shape.length === 1 && shape[0] === inputDim) return { data, shape: [1, inputDim] };
  throw mismatch(
    where,
    `N x ${inputDim}`,
    `shape ${describeShape(shape)}${fixOfInputs(data.length, shape, inputDim)}`,
  );
}

/** @internal A matrix with one row per input and any number of columns. */
export function readRows(where: string, X: unknown): NdArray {
  const array = readArray(where, X);
  if (array.shape.length === 2) return array;
  const n = array.data.length;
  const fix = array.shape.length === 1 ? `: for one input, pass [x] or shape [1, ${n}]` : '';
  throw mismatch(where, 'two axes, N x n_0', `shape ${describeShape(array.shape)}${fix}`);
}

/**
 * @internal Targets or outputs of N inputs, as N x K. One axis of N numbers is N x 1, and one axis of K numbers is 1 x K where
 * N is 1.
 *
 * @param outputs K, or null if the array determines it
 */
export function readOutputs(where: string, y: unknown, inputs: number, outputs: number | null): NdArray {
  const array = readArray(where, y);
  const { data, shape } = array;
  const [rows, columns] = shape;
  if (shape.length === 2 && rows === inputs && (outputs === null ? columns! > 0 : columns === outputs))
    return array;
  if (shape.length === 1 && rows === inputs && (outputs ?? 1) === 1) return { data, shape: [inputs, 1] };
  if (shape.length === 1 && rows === outputs && inputs === 1) return { data, shape: [1, outputs] };
  throw mismatch(
    where,
    `${inputs} x ${outputs ?? 'K'}`,
    `shape ${describeShape(shape)}${fixOfOutputs(shape, inputs, outputs)}`,
  );
}

/** @internal A flat list of integers, such as labels or row numbers. */
export function readIntegers(
  where: string,
  list: unknown,
  { what, ...range }: { readonly what: string; readonly min?: number; readonly max?: number },
): number[] {
  const { data, shape } = readArray(where, list);
  if (shape.length !== 1) throw mismatch(where, `${what}, one axis`, `shape ${describeShape(shape)}`);
  return Array.from(data, (entry, i) => expectInteger(`${where}[${i}]`, entry, range));
}

function fixOfInputs(entries: number, shape: readonly number[], inputDim: number): string {
  const rows = entries / inputDim;
  if (entries === 0) return ': at least one input is needed';
  if (shape.length === 2 && shape[0] === inputDim)
    return ': each row is one input, so you may need the transpose';
  const wanted = describeShape([rows, inputDim]);
  if (shape.length === 1 && Number.isInteger(rows))
    return `: for ${rows} inputs, pass ${rows} rows or shape ${wanted}`;
  if (shape.length > 2 && sizeOf(shape.slice(1)) === inputDim) return `: flatten each input, shape ${wanted}`;
  return `: an input has ${inputDim} numbers`;
}

function fixOfOutputs(shape: readonly number[], inputs: number, outputs: number | null): string {
  if (shape.length === 2 && shape[1] === inputs && shape[0] === (outputs ?? shape[0]))
    return ': each row belongs to one input, so you may need the transpose';
  if (shape.length !== 1) return '';
  return outputs === null || outputs === 1
    ? `: a flat list has one number for each of the ${inputs} inputs`
    : `: pass a row of ${outputs} numbers for each input`;
}

/** NumPy's limit on axes. It also stops at a list that contains itself. */
const MOST_AXES = 64;

interface NumberSource {
  readonly length: number;
  readonly [index: number]: unknown;
}

function isNumberSource(value: unknown): value is NumberSource {
  return Array.isArray(value) || kindOfTypedArray(value) !== undefined;
}

function readNested(where: string, list: NumberSource): NdArray {
  const shape = shapeOfNested(where, list);
  if (shape.length === 1) return { data: numbersOf(where, list), shape };
  const data = allocated(`the array ${where}`, () => new Float64Array(sizeOf(shape)));
  copyNested(where, list, shape, data);
  return { data, shape };
}

/** The shape, read from the first list of every level. {@link copyNested} compares all other lists with it. */
function shapeOfNested(where: string, list: NumberSource): number[] {
  const shape: number[] = [];
  for (let level: unknown = list; isNumberSource(level); level = level[0]) {
    shape.push(level.length);
    if (shape.length > MOST_AXES) throw mismatch(where, `at most ${MOST_AXES} axes`, 'deeper nesting');
  }
  return shape;
}

function copyNested(where: string, list: unknown, shape: readonly number[], out: Float64Array): void {
  const [extent, ...inner] = shape;
  const what = inner.length === 0 ? `${extent!} numbers` : `${extent!} lists`;
  if (!isNumberSource(list))
    throw invalidArgument(where, `a list of ${what}, like the lists before it`, list);
  if (list.length !== extent) throw mismatch(where, `${what}, like the lists before it`, `${list.length}`);
  if (inner.length === 0) {
    copyNumbers(where, list, out);
    return;
  }
  const size = sizeOf(inner);
  for (let i = 0; i < extent; i++)
    copyNested(`${where}[${i}]`, list[i], inner, out.subarray(i * size, (i + 1) * size));
}

function numbersOf(where: string, list: NumberSource): Float64Array | Float32Array {
  if (list.length === 0) expectMemory(where, list);
  if (isFloatArray(list)) return list;
  const data = allocated(`the array ${where}`, () => new Float64Array(list.length));
  copyNumbers(where, list, data);
  return data;
}

/** Converts the entries of one list to doubles, exactly. */
function copyNumbers(where: string, list: NumberSource, out: Float64Array): void {
  if (list.length === 0) {
    expectMemory(where, list);
    return;
  }
  const kind = kindOfTypedArray(list);
  if (kind !== undefined && !kind.startsWith('Big')) {
    out.set(list as ArrayLike<number>);
    return;
  }
  for (let i = 0; i < out.length; i++) {
    const entry = list[i];
    if (typeof entry === 'number') out[i] = entry;
    else if (kind === undefined) throw invalidArgument(`${where}[${i}]`, 'a number', entry);
    else out[i] = exactNumber(`${where}[${i}]`, entry as bigint);
  }
}

/** Refuses a typed array whose buffer was transferred away. Unlike an empty array's buffer, it accepts no views. */
function expectMemory(where: string, list: NumberSource): void {
  if (!ArrayBuffer.isView(list)) return;
  try {
    new Uint8Array(list.buffer);
  } catch {
    throw mismatch(where, 'a typed array', 'one whose buffer was detached (transferred away)');
  }
}

function exactNumber(where: string, integer: bigint): number {
  const number = Number(integer);
  if (Math.abs(number) > 2 ** 53 || BigInt(number) !== integer)
    throw invalidArgument(where, 'an integer with an absolute value of at most 2^53', integer);
  return number;
}
