/** The backend that runs everywhere: register-blocked loops over typed arrays, in worker threads where a job is big. */
import { fillNormals } from '../../random/normal';
import type {
  Backend,
  ChainTask,
  FeaturesTask,
  ForwardTask,
  GramTileTask,
  JacobianTask,
  KernelSampleTask,
  KernelTask,
  NetworkData,
  ProductsTask,
  TrainTask,
} from '../seam';
import { chainFlops, createChainJob } from './chain-job';
import { featuresFlops } from './features';
import { gramTileFlops } from './gram-tile';
import { createJacobianJob, jacobianFlops } from './jacobian';
import { createForwardJob, forwardFlops } from './jobs';
import { createKernelJob, kernelFlops, kernelLength } from './kernel';
import { productsFlops } from './products';
import { createKernelSamplesJob, kernelSamplesFlops } from './kernel-samples';
import { execute } from './run';
import { createTrainJob, trainFlops } from './training';
import type { Allocator } from './workspace';

export const typescriptBackend: Backend = {
  name: 'typescript',
  describe: () => ({ blas: null, cuda: null }),
  fillNormals: (out, key, scale) => {
    fillNormals(out, key, scale);
  },
  forward: (task: ForwardTask, run) =>
    execute(
      {
        flops: forwardFlops(task),
        create: (memory) => createForwardJob(withNetwork(task, memory), memory),
        result: ({ outputs }, own) => own(outputs),
      },
      run,
    ),
  jacobian: (task: JacobianTask, run) =>
    execute(
      {
        flops: jacobianFlops(task),
        create: (memory) => createJacobianJob(withNetwork(task, memory), memory),
        result: ({ jacobian }, own) => own(jacobian),
      },
      run,
    ),
  kernel: (task: KernelTask, run) =>
    execute(
      {
        flops: kernelFlops(task),
        create: (memory) => createKernelJob(withNetwork(task, memory), memory),
        result: ({ kernel, weights, biases }, own) => {
          const parts = (arrays: readonly (Float64Array | null)[]) =>
            arrays.map((part) => (part === null ? new Float64Array(kernelLength(task)) : own(part)));
          return {
            kernel: own(kernel),
            weights: task.perLayer ? parts(weights) : null,
            biases: task.perLayer ? parts(biases) : null,
          };
        },
      },
      run,
    ),
  features: (task: FeaturesTask, run) =>
    execute(
      {
        flops: featuresFlops(task),
        create: (memory) => ({ kind: 'features', ...withNetwork(task, memory) }),
        result: () => undefined,
      },
      run,
    ),
  gramTile: (task: GramTileTask, run) =>
    execute(
      {
        flops: gramTileFlops(task),
        create: (memory) => ({ kind: 'gram-tile', ...withNetwork(task, memory) }),
        result: () => undefined,
      },
      run,
    ),
  products: (task: ProductsTask, run) =>
    execute(
      {
        flops: productsFlops(task),
        create: (memory) => ({ kind: 'products', ...withNetwork(task, memory) }),
        result: () => undefined,
      },
      run,
    ),
  train: (task: TrainTask, run) =>
    execute(
      {
        flops: trainFlops(task),
        create: (memory) => createTrainJob(withNetwork(task, memory), memory),
        result: () => undefined,
      },
      run,
    ),
  sampleKernels: (task: KernelSampleTask, run) =>
    execute(
      {
        flops: kernelSamplesFlops(task),
        create: (memory) => createKernelSamplesJob(task, memory),
        result: ({ kernels, exponents }, own) => ({ kernels: own(kernels), exponents: exponents.slice() }),
      },
      run,
    ),
  sampleChain: (task: ChainTask, run) =>
    execute(
      {
        flops: chainFlops(task),
        create: (memory) => createChainJob(task, memory),
        result: ({ thetas, exponents, weights, weightExponents, parts }, own) => ({
          thetas: own(thetas),
          exponents: exponents.slice(),
          weights: own(weights),
          weightExponents: weightExponents.slice(),
          parts: parts.slice(),
        }),
      },
      run,
    ),
};

/** The same task with its parameters where the job's threads see them: copied only where they do not lie there. */
function withNetwork<T extends { readonly network: NetworkData }>(task: T, memory: Allocator): T {
  return { ...task, network: { ...task.network, parameters: memory.readable(task.network.parameters) } };
}
