/** Putting jobs into a queue, and taking their results out. */
import type * as BullMq from 'bullmq';

import { DeepntkError } from '../errors';
import { type Connection, connect, orAbort, type QueueAddress } from './connection';
import { type Job, jobId } from './jobs';

export interface GatherOptions extends QueueAddress {
  readonly signal?: AbortSignal;
  /** Called with the number of jobs that are finished, and of all. */
  readonly onFinished?: (count: number, of: number) => void;
}

const ATTEMPTS = 5;
/** Before a second attempt; twice as long before each further one. */
const BACKOFF_MS = 500;
/** Results stay as long, in seconds, so that whoever asked and was killed can ask again and have them at once. */
const KEPT_FOR = 7 * 24 * 3600;
/** Events tell what is finished. Some are missed, when Redis was away: so the oldest jobs are looked at now and then. */
const LOOK_EVERY_MS = 1000;
const LOOKED_AT = 100;

/** A result, and the number of its job in the list. */
export interface Gathered {
  readonly index: number;
  readonly result: unknown;
}

/**
 * The jobs of a list, in a queue. A job that is in the queue already is not put there again: if it is finished its result is
 * taken, if it failed it is tried anew. One that has vanished, with all that a server held in memory alone, is put there
 * again. Jobs stay in the queue when the signal aborts.
 */
export class Gathering {
  readonly #jobs: readonly Job[];
  readonly #ids: readonly string[];
  readonly #connection: Connection;
  readonly #queue: BullMq.Queue;
  readonly #events: BullMq.QueueEvents;
  readonly #signal: AbortSignal | undefined;
  readonly #window: number;
  /** Numbers of the jobs that are in the queue, by id, the oldest first. */
  readonly #open = new Map<string, number>();
  /** Jobs that may have ended. */
  #touched = new Set<string>();
  readonly #seen = new Set<string>();
  /** How often jobs had results of no use. */
  readonly #redone = new Map<number, number>();
  #next = 0;
  #wake: () => void = () => undefined;

  private constructor(jobs: readonly Job[], connection: Connection, options: GatherOptions, window: number) {
    this.#jobs = jobs;
    this.#ids = jobs.map(jobId);
    this.#connection = connection;
    this.#signal = options.signal;
    this.#window = window;
    const { Queue, QueueEvents } = connection.bullmq;
    this.#queue = new Queue(options.queue, { connection: connection.open() });
    this.#events = new QueueEvents(options.queue, { connection: connection.open() });
    this.#queue.on('error', () => undefined); // it reconnects
    this.#events.on('error', () => undefined);
    const touch = ({ jobId: id }: { jobId: string }): void => {
      if (!this.#open.has(id)) return;
      this.#touched.add(id);
      this.#wake();
    };
    this.#events.on('completed', touch);
    this.#events.on('failed', touch);
  }

  /** @param window how many jobs may be in the queue at once */
  static async open(jobs: readonly Job[], options: GatherOptions, window = Infinity): Promise<Gathering> {
    const connection = await connect(options, options.signal);
    const gathering = new Gathering(jobs, connection, options, window);
    try {
      await gathering.#soon(gathering.#events.waitUntilReady());
    } catch (cause) {
      await gathering.close();
      throw cause;
    }
    return gathering;
  }

  /**
   * The results, in whatever order they come.
   *
   * @throws DeepntkError `ERR_QUEUE` where a job failed at every attempt; the signal's reason
   */
  async *results(): AsyncGenerator<Gathered> {
    for (;;) {
      await this.#soon(this.#fill());
      if (this.#open.size === 0) return;
      const touched = this.#touched;
      this.#touched = new Set();
      const looked = touched.size > 0 ? [...touched] : [...this.#open.keys()].slice(0, LOOKED_AT);
      let found = false;
      for (const id of looked) {
        const index = this.#open.get(id);
        if (index === undefined) continue;
        const done = await this.#soon(this.#look(id, index));
        if (done === null) continue;
        found = true;
        this.#open.delete(id);
        yield { index, result: done.result };
      }
      if (!found && this.#touched.size === 0) await this.#pause();
    }
  }

  /** Takes a finished job out of the queue: nobody will ask for it again. */
  async forget(index: number): Promise<void> {
    const job = await this.#soon(
      this.#connection.bullmq.Job.fromId<Job, unknown>(this.#queue, this.#ids[index]!),
    );
    if (job !== undefined) await this.#soon(change(job, 'completed', () => job.remove()));
  }

  /**
   * Has a job computed again whose result is of no use, after a while.
   *
   * @param problem what is wrong with the result
   * @throws DeepntkError `ERR_QUEUE` if that has happened too often
   */
  async redo(index: number, problem: string): Promise<void> {
    const times = (this.#redone.get(index) ?? 0) + 1;
    this.#redone.set(index, times);
    if (times >= ATTEMPTS) throw new DeepntkError('ERR_QUEUE', `${problem}, at ${times} attempts`);
    await this.forget(index);
    await this.#soon(this.#add([index], BACKOFF_MS * 2 ** times));
  }

  async close(): Promise<void> {
    await this.#connection.close([this.#events.close(), this.#queue.close()]);
  }

  async #fill(): Promise<void> {
    const added: number[] = [];
    while (this.#next < this.#jobs.length && this.#open.size + added.length < this.#window)
      added.push(this.#next++);
    if (added.length > 0) await this.#add(added);
  }

  async #add(indices: readonly number[], delay = 0): Promise<void> {
    await this.#queue.addBulk(
      indices.map((index) => ({
        name: this.#jobs[index]!.kind,
        data: this.#jobs[index]!,
        opts: {
          jobId: this.#ids[index]!,
          attempts: ATTEMPTS,
          delay,
          backoff: { type: 'exponential', delay: BACKOFF_MS },
          removeOnComplete: { age: KEPT_FOR },
          removeOnFail: { age: KEPT_FOR },
        },
      })),
    );
    for (const index of indices) {
      this.#open.set(this.#ids[index]!, index);
      this.#touched.add(this.#ids[index]!);
    }
  }

  /** The result of a job; null where it is not finished. */
  async #look(id: string, index: number): Promise<{ readonly result: unknown } | null> {
    const { Job: QueueJob } = this.#connection.bullmq;
    const job = await QueueJob.fromId<Job, unknown>(this.#queue, id);
    if (job === undefined) {
      await this.#add([index]);
      return null;
    }
    const state = await job.getState();
    const first = !this.#seen.has(id);
    this.#seen.add(id);
    if (state === 'failed') {
      if (!first) {
        throw new DeepntkError('ERR_QUEUE', `a job failed ${job.attemptsMade} times: ${job.failedReason}`);
      }
      const anew = { resetAttemptsMade: true, resetAttemptsStarted: true };
      await change(job, 'failed', () => job.retry('failed', anew));
    }
    if (state !== 'completed') return null;
    // The state may be newer than the job that was read before it.
    const now = await QueueJob.fromId<Job, unknown>(this.#queue, id);
    // Another command that asks for the same job may have taken it out, and put it there again, in between.
    if (now === undefined) await this.#add([index]);
    return now?.finishedOn === undefined ? null : { result: now.returnvalue };
  }

  /** Waits for an event, or until it is time to look. */
  async #pause(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const event = new Promise<void>((resolve) => {
      this.#wake = resolve;
      timer = setTimeout(resolve, LOOK_EVERY_MS);
    });
    await this.#soon(event).finally(() => {
      clearTimeout(timer);
    });
  }

  /** What Redis answers, or the signal's reason: a server that is away does not answer. */
  async #soon<T>(answer: Promise<T>): Promise<T> {
    return orAbort(answer, this.#signal);
  }
}

/** Changes a job in a state, unless another command was quicker: then it is in another one, or gone. */
async function change(
  job: BullMq.Job<Job, unknown>,
  state: BullMq.JobState,
  make: () => Promise<unknown>,
): Promise<void> {
  try {
    await make();
  } catch (cause) {
    if ((await job.getState()) === state) throw cause;
  }
}

/**
 * The results of units, in their order.
 *
 * @param job the job of a unit
 * @param read checks the result of a job; an error ends the run
 */
export async function* gather<Unit, Result>(
  units: Iterable<Unit>,
  job: (unit: Unit) => Job,
  read: (result: unknown, unit: Unit) => Result,
  options: GatherOptions,
): AsyncGenerator<readonly [Unit, Result], void, void> {
  const list = [...units];
  if (list.length === 0) return;
  const gathering = await Gathering.open(list.map(job), options);
  const early = new Map<number, unknown>();
  let next = 0;
  let finished = 0;
  try {
    for await (const { index, result } of gathering.results()) {
      options.onFinished?.(++finished, list.length);
      early.set(index, result);
      for (; early.has(next); next++) {
        const unit = list[next]!;
        yield [unit, read(early.get(next), unit)];
        early.delete(next);
      }
    }
  } finally {
    await gathering.close();
  }
}
