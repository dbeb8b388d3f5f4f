/** Runs a job: on the calling thread if it is small, else on a team of workers that can be watched and stopped. */
import type { Worker } from 'node:worker_threads';
import { DeepntkError } from '../../errors';
import { onAbort } from '../abort';
import type { NetworkData, Operation, ResultOf, RunOptions, TaskOf } from '../seam';
import { borrowWorkers, returnWorkers, whyNoThreads } from './pool';
import { PROGRAMS } from './programs';
import { type Team, type TeamControl, createTeamControl, soloTeam, stopTeam, workDone } from './team';
import type { WorkerAnswer, WorkerShare } from './worker';
import { type Allocator, asOutOfMemory, ownMemory, sharedMemory } from './workspace';

/** Below this, some 5 ms of work, other threads cost more time than they save. */
const INLINE_FLOPS = 2e7;
const PROGRESS_INTERVAL = 1000 / 30;

/**
 * Computes an operation.
 *
 * @throws the signal's reason, what `onProgress` threw, or DeepntkError `ERR_OUT_OF_MEMORY` or `ERR_COMPUTATION`
 */
export async function execute<O extends Operation>(
  operation: O,
  task: TaskOf<O>,
  run: RunOptions,
): Promise<ResultOf<O>> {
  run.signal?.throwIfAborted();
  const flops = PROGRAMS[operation].flops(task);
  try {
    return flops <= INLINE_FLOPS || whyNoThreads() !== null
      ? runOnCallingThread(operation, task, flops, run)
      : await runOnWorkers(operation, task, flops, run);
  } catch (error) {
    throw asOutOfMemory(error);
  }
}

function runOnCallingThread<O extends Operation>(
  operation: O,
  task: TaskOf<O>,
  flops: number,
  run: RunOptions,
): ResultOf<O> {
  const program = PROGRAMS[operation];
  const job = program.create(task, ownMemory());
  program.run(callingThread(flops, run), job);
  run.onProgress?.(1);
  return program.result(job, (array) => array, task);
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

async function runOnWorkers<O extends Operation>(
  operation: O,
  task: TaskOf<O>,
  flops: number,
  run: RunOptions,
): Promise<ResultOf<O>> {
  const program = PROGRAMS[operation];
  const workers = await borrowWorkers(run.threads, run.signal);
  const memory = sharedMemory();
  let job: unknown;
  try {
    job = program.create(withReadableParameters(task, memory), memory);
  } catch (error) {
    returnWorkers(workers.length, workers, 0);
    throw error;
  }
  const bytes = memory.bytes() + ('network' in task ? task.network.parameters.byteLength : 0);
  await new Promise<void>((resolve, reject) => {
    const control = createTeamControl(workers.length);
    const watch = watchRun(control, flops, run, reject);
    postJob(
      workers,
      { control, operation, job },
      {
        failed: watch.fail,
        settled: (alive) => {
          returnWorkers(workers.length, alive, bytes);
          watch.finish(resolve);
        },
      },
    );
  });
  return program.result(job, (array) => new Float64Array(array), task);
}

/** The same task with parameters that the workers can read; they are copied only if they are not in shared memory. */
function withReadableParameters<T extends object>(task: T, memory: Allocator): T {
  if (!('network' in task)) return task;
  const network = task.network as NetworkData;
  return { ...task, network: { ...network, parameters: memory.readable(network.parameters) } };
}

/** Reports progress and listens for an abort until `fail` or `finish` is called. */
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

function postJob(workers: readonly Worker[], share: WorkerShare, outcome: Outcome): void {
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
      worker.postMessage(share);
    } catch (error) {
      outcome.failed(error);
      void worker.terminate();
    }
  }
}
