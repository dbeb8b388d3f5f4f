/** Pieces of a long computation in their order, each handed over when it is drawn. */
import { onAbort } from '../backend/abort';

/** Replicas number `from` to `from + count - 1` of a run. */
export interface Chunk {
  readonly from: number;
  readonly count: number;
}

/**
 * What `draw` makes of each of the tasks, in their order, no more than one at a time.
 *
 * @param draw is given a signal that is aborted with `signal`, and where the rest is not wanted
 */
export type Drawing = <Task, Batch>(
  tasks: Iterable<Task>,
  draw: (task: Task, signal: AbortSignal | undefined) => Promise<Batch>,
  signal: AbortSignal | undefined,
) => AsyncGenerator<readonly [task: Task, batch: Batch], void, void>;

/** Draws a task when the caller asks for it: where the caller's own thread computes. */
export const drawInTurn: Drawing = async function* (tasks, draw, signal) {
  for (const task of tasks) {
    signal?.throwIfAborted();
    yield [task, await draw(task, signal)];
  }
};

/**
 * Draws a task while the caller uses the one before: where other threads compute.
 *
 * Where the caller leaves early, or `draw` fails, what is being drawn is aborted, and nothing computes any more when the
 * generator has ended.
 */
export const drawAhead: Drawing = async function* (tasks, draw, signal) {
  signal?.throwIfAborted();
  const stop = new AbortController();
  const forget = onAbort(signal, () => {
    stop.abort(signal?.reason);
  });
  const begin = (task: Parameters<typeof draw>[0]) => {
    const batch = (async () => draw(task, stop.signal))();
    batch.catch(() => undefined); // it is awaited later, and may fail before
    return { task, batch };
  };
  let pending: ReturnType<typeof begin> | undefined;
  try {
    for (const task of tasks) {
      if (pending === undefined) pending = begin(task);
      else {
        const done = [pending.task, await pending.batch] as const;
        signal?.throwIfAborted();
        pending = begin(task);
        yield done;
      }
    }
    if (pending === undefined) return;
    const last = [pending.task, await pending.batch] as const;
    signal?.throwIfAborted();
    yield last;
  } finally {
    forget();
    stop.abort();
    await pending?.batch.catch(() => undefined);
  }
};
