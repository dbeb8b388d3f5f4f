/** The arrays of one computation. They are allocated before it starts and shared by its threads. */
import { types } from 'node:util';
import type { Numbers } from '../../linalg/pack';
import { DeepntkError } from '../../errors';
import { largestOf, layerSlots } from '../layers';
import type { NetworkData, Precision } from '../seam';

/** The inputs of a job and the results of its forward pass. */
export interface Activations {
  readonly network: NetworkData;
  /** Number of inputs: those of X, then those of X2. */
  readonly rows: number;
  readonly rowBlock: number;
  /**
   * x^0 .. x^L, `rows` x n_l each. In mixed precision those above x^0 are float32, and hold x^l / 2^e with the exponents e
   * of {@link exponents}.
   */
  readonly layers: readonly Numbers[];
  /** Two layers for the forward pass, used alternately; null if all layers are stored in float64. */
  readonly passing: readonly [Float64Array, Float64Array] | null;
  /** 1 for every unit of x^0 .. x^L that is not zero for all inputs, layer after layer. */
  readonly active: Uint8Array;
  /** For l = 0 .. L, the exponent of the largest entry of x^l; used in mixed precision only. */
  readonly exponents: Int32Array;
  /** For l = 1 .. L+1 at l - 1, the exponent of the largest bias; in mixed precision only. */
  readonly biasExponents: Int32Array;
}

/** Makes arrays in one kind of memory. A failure is an `ERR_OUT_OF_MEMORY`. */
export interface Allocator {
  float64(length: number): Float64Array;
  float32(length: number): Float32Array;
  int32(length: number): Int32Array;
  uint8(length: number): Uint8Array;
  /** The array itself if it is in this kind of memory, else a copy. */
  readable(array: Float64Array): Float64Array;
}

/** Memory that worker threads can read. */
export function sharedMemory(): CountingAllocator {
  return allocator(
    (bytes) => new SharedArrayBuffer(bytes),
    (array) => types.isSharedArrayBuffer(array.buffer),
  );
}

/** Memory of the calling thread. */
export function ownMemory(): CountingAllocator {
  return allocator(
    (bytes) => new ArrayBuffer(bytes),
    () => true,
  );
}

/** An allocator that counts its bytes. */
export interface CountingAllocator extends Allocator {
  bytes(): number;
}

function allocator(
  buffer: (bytes: number) => ArrayBufferLike,
  canRead: (array: Float64Array) => boolean,
): CountingAllocator {
  let total = 0;
  const allocate = (length: number, width: number): ArrayBufferLike => {
    total += length * width;
    try {
      return buffer(length * width);
    } catch (error) {
      throw asOutOfMemory(error, length * width);
    }
  };
  const float64 = (length: number): Float64Array => new Float64Array(allocate(length, 8));
  return {
    float64,
    float32: (length) => new Float32Array(allocate(length, 4)),
    int32: (length) => new Int32Array(allocate(length, 4)),
    uint8: (length) => new Uint8Array(allocate(length, 1)),
    readable(array) {
      if (canRead(array)) return array;
      const copy = float64(array.length);
      copy.set(array);
      return copy;
    },
    bytes: () => total,
  };
}

/** Turns the engine's RangeError about an array that does not fit into `ERR_OUT_OF_MEMORY`; returns other errors unchanged. */
export function asOutOfMemory(error: unknown, bytes?: number): unknown {
  if (!(error instanceof RangeError) || !/allocat|array (buffer )?length/i.test(error.message)) return error;
  const what = bytes === undefined ? 'an array' : `an array of ${bytes} bytes`;
  return new DeepntkError('ERR_OUT_OF_MEMORY', `${what} could not be allocated: ${error.message}`, {
    cause: error,
  });
}

export interface BatchShape {
  readonly x: Float64Array;
  readonly n: number;
  readonly x2: Float64Array | null;
  readonly n2: number;
}

/** Stacks X and X2 and allocates their activations. */
export function createActivations(
  network: NetworkData,
  batch: BatchShape,
  rowBlock: number,
  keep: Precision | 'outputs-only',
  memory: Allocator,
): Activations {
  const { widths } = network;
  const depth = widths.length - 2;
  const rows = batch.n + (batch.x2 === null ? 0 : batch.n2);
  const hidden = widths.slice(1, -1);
  const inputs = stackInputs(batch, rows * widths[0]!, memory);
  const widest = rows * largestOf(hidden);
  const passing: [Float64Array, Float64Array] | null =
    keep === 'float64' || depth === 0 ? null : [memory.float64(widest), memory.float64(widest)];
  const layers = hidden.map((width): Numbers => {
    if (keep === 'float64') return memory.float64(rows * width);
    return memory.float32(keep === 'mixed' ? rows * width : 0);
  });
  const active = memory.uint8(widths.slice(0, -1).reduce((sum, width) => sum + width, 0));
  const exponents = memory.int32(depth + 1).fill(NO_EXPONENT);
  exponents[0] = exponentOf(markActive(inputs, widths[0]!, active));
  const biasExponents = keep === 'mixed' ? exponentsOfBiases(network, memory) : memory.int32(0);
  return { network, rows, rowBlock, layers: [inputs, ...layers], passing, active, exponents, biasExponents };
}

function exponentsOfBiases({ widths, parameters, biasGains }: NetworkData, memory: Allocator): Int32Array {
  const exponents = memory.int32(widths.length - 1);
  layerSlots(widths).forEach(({ biases, outputs }, index) => {
    let largest = 0;
    for (let i = biases; i < biases + outputs; i++) largest = Math.max(largest, Math.abs(parameters[i]!));
    exponents[index] = exponentOf(largest * biasGains[index]!);
  });
  return exponents;
}

function stackInputs({ x, x2 }: BatchShape, length: number, memory: Allocator): Float64Array {
  const inputs = memory.float64(length);
  inputs.set(x);
  if (x2 !== null) inputs.set(x2, x.length);
  return inputs;
}

/** Marks the input features that are not zero for all inputs; returns the largest absolute value. */
function markActive(inputs: Float64Array, width: number, active: Uint8Array): number {
  let largest = 0;
  for (let at = 0; at < inputs.length; at += width) {
    for (let j = 0; j < width; j++) {
      const value = inputs[at + j]!;
      if (value !== 0) {
        active[j] = 1;
        largest = Math.max(largest, Math.abs(value));
      }
    }
  }
  return largest;
}

/** The exponent of a layer of zeros. */
const NO_EXPONENT = -(2 ** 30);

const double = new Float64Array(1);
const doubleWords = new Int32Array(double.buffer);

/** e with 2^e <= value < 2^(e+1) for a positive normal number; {@link NO_EXPONENT} for zero and infinity. */
export function exponentOf(value: number): number {
  if (!(value > 0) || value === Infinity) return NO_EXPONENT;
  double[0] = value;
  return ((doubleWords[1]! >> 20) & 0x7ff) - 1023;
}

/** Raises a shared exponent to at least `exponent`. */
export function raiseExponent(exponents: Int32Array, index: number, exponent: number): void {
  let seen = Atomics.load(exponents, index);
  while (exponent > seen) {
    const before = Atomics.compareExchange(exponents, index, seen, exponent);
    if (before === seen) return;
    seen = before;
  }
}

/** The exponent to scale a layer by: that of its largest entry, or `atLeast` if larger; 0 for a layer of zeros. */
export function scaleExponent(exponents: Int32Array, index: number, atLeast = NO_EXPONENT): number {
  const exponent = Math.max(exponents[index]!, atLeast);
  return exponent === NO_EXPONENT ? 0 : exponent;
}
