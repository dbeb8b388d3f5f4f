/** Replicas of kernels as a job for a team of threads: each takes one replica at a time. */
import { chainsOf, entriesOf } from '../forms';
import { gramOfInputs, type ScaledInputs, scaleInputs } from '../kernel-samples';
import { largestOf } from '../layers';
import type { KernelReplicas, KernelSampleTask } from '../seam';
import { ConditionalSampler } from './conditional';
import { DirectSampler, FLOPS_PER_NORMAL } from './direct';
import type { Team } from './team';
import type { Allocator } from './workspace';

export interface KernelSamplesJob extends KernelReplicas {
  readonly kind: 'kernel-samples';
  readonly task: KernelSampleTask;
  readonly inputs: ScaledInputs;
  readonly gram: Float64Array;
}

export function createKernelSamplesJob(task: KernelSampleTask, memory: Allocator): KernelSamplesJob {
  const inputs = scaleInputs(task);
  const sets = task.count * task.terms.length;
  return {
    kind: 'kernel-samples',
    task,
    inputs,
    gram: gramOfInputs(inputs.x, task.n),
    kernels: memory.float64(sets * task.n ** 2 * entriesOf({ form: task.form, network: task })),
    exponents: memory.int32(sets),
  };
}

export function kernelSamples(team: Team, job: KernelSamplesJob): void {
  const { task, inputs, gram } = job;
  const flops = flopsPerReplica(task);
  if (task.sampler === 'conditional') {
    const sampler = new ConditionalSampler(task, { gram, exponent: inputs.exponent });
    const perStep = flops / (2 * task.widths.length - 3);
    team.stage(task.count, (position) => {
      sampler.sample(position, job, () => {
        team.advance(perStep);
      });
    });
    return;
  }
  const sampler = new DirectSampler(task, inputs);
  team.stage(task.count, (position) => {
    let told = 0;
    sampler.sample(position, job, (work) => {
      const counted = Math.min(work, flops - told); // weights drawn twice are no progress
      told += counted;
      team.advance(counted);
    });
    team.advance(flops - told);
  });
}

export function kernelSamplesFlops(task: KernelSampleTask): number {
  return task.count * flopsPerReplica(task);
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
