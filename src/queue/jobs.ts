/**
 * What stands in a queue: jobs of several kinds, each a plain JSON object that says all of what is to be computed (arrays by
 * the hash under which they lie in Redis), and whose result is a function of it alone. So a job may be computed twice, by
 * whichever worker, and its number is a hash of it: the same job is never in a queue twice.
 *
 * A new kind is one entry of KINDS.
 */
import { createHash } from 'node:crypto';

import { DeepntkError } from '../errors';
import type { ComputeOptions } from '../kernel/arguments';
import { specOfFile, storedSpec } from '../network/spec';
import { computePoint, type SweepGoal, type SweepPoint, type SweepRow } from '../sampling/sweep';
import { VERSION } from '../version';
import type { TileComputer, TileTask } from './kernel-tile';

export type JobRun = Pick<ComputeOptions, 'signal' | 'threads' | 'backend'>;

export interface Job {
  readonly kind: string;
  /** Of deepntk: another version might compute other bits. */
  readonly version: string;
  readonly task: unknown;
}

/** What a worker has for its jobs besides what they say themselves. */
export interface Workshop {
  readonly tiles: TileComputer;
}

const KINDS: Readonly<Record<string, (task: unknown, run: JobRun, workshop: Workshop) => Promise<unknown>>> =
  {
    'sweep-point': runPoint,
    'kernel-tile': (task, run, { tiles }) => tiles.compute(task, run),
  };

export function tileJob(task: TileTask): Job {
  return { kind: 'kernel-tile', version: VERSION, task };
}

interface PointTask {
  readonly point: number;
  readonly spec: unknown;
  readonly goal: SweepGoal;
}

export function pointJob({ point, spec }: SweepPoint, goal: SweepGoal): Job {
  const task: PointTask = { point, spec: storedSpec(spec), goal };
  return { kind: 'sweep-point', version: VERSION, task };
}

async function runPoint(task: unknown, run: JobRun): Promise<SweepRow> {
  const { point, spec, goal } = task as PointTask;
  const row = await computePoint({ point, spec: specOfFile('job', spec) }, goal, run);
  // As in the files of sweeps: numbers that JSON does not have are strings.
  return JSON.parse(
    JSON.stringify(row, (_, value: unknown) =>
      typeof value === 'number' && !Number.isFinite(value) ? String(value) : value,
    ),
  ) as SweepRow;
}

/** The number of a job: the same for the same job. */
export function jobId(job: Job): string {
  return `${job.kind}-${createHash('sha256').update(JSON.stringify(job)).digest('hex').slice(0, 32)}`;
}

/** @throws DeepntkError `ERR_QUEUE` where the job is of another version, or of a kind that this one does not know */
export function runJob(job: unknown, run: JobRun, workshop: Workshop): Promise<unknown> {
  const { kind, version, task } = (job ?? {}) as Partial<Job>;
  const compute = typeof kind === 'string' && Object.hasOwn(KINDS, kind) ? KINDS[kind] : undefined;
  if (compute === undefined || version !== VERSION) {
    throw new DeepntkError(
      'ERR_QUEUE',
      `expected a job of deepntk ${VERSION}, got ${String(kind)} of version ${String(version)}; run the same version everywhere`,
    );
  }
  return compute(task, run, workshop);
}
