/** Queues in Redis, by BullMQ. Both packages are optional: they are loaded here, when a queue is asked for. */
import { createRequire } from 'node:module';

import type * as BullMq from 'bullmq';
import type * as IoRedis from 'ioredis';

import { DeepntkError, invalidArgument } from '../errors';

export interface QueueAddress {
  /** The queue's name. */
  readonly queue: string;
  /** redis://[user:password@]host:port[/database], or rediss:// for TLS */
  readonly redis: string;
}

export interface Connection {
  readonly bullmq: typeof BullMq;
  /** For one queue, worker or stream of events each; closed by {@link close}. */
  readonly open: () => IoRedis.Redis;
  /** Waits until what uses the connections is closed, but not for long: with a server that is away it never is. */
  readonly close: (users?: readonly Promise<unknown>[]) => Promise<void>;
}

/** How long a queue may take to close. */
const CLOSING_MS = 1000;

/**
 * Connects to Redis.
 *
 * @throws DeepntkError `ERR_QUEUE` where a package is missing or Redis does not answer; the signal's reason
 */
export async function connect(
  { queue, redis }: QueueAddress,
  signal: AbortSignal | undefined,
): Promise<Connection> {
  const where = placeOf(redis);
  if (!/^[\w.-]+$/.test(queue))
    throw invalidArgument('queue', 'a name of letters, digits, ".", "_", "-"', queue);
  const [bullmq, { Redis }] = [load('bullmq') as typeof BullMq, load('ioredis') as typeof IoRedis];
  const probe = new Redis(redis, { lazyConnect: true, connectTimeout: 5000, retryStrategy: () => null });
  let problem = '';
  probe.on('error', (error: Error) => (problem = error.message || String(error)));
  try {
    await orAbort(
      probe.connect().then(() => probe.ping()),
      signal,
    );
  } catch (cause) {
    if (signal?.aborted) throw cause;
    const reason = problem || ((cause as Error).cause as Error).message;
    throw new DeepntkError('ERR_QUEUE', `cannot reach Redis at ${where}: ${reason}`, { cause });
  } finally {
    probe.disconnect();
  }
  const opened: IoRedis.Redis[] = [];
  let closed = false;
  const track = (connection: IoRedis.Redis): IoRedis.Redis => {
    opened.push(connection);
    // It reconnects by itself; who waits is told by whoever opened it.
    connection.on('error', () => undefined);
    // BullMQ waits for jobs and events on duplicates, which it closes only if the server answers.
    const duplicate = connection.duplicate.bind(connection);
    connection.duplicate = (options) => track(duplicate(options));
    if (closed) end(connection);
    return connection;
  };
  return {
    bullmq,
    open: () => track(new Redis(redis, { maxRetriesPerRequest: null })),
    async close(users = []) {
      await settledSoon(users);
      closed = true;
      opened.forEach(end);
    },
  };
}

/** Waits until all have settled, or for as long as closing may take. */
export async function settledSoon(promises: readonly Promise<unknown>[]): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise((resolve) => (timer = setTimeout(resolve, CLOSING_MS)));
  await Promise.race([Promise.allSettled(promises), late]);
  clearTimeout(timer);
}

/** What Redis answers, or the signal's reason. */
export async function orAbort<T>(answer: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  answer.catch(() => undefined); // when nobody waits for it any more
  signal?.throwIfAborted();
  let stop: () => void = () => undefined;
  const aborted = new Promise<never>((_, reject) => {
    stop = () => {
      reject(signal!.reason as Error);
    };
    signal?.addEventListener('abort', stop);
  });
  try {
    return await Promise.race([answer, aborted]);
  } catch (cause) {
    if (cause instanceof DeepntkError || signal?.aborted) throw cause;
    throw new DeepntkError('ERR_QUEUE', `Redis: ${(cause as Error).message}`, { cause });
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}

/** Ends a connection, and with it the commands that wait for it. */
function end(connection: IoRedis.Redis): void {
  connection.disconnect();
  // Between two attempts to reconnect ioredis stops trying, and leaves the commands waiting: another attempt has to end.
  if (connection.status !== 'reconnecting') return;
  connection.connect().catch(() => undefined);
  connection.disconnect();
}

/** The address without the password. */
function placeOf(redis: string): string {
  const url = URL.canParse(redis) ? new URL(redis) : null;
  if (url === null || !/^rediss?:$/.test(url.protocol)) {
    throw invalidArgument('redis', 'an address such as redis://127.0.0.1:6379', redis);
  }
  return `${url.protocol}//${url.host}`;
}

function load(name: string): unknown {
  try {
    return createRequire(__filename)(name);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') throw cause;
    throw new DeepntkError(
      'ERR_QUEUE',
      `queues need the packages bullmq and ioredis, and ${name} is not installed; npm install bullmq ioredis`,
      { cause },
    );
  }
}
