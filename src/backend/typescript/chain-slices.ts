/**
 * The scalar chain on the calling thread, in slices of a few milliseconds with a turn of the event loop between two of them:
 * for a page, which has to stay alive meanwhile. No Node imports.
 */
import type { ChainReplicas, ChainTask, RunOptions } from '../backend';
import { sampleChain } from './chain';

/** The time after which other work is let in, in milliseconds: with a page's own it fits between two frames. */
const SLICE_MS = 8;
/** Layers between two looks at the clock, some tenths of a millisecond. */
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

interface Scheduler {
  readonly yield?: () => Promise<void>;
}

/** Lets events and frames in: by the scheduler of newer browsers, else by a timer, which those delay by up to 4 ms. */
function nextTurn(): Promise<void> {
  const { scheduler } = globalThis as { scheduler?: Scheduler };
  return scheduler?.yield?.() ?? new Promise((resolve) => setTimeout(resolve, 0));
}
