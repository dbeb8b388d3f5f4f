/** How much the first step of gradient descent changes the NTK, its gates held at their initial pattern. */
import { expectBoolean, expectInteger, expectOptions } from '../errors';
import type { MlpSpec } from '../network/spec';
import { expectPositive, expectResult, expectWeightVariance } from './arguments';
import { type Phase, phaseOf } from './classify-phase';
import { exponentialMean } from './exponential-means';
import { meansOf, type PairState, runRecursion } from './moment-recursion';
import { readMomentsOptions } from './moments';
import { add, divide, log, multiply, type Scaled, scaled, toNumber } from '../numbers/scaled';

/** The expected change of the kernel in one step of gradient descent, gates frozen. */
export interface FirstStepChange {
  /**
   * GD = E[sum_k f_k grad f_k . grad Theta], Theta the trace kernel: E[change of Theta] = -learning rate * GD +
   * O(learning rate^2).
   */
  readonly frozenGateDrift: number;
  /** E Theta before the step, the trace kernel's. */
  readonly mean: number;
  /** GD / E Theta: the relative change by a step, for a learning rate of 1, sign reversed. */
  readonly relativeDrift: number;
  /**
   * GD / (E Theta)^2: the relative change for the learning rate 1 / E Theta, the scale at which training is stable;
   * sign reversed.
   */
  readonly driftAtKernelRate: number;
  readonly logFrozenGateDrift: number;
}

/**
 * The expected first-order change of Theta(x, x) in one step of gradient descent on the one sample x, with the loss
 * |f - y|^2 / 2 and the GATES FROZEN at their initial pattern. The target y drops out: its part is odd in the last
 * layer. Any depth, widths, sigma_w^2, sigma_b^2, parametrization and number of outputs; O(depth).
 *
 * A real step also switches gates: then the kernel changes more (docs/theory.md has numbers). This is the part of
 * the change that has a closed form, and the result is named for what it is.
 *
 * @throws DeepntkError `ERR_INVALID_ARGUMENT` where inputNorm2 is negative or not finite
 * @see docs/theory.md, "The first step"
 * @example firstStepChange(createSpec({ inputDim: 32, depth: 4, width: 32 })).frozenGateDrift // 13.003...
 */
export function firstStepChange(
  spec: MlpSpec,
  options: { readonly inputNorm2?: number } = {},
): FirstStepChange {
  expectOptions('firstStepChange', options, ['inputNorm2']);
  const { spec: known, inputNorm2 } = readMomentsOptions('firstStepChange', spec, options);
  const state = runRecursion(known, inputNorm2);
  const { weights, biases } = meansOf(state);
  const outputs = known.outputDim;
  // Of the K^2 pairs (the output that makes the step, the output whose kernel changes), K are equal.
  const drift = (pair: PairState): Scaled =>
    scaled(outputs * (4 * pair.drift + 2 * (outputs - 1) * pair.driftDistinct), pair.exponent);
  const total = add(
    multiply(multiply(weights, weights), drift(state.ww)),
    multiply(multiply(weights, biases), drift(state.wb)),
  );
  const mean = multiply(scaled(outputs), add(weights, biases));
  const relative = divide(total, mean);
  const logDrift = log(total);
  // A linear net, or an input of 0, has no drift; else its logarithm is finite at any depth.
  if (known.depth > 0 && inputNorm2 > 0) expectResult('firstStepChange', 'logFrozenGateDrift', logDrift);
  return {
    frozenGateDrift: toNumber(total),
    mean: toNumber(mean),
    relativeDrift: toNumber(relative),
    driftAtKernelRate: toNumber(divide(relative, mean)),
    logFrozenGateDrift: logDrift,
  };
}

/** A deep, wide net: depth over width, depth, and what else the limit depends on. */
export interface FirstStepLimitOptions {
  /** L / M > 0 */
  readonly lambda: number;
  /** L: the limits grow or decay with depth itself. */
  readonly depth: number;
  /** sigma_w^2; 2 by default. */
  readonly weightVariance?: number;
  /** M |x|^2 / n_0; 1 by default. */
  readonly kappa?: number;
  readonly biasGradients?: boolean;
}

/**
 * What `relativeDrift` tends to, as an equivalent for large depth and width with L / M = lambda: one output,
 * sigma_b^2 = 0, standard parametrization. Chaotic phase or no bias gradients: (4/3) a^L kappa L e^{5 lambda} g;
 * edge of chaos: (4/3) kappa L (kappa e^{5 lambda} g + h) / (kappa + 1); ordered: 8 kappa a^{L+1} / (M (1 - a)^2).
 *
 * @throws DeepntkError `ERR_INVALID_ARGUMENT` where a number is not > 0 or depth is no positive integer
 * @example firstStepLimit({ lambda: 0.25, depth: 1000 }).relativeDrift
 */
export function firstStepLimit(options: FirstStepLimitOptions): {
  readonly relativeDrift: number;
  readonly logRelativeDrift: number;
  readonly phase: Phase;
} {
  const where = 'firstStepLimit';
  expectOptions(where, options, ['lambda', 'depth', 'weightVariance', 'kappa', 'biasGradients']);
  const lambda = expectPositive(`${where}: lambda`, options.lambda);
  const depth = expectInteger(`${where}: depth`, options.depth);
  const { weightVariance: given = 2 } = options;
  const weightVariance = expectWeightVariance(`${where}: weightVariance`, given);
  const kappa = expectPositive(`${where}: kappa`, options.kappa ?? 1);
  const biasGradients = expectBoolean(`${where}: biasGradients`, options.biasGradients ?? true);
  const phase = phaseOf(weightVariance);
  const slope = weightVariance / 2;
  // g = 1/2 - 1/(6 lambda) + (1 - e^{-6 lambda}) / (36 lambda^2)
  const g = 6 * lambda * exponentialMean(3, 6 * lambda);
  // h e^{-5 lambda}, from h = e^{5 lambda}/(5 lambda) - 6 (e^{5 lambda} - 1)/(25 lambda^2) + (e^{5 lambda} -
  // e^{-lambda})/(6 lambda^2)
  const h = 6 * lambda * (6 * exponentialMean(3, 6 * lambda) - 5 * exponentialMean(3, 5 * lambda));
  const logWeights = Math.log((4 / 3) * kappa * depth) + 5 * lambda;
  let logRelativeDrift: number;
  if (phase === 'chaotic' || !biasGradients) {
    logRelativeDrift = logWeights + depth * Math.log(slope) + Math.log(g);
  } else if (phase === 'edge-of-chaos') {
    logRelativeDrift = logWeights + Math.log((kappa * g + h) / (kappa + 1));
  } else {
    logRelativeDrift =
      Math.log((8 * kappa * lambda) / depth) + (depth + 1) * Math.log(slope) - 2 * Math.log1p(-slope);
  }
  return { relativeDrift: Math.exp(logRelativeDrift), logRelativeDrift, phase };
}
