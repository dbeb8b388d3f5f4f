/** The scalar chain as a job for a team of threads: each thread takes a few replicas at a time. */
import type { ChainReplicas, ChainTask } from '../seam';
import { sampleChain } from './chain';
import type { Program } from './program';

interface ChainJob extends ChainReplicas {
  readonly task: ChainTask;
}

/** The time of one layer, in floating-point operations of a matrix product. */
const FLOPS_PER_LAYER = 400;
/** Work between two checks whether to stop, some 5 ms. */
const FLOPS_PER_TILE = 2e7;

export const chainProgram: Program<ChainTask, ChainJob, ChainReplicas> = {
  flops: ({ plan, count }) => count * FLOPS_PER_LAYER * (plan.depth + 1),
  create: (task, memory) => ({
    task,
    thetas: memory.float64(task.count),
    exponents: memory.int32(task.count),
    weights: memory.float64(task.count),
    weightExponents: memory.int32(task.count),
    parts: memory.uint8(task.count),
  }),
  run: (team, job) => {
    const { count, plan } = job.task;
    const replicas = Math.ceil(FLOPS_PER_TILE / (FLOPS_PER_LAYER * (plan.depth + 1)));
    team.stage(Math.ceil(count / replicas), (tile) => {
      const from = tile * replicas;
      const to = Math.min(count, from + replicas);
      sampleChain(job.task, from, to, job);
      team.advance((to - from) * FLOPS_PER_LAYER * (plan.depth + 1));
    });
  },
  result: ({ thetas, exponents, weights, weightExponents, parts }, own) => ({
    thetas: own(thetas),
    exponents: exponents.slice(),
    weights: own(weights),
    weightExponents: weightExponents.slice(),
    parts: parts.slice(),
  }),
};
