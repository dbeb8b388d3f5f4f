/** A sweep over the workers of a queue. */
import { storedSpec } from '../network/spec';
import type { Source } from '../runs/job';
import { readRow, type SweepGoal, type SweepPoint, type SweepRow } from '../sampling/sweep';
import { gather, type GatherOptions } from './gather';
import { jobOf } from './jobs';

/** The settings of the job of one point. */
export interface PointSettings {
  /** As `storedSpec` makes it. */
  readonly spec: unknown;
  readonly goal: SweepGoal;
}

/** The source of the rows of a sweep, in the order of the points: the same bits as `computePoint` gives here. */
export function sweepOnQueue(goal: SweepGoal, options: GatherOptions): Source<SweepPoint, SweepRow> {
  const job = ({ point, spec }: SweepPoint) => {
    const settings: PointSettings = { spec: storedSpec(spec), goal };
    return jobOf('sweep', settings, [point, point + 1]);
  };
  return (points) => gather(points, job, (result, point) => readRow(result, point, goal), options);
}
