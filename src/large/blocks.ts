/** Blocks of inputs and their features: computed, kept in memory, or spilled to a file and read again. */
import { type FileHandle, open, rm } from 'node:fs/promises';

import { exponentCount, featureSlots } from '../backend/features';
import type { Backend, FeatureBlock, FeatureShape, Reals, RunOptions } from '../backend/seam';
import { reasonOf } from '../data/files';
import { allocated, DeepntkError } from '../errors';
import type { NdArray } from '../ndarray';

/** An array that threads share. */
export function shared(length: number, type: 'float64' | 'float32'): Reals {
  return allocated(`an array of ${length} numbers`, () =>
    type === 'float64'
      ? new Float64Array(new SharedArrayBuffer(8 * length))
      : new Float32Array(new SharedArrayBuffer(4 * length)),
  );
}

/** The bytes of an array, where they are. */
export const bytesOf = (array: Reals): Uint8Array =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

/** Some rows of X and after them of X2, cut into blocks of `edge` inputs each. */
export interface BlockList {
  readonly X: NdArray;
  readonly X2: NdArray | null;
  readonly edge: number;
}

/** The inputs of block number `index`: those of X first, then those of X2. */
export function blockRange({ X, X2, edge }: BlockList, index: number) {
  const n = X.shape[0]!;
  const rowBlocks = Math.ceil(n / edge);
  const own = index < rowBlocks;
  const source = own ? X : X2!;
  const first = (own ? index : index - rowBlocks) * edge;
  return { source, first, count: Math.min(edge, source.shape[0]! - first) };
}

/** Room for the features of one block, used again and again, so that the memory of a computation does not grow. */
interface Slot {
  readonly values: Reals;
  readonly exponents: Int32Array;
}

export class FeatureSource {
  readonly #backend: Backend;
  readonly #shape: FeatureShape;
  readonly #list: BlockList;
  readonly #x: Float64Array;
  readonly #slots: Slot[];
  readonly #perInput: number;
  readonly #spillPath: string | null;
  #spill: FileHandle | null = null;
  readonly #spilled = new Map<number, Int32Array>();

  /** @param spillPath a file for features that do not fit; null where they are to be computed again */
  constructor(
    backend: Backend,
    shape: FeatureShape,
    list: BlockList,
    slotCount: number,
    spillPath: string | null,
  ) {
    this.#backend = backend;
    this.#shape = shape;
    this.#list = list;
    this.#spillPath = spillPath;
    const rows = Math.min(list.edge, Math.max(list.X.shape[0]!, list.X2?.shape[0] ?? 0));
    this.#perInput = featureSlots(shape).perInput;
    this.#x = shared(rows * shape.network.widths[0]!, 'float64') as Float64Array;
    this.#slots = Array.from({ length: slotCount }, () => ({
      values: shared(rows * this.#perInput, shape.precision === 'mixed' ? 'float32' : 'float64'),
      exponents: new Int32Array(new SharedArrayBuffer(4 * exponentCount(shape, rows))),
    }));
  }

  /** Whether {@link load} reads a block, and does not compute it. */
  isSpilled(index: number): boolean {
    return this.#spilled.has(index);
  }

  /** The features of block `index`, in slot `slot`, whose former content is lost. */
  async load(index: number, slot: number, run: RunOptions): Promise<FeatureBlock> {
    const { source, first, count } = blockRange(this.#list, index);
    const room = this.#slots[slot]!;
    const block: FeatureBlock = {
      n: count,
      values: room.values.subarray(0, count * this.#perInput),
      exponents: room.exponents.subarray(0, exponentCount(this.#shape, count)),
    };
    const spilled = this.#spilled.get(index);
    if (spilled !== undefined) {
      await this.#transfer(index, block, 'read');
      block.exponents.set(spilled);
      return block;
    }
    const width = this.#shape.network.widths[0]!;
    const x = this.#x.subarray(0, count * width);
    x.set(source.data.subarray(first * width, (first + count) * width));
    await this.#backend.features({ ...this.#shape, x, block }, run);
    if (this.#spillPath !== null) {
      await this.#transfer(index, block, 'write');
      this.#spilled.set(index, block.exponents.slice());
    }
    return block;
  }

  async #transfer(index: number, { values }: FeatureBlock, direction: 'read' | 'write'): Promise<void> {
    const bytes = bytesOf(values);
    const position = index * this.#slots[0]!.values.byteLength;
    try {
      this.#spill ??= await open(this.#spillPath!, 'w+');
      for (let at = 0; at < bytes.length;) {
        const length = Math.min(bytes.length - at, 2 ** 30);
        const done =
          direction === 'read'
            ? (await this.#spill.read(bytes, at, length, position + at)).bytesRead
            : (await this.#spill.write(bytes, at, length, position + at)).bytesWritten;
        if (done === 0) throw new Error('it ended too early');
        at += done;
      }
    } catch (cause) {
      const message = `cannot ${direction} the temporary file ${this.#spillPath!}: ${reasonOf(cause)}`;
      throw new DeepntkError('ERR_INVALID_FILE', message, { cause });
    }
  }

  async close(): Promise<void> {
    await this.#spill?.close();
    this.#spill = null;
    if (this.#spillPath !== null) await rm(this.#spillPath, { force: true });
  }
}
