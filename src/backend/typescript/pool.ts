/**
 * The worker threads of this thread, kept between jobs. Jobs get them in the order in which they asked, and only as long
 * as no more threads compute than there are cores: a job that asks for more than that gets as many as there are.
 */
import { existsSync } from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { Worker } from 'node:worker_threads';
import { onAbort } from '../abort';

const WORKER_FILE = path.join(__dirname, 'worker.js');
/** The folder of this file in the package. In a bundle, a worker.js in the same folder would belong to another program. */
const FOLDER = path.join('backend', 'typescript');

/** An idle thread does not collect its garbage: one that has seen arrays larger than this is not kept, */
const KEEP_BELOW_BYTES = 2 ** 26;
/** and any other one only for so many milliseconds. */
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
 * Waits for `asked` threads, or for one a core where that is fewer.
 *
 * @throws the signal's reason when it aborts before they are free
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
  for (const worker of workers) worker.ref(); // the process is to live until the job is done
  return workers;
}

/**
 * Takes back the threads of a job.
 *
 * @param count how many were lent
 * @param alive those that wait for another job
 * @param bytes size of the arrays that they have seen
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
      startNext(); // this job may have been the one that the others waited for
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
    // Told to the job that it works for, if any, by a listener of the job's; without this one an idle worker's death
    // would end the process.
  });
  worker.on('exit', () => {
    clearTimeout(idle.get(worker));
    idle.delete(worker);
  });
  return worker;
}
