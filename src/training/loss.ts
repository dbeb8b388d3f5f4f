/** Losses of outputs against targets. */
import type { LossName } from '../backend/seam';
import { type ArrayInput, readInputs, readOutputs } from '../array-input';
import { invalidArgument } from '../errors';
import type { NdArray } from '../ndarray';
import type { MlpSpec } from '../network/spec';

/** Inputs and what the net is to answer. */
export interface LabelledData {
  /** N x n_0, or one input of n_0 numbers. */
  readonly x: ArrayInput;
  /**
   * Targets, N x K, or a flat list: N numbers if K is 1, or K numbers if N is 1. For the cross-entropy, K > 1, and the targets
   * are shares of the classes: one-hot rows, or any numbers >= 0 that are not all 0.
   */
  readonly y: ArrayInput;
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

/** Inputs N x n_0 and targets N x K. Their shapes are checked, but not their entries. */
export interface DataArrays {
  readonly x: NdArray;
  readonly y: NdArray;
}

/** @param where the text before "x" and "y" in error messages */
export function readLabelledData(where: string, data: unknown, spec: MlpSpec): DataArrays {
  if (typeof data !== 'object' || data === null)
    throw invalidArgument(`${where}data`, 'inputs and targets { x, y }', data);
  const { x, y } = data as Partial<Record<'x' | 'y', unknown>>;
  const inputs = readInputs(`${where}x`, x, spec.inputDim);
  return { x: inputs, y: readOutputs(`${where}y`, y, inputs.shape[0]!, spec.outputDim) };
}

/** A copy of the targets for a loss, with checked entries. */
export function targetsOf(where: string, { y }: DataArrays, loss: LossName): Float64Array {
  const targets = Float64Array.from(y.data);
  const at = targets.findIndex((entry) => !Number.isFinite(entry));
  if (at >= 0) throw invalidArgument(`${where}y: entry ${at}`, 'a finite number', targets[at]);
  if (loss === 'cross-entropy') expectShares(`${where}y`, targets, y.shape[1]!);
  return targets;
}

/** With one class, or a row without a class, the cross-entropy is 0 for any outputs, so the net would silently learn nothing. */
function expectShares(where: string, targets: Float64Array, K: number): void {
  if (K === 1) {
    const what =
      'two classes or more for the cross-entropy (the softmax of one output is always 1; "mse" accepts one output)';
    throw invalidArgument(where, what, 1);
  }
  for (let begin = 0; begin < targets.length; begin += K) {
    const row = targets.subarray(begin, begin + K);
    const at = row.findIndex((share) => share < 0);
    if (at >= 0) throw invalidArgument(`${where}: entry ${begin + at}`, 'a share of a class, >= 0', row[at]);
    if (row.every((share) => share === 0)) {
      throw invalidArgument(`${where}: row ${begin / K}`, 'a share > 0 of one class at least', 0);
    }
  }
}
