/** Which samples each step sees. */
import { ORDER_PURPOSE, permutation } from '../random/permutation';
import { streamOf } from '../random/streams';

/** Streams of orders are told apart by this number: 0 for the batches of training. */
const BATCHES = 0;

/**
 * The batches of a run: every epoch goes through all n samples once, in an order of its own that is a function of seed and
 * epoch alone, so that any step's batch can be had without those before. The last batch of an epoch may be smaller.
 */
export function batchesOf(n: number, batchSize: number, seed: number): (step: number) => Int32Array {
  const perEpoch = Math.ceil(n / batchSize);
  let known: { readonly epoch: number; readonly order: Int32Array } | null = null;
  return (step) => {
    const epoch = Math.floor(step / perEpoch);
    if (known?.epoch !== epoch) {
      known = {
        epoch,
        order: permutation(n, { seed, replica: epoch, stream: streamOf(ORDER_PURPOSE, BATCHES) }),
      };
    }
    const begin = (step % perEpoch) * batchSize;
    return known.order.slice(begin, Math.min(n, begin + batchSize));
  };
}
