/**
 * Standard normal numbers, a stream at a time.
 *
 * The twin in C++ is native/core/normal.cpp, which gives the same bits.
 */
import { sharedBlocks } from './blocks';
import { type StreamKey, words } from './streams';

export { boxMuller, log, uniform } from './box-muller';

/** Their words, 16 bytes each, stay in the first cache. */
const BLOCKS_AT_ONCE = 512;

/**
 * Fills `out` with `scale` times the normals number `first`, `first + 1`, ... of a stream.
 *
 * @param first index of the first normal drawn; even, and below 2^33
 */
export function fillNormals(out: Float64Array, key: StreamKey, scale = 1, first = 0): void {
  const [key0, key1] = words(key.seed);
  const [replica0, replica1] = words(key.replica);
  const blocks = sharedBlocks();
  const { normals } = blocks;
  for (let done = 0; done < out.length; done += 2 * BLOCKS_AT_ONCE) {
    const length = Math.min(2 * BLOCKS_AT_ONCE, out.length - done);
    const count = (length + 1) >> 1;
    blocks.draw(0, count, (first + done) / 2, key.stream, replica0, replica1, key0, key1, 1, 0);
    blocks.toNormals(0, count);
    for (let i = 0; i < length; i++) out[done + i] = normals[i] * scale;
  }
}
