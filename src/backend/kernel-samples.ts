/** How both backends prepare a task of the kernel samplers. */
import { binaryExponent, powerOfTwo } from '../numbers/powers';
import type { KernelSampleTask, LayerLaw } from './seam';

/** Inputs divided by 2^`exponent`, so that no number computed from them is out of range. */
export interface ScaledInputs {
  readonly x: Float64Array;
  readonly exponent: number;
}

export function scaleInputs(task: KernelSampleTask): ScaledInputs {
  const largest = task.x.reduce((sum, value) => Math.max(sum, Math.abs(value)), 0);
  const { weightScale, biasVariance } = effectiveLaw(task.law);
  // Biases that outweigh the inputs by far set the scale.
  const noise = Math.sqrt(biasVariance / weightScale[0]!);
  const exponent = binaryExponent(Math.max(largest, noise));
  const [half, rest] = [powerOfTwo(-(exponent >> 1)), powerOfTwo(-(exponent - (exponent >> 1)))];
  return { x: task.x.map((value) => value * half * rest), exponent };
}

/** X X', n x n. */
export function gramOfInputs(x: Float64Array, n: number): Float64Array {
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

/** Variances of weights and biases times their gains. */
export function effectiveLaw({ weightDeviations, weightGains, biasDeviations, biasGains }: LayerLaw): {
  readonly weightScale: Float64Array;
  readonly biasVariance: number;
} {
  return {
    weightScale: weightDeviations.map((deviation, i) => (deviation * weightGains[i]!) ** 2),
    biasVariance: (biasDeviations[0]! * biasGains[0]!) ** 2,
  };
}
