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
  readonly close: () => void;
}

/**
 * Connects to Redis.
 *
 * @throws DeepntkError `ERR_QUEUE` where a package is missing or Redis does not answer
 */
export async function connect({ queue, redis }: QueueAddress): Promise<Connection> {
  const where = placeOf(redis);
  if (!/^[\w.-]+$/.test(queue))
    throw invalidArgument('queue', 'a name of letters, digits, ".", "_", "-"', queue);
  const [bullmq, { Redis }] = [load('bullmq') as typeof BullMq, load('ioredis') as typeof IoRedis];
  const probe = new Redis(redis, { lazyConnect: true, connectTimeout: 5000, retryStrategy: () => null });
  let problem = '';
  probe.on('error', (error: Error) => (problem = error.message || String(error)));
  try {
    await probe.connect();
    await probe.ping();
  } catch (cause) {
    const reason = problem || (cause as Error).message;
    throw new DeepntkError('ERR_QUEUE', `cannot reach Redis at ${where}: ${reason}`, { cause });
  } finally {
    probe.disconnect();
  }
  const opened: IoRedis.Redis[] = [];
  return {
    bullmq,
    open() {
      const connection = new Redis(redis, { maxRetriesPerRequest: null });
      // It reconnects by itself; who waits is told by whoever opened it.
      connection.on('error', () => undefined);
      opened.push(connection);
      return connection;
    },
    close() {
      for (const connection of opened) connection.disconnect();
    },
  };
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
