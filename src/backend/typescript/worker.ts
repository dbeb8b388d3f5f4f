/** The program of a worker thread: waits for its share of a job, runs it, answers, waits for the next. */
import { parentPort } from 'node:worker_threads';
import { describe, DeepntkError, type ErrorCode } from '../../errors';
import { type Job, runJob } from './jobs';
import { Stopped, type TeamControl, joinTeam, stopTeam } from './team';
import { asOutOfMemory } from './workspace';

/** One thread's share of a job. */
export interface WorkerRequest {
  readonly control: TeamControl;
  readonly job: Job;
}

/** How it ended; `code` and `message` where it failed. */
export type WorkerAnswer =
  | { readonly outcome: 'finished' | 'stopped' }
  | { readonly outcome: 'failed'; readonly code: ErrorCode; readonly message: string };

parentPort?.on('message', ({ control, job }: WorkerRequest) => {
  parentPort!.postMessage(work(control, job));
});

function work(control: TeamControl, job: Job): WorkerAnswer {
  try {
    runJob(joinTeam(control), job);
    return { outcome: 'finished' };
  } catch (error) {
    if (error instanceof Stopped) return { outcome: 'stopped' };
    stopTeam(control); // the others would wait for this thread
    const failure = asOutOfMemory(error);
    if (failure instanceof DeepntkError) {
      return { outcome: 'failed', code: failure.code, message: failure.message };
    }
    const message = failure instanceof Error ? failure.message : describe(failure);
    return { outcome: 'failed', code: 'ERR_COMPUTATION', message };
  }
}
