/**
 * What `draw` makes of each of the tasks, in their order. The next one is drawn while the caller uses the present one, and
 * no more than one is drawn at a time.
 *
 * Where the caller leaves early, or `draw` fails, what is being drawn is aborted, and nothing computes any more when the
 * generator has ended.
 *
 * @param draw is given a signal that is aborted with `signal`, and where the rest is not wanted
 */
export async function* drawAhead<Task, Batch>(
  tasks: Iterable<Task>,
  draw: (task: Task, signal: AbortSignal) => Promise<Batch>,
  signal: AbortSignal | undefined,
): AsyncGenerator<readonly [task: Task, batch: Batch], void, void> {
  const stop = new AbortController();
  const either = AbortSignal.any([stop.signal, ...(signal === undefined ? [] : [signal])]);
  let pending: { readonly task: Task; readonly batch: Promise<Batch> } | undefined;
  const begin = (task: Task): void => {
    pending = { task, batch: draw(task, either) };
    pending.batch.catch(() => undefined); // it is awaited later, and may fail before
  };
  signal?.throwIfAborted();
  try {
    for (const task of tasks) {
      if (pending === undefined) begin(task);
      else {
        const done = [pending.task, await pending.batch] as const;
        begin(task);
        yield done;
      }
    }
    if (pending !== undefined) yield [pending.task, await pending.batch];
  } finally {
    stop.abort();
    await pending?.batch.catch(() => undefined);
  }
}
