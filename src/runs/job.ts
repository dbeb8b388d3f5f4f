/**
 * Long work that can be divided, interrupted, continued and merged.
 *
 * A job consists of units: ranges of replicas, points of a sweep, tiles of a kernel. The result of a unit is a function of the
 * job's settings and of the unit alone, so it does not matter who computes it, or when. A run connects a source of results
 * with a sink.
 *
 *     source    computes units here, takes them from the workers of a queue, or reads them from the files of other runs (merge)
 *     sink      keeps results in a file: sums (sums-file.ts), rows (row-file.ts) or the tiles of a kernel
 *
 * The sink knows which units an earlier run has left in the file, so a run that is repeated continues. A shard i/n is a job
 * with a part of the units and a file of its own.
 */

/** The results of units, in an order that the source chooses. It may ask for a unit before the last one is kept. */
export type Source<Unit, Result> = (
  units: Iterable<Unit>,
) => AsyncIterable<readonly [unit: Unit, result: Result]>;

/** Where results are kept. */
export interface Sink<Unit, Result> {
  /** The units of the job that are not there yet. Called once. */
  missing(): Iterable<Unit>;
  /** Keeps a result. The next one is added after this has settled. */
  add(unit: Unit, result: Result): Promise<void> | void;
  /** Whether the job needs no more units, although some are missing. */
  enough?(): boolean;
  /** Finishes the file after the last unit. */
  complete?(): Promise<void>;
  /** Releases the file and its lock, however the run ends. */
  close?(): Promise<void>;
}

/**
 * Runs a job: brings the missing units from the source to the sink, and yields each after it is kept.
 *
 * The sink is closed when the run ends, fails, or when the caller stops.
 */
export async function* runJob<Unit, Result>(
  source: Source<Unit, Result>,
  sink: Sink<Unit, Result>,
): AsyncGenerator<readonly [unit: Unit, result: Result], void, void> {
  try {
    for await (const [unit, result] of source(sink.missing())) {
      await sink.add(unit, result);
      yield [unit, result];
      if (sink.enough?.()) break;
    }
    await sink.complete?.();
  } finally {
    await sink.close?.();
  }
}

/** Runs a job whose caller does not look at the results. */
export async function finishJob<Unit, Result>(
  source: Source<Unit, Result>,
  sink: Sink<Unit, Result>,
): Promise<void> {
  const kept = runJob(source, sink);
  while ((await kept.next()).done !== true);
}
