/**
 * The kernel of two different inputs: at infinite width, its limits in depth, and exact moments where they close.
 */
import { DeepntkError, expectBoolean, expectNumber, expectOneOf, expectOptions } from '../errors';
import { type MlpSpec, type NetworkSpec, type Parametrization, readSpec } from '../network/spec';
import { gateAgreement, reluCorrelation, reluSquareCorrelation } from './arc-cosine';
import { phaseOf } from './classify-phase';
import { type InputPair, pairKernel } from './infinite-width';
import { expectNonNegative, expectPositive, expectResult } from './arguments';
import { biasFactor, weightFactor, weightScale } from './layer-law';
import { moments } from './moments';

/**
 * Theta(x, x') / Theta(x, x) at infinite width, for two inputs of equal norm.
 *
 * @param pair cosine of the angle between the inputs, -1 .. 1, and their squared norm, > 0, 1 by default
 * @throws DeepntkError `ERR_INVALID_ARGUMENT`
 * @example infiniteWidthRatio(createSpec({ inputDim: 100, depth: 50, width: 100 }), { cosine: 0 }) // 0.2900...
 */
export function infiniteWidthRatio(
  spec: MlpSpec,
  pair: { readonly cosine: number; readonly inputNorm2?: number },
): number {
  const where = 'infiniteWidthRatio';
  const known = readSpec(where, spec);
  expectOptions(where, pair, ['cosine', 'inputNorm2']);
  const norm2 = expectPositive(`${where}: inputNorm2`, pair.inputNorm2 ?? 1);
  const cosine = expectCosine(where, pair.cosine);
  const other = pairKernel(known, inputPair(norm2, norm2, cosine)).ntk;
  const same = pairKernel(known, inputPair(norm2, norm2, 1)).ntk;
  return (other.value / same.value) * 2 ** (other.exponent - same.exponent);
}

/** An initialization, and what of it is trained. */
export interface RatioLimitOptions {
  readonly weightVariance: number;
  readonly biasVariance?: number;
  readonly biasGradients?: boolean;
  readonly parametrization?: Parametrization;
}

/**
 * The limit of `infiniteWidthRatio` for depth -> infinity (after width -> infinity), the same for every pair of
 * inputs that are not multiples of each other:
 *
 * - 1 where late layers dominate the kernel: the ordered phase with sigma_b^2 > 0, or with bias gradients that
 *   count
 * - 1/4 where every layer counts alike and the angle closes like 3 pi / l: sigma_b^2 = 0 otherwise, and the chaotic
 *   phase
 * - 4/7 for sigma_w^2 = 2 and sigma_b^2 > 0: layer l counts like l and the angle closes like 3 pi / (2 l)
 *
 * @throws DeepntkError `ERR_INVALID_ARGUMENT`
 * @example infiniteWidthRatioLimit({ weightVariance: 2 }) // 0.25
 */
export function infiniteWidthRatioLimit(options: RatioLimitOptions): number {
  const where = 'infiniteWidthRatioLimit';
  expectOptions(where, options, ['weightVariance', 'biasVariance', 'biasGradients', 'parametrization']);
  const phase = phaseOf(expectPositive(`${where}: weightVariance`, options.weightVariance));
  const biasVariance = expectNonNegative(`${where}: biasVariance`, options.biasVariance ?? 0);
  const biasGradients = expectBoolean(`${where}: biasGradients`, options.biasGradients ?? true);
  const parametrization = expectOneOf(`${where}: parametrization`, options.parametrization ?? 'standard', [
    'standard',
    'ntk',
  ]);
  const law = { weightVariance: options.weightVariance, biasVariance, biasGradients, parametrization };
  const lateLayersDominate = biasVariance > 0 || biasFactor(law, 1) > 0;
  if (phase === 'ordered' && lateLayersDominate) return 1;
  return phase === 'edge-of-chaos' && biasVariance > 0 ? 4 / 7 : 1 / 4;
}

/**
 * An upper bound on E[Theta(x,x')^2] / E[Theta(x,x')]^2 for two inputs of equal norm: by Cauchy and Schwarz
 * Theta(x,x')^2 <= Theta(x,x) Theta(x',x'), so it is at most the dispersion of Theta(x,x) over the squared ratio of
 * the means.
 *
 * @throws DeepntkError `ERR_INVALID_ARGUMENT` where dispersion or ratio is out of its range
 */
export function offDiagonalDispersionBound(options: {
  /** R of Theta(x,x), >= 1 */
  readonly dispersion: number;
  /** E Theta(x,x') / E Theta(x,x), in (0, 1] */
  readonly ratio: number;
}): number {
  const where = 'offDiagonalDispersionBound';
  expectOptions(where, options, ['dispersion', 'ratio']);
  const { dispersion, ratio } = options;
  expectNumber(`${where}: dispersion`, dispersion, { min: 1, what: 'a finite number >= 1' });
  expectNumber(`${where}: ratio`, ratio, { above: 0, max: 1, what: 'a number > 0 and <= 1' });
  return dispersion / (ratio * ratio);
}

/** Two inputs. */
export interface PairOptions {
  /** |x|^2; 1 by default. */
  readonly inputNorm2?: number;
  /** |x'|^2; that of x by default. */
  readonly otherNorm2?: number;
  /** Cosine of the angle between x and x', -1 .. 1. */
  readonly cosine: number;
}

/** Moments of Theta(x, x') over initializations. */
export interface PairMoments {
  readonly mean: number;
  readonly secondMoment: number;
  readonly variance: number;
  readonly dispersion: number;
  /** Which closed form it is. */
  readonly closedForm: 'linear net' | 'one hidden layer' | 'parallel inputs';
}

/**
 * Exact mean and second moment of the trace kernel Theta(x, x') of two inputs at finite width, in the cases that
 * close:
 *
 * - no hidden layer: the kernel is not random
 * - one hidden layer, any two inputs, any sigma_b^2: a sum of n_1 independent terms, whose moments are arc-cosine
 *   kernels
 * - x' = t x with t > 0 and sigma_b^2 = 0, any depth: t Theta_w + Theta_b; and x' = x with any sigma_b^2
 *
 * Elsewhere the gates of the two inputs agree with a probability that depends on a random angle, the angle's law at
 * layer l enters through arccos, and neither moment closes: that is an error here. Sample those (or use
 * `infiniteWidthKernels` for the mean).
 *
 * @throws DeepntkError `ERR_INVALID_ARGUMENT` where the moments do not close, or a number is out of range;
 *   `ERR_COMPUTATION` where a moment is beyond the range of doubles
 */
export function pairMoments(spec: MlpSpec, options: PairOptions): PairMoments {
  const where = 'pairMoments';
  const known = readSpec(where, spec);
  expectOptions(where, options, ['inputNorm2', 'otherNorm2', 'cosine']);
  const norm2 = expectPositive(`${where}: inputNorm2`, options.inputNorm2 ?? 1);
  const otherNorm2 = expectPositive(`${where}: otherNorm2`, options.otherNorm2 ?? norm2);
  const pair = inputPair(norm2, otherNorm2, expectCosine(where, options.cosine));
  if (known.depth === 0) return inRange(where, linearNet(known, pair));
  if (known.depth === 1) return inRange(where, oneHiddenLayer(known, pair));
  if (options.cosine === 1 && (known.biasVariance === 0 || norm2 === otherNorm2))
    return inRange(where, parallel(known, pair));
  throw new DeepntkError(
    'ERR_INVALID_ARGUMENT',
    `${where}: the moments of two inputs close for at most one hidden layer, or for parallel inputs with biasVariance 0; ` +
      `got depth ${known.depth}, cosine ${options.cosine}, biasVariance ${known.biasVariance}`,
  );
}

/** The second moment is of fourth order in the inputs: moments beyond doubles are an error. */
function inRange(where: string, result: PairMoments): PairMoments {
  for (const name of ['mean', 'secondMoment', 'variance', 'dispersion'] as const)
    expectResult(where, name, result[name]);
  return result;
}

function linearNet(spec: NetworkSpec, pair: InputPair): PairMoments {
  const beta = biasFactor(spec, 1);
  const mean = spec.outputDim * (weightFactor(spec, spec.inputDim) * pair.dot + beta);
  return { ...fromVariance(mean, 0), closedForm: 'linear net' };
}

/**
 * Theta = K beta_2 + sum_i z_i with z_i = K alpha_2 u_i + c V_i g_i: u = relu(h) relu(h'), g = both gates open, V_i =
 * sum_k of squared output weights, c = alpha_1 x.x' + beta_1. E u^2 = (3/2) A B J_2 / (3 pi), and u g = u.
 */
function oneHiddenLayer(spec: NetworkSpec, pair: InputPair): PairMoments {
  const { outputDim: outputs, biasVariance } = spec;
  const n = spec.widths[1]!;
  const [beta, outputBeta] = [biasFactor(spec, 1), biasFactor(spec, 2)];
  const s = weightScale(spec, spec.inputDim);
  const sine = Math.sin(pair.angle);
  // Products of roots: products of squared norms may be out of range.
  const root = Math.sqrt(s * pair.norm2 + biasVariance) * Math.sqrt(s * pair.otherNorm2 + biasVariance);
  const fromInputs = s * Math.sqrt(pair.norm2) * Math.sqrt(pair.otherNorm2) * sine;
  const fromBiases = Math.sqrt(s * biasVariance) * Math.sqrt(pair.distance2);
  const angle = Math.atan2(Math.hypot(fromInputs, fromBiases), s * pair.dot + biasVariance);
  const meanU = (root * reluCorrelation(angle)) / 2;
  const meanU2 = 1.5 * root * root * reluSquareCorrelation(angle);
  const meanG = gateAgreement(angle) / 2;
  const a = outputs * weightFactor(spec, n);
  const c = weightFactor(spec, spec.inputDim) * pair.dot + beta;
  const meanV = outputs * weightScale(spec, n);
  const meanV2 = outputs * (outputs + 2) * weightScale(spec, n) ** 2;
  const meanZ = a * meanU + c * meanV * meanG;
  const meanZ2 = a * a * meanU2 + 2 * a * c * meanV * meanU + c * c * meanV2 * meanG;
  return {
    ...fromVariance(outputs * outputBeta + n * meanZ, n * (meanZ2 - meanZ * meanZ)),
    closedForm: 'one hidden layer',
  };
}

function parallel(spec: NetworkSpec, pair: InputPair): PairMoments {
  const { weights, biases, secondMomentParts } = moments(spec, { inputNorm2: pair.norm2 });
  const t = Math.sqrt(pair.otherNorm2 / pair.norm2);
  const mean = t * weights + biases;
  const { weights: ww, cross, biases: bb } = secondMomentParts;
  const secondMoment = t * t * ww + 2 * t * cross + bb;
  const variance = secondMoment - mean * mean;
  return {
    mean,
    secondMoment,
    variance,
    dispersion: secondMoment / (mean * mean),
    closedForm: 'parallel inputs',
  };
}

function fromVariance(mean: number, variance: number): Omit<PairMoments, 'closedForm'> {
  const secondMoment = mean * mean + variance;
  return { mean, secondMoment, variance, dispersion: secondMoment / (mean * mean) };
}

function expectCosine(where: string, cosine: number): number {
  return expectNumber(`${where}: cosine`, cosine, { min: -1, max: 1, what: 'a number from -1 to 1' });
}

function inputPair(norm2: number, otherNorm2: number, cosine: number): InputPair {
  const [norm, otherNorm] = [Math.sqrt(norm2), Math.sqrt(otherNorm2)];
  const normDifference = norm2 - otherNorm2;
  const apart = norm - otherNorm;
  return {
    norm2,
    otherNorm2,
    dot: norm * otherNorm * cosine,
    angle: Math.acos(cosine),
    normDifference,
    distance2: apart * apart + 2 * norm * otherNorm * (1 - cosine),
  };
}
