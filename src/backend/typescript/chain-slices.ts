/**
 * The scalar chain on the calling thread, in slices of a few milliseconds. The event loop runs between two slices, so that a
 * page stays responsive. No Node imports.
 */
import type { ChainReplicas, ChainTask, RunOptions } from '../seam';
import { sampleChain } from './chain';

/** Milliseconds of a slice. With a page's own work it fits between two frames. */
const SLICE_MS = 8;
/** Layers between two checks of the time, some tenths of a millisecond. */
const LAYERS_PER_LOOK = 1000;

export async function sampleChainInSlices(
  task: ChainTask,
  run: Omit<RunOptions, 'threads'>,
): Promise<ChainReplicas> {
  const { count, plan } = task;
  const out = {
    thetas: new Float64Array(count),
    exponents: new Int32Array(count),
    weights: new Float64Array(count),
    weightExponents: new Int32Array(count),
    parts: new Uint8Array(count),
  };
  const step = Math.max(1, Math.floor(LAYERS_PER_LOOK / (plan.depth + 1)));
  for (let from = 0; from < count;) {
    const end = performance.now() + SLICE_MS;
    do {
      const to = Math.min(count, from + step);
      sampleChain(task, from, to, out);
      from = to;
    } while (from < count && performance.now() < end);
    run.onProgress?.(from / count);
    await nextTurn();
    run.signal?.throwIfAborted();
  }
  return out;
}

/** The common part of Node's and the browser's channels. */
interface Channel {
  readonly port1: { onmessage: () => void; close(): void };
  readonly port2: { postMessage(message: null): void };
}

/** Lets the event loop run. It uses a message if the host has channels, because browsers delay timers by 4 ms. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    if (typeof MessageChannel === 'undefined') {
      setTimeout(resolve, 0);
      return;
    }
    const { port1, port2 } = new MessageChannel() as unknown as Channel;
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}
