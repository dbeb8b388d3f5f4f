/** A worker: takes jobs from a queue, computes them, and puts their results there. */
import { connect, type QueueAddress, settledSoon } from './connection';
import { computeJob } from './compute';
import { type Job, type JobRun, NotNow } from './jobs';
import { TileComputer } from './kernel-tile';
import { Store } from './store';

export interface WorkerOptions extends QueueAddress, Pick<JobRun, 'threads' | 'backend'> {
  /** Ends the worker; the job under way goes back to the queue. */
  readonly signal: AbortSignal;
  /** Seconds without a job after which the worker ends; it goes on for ever where undefined. */
  readonly idleSeconds?: number;
  /**
   * Seconds after which a job whose worker gives no sign of life is given to another one. Signs are given twice as often,
   * from the event loop; the computation does not block it.
   */
  readonly lockSeconds: number;
  readonly onJob?: (event: {
    readonly id: string;
    readonly seconds: number;
    readonly problem?: string;
  }) => void;
}

/** How often a job may lose its worker before it counts as failed: a job that kills its workers must not kill all of them. */
const MOST_STALLS = 10;

/** How long the worker waits when Redis is away, before it asks for a job again; it does not end while it waits. */
const RETRY_AFTER_MS = 1000;

/** How long a job that cannot be computed here, or not now, is left to others. */
const GIVEN_BACK_FOR_MS = 1000;

/**
 * Works until the signal aborts, or nothing has come for a while.
 *
 * @returns the number of jobs that were finished
 * @throws DeepntkError `ERR_QUEUE` where the queue cannot be reached
 */
export async function work(options: WorkerOptions): Promise<number> {
  const { signal, idleSeconds = Infinity, lockSeconds, threads, backend, onJob } = options;
  const connection = await connect(options, signal).catch((cause: unknown) => {
    if (!signal.aborted) throw cause;
    return null;
  });
  if (connection === null) return 0;
  const { Worker, DelayedError } = connection.bullmq;
  const run: JobRun = {
    signal,
    ...(threads !== undefined && { threads }),
    ...(backend !== undefined && { backend }),
  };
  const tiles = new TileComputer(new Store(connection.open(), options.queue));
  const told = new Set<string>();
  let done = 0;
  let busy = 0;
  /** Settles when the computation under way has ended. */
  let computed: Promise<unknown> = Promise.resolve();
  let lastEnd = performance.now();
  const worker = new Worker<Job>(
    options.queue,
    async (job, token) => {
      const start = performance.now();
      const tell = (problem?: string): void => {
        onJob?.({
          id: job.id ?? '',
          seconds: (performance.now() - start) / 1000,
          ...(problem && { problem }),
        });
      };
      const tellOnce = (problem: string): void => {
        if (told.has(problem)) return;
        told.add(problem);
        tell(problem);
      };
      busy++;
      let worked = true;
      try {
        const computing = computeJob(job.data, run, tiles);
        computed = computing.catch(() => undefined);
        const result = await computing;
        done++;
        tell();
        return result;
      } catch (error) {
        const notNow = error instanceof NotNow && job.attemptsStarted <= error.patience;
        if (signal.aborted || notNow) {
          if (!signal.aborted) tellOnce((error as Error).message);
          // Given back, which does not count as an attempt.
          await job.moveToDelayed(Date.now() + (signal.aborted ? 0 : GIVEN_BACK_FOR_MS), token);
          worked = false;
          throw new DelayedError();
        }
        tell((error as Error).message);
        throw error;
      } finally {
        busy--;
        if (worked) lastEnd = performance.now();
      }
    },
    {
      connection: connection.open(),
      lockDuration: 1000 * lockSeconds,
      stalledInterval: 500 * lockSeconds,
      maxStalledCount: MOST_STALLS,
      drainDelay: 1,
      runRetryDelay: RETRY_AFTER_MS,
    },
  );
  worker.on('error', () => undefined); // it reconnects
  try {
    await new Promise<void>((resolve) => {
      const end = (): void => {
        clearInterval(watch);
        resolve();
      };
      const watch = setInterval(() => {
        if (busy === 0 && performance.now() - lastEnd > 1000 * idleSeconds) end();
      }, 100);
      if (signal.aborted) end();
      else signal.addEventListener('abort', end, { once: true });
    });
    return done;
  } finally {
    const closed = worker.close();
    await settledSoon([closed]);
    // A job that has come at the last moment is finished, and one under way is given back when its computation has stopped.
    await computed;
    await connection.close([closed]);
  }
}
