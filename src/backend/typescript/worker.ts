/** The program of a worker thread: waits for its share of a job, runs it, answers, waits for the next. */
import { parentPort } from 'node:worker_threads';
import { describe, DeepntkError, type ErrorCode } from '../../errors';
import type { Operation } from '../seam';
import { PROGRAMS } from './programs';
import { Stopped, type TeamControl, joinTeam, stopTeam } from './team';
import { asOutOfMemory } from './workspace';

/** One thread's share of a job. */
export interface WorkerShare {
  readonly control: TeamControl;
  readonly operation: Operation;
  readonly job: unknown;
}

/** How the share ended; `code` and `message` if it failed. */
export type WorkerAnswer =
  | { readonly outcome: 'finished' | 'stopped' }
  | { readonly outcome: 'failed'; readonly code: ErrorCode; readonly message: string };

parentPort?.on('message', (share: WorkerShare) => {
  parentPort!.postMessage(work(share));
});

function work({ control, operation, job }: WorkerShare): WorkerAnswer {
  try {
    PROGRAMS[operation].run(joinTeam(control), job);
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
