/** Losses of outputs against targets. */
import type { LossName } from '../backend/backend';
import { invalidArgument } from '../errors';
import { expectShape } from '../kernel/matrix';
import type { NdArray } from '../ndarray';

/** Inputs and what the net is to answer. */
export interface LabelledData {
  /** N x n_0 */
  readonly x: NdArray;
  /** Targets, N x K; for the cross-entropy, shares of the classes (one-hot rows, or any numbers >= 0). */
  readonly y: NdArray;
}

/** How well outputs fit their targets. */
export interface Fit {
  /** Mean over samples. */
  readonly loss: number;
  /** The share of samples whose largest output is that of their largest target; null with one output. */
  readonly accuracy: number | null;
}

/** The fit after `step` steps, on all of the training data and on the test data. */
export interface Evaluation extends Fit {
  readonly step: number;
  readonly testLoss: number | null;
  readonly testAccuracy: number | null;
}

/** The fit of outputs N x K to targets N x K. */
export function fitOf(
  outputs: ArrayLike<number>,
  targets: ArrayLike<number>,
  K: number,
  loss: LossName,
): Fit {
  const N = targets.length / K;
  let sum = 0;
  let hits = 0;
  for (let i = 0; i < N; i++) {
    const f = Array.from({ length: K }, (_, k) => outputs[i * K + k]!);
    const y = Array.from({ length: K }, (_, k) => targets[i * K + k]!);
    sum += loss === 'mse' ? halfSquaredDistance(f, y) : crossEntropy(f, y);
    if (f.indexOf(Math.max(...f)) === y.indexOf(Math.max(...y))) hits++;
  }
  return { loss: sum / N, accuracy: K === 1 ? null : hits / N };
}

function halfSquaredDistance(f: readonly number[], y: readonly number[]): number {
  return f.reduce((sum, value, k) => sum + 0.5 * (value - y[k]!) ** 2, 0);
}

function crossEntropy(f: readonly number[], y: readonly number[]): number {
  const largest = Math.max(...f);
  const logSum = largest + Math.log(f.reduce((sum, value) => sum + Math.exp(value - largest), 0));
  return f.reduce((sum, value, k) => (y[k] === 0 ? sum : sum - y[k]! * (value - logSum)), 0);
}

/** Targets as a loss takes them. */
export function expectTargets(
  where: string,
  y: unknown,
  shape: readonly number[],
  loss: LossName,
): Float64Array {
  const targets = expectShape(where, y, shape);
  if (loss === 'cross-entropy') {
    const at = targets.findIndex((share) => share < 0);
    if (at >= 0) throw invalidArgument(`${where}: entry ${at}`, 'a share of a class, >= 0', targets[at]);
  }
  return targets;
}
