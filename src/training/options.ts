/** Reads the options of training that say how it steps. */
import type { OptimizerRule } from '../backend/seam';
import {
  expectInteger,
  expectNumber,
  expectOneOf,
  expectOptions,
  invalidArgument,
  mismatch,
} from '../errors';

/**
 * An optimizer by name, with PyTorch's conventions and defaults, or with its own numbers:
 *
 * - `gd`: plain gradient descent
 * - `momentum`: v = momentum v + g, p -= learningRate v; momentum 0.9 by default
 * - `adam`: Kingma and Ba 2015; beta1 0.9, beta2 0.999, epsilon 1e-8 by default
 */
export type OptimizerOptions =
  | 'gd'
  | 'momentum'
  | 'adam'
  | { readonly name: 'gd' }
  | { readonly name: 'momentum'; readonly momentum?: number }
  | {
      readonly name: 'adam';
      readonly beta1?: number;
      readonly beta2?: number;
      readonly epsilon?: number;
    };

/**
 * One learning rate for all steps, one for each step, or a function of the number of steps taken before: 0 for the first.
 */
export type LearningRate = number | readonly number[] | ((stepsBefore: number) => number);

export function readOptimizer(where: string, options: OptimizerOptions): OptimizerRule {
  const given = typeof options === 'string' ? { name: options } : options;
  expectOptions(where, given, ['name', 'momentum', 'beta1', 'beta2', 'epsilon']);
  const name = expectOneOf(`${where}: name`, given.name, ['gd', 'momentum', 'adam']);
  const plain = { name, beta1: 0, beta2: 0, epsilon: 0 };
  if (name === 'gd') {
    expectOptions(where, given, ['name']);
    return plain;
  }
  if (name === 'momentum') {
    expectOptions(where, given, ['name', 'momentum']);
    const { momentum } = given as { momentum?: number };
    return { ...plain, beta1: readShare(`${where}: momentum`, momentum ?? 0.9) };
  }
  expectOptions(where, given, ['name', 'beta1', 'beta2', 'epsilon']);
  const { beta1, beta2, epsilon } = given as { beta1?: number; beta2?: number; epsilon?: number };
  return {
    name,
    beta1: readShare(`${where}: beta1`, beta1 ?? 0.9),
    beta2: readShare(`${where}: beta2`, beta2 ?? 0.999),
    epsilon: expectNumber(`${where}: epsilon`, epsilon ?? 1e-8, { above: 0, what: 'a finite number > 0' }),
  };
}

function readShare(where: string, value: number): number {
  const share = expectNumber(where, value, { min: 0, max: 1, what: 'a number >= 0 and < 1' });
  if (share === 1) throw invalidArgument(where, 'a number >= 0 and < 1', share);
  return share;
}

/** The learning rate of the step after `stepsBefore` others. */
export function readLearningRate(
  where: string,
  rate: LearningRate,
  steps: number,
): (stepsBefore: number) => number {
  if (typeof rate === 'function') {
    return (stepsBefore) => expectRate(`${where}(${stepsBefore})`, rate(stepsBefore));
  }
  if (Array.isArray(rate)) {
    const rates = (rate as readonly unknown[]).map((value, step) => expectRate(`${where}[${step}]`, value));
    if (rates.length !== steps) {
      throw mismatch(where, `one number for each of the ${steps} steps`, `${rates.length}`);
    }
    return (stepsBefore) => rates[stepsBefore]!;
  }
  const constant = expectRate(where, rate);
  return () => constant;
}

function expectRate(where: string, value: unknown): number {
  return expectNumber(where, value, { min: 0, what: 'a finite number >= 0' });
}

/** Steps of a run, 0 (before the first) to `steps` (after the last), sorted and each once. */
export function readStepList(where: string, list: readonly number[], steps: number): number[] {
  if (!Array.isArray(list)) throw invalidArgument(where, 'an array of steps', list);
  const numbers = list.map((step, i) => expectInteger(`${where}[${i}]`, step, { min: 0, max: steps }));
  return [...new Set(numbers)].sort((a, b) => a - b);
}
