/** The programs of all operations. The calling thread and the worker threads look them up by name. */
import type { Operation, ResultOf, TaskOf } from '../seam';
import { chainProgram } from './chain-job';
import { featuresProgram } from './features';
import { forwardProgram } from './forward-job';
import { gramTileProgram } from './gram-tile';
import { jacobianProgram } from './jacobian';
import { kernelProgram } from './kernel';
import { kernelSamplesProgram } from './kernel-samples';
import { productsProgram } from './products';
import type { Program } from './program';
import { trainProgram } from './training';

/** The type of a job is known to its program alone. */
export type AnyProgram<O extends Operation> = Program<TaskOf<O>, unknown, ResultOf<O>>;

const programs = {
  forward: forwardProgram,
  jacobian: jacobianProgram,
  kernel: kernelProgram,
  features: featuresProgram,
  gramTile: gramTileProgram,
  products: productsProgram,
  sampleChain: chainProgram,
  sampleKernels: kernelSamplesProgram,
  train: trainProgram,
};

export const PROGRAMS = programs as { readonly [O in Operation]: AnyProgram<O> };
