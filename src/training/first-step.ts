/** How much one step of gradient descent changes the NTK: frozen gates in theory and measured, and the real change. */
import { setImmediate } from 'node:timers/promises';
import { expectInteger, expectNumber, expectOptions, invalidArgument } from '../errors';
import { Mlp } from '../network/mlp';
import { networkData } from '../network/parameters';
import { biasGradientsByLayer, type MlpSpec, type NetworkSpec, readSpec } from '../network/spec';
import { firstStepChange } from '../theory';
import { gradientStep, chainOf, type GradientStep, kernelOf, type OneInputNet } from './one-input';

/** What {@link firstStepStudy} draws. */
export interface FirstStepOptions {
  /** Nets per spec, at least 2. */
  readonly replicas: number;
  readonly seed: number;
  /** c of the learning rate c / E[Theta(x, x)]; 1 by default. */
  readonly rate?: number;
  /** |x|^2 of the one sample; 1 by default. */
  readonly inputNorm2?: number;
  readonly signal?: AbortSignal;
  /** Called after every spec with the share that is done. */
  readonly onProgress?: (fraction: number) => void;
}

/** Means over replicas of (Theta after the step - Theta) / E[Theta], Theta the trace kernel at the sample. */
export interface FirstStepRow {
  readonly spec: NetworkSpec;
  /** L / M with M the mean hidden width; 0 without hidden layers. */
  readonly lambda: number;
  readonly learningRate: number;
  /** With the gates held at their initial pattern, to first order in the learning rate: the closed form. */
  readonly frozenTheory: number;
  /** With the gates held, measured, to all orders. */
  readonly frozen: MeanWithError;
  /** The real step, which also switches gates. */
  readonly actual: MeanWithError;
  /** The root of the mean square of the real change, over E[Theta]. */
  readonly actualRootMeanSquare: number;
  /** The median over replicas of |real change| / Theta of the replica: what a typical net does, where few dominate the mean. */
  readonly actualMedian: number;
  readonly replicas: number;
}

/** A mean over replicas. */
export interface MeanWithError {
  readonly mean: number;
  /** The standard deviation over the root of the number of replicas. Too small where the tail is heavy: depth of the order of width. */
  readonly standardError: number;
}

/**
 * Draws nets, takes one step of gradient descent on one sample with the loss |f|^2 / 2 (target 0: the target drops out of
 * the mean) at the learning rate c / E[Theta], and compares the change of Theta(x, x) with the closed form for frozen gates.
 *
 * In the ordered phase the change goes to 0 with depth; at the edge of chaos and in the chaotic phase it does not. Cost: six
 * passes of 2 L M^2 operations a replica and the drawing of the net, on the calling thread, which it leaves between nets.
 *
 * @param specs one row each
 * @throws DeepntkError `ERR_INVALID_ARGUMENT`; the signal's reason on abort
 * @see theory.md, section 5; `firstStepChange`
 * @example await firstStepStudy([createSpec({ inputDim: 32, depth: 4, width: 32 })], { replicas: 1000, seed: 1 })
 */
export async function firstStepStudy(
  specs: readonly MlpSpec[],
  options: FirstStepOptions,
): Promise<FirstStepRow[]> {
  const where = 'firstStepStudy';
  expectOptions(where, options, ['replicas', 'seed', 'rate', 'inputNorm2', 'signal', 'onProgress']);
  if (!Array.isArray(specs) || specs.length === 0)
    throw invalidArgument(`${where}: specs`, 'an array of specs', specs);
  const replicas = expectInteger(`${where}: replicas`, options.replicas, { min: 2 });
  const seed = expectInteger(`${where}: seed`, options.seed, { min: 0 });
  const rate = expectNumber(`${where}: rate`, options.rate ?? 1, { above: 0, what: 'a finite number > 0' });
  const inputNorm2 = options.inputNorm2 ?? 1;
  const rows: FirstStepRow[] = [];
  const known = specs.map((spec, i) => readSpec(`${where}: specs[${i}]`, spec));
  for (const spec of known) {
    const theory = firstStepChange(spec, { inputNorm2 });
    const learningRate = rate / theory.mean;
    const changes: Changes = { frozen: [], actual: [], ratio: [] };
    for (let replica = 0; replica < replicas; replica++) {
      options.signal?.throwIfAborted();
      const net = Mlp.random(spec, { seed, replica });
      measure(net, inputNorm2, learningRate, theory.mean, changes);
      await setImmediate();
    }
    rows.push({
      spec,
      lambda: lambdaOf(spec),
      learningRate,
      frozenTheory: -rate * theory.driftAtKernelRate,
      frozen: meanOf(changes.frozen),
      actual: meanOf(changes.actual),
      actualRootMeanSquare: Math.sqrt(changes.actual.reduce((sum, x) => sum + x * x, 0) / replicas),
      actualMedian: median(changes.ratio),
      replicas,
    });
    options.onProgress?.(rows.length / specs.length);
  }
  return rows;
}

interface Changes {
  readonly frozen: number[];
  readonly actual: number[];
  readonly ratio: number[];
}

function measure(net: Mlp, inputNorm2: number, learningRate: number, mean: number, changes: Changes): void {
  const { spec } = net;
  // By rotation invariance of the first layer's law, any input of this norm does.
  const x = new Float64Array(spec.inputDim).fill(Math.sqrt(inputNorm2 / spec.inputDim));
  const initial: OneInputNet = {
    network: networkData(spec, net.parameters),
    biasGradients: biasGradientsByLayer(spec),
    x,
    step: null,
  };
  const start = chainOf(initial, null);
  const step: GradientStep = gradientStep(initial, start, learningRate);
  const moved = { ...initial, step };
  const before = kernelOf(initial, start);
  const frozen = kernelOf(moved, chainOf(moved, start.gates));
  const actual = kernelOf(moved, chainOf(moved, null));
  changes.frozen.push((frozen - before) / mean);
  changes.actual.push((actual - before) / mean);
  changes.ratio.push(Math.abs(actual - before) / before);
}

function lambdaOf({ depth, hiddenWidths }: NetworkSpec): number {
  return depth === 0 ? 0 : depth ** 2 / hiddenWidths.reduce((sum, width) => sum + width, 0);
}

function meanOf(values: readonly number[]): MeanWithError {
  const n = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, standardError: Math.sqrt(squares / (n - 1) / n) };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
