/** A training run: what can be asked for, checked, and what has come of it so far. */
import { type Backend, LOSS_NAMES, type LossName } from '../backend/seam';
import { type ArrayInput, readInputs } from '../array-input';
import { expectInteger, expectOneOf, expectOptions, invalidArgument } from '../errors';
import {
  COMPUTE_OPTION_NAMES,
  type ComputeOptions,
  type Progress,
  type Provenance,
  readComputation,
} from '../kernel/arguments';
import type { NtkOptions, NtkResult, NtkResultPerLayer } from '../kernel/ntk';
import type { NdArray } from '../ndarray';
import { Mlp, readNet } from '../network/mlp';
import { batchesOf } from './batches';
import { type Evaluation, type LabelledData, readLabelledData, targetsOf } from './loss';
import {
  type LearningRate,
  type OptimizerOptions,
  readLearningRate,
  readOptimizer,
  readStepList,
} from './options';
import { restoreState, type TrainingState } from './state';
import { createWorkspace, type Workspace } from './task';

/** How {@link train} trains, and what it watches. */
export interface TrainOptions extends Omit<ComputeOptions, 'onProgress' | 'allowNonFinite'> {
  /** `mse`, the default: sum over outputs of (f - y)^2, halved; or `cross-entropy`; both the mean over samples. */
  readonly loss?: LossName;
  /** `gd` by default. */
  readonly optimizer?: OptimizerOptions;
  readonly learningRate: LearningRate;
  /** How many steps to take; with `resumeFrom`, counted from the very beginning. */
  readonly steps: number;
  /** Samples of a step; all of them by default. Fewer: every epoch goes through all, in an order drawn from `seed`. */
  readonly batchSize?: number;
  /** Needed where `batchSize` is given: 0 .. 2^53 - 1. */
  readonly seed?: number;
  /** Compute the kernel after so many steps: 0 (before the first) .. steps. */
  readonly kernelAt?: readonly number[];
  /** The inputs of those kernels, N' x n_0; the training inputs by default. */
  readonly kernelInputs?: ArrayInput;
  /** Which kernel: as in `net.ntk`. The trace kernel by default. */
  readonly kernelOptions?: Pick<NtkOptions, 'outputs' | 'parameters' | 'layers' | 'perLayer' | 'precision'>;
  /** More inputs and targets, which are not trained on. */
  readonly testData?: LabelledData;
  /** Measure the fit on all of the training data, and on `testData`, after so many steps; 0 and `steps` by default. */
  readonly evaluateAt?: readonly number[];
  /** Called on the event loop, some times a second. */
  readonly onProgress?: (progress: TrainProgress) => void;
  /** Called with every kernel as soon as it is there; training waits for the promise. */
  readonly onKernel?: (kernel: TrainedKernel) => void | Promise<void>;
  /**
   * Called with the net as it is after each step of `kernelAt`; training waits for the promise. The net is the run's own:
   * it goes on changing afterwards.
   */
  readonly onNet?: (net: Mlp, step: number) => void | Promise<void>;
  /** Called after so many steps, each time, with all that {@link resumeFrom} needs; training waits for the promise. */
  readonly checkpointEvery?: number;
  /** Receives the state after every {@link checkpointEvery} steps. */
  readonly onCheckpoint?: (state: TrainingState) => void | Promise<void>;
  /** Goes on from here: with the same net, data and options, the rest is the same bit for bit. */
  readonly resumeFrom?: TrainingState;
}

/** How far a training run is. */
export interface TrainProgress extends Progress {
  /** Steps taken so far. */
  readonly step: number;
  readonly steps: number;
  /** The loss of the last batch before its step; null before the first. */
  readonly loss: number | null;
}

/** A kernel after `step` steps. */
export type TrainedKernel = (NtkResult | NtkResultPerLayer) & { readonly step: number };

const OPTION_NAMES = [
  ...COMPUTE_OPTION_NAMES.filter((name) => name !== 'allowNonFinite'),
  ...['loss', 'optimizer', 'learningRate', 'steps', 'batchSize', 'seed', 'kernelAt', 'kernelInputs'],
  ...[
    'kernelOptions',
    'testData',
    'evaluateAt',
    'onKernel',
    'onNet',
    'checkpointEvery',
    'onCheckpoint',
    'resumeFrom',
  ],
];

/** Inputs and targets of test data. */
export interface TestData {
  readonly x: NdArray;
  readonly targets: Float64Array;
}

/** A run: what was asked for, and what has come of it so far. */
export interface Plan {
  readonly options: TrainOptions;
  readonly backend: Backend;
  readonly threads: number;
  readonly provenance: Provenance;
  readonly workspace: Workspace;
  /** Its parameters are those of the workspace. */
  readonly trained: Mlp;
  readonly steps: number;
  readonly startStep: number;
  readonly rate: (stepsBefore: number) => number;
  readonly batch: ((step: number) => Int32Array) | null;
  readonly kernelAt: readonly number[];
  readonly kernelInputs: NdArray;
  readonly evaluateAt: readonly number[];
  readonly checkpointEvery: number | null;
  readonly test: TestData | null;
  /** Steps after which something is to be done, sorted. */
  readonly events: readonly number[];
  readonly losses: Float64Array;
  readonly kernels: TrainedKernel[];
  readonly evaluations: Evaluation[];
}

export function readPlan(given: Mlp, data: LabelledData, options: TrainOptions): Plan {
  const where = 'train';
  const net = readNet(where, given);
  const arrays = readLabelledData(`${where}: `, data, net.spec);
  expectOptions(where, options, OPTION_NAMES);
  for (const name of ['onProgress', 'onKernel', 'onNet', 'onCheckpoint'] as const) {
    const callback: unknown = options[name];
    if (callback !== undefined && typeof callback !== 'function') {
      throw invalidArgument(`${where}: ${name}`, 'a function', callback);
    }
  }
  const { signal, threads, backend } = options;
  const computation = readComputation(where, {
    ...(signal !== undefined && { signal }),
    ...(threads !== undefined && { threads }),
    ...(backend !== undefined && { backend }),
  });
  const steps = expectInteger(`${where}: steps`, options.steps, { min: 0 });
  const loss = expectOneOf(`${where}: loss`, options.loss ?? 'mse', LOSS_NAMES);
  const optimizer = readOptimizer(`${where}: optimizer`, options.optimizer ?? 'gd');
  const rate = readLearningRate(`${where}: learningRate`, options.learningRate, steps);
  const batchSize = readBatchSize(where, options, arrays.x.shape[0]!);
  const trained = Mlp.fromLayers(net.spec, net.layers);
  const workspace = createWorkspace(where, net.spec, arrays, trained.parameters, loss, optimizer, batchSize);
  const kernelAt = readStepList(`${where}: kernelAt`, options.kernelAt ?? [], steps);
  // What is wrong with a kernel is better heard of before the first step.
  const kernelInputs =
    options.kernelInputs === undefined
      ? { data: workspace.x, shape: arrays.x.shape }
      : readInputs(`${where}: kernelInputs`, options.kernelInputs, net.spec.inputDim);
  if (kernelAt.length > 0) net.explainNtk(kernelInputs, null, options.kernelOptions ?? {});
  const evaluateAt = readStepList(`${where}: evaluateAt`, options.evaluateAt ?? [0, steps], steps);
  const checkpointEvery =
    options.checkpointEvery === undefined
      ? null
      : expectInteger(`${where}: checkpointEvery`, options.checkpointEvery);
  const checkpoints = Array.from(
    { length: checkpointEvery === null ? 0 : Math.floor(steps / checkpointEvery) },
    (_, i) => (i + 1) * checkpointEvery!,
  );
  return {
    options,
    backend: computation.backend,
    threads: computation.run.threads,
    provenance: computation.provenance,
    workspace,
    trained,
    steps,
    rate,
    batch: batchSize === null ? null : batchesOf(workspace.n, batchSize, options.seed!),
    kernelAt,
    kernelInputs,
    evaluateAt,
    checkpointEvery,
    test: readTest(where, net, options.testData, loss),
    events: [...new Set([...kernelAt, ...evaluateAt, ...checkpoints])].sort((a, b) => a - b),
    ...restoreState(where, workspace, steps, options.resumeFrom),
  };
}

function readBatchSize(where: string, { batchSize, seed }: TrainOptions, n: number): number | null {
  if (seed !== undefined) expectInteger(`${where}: seed`, seed, { min: 0 });
  if (batchSize === undefined) return null;
  const size = expectInteger(`${where}: batchSize`, batchSize, { max: n });
  if (size === n) return null;
  if (seed === undefined)
    throw invalidArgument(`${where}: seed`, 'a seed for the order of the batches', seed);
  return size;
}

function readTest(
  where: string,
  net: Mlp,
  testData: LabelledData | undefined,
  loss: LossName,
): TestData | null {
  if (testData === undefined) return null;
  const arrays = readLabelledData(`${where}: testData.`, testData, net.spec);
  return { x: arrays.x, targets: targetsOf(`${where}: testData.`, arrays, loss) };
}
