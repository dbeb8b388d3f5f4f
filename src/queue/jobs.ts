/**
 * The jobs of a queue. Each is a plain JSON object that says completely what to compute: the settings of a job of src/runs, and
 * a range of its units. Arrays are named by the hash under which they are in Redis. The result is a function of the object
 * alone, so a job may be computed twice, by any worker, and equal jobs have equal ids: none is in a queue twice.
 */
import { createHash } from 'node:crypto';

import { DeepntkError } from '../errors';
import type { ComputeOptions } from '../kernel/arguments';
import type { Range } from '../runs/ranges';
import { VERSION } from '../version';

export interface Job {
  readonly kind: JobKind;
  /** The version of deepntk, because another one might compute other bits. */
  readonly version: string;
  readonly settings: unknown;
  readonly range: Range;
}

export type JobKind = 'dispersion' | 'sweep' | 'kernel';

export const jobOf = (kind: JobKind, settings: unknown, range: Range): Job => ({
  kind,
  version: VERSION,
  settings,
  range,
});

/** Job id; equal jobs have equal ids. */
export function jobId(job: Job): string {
  return `${job.kind}-${createHash('sha256').update(JSON.stringify(job)).digest('hex').slice(0, 32)}`;
}

/** How a worker computes. */
export type JobRun = Pick<ComputeOptions, 'signal' | 'threads' | 'backend'>;

/** Thrown by a job that cannot be computed here or now. It goes back to the queue, for another worker or another time. */
export class NotNow extends DeepntkError {
  /** @param patience the number of times that the job goes back before it counts as failed */
  constructor(
    message: string,
    readonly patience = Infinity,
  ) {
    super('ERR_QUEUE', message);
  }
}
