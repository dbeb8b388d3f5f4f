/** Gradient descent, and the kernel on the way. */
import type { LossName } from '../backend/seam';
import { DeepntkError } from '../errors';
import type { Provenance } from '../kernel/arguments';
import { resultArray } from '../ndarray';
import type { Mlp } from '../network/mlp';
import { type Evaluation, type Fit, fitOf, type LabelledData } from './loss';
import { type Plan, readPlan, type TrainedKernel, type TrainOptions } from './plan';
import { snapshot } from './state';
import { createTask, type Workspace } from './task';

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
  const { trained, workspace, test: testData, batch, steps } = plan;
  const K = trained.spec.outputDim;
  const run = computeOptions(plan);
  const x = { data: workspace.x, shape: [workspace.n, trained.spec.inputDim] };
  const { data: outputs } = await trained.forward(x, { ...run, allowNonFinite: true });
  const fit = fitOf(outputs, workspace.y, K, workspace.loss);
  if (step === steps) {
    plan.losses[step] = batch === null ? fit.loss : fitOfRows(outputs, workspace, batch(step), K).loss;
    expectFiniteLoss(plan, step);
  }
  if (!plan.evaluateAt.includes(step) || plan.evaluations.at(-1)?.step === step) return;
  const test =
    testData &&
    fitOf(
      (await trained.forward(testData.x, { ...run, allowNonFinite: true })).data,
      testData.targets,
      K,
      workspace.loss,
    );
  plan.evaluations.push({ step, ...fit, testLoss: test?.loss ?? null, testAccuracy: test?.accuracy ?? null });
}

function fitOfRows(outputs: Float64Array, { y, loss }: Workspace, rows: Int32Array, K: number): Fit {
  const pick = (from: Float64Array): number[] =>
    Array.from(rows).flatMap((row) => Array.from(from.subarray(row * K, (row + 1) * K)));
  return fitOf(pick(outputs), pick(y), K, loss);
}

async function computeKernel(plan: Plan, step: number): Promise<void> {
  const { trained, options, kernelInputs } = plan;
  const kernel = await trained.ntk(kernelInputs, null, { ...options.kernelOptions, ...computeOptions(plan) });
  const result = resultArray({ ...kernel, step });
  plan.kernels.push(result);
  await options.onKernel?.(result);
  await options.onNet?.(trained, step);
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
