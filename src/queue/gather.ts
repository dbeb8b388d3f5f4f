/** Putting jobs into a queue, and taking their results out in order. */
import { setTimeout as delay } from 'node:timers/promises';

import { DeepntkError } from '../errors';
import { connect, type QueueAddress } from './connection';
import { type Job, jobId } from './jobs';

export interface GatherOptions extends QueueAddress {
  readonly signal?: AbortSignal;
  /** Called with the number of jobs that are finished, in whatever order. */
  readonly onFinished?: (count: number) => void;
}

const ATTEMPTS = 5;
/** Results stay as long, in seconds, so that whoever asked and was killed can ask again and have them at once. */
const KEPT_FOR = 7 * 24 * 3600;
const LOOK_EVERY_MS = 100;

/**
 * Enqueues jobs and yields their results in the order given. A job that is in the queue already is not put there again: if
 * it is finished its result is taken, if it failed it is tried anew. Jobs stay in the queue when the signal aborts.
 *
 * @throws DeepntkError `ERR_QUEUE` where a job failed at every attempt; the signal's reason
 */
export async function* gather(jobs: readonly Job[], options: GatherOptions): AsyncGenerator {
  const connection = await connect(options);
  const { Queue, QueueEvents, Job: QueueJob } = connection.bullmq;
  const queue = new Queue(options.queue, { connection: connection.open() });
  const events = new QueueEvents(options.queue, { connection: connection.open() });
  queue.on('error', () => undefined); // it reconnects
  events.on('error', () => undefined);
  const { signal, onFinished } = options;
  const ids = jobs.map(jobId);
  const awaited = new Set(ids);
  const finished = new Set<string>();
  const finish = (id: string): void => {
    if (!awaited.has(id) || finished.has(id)) return;
    finished.add(id);
    onFinished?.(finished.size);
  };
  events.on('completed', ({ jobId: id }) => {
    finish(id);
  });
  try {
    await events.waitUntilReady();
    await queue.addBulk(
      jobs.map((job, i) => ({
        name: job.kind,
        data: job,
        opts: {
          jobId: ids[i]!,
          attempts: ATTEMPTS,
          backoff: { type: 'exponential', delay: 500 },
          removeOnComplete: { age: KEPT_FOR },
          removeOnFail: { age: KEPT_FOR },
        },
      })),
    );
    for (const id of ids) {
      const before = await QueueJob.fromId(queue, id);
      if (before !== undefined && (await before.isFailed()))
        await before.retry('failed', { resetAttemptsMade: true });
    }
    for (const id of ids) {
      for (;;) {
        signal?.throwIfAborted();
        const job = await QueueJob.fromId<Job, unknown>(queue, id);
        if (job === undefined) throw new DeepntkError('ERR_QUEUE', `job ${id} has vanished from the queue`);
        const state = await job.getState();
        if (state === 'failed') {
          throw new DeepntkError('ERR_QUEUE', `a job failed ${job.attemptsMade} times: ${job.failedReason}`);
        }
        if (state === 'completed') {
          finish(id);
          // The state may be newer than the job that was read before it.
          yield (await QueueJob.fromId<Job, unknown>(queue, id))?.returnvalue ?? job.returnvalue;
          break;
        }
        await delay(LOOK_EVERY_MS, undefined, { ...(signal && { signal }) }).catch(() => undefined);
      }
    }
  } finally {
    await Promise.allSettled([events.close(), queue.close()]);
    connection.close();
  }
}
