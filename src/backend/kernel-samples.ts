/** Replicas of the kernel of N inputs over random initializations: the task as backends get it. */
import { binaryExponent, powerOfTwo } from '../numbers/powers';
import type { KernelForm } from './backend';

/**
 * - `direct`: draws every weight, those of `Mlp.random`
 * - `conditional`: draws preactivations and derivatives from their law, without any weights (native/core/conditional.hpp)
 */
export const KERNEL_SAMPLERS = ['direct', 'conditional'] as const;
export type KernelSampler = (typeof KERNEL_SAMPLERS)[number];

/** Replicas number `first` to `first + count - 1`. */
export interface KernelSampleTask {
  readonly sampler: KernelSampler;
  /** n_0 .. n_{L+1} */
  readonly widths: readonly number[];
  readonly law: LayerLaw;
  /** n x n_0, finite */
  readonly x: Float64Array;
  readonly n: number;
  readonly form: KernelForm;
  /** Every replica is added up from its layers once for each of these, at least one. */
  readonly terms: readonly KernelTerms[];
  readonly seed: number;
  readonly first: number;
  readonly count: number;
}

/** How parameters are drawn, and the gains they enter with (`NetworkData`); L + 1 numbers, layer 1 first. */
export interface LayerLaw {
  /** Standard deviations. */
  readonly weightDeviations: Float64Array;
  readonly biasDeviations: Float64Array;
  readonly weightGains: Float64Array;
  readonly biasGains: Float64Array;
}

/** alpha_l and beta_l of theory.md section 1: value times 2^exponent; L + 1 numbers, layer 1 first. */
export interface KernelTerms {
  readonly weights: Float64Array;
  readonly weightExponents: Int32Array;
  readonly biases: Float64Array;
  readonly biasExponents: Int32Array;
}

export interface KernelReplicas {
  /** count x terms x n x n x entries (as in `KernelArrays`), each kernel over 2^`exponents`. */
  readonly kernels: Float64Array;
  /** count x terms */
  readonly exponents: Int32Array;
}

/** Rows of deltas of one input: K, or 1 for the sum of logits. */
export function chainsOf({ form, widths }: Pick<KernelSampleTask, 'form' | 'widths'>): number {
  return form === 'sum-of-logits' ? 1 : widths.at(-1)!;
}

/** Numbers of a pair of inputs. */
export function entriesOf({ form, widths }: Pick<KernelSampleTask, 'form' | 'widths'>): number {
  const outputs = widths.at(-1)!;
  return form === 'full' ? outputs ** 2 : form === 'diagonal' ? outputs : 1;
}

/** Inputs over 2^`exponent`, such that neither they nor what comes of them is out of range. */
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
