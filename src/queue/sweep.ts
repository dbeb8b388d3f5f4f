/** A sweep over the workers of a queue. */
import type { SweepGoal, SweepPoint, SweepRow } from '../sampling/sweep';
import { gather, type GatherOptions } from './gather';
import { pointJob } from './jobs';

/** The rows of the points, in their order: the same bits as `computePoint` gives here. */
export async function* sweepOnQueue(
  points: readonly SweepPoint[],
  goal: SweepGoal,
  options: GatherOptions,
): AsyncGenerator<SweepRow> {
  for await (const row of gather(
    points.map((point) => pointJob(point, goal)),
    options,
  )) {
    yield row as SweepRow;
  }
}
