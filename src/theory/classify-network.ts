/** The phase of a GIVEN net, trained or loaded: what its weights say, and what signals through it do. */
import type { ArrayInput } from '../array-input';
import { invalidArgument } from '../errors';
import type { Phase } from './classify-phase';
import { expectInputs } from './arguments';
import {
  gainsOf,
  type GivenNetwork,
  type Probe,
  type ProbedNetwork,
  probeNetwork,
  readNetwork,
} from './probe-network';

/** An estimate with its standard error (NaN where one number is all there is). */
export interface Estimate {
  readonly value: number;
  readonly standardError: number;
}

/** What one kind of measurement says about the slope a. */
export interface SlopeEvidence {
  /** exp(logSlope), the factor per layer of squared norms. */
  readonly slope: number;
  readonly logSlope: number;
  /** Of logSlope. */
  readonly standardError: number;
  /** logSlope / standardError */
  readonly zScore: number;
  /** `edge-of-chaos` where |zScore| < 2: not to be told from the edge. */
  readonly phase: Phase;
  /** Normal probability, given the estimate and a flat prior, that the slope is above 1. */
  readonly probabilityChaotic: number;
}

/** What was measured at one layer. */
export interface LayerReport {
  /** 1 .. L+1 */
  readonly layer: number;
  /** n_{l-1} times the mean square of the effective weights. */
  readonly weightVariance: Estimate;
  /** The mean square of the effective biases. */
  readonly biasVariance: Estimate;
  /** log of (|x^l|^2 / n_l) / (|x^{l-1}|^2 / n_{l-1}), mean and error over inputs; `null` for the output layer. */
  readonly activationLogGrowth: Estimate | null;
  /** log of |delta^{l-1}|^2 / |delta^l|^2, mean and error over inputs; `null` for the first layer. */
  readonly gradientLogGrowth: Estimate | null;
  /**
   * Angle (radians) between the activations x^l of disjoint pairs of inputs; `null` for the output layer and for
   * one input.
   */
  readonly angle: Estimate | null;
}

/** The phase of a given net, with the evidence for it. */
export interface NetworkReport {
  readonly phase: Phase;
  readonly slope: number;
  /** The evidence that `phase` and `slope` are taken from. */
  readonly basis: 'weights' | 'gradients';
  readonly zScore: number;
  /** slope^L: by what squared gradients grow through the net at this slope. */
  readonly growthThroughDepth: number;
  readonly weights: SlopeEvidence;
  /** `null` where no signal comes back to the first hidden layer. */
  readonly gradients: SlopeEvidence | null;
  /** Reported, never the basis: with biases, activations settle whatever the slope. */
  readonly activations: SlopeEvidence | null;
  /** Angle (radians) between the inputs of disjoint pairs; `null` for one input. */
  readonly inputAngle: Estimate | null;
  readonly layers: readonly LayerReport[];
}

/**
 * Measures a given net's phase: the variance of its weights and biases layer by layer, and how activations,
 * gradients and angles change through depth on the inputs X.
 *
 * Three estimates of the log of the slope a = sigma_w^2 / 2 over the layers 2 .. L (the output layer, for one
 * hidden layer): from the weights, mean of log(n_{l-1} mean(w^2) / 2); from gradients and from activations, the
 * mean log growth plus 5 / (2 n), which undoes the bias of a logarithm in a random net. Standard errors are the
 * larger of what independent entries would give and the spread between layers. For a net at initialization the
 * weights are by far the sharpest, and are the `basis`. Where gradients disagree by more than 3 standard errors,
 * entries are not what independent draws would be (training, structure, low rank), and the basis is what gradients
 * really do.
 *
 * @param X N x n_0, any `ArrayInput`; angles need at least two inputs, and good standard errors need a dozen or more
 * @throws DeepntkError `ERR_INVALID_ARGUMENT` where the net has no hidden layer, or shapes or entries are not right
 * @see docs/theory.md, "The phase of a given net"
 */
export function classifyNetwork(given: GivenNetwork, X: ArrayInput): NetworkReport {
  const where = 'classifyNetwork';
  const net = readNetwork(`${where}: net`, given);
  const { depth, widths } = net.spec;
  if (depth === 0) throw invalidArgument(`${where}: net`, 'a net with a hidden layer', 'none');
  const inputs = expectInputs(`${where}: X`, X, net.spec.inputDim);
  const probe = probeNetwork(net, inputs);
  const layers = describeLayers(net, probe);

  const inner = layers.slice(1, Math.max(2, depth));
  const weights = evidence(
    inner.map(({ weightVariance: { value, standardError } }) => ({
      value: Math.log(value / 2),
      standardError: standardError / value,
    })),
  )!;
  // Growth at layer l comes from the gates of layer l - 1 (backward) or l (forward), relative variance 5/n.
  const growth = (pick: (layer: LayerReport) => Estimate | null, width: (layer: number) => number) =>
    evidence(
      inner.flatMap((layer) => {
        const estimate = pick(layer);
        const variance = 5 / width(layer.layer);
        return estimate === null || !Number.isFinite(estimate.value)
          ? []
          : [{ value: estimate.value + variance / 2, standardError: Math.sqrt(variance) }];
      }),
    );
  const gradients = growth(
    (layer) => layer.gradientLogGrowth,
    (l) => widths[l - 1]!,
  );
  const activations = growth(
    (layer) => layer.activationLogGrowth,
    (l) => widths[l]!,
  );
  const gap = gradients === null ? 0 : Math.abs(gradients.logSlope - weights.logSlope);
  const gapError = gradients === null ? 1 : Math.hypot(gradients.standardError, weights.standardError);
  const basis = gradients !== null && gap > DISAGREEMENT * gapError ? 'gradients' : 'weights';
  const chosen = basis === 'gradients' ? gradients! : weights;
  return {
    phase: chosen.phase,
    slope: chosen.slope,
    basis,
    zScore: chosen.zScore,
    growthThroughDepth: Math.exp(depth * chosen.logSlope),
    weights,
    gradients,
    activations,
    inputAngle: meanAngle(probe.angles[0]!),
    layers,
  };
}

/** |z| from which a slope is told from 1, and standard errors from which two estimates disagree. */
const CERTAIN = 2;
const DISAGREEMENT = 3;

function describeLayers(net: ProbedNetwork, probe: Probe): LayerReport[] {
  const { depth, widths } = net.spec;
  const gains = gainsOf(net.spec);
  return net.layers.map(({ weights, biases }, index) => {
    const layer = index + 1;
    const hidden = layer <= depth;
    const perUnit = widths[index]! / (widths[layer] ?? 1);
    return {
      layer,
      weightVariance: meanSquare(weights.data, gains.weights[index]! ** 2 * widths[index]!),
      biasVariance: meanSquare(biases.data, gains.bias ** 2),
      activationLogGrowth: hidden
        ? logRatio(probe.activations[layer]!, probe.activations[index]!, Math.log(perUnit))
        : null,
      gradientLogGrowth: index > 0 ? logRatio(probe.gradients[index - 1]!, probe.gradients[index]!, 0) : null,
      angle: hidden ? meanAngle(probe.angles[layer]!) : null,
    };
  });
}

/** Over the pairs that have an angle: an input may be mapped to zero. */
function meanAngle(angles: Float64Array): Estimate | null {
  const defined = angles.filter((angle) => !Number.isNaN(angle));
  return defined.length > 0 ? estimate(defined) : null;
}

/** The mean of the estimates, its error the larger of the propagated one and of the spread between layers. */
function evidence(estimates: readonly Estimate[]): SlopeEvidence | null {
  const count = estimates.length;
  if (count === 0) return null;
  const { value: logSlope, standardError: spread } = estimate(estimates.map(({ value }) => value));
  const propagated = Math.sqrt(estimates.reduce((sum, e) => sum + e.standardError ** 2, 0)) / count;
  const standardError = count >= ENOUGH_LAYERS ? Math.max(propagated, spread) : propagated;
  // A layer of zeros lets nothing through, with certainty.
  const zScore = logSlope === -Infinity ? -Infinity : logSlope / standardError;
  const certain = Math.abs(zScore) >= CERTAIN;
  return {
    slope: Math.exp(logSlope),
    logSlope,
    standardError,
    zScore,
    phase: certain ? (zScore < 0 ? 'ordered' : 'chaotic') : 'edge-of-chaos',
    probabilityChaotic: normalDistribution(zScore),
  };
}

/** Layers from which their spread is an estimate of error worth using. */
const ENOUGH_LAYERS = 4;

/** factor * mean(entries^2), with the standard error of independent entries. */
function meanSquare(entries: Float64Array | Float32Array, factor: number): Estimate {
  return estimate(Array.from(entries, (entry) => factor * entry * entry));
}

function logRatio(above: Float64Array, below: Float64Array, shift: number): Estimate {
  const logs: number[] = [];
  above.forEach((value, i) => {
    const log = Math.log(value / below[i]!) + shift;
    if (Number.isFinite(log)) logs.push(log);
  });
  return estimate(logs);
}

function estimate(values: ArrayLike<number>): Estimate {
  const count = values.length;
  let mean = 0;
  for (let i = 0; i < count; i++) mean += values[i]! / count;
  let squares = 0;
  for (let i = 0; i < count; i++) squares += (values[i]! - mean) ** 2;
  return {
    value: count > 0 ? mean : NaN,
    standardError: count > 1 ? Math.sqrt(squares / (count * (count - 1))) : NaN,
  };
}

/** The standard normal distribution function, to 1.5e-7 (Abramowitz & Stegun 7.1.26). */
function normalDistribution(z: number): number {
  const x = Math.abs(z) / Math.SQRT2;
  const t = 1 / (1 + 0.3275911 * x);
  const poly =
    t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  const tail = (poly * Math.exp(-x * x)) / 2;
  return z < 0 ? tail : 1 - tail;
}
