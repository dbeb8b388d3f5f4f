/** How all backends prepare a task of the kernel samplers. */
import { binaryExponent, powerOfTwo } from '../numbers/powers';
import type { KernelSampleTask } from './seam';

/** A task with its inputs divided by 2^`inputExponent`, so that no number computed from them is out of range. */
export interface ScaledSampleTask extends KernelSampleTask {
  readonly inputExponent: number;
  /** X X' of the scaled inputs, n x n; null for the direct sampler, which does not need it. */
  readonly inputGram: Float64Array | null;
  /** Variances of a weight of each layer, and of a bias, times their squared gains. */
  readonly weightScale: Float64Array;
  readonly biasVariance: number;
}

export function scaledSampleTask(task: KernelSampleTask): ScaledSampleTask {
  const { weightDeviations, weightGains, biasDeviations, biasGains } = task.law;
  const weightScale = weightDeviations.map((deviation, i) => (deviation * weightGains[i]!) ** 2);
  const biasVariance = (biasDeviations[0]! * biasGains[0]!) ** 2;
  const largest = task.x.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
  // Biases that are much larger than the inputs set the scale.
  const noise = Math.sqrt(biasVariance / weightScale[0]!);
  const inputExponent = binaryExponent(Math.max(largest, noise));
  const half = inputExponent >> 1;
  const [first, second] = [powerOfTwo(-half), powerOfTwo(half - inputExponent)];
  const x = task.x.map((value) => value * first * second);
  const inputGram = task.sampler === 'conditional' ? gramOf(x, task.n) : null;
  return { ...task, x, inputExponent, inputGram, weightScale, biasVariance };
}

/** X X', n x n. */
function gramOf(x: Float64Array, n: number): Float64Array {
  const width = x.length / n;
  const gram = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = i; j < n; j++) {
      let sum = 0;
      for (let k = 0; k < width; k++) sum += x[i * width + k]! * x[j * width + k]!;
      gram[i * n + j] = sum;
      gram[j * n + i] = sum;
    }
  }
  return gram;
}
