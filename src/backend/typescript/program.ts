import type { Team } from './team';
import type { Allocator } from './workspace';

/** How this backend computes one operation: a job is plain data that every thread of a team is sent. */
export interface Program<Task, Job, Result> {
  /** Estimated floating-point operations. They decide where the job runs, and progress is measured by them. */
  readonly flops: (task: Task) => number;
  readonly create: (task: Task, memory: Allocator) => Job;
  /** One thread's part of the job; every thread of the team calls it with the same job. */
  readonly run: (team: Team, job: Job) => void;
  /** Reads the result from the finished job; `own` turns an array of the job into one of the caller's own memory. */
  readonly result: (job: Job, own: (array: Float64Array) => Float64Array, task: Task) => Result;
}

/** A program without a result, because the job writes to arrays of its task. */
export type InPlaceProgram<Task, Job = Task> = Program<Task, Job, void>;
