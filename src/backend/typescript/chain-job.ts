/** The scalar chain as a job for a team of threads: each takes a few replicas at a time. */
import type { ChainReplicas, ChainTask } from '../seam';
import { sampleChain } from './chain';
import type { Team } from './team';
import type { Allocator } from './workspace';

export interface ChainJob extends ChainReplicas {
  readonly kind: 'chain';
  readonly task: ChainTask;
}

/** The time that one layer takes, in floating-point operations of a matrix product. */
const FLOPS_PER_LAYER = 400;
/** Work between two looks at whether to stop, some 5 ms. */
const FLOPS_PER_TILE = 2e7;

export function createChainJob(task: ChainTask, memory: Allocator): ChainJob {
  return {
    kind: 'chain',
    task,
    thetas: memory.float64(task.count),
    exponents: memory.int32(task.count),
    weights: memory.float64(task.count),
    weightExponents: memory.int32(task.count),
    parts: memory.uint8(task.count),
  };
}

export function chain(team: Team, job: ChainJob): void {
  const { count, plan } = job.task;
  const replicas = Math.ceil(FLOPS_PER_TILE / (FLOPS_PER_LAYER * (plan.depth + 1)));
  team.stage(Math.ceil(count / replicas), (tile) => {
    const from = tile * replicas;
    const to = Math.min(count, from + replicas);
    sampleChain(job.task, from, to, job);
    team.advance((to - from) * FLOPS_PER_LAYER * (plan.depth + 1));
  });
}

export function chainFlops({ plan, count }: ChainTask): number {
  return count * FLOPS_PER_LAYER * (plan.depth + 1);
}
