/** Many Philox blocks at once, and normals of them. */
import { boxMuller } from './box-muller';
import { philox4x32 } from './philox';
import { instantiateRandomModule, MEMORY_BYTES } from './random-module';

/** The most blocks that {@link Blocks.words} holds. */
export const MOST_BLOCKS = MEMORY_BYTES / 16;

/** Draws blocks into memory of its own: by WebAssembly, or where the host has none in JavaScript, with the same bits. */
export class Blocks {
  /** The words drawn: block b has 4 b .. 4 b + 3. */
  readonly words: Uint32Array;
  /** The same memory as doubles: block b has 2 b and 2 b + 1. */
  readonly normals: Float64Array;
  readonly #block = new Uint32Array(4);
  readonly #pair = new Float64Array(2);

  constructor(private readonly wasm = instantiateRandomModule()) {
    const memory = wasm === null ? new ArrayBuffer(MEMORY_BYTES) : wasm.memory.buffer;
    this.words = new Uint32Array(memory);
    this.normals = new Float64Array(memory);
  }

  /**
   * Draws `count` blocks to positions `at`, `at + 1`, ...: the i-th has the counter (index + i indexStep,
   * stream + i streamStep, replica0, replica1).
   */
  draw(
    at: number,
    count: number,
    index: number,
    stream: number,
    replica0: number,
    replica1: number,
    key0: number,
    key1: number,
    indexStep: number,
    streamStep: number,
  ): void {
    if (count <= 0) return;
    if (this.wasm !== null) {
      const { draw } = this.wasm;
      draw(16 * at, count, index, stream, replica0, replica1, key0, key1, indexStep, streamStep);
      return;
    }
    for (let i = 0; i < count; i++) {
      const counter0 = index + i * indexStep;
      const counter1 = stream + i * streamStep;
      philox4x32(this.#block, counter0, counter1, replica0, replica1, key0, key1);
      this.words.set(this.#block, 4 * (at + i));
    }
  }

  /**
   * Turns the blocks at positions `at` .. `at + count - 1` into two normals each, in {@link normals}; where `count` is odd,
   * the block after them too.
   */
  toNormals(at: number, count: number): void {
    if (count <= 0) return;
    if (this.wasm !== null) {
      this.wasm.boxMuller(16 * at, (count + 1) >> 1);
      return;
    }
    for (let i = at; i < at + count; i++) {
      this.#block.set(this.words.subarray(4 * i, 4 * i + 4));
      boxMuller(this.#block, this.#pair);
      this.normals.set(this.#pair, 2 * i);
    }
  }
}

let shared: Blocks | undefined;

/** The thread's own. Who draws into it reads what was drawn before anyone else draws. */
export function sharedBlocks(): Blocks {
  return (shared ??= new Blocks());
}
