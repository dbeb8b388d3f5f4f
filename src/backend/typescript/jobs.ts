/** The computations as jobs: plain data that a thread can be sent. */
import { ProductBuffers } from '../../linalg/product';
import { layerSlots } from '../layers';
import type { ForwardTask } from '../seam';
import { type ChainJob, chain } from './chain-job';
import { features, type FeaturesJob } from './features';
import { forwardOutputs } from './forward';
import { gramTile, type GramTileJob } from './gram-tile';
import { type JacobianJob, jacobian } from './jacobian';
import { type KernelJob, kernel } from './kernel';
import { products, type ProductsJob } from './products';
import { type KernelSamplesJob, kernelSamples } from './kernel-samples';
import type { Team } from './team';
import { train, type TrainJob } from './training';
import { type Activations, type Allocator, createActivations } from './workspace';

export interface ForwardJob {
  readonly kind: 'forward';
  readonly activations: Activations;
  /** n x K */
  readonly outputs: Float64Array;
}

export type Job =
  | ForwardJob
  | JacobianJob
  | KernelJob
  | FeaturesJob
  | GramTileJob
  | ProductsJob
  | ChainJob
  | KernelSamplesJob
  | TrainJob;

/** One thread's part of a job: every thread of the team calls it with the same job. */
export function runJob(team: Team, job: Job): void {
  switch (job.kind) {
    case 'forward':
      forwardOutputs(team, job.activations, job.outputs, new ProductBuffers());
      return;
    case 'jacobian':
      jacobian(team, job);
      return;
    case 'kernel':
      kernel(team, job);
      return;
    case 'features':
      features(team, job);
      return;
    case 'gram-tile':
      gramTile(team, job);
      return;
    case 'products':
      products(team, job);
      return;
    case 'chain':
      chain(team, job);
      return;
    case 'kernel-samples':
      kernelSamples(team, job);
      return;
    case 'train':
      train(team, job);
  }
}

export function createForwardJob({ network, x, n, rowBlock }: ForwardTask, memory: Allocator): ForwardJob {
  const batch = { x, n, x2: null, n2: n };
  const activations = createActivations(network, batch, rowBlock, 'outputs-only', memory);
  return { kind: 'forward', activations, outputs: memory.float64(n * network.widths.at(-1)!) };
}

/** The number of floating-point operations of a forward pass, before compaction. */
export function forwardFlops({ network, n }: ForwardTask): number {
  return layerSlots(network.widths).reduce((sum, { inputs, outputs }) => sum + 2 * n * inputs * outputs, 0);
}
