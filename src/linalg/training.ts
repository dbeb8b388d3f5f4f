/** The loops of a step of gradient descent that are not matrix products. */
import type { BlockRange, ProductBuffers } from './product';

/** out[r, c] += factor * block[r, c] for a row-major matrix that begins at `begin`. */
export function addScaledBlock(
  out: Float64Array,
  begin: number,
  width: number,
  { block, stride }: ProductBuffers,
  { rowBegin, rowEnd, columnBegin, columnEnd }: BlockRange,
  factor: number,
): void {
  for (let row = rowBegin; row < rowEnd; row++) {
    let at = (row - rowBegin) * stride;
    const end = begin + row * width + columnEnd;
    for (let o = begin + row * width + columnBegin; o < end; o++, at++) out[o] += factor * block[at];
  }
}

/** out[begin + c] += factor * sum over rows of matrix[row, c]. */
export function addScaledColumnSums(
  out: Float64Array,
  begin: number,
  matrix: Float64Array,
  rows: number,
  columns: number,
  factor: number,
): void {
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      out[begin + column] += factor * matrix[row * columns + column];
    }
  }
}

/**
 * The losses of some samples and their derivatives by the outputs, times `scale`: f - y for |f - y|^2 / 2, and
 * (sum_k y_k) softmax(f) - y for the cross-entropy -sum_k y_k log softmax(f)_k.
 *
 * @param outputs rows x width
 * @param targets the sample of row i has its targets in row `first` + i, or in row `list[i]`
 * @param deltas receives the derivatives, rows x width
 * @returns the sum of the losses, not scaled
 */
export function lossAndDeltas(
  outputs: Float64Array,
  targets: Float64Array,
  first: number,
  list: Int32Array | null,
  rows: number,
  width: number,
  crossEntropy: boolean,
  scale: number,
  deltas: Float64Array,
): number {
  let loss = 0;
  for (let row = 0; row < rows; row++) {
    const f = row * width;
    const y = (list === null ? first + row : list[row]) * width;
    if (crossEntropy) {
      loss += crossEntropyRow(outputs, f, targets, y, width, scale, deltas);
      continue;
    }
    for (let k = 0; k < width; k++) {
      const difference = outputs[f + k] - targets[y + k];
      loss += 0.5 * difference * difference;
      deltas[f + k] = scale * difference;
    }
  }
  return loss;
}

function crossEntropyRow(
  outputs: Float64Array,
  f: number,
  targets: Float64Array,
  y: number,
  width: number,
  scale: number,
  deltas: Float64Array,
): number {
  let largest = -Infinity;
  for (let k = 0; k < width; k++) largest = Math.max(largest, outputs[f + k]);
  let sum = 0;
  let mass = 0;
  for (let k = 0; k < width; k++) {
    sum += Math.exp(outputs[f + k] - largest);
    mass += targets[y + k];
  }
  const logSum = largest + Math.log(sum);
  let loss = 0;
  for (let k = 0; k < width; k++) {
    const logShare = outputs[f + k] - logSum;
    if (targets[y + k] !== 0) loss -= targets[y + k] * logShare;
    deltas[f + k] = scale * (mass * Math.exp(logShare) - targets[y + k]);
  }
  return loss;
}

/** How the parameters move; see OptimizerRule in src/backend/seam.ts. */
export interface Update {
  readonly name: 'gd' | 'momentum' | 'adam';
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly learningRate: number;
  /** 1 - beta1^t and 1 - beta2^t */
  readonly correction1: number;
  readonly correction2: number;
}

/** Moves parameters `begin` to `end` by one step along the sum of some gradients. */
export function updateParameters(
  parameters: Float64Array,
  gradients: readonly Float64Array[],
  [first, second]: readonly [Float64Array, Float64Array],
  begin: number,
  end: number,
  { name, beta1, beta2, epsilon, learningRate, correction1, correction2 }: Update,
): void {
  const total = gradients[0];
  for (let other = 1; other < gradients.length; other++) {
    const gradient = gradients[other];
    for (let at = begin; at < end; at++) total[at] += gradient[at];
  }
  if (name === 'gd') {
    for (let at = begin; at < end; at++) parameters[at] -= learningRate * total[at];
  } else if (name === 'momentum') {
    for (let at = begin; at < end; at++) {
      first[at] = beta1 * first[at] + total[at];
      parameters[at] -= learningRate * first[at];
    }
  } else {
    const stepSize = learningRate / correction1;
    for (let at = begin; at < end; at++) {
      const gradient = total[at];
      first[at] = beta1 * first[at] + (1 - beta1) * gradient;
      second[at] = beta2 * second[at] + (1 - beta2) * gradient * gradient;
      parameters[at] -= (stepSize * first[at]) / (Math.sqrt(second[at] / correction2) + epsilon);
    }
  }
}
