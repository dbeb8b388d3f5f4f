/** Units of a job that are computed here, in their order. */
import { onAbort } from '../backend/abort';

/**
 * Calls `draw` for each of the tasks, in their order, one at a time, and yields the results.
 *
 * @param draw gets a signal that is aborted with `signal`, and when the caller does not want the rest
 */
export type Drawing = <Task, Batch>(
  tasks: Iterable<Task>,
  draw: (task: Task, signal: AbortSignal | undefined) => Promise<Batch>,
  signal: AbortSignal | undefined,
) => AsyncGenerator<readonly [task: Task, batch: Batch], void, void>;

/** Draws a task when the caller asks for it. This serves a backend that computes on the caller's own thread. */
export const drawInTurn: Drawing = async function* (tasks, draw, signal) {
  for (const task of tasks) {
    signal?.throwIfAborted();
    yield [task, await draw(task, signal)];
  }
};

/**
 * Draws a task while the caller uses the one before. This serves a backend that computes on other threads.
 *
 * If the caller leaves early, or `draw` fails, the task under way is aborted, and nothing computes when the generator has
 * ended.
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
