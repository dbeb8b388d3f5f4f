/** Random orders. */
import { uniform } from './normal';
import { philox4x32 } from './philox';
import { type StreamKey, words } from './streams';

/** The purpose of the streams of orders, beside those of PURPOSE in streams.ts; their "layer" says what is ordered. */
export const ORDER_PURPOSE = 0x40;

/**
 * The numbers 0 .. n - 1 in random order, every order equally likely (Fisher and Yates); a function of the key alone.
 *
 * @param n below 2^32
 */
export function permutation(n: number, { seed, replica, stream }: StreamKey): Int32Array {
  const order = new Int32Array(n);
  for (let i = 0; i < n; i++) order[i] = i;
  const [key0, key1] = words(seed);
  const [replica0, replica1] = words(replica);
  const block = new Uint32Array(4);
  for (let i = n - 1; i > 0; i--) {
    philox4x32(block, i, stream, replica0, replica1, key0, key1);
    const other = Math.floor(uniform(block[0], block[1]) * (i + 1));
    const moved = order[i];
    order[i] = order[other];
    order[other] = moved;
  }
  return order;
}
