/** Gradient descent, and the kernel on the way. */
import { type Backend, LOSS_NAMES, type LossName } from '../backend/backend';
import { DeepntkError, expectInteger, expectOneOf, expectOptions, invalidArgument } from '../errors';
import {
  COMPUTE_OPTION_NAMES,
  type ComputeOptions,
  expectInputShape,
  type Progress,
  type Provenance,
  readComputation,
} from '../kernel/arguments';
import type { NtkOptions, NtkResult, NtkResultPerLayer } from '../kernel/ntk';
import type { NdArray } from '../ndarray';
import { Mlp } from '../network/mlp';
import { batchesOf } from './batches';
import { expectTargets, type Fit, fitOf, type LabelledData } from './loss';
import {
  type LearningRate,
  type OptimizerOptions,
  readLearningRate,
  readOptimizer,
  readStepList,
} from './options';
import { restoreState, snapshot, type TrainingState } from './state';
import { createTask, createWorkspace, type Workspace } from './task';

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
  readonly kernelInputs?: NdArray;
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
  /** Called after so many steps, each time, with all that {@link resumeFrom} needs; training waits for the promise. */
  readonly checkpointEvery?: number;
  readonly onCheckpoint?: (state: TrainingState) => void | Promise<void>;
  /** Goes on from here: with the same net, data and options, the rest is the same bit for bit. */
  readonly resumeFrom?: TrainingState;
}

export interface TrainProgress extends Progress {
  /** Steps taken so far. */
  readonly step: number;
  readonly steps: number;
  /** The loss of the last batch before its step; null before the first. */
  readonly loss: number | null;
}

/** A kernel after `step` steps. */
export type TrainedKernel = (NtkResult | NtkResultPerLayer) & { readonly step: number };

/** The fit after `step` steps, on all of the training data and on the test data. */
export interface Evaluation extends Fit {
  readonly step: number;
  readonly testLoss: number | null;
  readonly testAccuracy: number | null;
}

export interface TrainResult extends Provenance {
  /** The trained net; the one given is as it was. */
  readonly net: Mlp;
  /**
   * steps + 1 numbers: at s, the loss of the batch of step s + 1 before that step. The last one is the loss after the last
   * step, on the batch that would come next. With full batches: the loss after s steps.
   */
  readonly losses: Float64Array;
  readonly kernels: readonly TrainedKernel[];
  readonly evaluations: readonly Evaluation[];
  readonly loss: LossName;
  readonly steps: number;
  readonly seed: number | null;
}

const OPTION_NAMES = [
  ...COMPUTE_OPTION_NAMES.filter((name) => name !== 'allowNonFinite'),
  ...['loss', 'optimizer', 'learningRate', 'steps', 'batchSize', 'seed', 'kernelAt', 'kernelInputs'],
  ...['kernelOptions', 'testData', 'evaluateAt', 'onKernel', 'checkpointEvery', 'onCheckpoint', 'resumeFrom'],
];

/**
 * Trains a copy of the net. Weights are trained, and biases where the spec says `biasGradients`; in NTK parametrization the
 * raw parameters are.
 *
 * A step costs its three matrix products a layer (forward, deltas, gradient): 2 N n_{l-1} n_l operations each. Results do
 * not depend, bit for bit, on the number of threads.
 *
 * @throws DeepntkError `ERR_INVALID_ARGUMENT`; `ERR_DIVERGED` where the loss becomes infinite or NaN; `ERR_OUT_OF_MEMORY`;
 *   the signal's reason on abort
 * @example const { losses, kernels } = await train(net, { x, y }, { learningRate: 0.1, steps: 100, kernelAt: [0, 100] });
 */
export async function train(net: Mlp, data: LabelledData, options: TrainOptions): Promise<TrainResult> {
  const plan = readPlan(net, data, options);
  const { steps, events, provenance } = plan;
  const progress = progressReporter(plan, options.onProgress);
  let step = plan.startStep;
  let chunk = 1;
  for (;;) {
    await runEvents(plan, step);
    if (step === steps) break;
    const end = Math.min(events.find((event) => event > step) ?? steps, step + chunk);
    const start = performance.now();
    await takeSteps(plan, step, end);
    chunk = nextChunk(end - step, performance.now() - start);
    step = end;
    progress(step);
  }
  return {
    net: plan.trained,
    losses: plan.losses,
    kernels: plan.kernels,
    evaluations: plan.evaluations,
    loss: plan.workspace.loss,
    steps,
    seed: options.seed ?? null,
    ...provenance,
  };
}

/** One job takes about this long, in milliseconds: between jobs there is progress. */
const CHUNK_TIME = 200;

function nextChunk(steps: number, milliseconds: number): number {
  return Math.max(1, Math.min(4 * steps, Math.floor((steps * CHUNK_TIME) / Math.max(milliseconds, 0.01))));
}

/** A run: what was asked for, and what has come of it so far. */
interface Plan {
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
  readonly evaluateAt: readonly number[];
  readonly checkpointEvery: number | null;
  readonly testTargets: Float64Array | null;
  /** Steps after which something is to be done, sorted. */
  readonly events: readonly number[];
  readonly losses: Float64Array;
  readonly kernels: TrainedKernel[];
  readonly evaluations: Evaluation[];
}

function readPlan(net: Mlp, data: LabelledData, options: TrainOptions): Plan {
  const where = 'train';
  if (!(net instanceof Mlp)) throw invalidArgument(`${where}: net`, 'an Mlp', net);
  if (typeof data !== 'object' || (data as unknown) === null) {
    throw invalidArgument(`${where}: data`, 'inputs and targets { x, y }', data);
  }
  expectOptions(where, options, OPTION_NAMES);
  const { signal, threads, backend } = options;
  const computation = readComputation(where, {
    ...(signal && { signal }),
    ...(threads !== undefined && { threads }),
    ...(backend && { backend }),
  });
  const steps = expectInteger(`${where}: steps`, options.steps, { min: 0 });
  const loss = expectOneOf(`${where}: loss`, options.loss ?? 'mse', LOSS_NAMES);
  const optimizer = readOptimizer(`${where}: optimizer`, options.optimizer ?? 'gd');
  const rate = readLearningRate(`${where}: learningRate`, options.learningRate, steps);
  const batchSize = readBatchSize(where, options, expectInputShape(`${where}: x`, data.x, net.spec.inputDim));
  const trained = Mlp.fromLayers(net.spec, net.layers);
  const workspace = createWorkspace(where, net.spec, data, trained.parameters, loss, optimizer, batchSize);
  const kernelAt = readStepList(`${where}: kernelAt`, options.kernelAt ?? [], steps);
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
    evaluateAt,
    checkpointEvery,
    testTargets: readTestTargets(where, net, options.testData, loss),
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

function readTestTargets(
  where: string,
  net: Mlp,
  testData: LabelledData | undefined,
  loss: LossName,
): Float64Array | null {
  if (testData === undefined) return null;
  const n = expectInputShape(`${where}: testData.x`, testData.x, net.spec.inputDim);
  return expectTargets(`${where}: testData.y`, testData.y, [n, net.spec.outputDim], loss);
}

async function takeSteps(plan: Plan, begin: number, end: number): Promise<void> {
  const { workspace, batch, rate, losses, backend, threads, options } = plan;
  const steps = Array.from({ length: end - begin }, (_, i) => begin + i);
  const task = createTask(workspace, {
    stepsBefore: begin,
    learningRates: steps.map(rate),
    batchRows: batch && steps.map(batch),
  });
  await backend.train(task, { threads, signal: options.signal });
  losses.set(task.losses, begin);
  steps.forEach((step) => {
    expectFiniteLoss(plan, step);
  });
}

function expectFiniteLoss({ losses, rate }: Plan, step: number): void {
  const loss = losses[step]!;
  if (Number.isFinite(loss)) return;
  const cause =
    step === 0
      ? "the net's outputs or their squares overflow at its initial parameters"
      : `the steps are too large: the learning rate of the last one was ${rate(step - 1)}, and the loss went from ${losses[0]!.toPrecision(4)} at first to ${losses[step - 1]!.toPrecision(4)} before it`;
  throw new DeepntkError('ERR_DIVERGED', `train: the loss is ${loss} after ${step} steps: ${cause}`);
}

/** What is to be done after `step` steps. */
async function runEvents(plan: Plan, step: number): Promise<void> {
  const { options, steps, startStep, checkpointEvery } = plan;
  const isNew = step > startStep || options.resumeFrom === undefined;
  if (step === steps || (isNew && plan.evaluateAt.includes(step))) await evaluate(plan, step);
  if (isNew && plan.kernelAt.includes(step)) await computeKernel(plan, step);
  if (isNew && step > 0 && checkpointEvery !== null && step % checkpointEvery === 0) {
    await options.onCheckpoint?.(snapshot(plan, step));
  }
}

async function evaluate(plan: Plan, step: number): Promise<void> {
  const { trained, workspace, testTargets, options, batch, steps } = plan;
  const K = trained.spec.outputDim;
  const run = computeOptions(plan);
  const x = { data: workspace.x, shape: [workspace.n, trained.spec.inputDim] };
  const { data: outputs } = await trained.forward(x, run);
  const fit = fitOf(outputs, workspace.y, K, workspace.loss);
  if (step === steps) {
    plan.losses[step] = batch === null ? fit.loss : fitOfRows(outputs, workspace, batch(step), K).loss;
    expectFiniteLoss(plan, step);
  }
  if (!plan.evaluateAt.includes(step) || plan.evaluations.at(-1)?.step === step) return;
  const test =
    testTargets &&
    fitOf((await trained.forward(options.testData!.x, run)).data, testTargets, K, workspace.loss);
  plan.evaluations.push({ step, ...fit, testLoss: test?.loss ?? null, testAccuracy: test?.accuracy ?? null });
}

function fitOfRows(outputs: Float64Array, { y, loss }: Workspace, rows: Int32Array, K: number): Fit {
  const pick = (from: Float64Array): number[] =>
    Array.from(rows).flatMap((row) => Array.from(from.subarray(row * K, (row + 1) * K)));
  return fitOf(pick(outputs), pick(y), K, loss);
}

async function computeKernel(plan: Plan, step: number): Promise<void> {
  const { trained, options, workspace } = plan;
  const inputs = options.kernelInputs ?? { data: workspace.x, shape: [workspace.n, trained.spec.inputDim] };
  const kernel = await trained.ntk(inputs, null, { ...options.kernelOptions, ...computeOptions(plan) });
  const result = { ...kernel, step };
  plan.kernels.push(result);
  await options.onKernel?.(result);
}

function computeOptions({ options: { signal }, threads, backend }: Plan) {
  return { threads, backend: backend.name, ...(signal && { signal }) };
}

function progressReporter(
  { steps, startStep, losses }: Plan,
  onProgress: TrainOptions['onProgress'],
): (step: number) => void {
  const start = performance.now();
  return (step) => {
    const elapsedSeconds = (performance.now() - start) / 1000;
    onProgress?.({
      step,
      steps,
      loss: step > 0 ? losses[step - 1]! : null,
      fraction: step / steps,
      elapsedSeconds,
      remainingSeconds: (elapsedSeconds * (steps - step)) / (step - startStep),
    });
  };
}
