/**
 * The worker threads of this thread, which are kept between jobs. Jobs get them in the order of their requests. No more
 * threads compute at once than there are cores, so a job gets at most that many.
 */
import { existsSync } from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { Worker } from 'node:worker_threads';
import { onAbort } from '../abort';

const WORKER_FILE = path.join(__dirname, 'worker.js');
/** The folder of this file in the package. In a bundle, a worker.js in the same folder would belong to another program. */
const FOLDER = path.join('backend', 'typescript');

/** An idle thread does not collect its garbage, so it is ended if it used arrays larger than this, */
const KEEP_BELOW_BYTES = 2 ** 26;
/** and otherwise after this many milliseconds. */
const KEEP_FOR = 5000;

/** The reason why no thread can be started, or null. With a reason, jobs run on the calling thread. It is computed once. */
export function whyNoThreads(): string | null {
  found ??= { reason: lookForThreads() };
  return found.reason;
}

let found: { readonly reason: string | null } | null = null;

function lookForThreads(): string | null {
  const { permission } = process as { readonly permission?: { has(scope: string): boolean } };
  if (permission !== undefined && !permission.has('worker')) {
    return "Node's permission model does not allow worker threads; use --allow-worker";
  }
  if (!__dirname.endsWith(FOLDER) || !existsSync(WORKER_FILE)) {
    return 'deepntk was bundled, without the file of its worker threads; mark deepntk as external in the bundler';
  }
  return null;
}

interface Waiting {
  readonly count: number;
  readonly start: () => void;
}

const capacity = os.availableParallelism();
/** Workers without a job, and the timers that will end them. */
const idle = new Map<Worker, NodeJS.Timeout>();
const queue: Waiting[] = [];
let lent = 0;

/**
 * Waits for `asked` threads, at most one per core.
 *
 * @throws the signal's reason if it aborts before they are free
 */
export async function borrowWorkers(asked: number, signal: AbortSignal | undefined): Promise<Worker[]> {
  const count = Math.min(asked, capacity);
  await turn(count, signal);
  const workers: Worker[] = [];
  try {
    for (const [worker, timer] of idle) {
      if (workers.length === count) break;
      clearTimeout(timer);
      idle.delete(worker);
      workers.push(worker);
    }
    while (workers.length < count) workers.push(startWorker());
  } catch (error) {
    returnWorkers(count, workers, 0);
    throw error;
  }
  for (const worker of workers) worker.ref(); // the process must not end before the job
  return workers;
}

/**
 * Takes back the threads of a job.
 *
 * @param count the number of threads that were lent
 * @param alive the workers that can take another job
 * @param bytes the size of the arrays that they used
 */
export function returnWorkers(count: number, alive: readonly Worker[], bytes: number): void {
  lent -= count;
  for (const worker of alive) {
    worker.unref();
    if (bytes < KEEP_BELOW_BYTES && idle.size < capacity) keepIdle(worker);
    else void worker.terminate();
  }
  startNext();
}

function keepIdle(worker: Worker): void {
  const end = (): void => {
    idle.delete(worker);
    void worker.terminate();
  };
  idle.set(worker, setTimeout(end, KEEP_FOR).unref());
}

function turn(count: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const cancel = (): void => {
      stopListening();
      queue.splice(queue.indexOf(waiting), 1);
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- the reason is the caller's own
      reject(signal!.reason);
      startNext(); // the other jobs may have waited for this one
    };
    const waiting: Waiting = {
      count,
      start: () => {
        stopListening();
        resolve();
      },
    };
    const stopListening = onAbort(signal, cancel);
    queue.push(waiting);
    startNext();
  });
}

function startNext(): void {
  for (let next = queue[0]; next && lent + next.count <= capacity; next = queue[0]) {
    queue.shift();
    lent += next.count;
    next.start();
  }
}

function startWorker(): Worker {
  const worker = new Worker(WORKER_FILE, { execArgv: [] });
  worker.on('error', () => {
    // A job has its own listener. Without this one, the death of an idle worker would end the process.
  });
  worker.on('exit', () => {
    clearTimeout(idle.get(worker));
    idle.delete(worker);
  });
  return worker;
}
