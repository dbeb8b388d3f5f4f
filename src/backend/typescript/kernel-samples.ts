/** Replicas of kernels as a job for a team of threads: each thread takes one replica at a time. */
import { chainsOf, entriesOf } from '../forms';
import { type ScaledSampleTask, scaledSampleTask } from '../kernel-samples';
import { largestOf } from '../layers';
import type { KernelReplicas, KernelSampleTask } from '../seam';
import { ConditionalSampler } from './conditional';
import { DirectSampler, FLOPS_PER_NORMAL } from './direct';
import type { Program } from './program';
import type { Team } from './team';

interface KernelSamplesJob extends KernelReplicas {
  readonly task: ScaledSampleTask;
}

export const kernelSamplesProgram: Program<KernelSampleTask, KernelSamplesJob, KernelReplicas> = {
  flops: (task) => task.count * flopsPerReplica(task),
  create: (task, memory) => {
    const kernels = task.count * task.terms.length;
    const entries = entriesOf({ form: task.form, network: task });
    return {
      task: scaledSampleTask(task),
      kernels: memory.float64(kernels * task.n ** 2 * entries),
      exponents: memory.int32(kernels),
    };
  },
  run: kernelSamples,
  result: ({ kernels, exponents }, own) => ({ kernels: own(kernels), exponents: exponents.slice() }),
};

function kernelSamples(team: Team, job: KernelSamplesJob): void {
  const { task } = job;
  const flops = flopsPerReplica(task);
  if (task.sampler === 'conditional') {
    const sampler = new ConditionalSampler(task);
    const perStep = flops / (2 * task.widths.length - 3);
    team.stage(task.count, (position) => {
      sampler.sample(position, job, () => {
        team.advance(perStep);
      });
    });
    return;
  }
  const sampler = new DirectSampler(task);
  team.stage(task.count, (position) => {
    let reported = 0;
    sampler.sample(position, job, (work) => {
      const counted = Math.min(work, flops - reported); // weights drawn a second time are no progress
      reported += counted;
      team.advance(counted);
    });
    team.advance(flops - reported);
  });
}

function flopsPerReplica(task: KernelSampleTask): number {
  const { n, widths, sampler } = task;
  const pairs = n * chainsOf({ form: task.form, network: task });
  const hidden = widths.slice(1, -1);
  if (sampler === 'conditional') {
    // Sums of products: Z_h R, X'X, X'Z, Z C, X S, Delta' Delta, Z_h' Delta; and their normals.
    const perUnit =
      n * n + n * n + 2 * n * pairs + pairs * pairs + 2 * n * pairs + pairs * pairs + 2 * n * pairs;
    const perLayer = 10 * largestOf([n, pairs]) ** 3;
    return hidden.reduce(
      (sum, width) => sum + 2 * width * perUnit + FLOPS_PER_NORMAL * width * (n + pairs) + perLayer,
      FLOPS_PER_NORMAL,
    );
  }
  let flops = FLOPS_PER_NORMAL;
  for (let l = 1; l < widths.length; l++) {
    const weights = widths[l]! * widths[l - 1]!;
    flops +=
      weights * (FLOPS_PER_NORMAL + 2 * n + 2 * pairs) + n * n * widths[l - 1]! + pairs * pairs * widths[l]!;
  }
  return flops;
}
