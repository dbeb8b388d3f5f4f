/** The life of a job: on the calling thread where it is small, else on a team of workers that is watched and stopped. */
import type { Worker } from 'node:worker_threads';
import { DeepntkError } from '../../errors';
import { onAbort } from '../abort';
import type { RunOptions } from '../seam';
import { type Job, runJob } from './jobs';
import { borrowWorkers, returnWorkers, whyNoThreads } from './pool';
import { type Team, type TeamControl, createTeamControl, soloTeam, stopTeam, workDone } from './team';
import type { WorkerAnswer, WorkerRequest } from './worker';
import { type Allocator, asOutOfMemory, ownMemory, sharedMemory } from './workspace';

/** Below this, some 5 ms of work, handing a job to other threads costs more than it frees. */
const INLINE_FLOPS = 2e7;
const PROGRESS_INTERVAL = 1000 / 30;

export interface Work<J extends Job, R> {
  /** The estimate that decides where it runs and that progress is measured by. */
  readonly flops: number;
  readonly create: (memory: Allocator) => J;
  /** Reads the result; `own` makes an array one of the caller's own memory. */
  readonly result: (job: J, own: (array: Float64Array) => Float64Array) => R;
}

/**
 * Runs a job.
 *
 * @throws the signal's reason, what `onProgress` threw, or DeepntkError `ERR_OUT_OF_MEMORY` or `ERR_COMPUTATION`
 */
export async function execute<J extends Job, R>(work: Work<J, R>, run: RunOptions): Promise<R> {
  run.signal?.throwIfAborted();
  try {
    return work.flops <= INLINE_FLOPS || whyNoThreads() !== null
      ? runHere(work, run)
      : await runOnWorkers(work, run);
  } catch (error) {
    throw asOutOfMemory(error);
  }
}

function runHere<J extends Job, R>(work: Work<J, R>, run: RunOptions): R {
  const job = work.create(ownMemory());
  runJob(callingThread(work.flops, run), job);
  run.onProgress?.(1);
  return work.result(job, (array) => array);
}

/** Uses the calling thread as a team. It blocks the event loop, so only `onProgress` can abort it. */
function callingThread(flops: number, { signal, onProgress }: RunOptions): Team {
  let done = 0;
  let reported = performance.now();
  return {
    ...soloTeam,
    advance(work) {
      done += work;
      if (onProgress === undefined || performance.now() - reported < PROGRESS_INTERVAL) return;
      reported = performance.now();
      onProgress(Math.min(1, done / flops));
      signal?.throwIfAborted();
    },
  };
}

async function runOnWorkers<J extends Job, R>(work: Work<J, R>, run: RunOptions): Promise<R> {
  const workers = await borrowWorkers(run.threads, run.signal);
  const memory = sharedMemory();
  let job: J;
  try {
    job = work.create(memory);
  } catch (error) {
    returnWorkers(workers.length, workers, 0);
    throw error;
  }
  const bytes = memory.bytes() + parametersOf(job);
  await new Promise<void>((resolve, reject) => {
    const control = createTeamControl(workers.length);
    const watch = watchRun(control, work.flops, run, reject);
    postJob(workers, control, job, {
      failed: watch.fail,
      settled: (alive) => {
        returnWorkers(workers.length, alive, bytes);
        watch.finish(resolve);
      },
    });
  });
  return work.result(job, (array) => new Float64Array(array));
}

/** Bytes of the parameters that a job reads where they are. */
function parametersOf(job: Job): number {
  if ('network' in job) return job.network.parameters.byteLength;
  return 'activations' in job ? job.activations.network.parameters.byteLength : 0;
}

/** Reports progress and listens for the abort, until one of its two functions is called. */
function watchRun(
  control: TeamControl,
  flops: number,
  { signal, onProgress }: RunOptions,
  reject: (error: unknown) => void,
) {
  let over = false;
  const end = (): boolean => {
    if (over) return false;
    over = true;
    clearInterval(timer);
    stopListening();
    return true;
  };
  const fail = (error: unknown): void => {
    stopTeam(control);
    if (end()) reject(error);
  };
  const abort = (): void => {
    fail(signal!.reason);
  };
  const report = (fraction: number): void => {
    try {
      onProgress?.(fraction);
    } catch (error) {
      fail(error);
    }
  };
  const timer = setInterval(() => {
    report(Math.min(1, workDone(control) / flops));
  }, PROGRESS_INTERVAL);
  const stopListening = onAbort(signal, abort);
  if (signal?.aborted) abort();
  return {
    fail,
    finish(resolve: () => void) {
      if (!over) report(1);
      if (end()) resolve();
    },
  };
}

interface Outcome {
  /** A thread failed; the others have been told to stop. */
  readonly failed: (error: unknown) => void;
  /** Every thread has answered or is dead; `alive` are the ones that can take another job. */
  readonly settled: (alive: Worker[]) => void;
}

function postJob(workers: readonly Worker[], control: TeamControl, job: Job, outcome: Outcome): void {
  const alive: Worker[] = [];
  let open = workers.length;
  for (const worker of workers) {
    const leave = (): void => {
      worker.off('message', onMessage).off('error', onError).off('exit', onExit);
      if (--open === 0) outcome.settled(alive);
    };
    const onMessage = (answer: WorkerAnswer): void => {
      if (answer.outcome === 'failed') outcome.failed(new DeepntkError(answer.code, answer.message));
      alive.push(worker);
      leave();
    };
    const onError = (error: Error & { code?: string }): void => {
      const code = error.code === 'ERR_WORKER_OUT_OF_MEMORY' ? 'ERR_OUT_OF_MEMORY' : 'ERR_COMPUTATION';
      outcome.failed(new DeepntkError(code, `a worker thread failed: ${error.message}`, { cause: error }));
    };
    const onExit = (exitCode: number): void => {
      const message = `a worker thread ended (exit code ${exitCode}) in the middle of a computation`;
      outcome.failed(new DeepntkError('ERR_COMPUTATION', message));
      leave();
    };
    worker.on('message', onMessage).on('error', onError).on('exit', onExit);
    try {
      worker.postMessage({ control, job } satisfies WorkerRequest);
    } catch (error) {
      outcome.failed(error);
      void worker.terminate();
    }
  }
}
