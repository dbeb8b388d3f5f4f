/**
 * The phases of wide ReLU nets: the maps of variance and of correlation through depth, their fixed points and
 * slopes.
 */
import { expectOptions } from '../errors';
import { type NetworkSpec, readSpec } from '../network/spec';
import { correlationMap } from './arc-cosine';
import { expectNonNegative, expectWeightVariance } from './arguments';

/** By the slope a = sigma_w^2 / 2 alone: a < 1, a = 1, a > 1. */
export type Phase = 'ordered' | 'edge-of-chaos' | 'chaotic';

/** An initialization. */
export interface PhaseOptions {
  /** sigma_w^2 > 0 */
  readonly weightVariance: number;
  /** sigma_b^2 >= 0; 0 by default. */
  readonly biasVariance?: number;
}

/** The phase of an initialization, and the maps that it follows from. */
export interface PhaseReport {
  readonly phase: Phase;
  /**
   * chi = a = sigma_w^2 / 2: by what a layer multiplies a gradient's squared norm, and |x|^2 where sigma_b^2 = 0.
   */
  readonly slope: number;
  /**
   * sigma_w^2 = 2 and sigma_b^2 = 0: the one point where neither gradients nor activations grow or shrink (He's
   * initialization).
   */
  readonly critical: boolean;
  readonly varianceMap: VarianceMap;
  readonly correlationMap: CorrelationMap;
  /** 1 / |ln a|: layers over which a gradient's squared norm changes by e. */
  readonly gradientDepthScale: number;
}

/** q -> slope q + offset, for the variance q of a preactivation. */
export interface VarianceMap {
  readonly slope: number;
  readonly offset: number;
  /** q*; Infinity where q diverges; `null` where every q is a fixed point (the critical point). */
  readonly fixedPoint: number | null;
  readonly growth: 'converges' | 'constant' | 'linear' | 'exponential';
  /** xi_q = 1 / |ln a|: layers over which the distance from q* (or q itself, where it diverges) changes by e. */
  readonly depthScale: number;
}

/** c -> the correlation of two preactivations one layer on, at the variance that depth leads to. */
export interface CorrelationMap {
  /** c*: 1 for every ReLU net. */
  readonly fixedPoint: number;
  /** chi_1, the map's derivative at c*: a where q* is finite and > 0, else 1. */
  readonly slope: number;
  /**
   * How 1 - c goes to 0: by a factor chi_1 a layer, or as a power of depth (9 pi^2 / (2 l^2) where sigma_b^2 is
   * negligible).
   */
  readonly approach: 'exponential' | 'algebraic';
  /** xi_c = 1 / |ln chi_1|, Infinity where the approach is algebraic. */
  readonly depthScale: number;
  /** One step of the map, for -1 <= c <= 1, at the variance that depth leads to. */
  readonly step: (correlation: number) => number;
}

/**
 * Classifies an initialization by mean-field theory.
 *
 * The phase is decided by the slope a = sigma_w^2 / 2 alone, also where sigma_b^2 > 0: a is what gradients see.
 * Poole et al. 2016 and Schoenholz et al. 2017 call a net ordered where chi_1 < 1 and chaotic where chi_1 > 1,
 * chi_1 being sigma_w^2 E[relu'^2] = a. In their diagram for ReLU, whose variance has no finite fixed point for a
 * >= 1 and sigma_b^2 > 0, the edge of chaos is the single point (2, 0): `critical` says whether the net is there.
 * sigma_w^2 = 2 with sigma_b^2 > 0 is `edge-of-chaos` here (gradients keep their size) and not critical (q grows by
 * sigma_b^2 a layer). Within 1e-12 of 1, a counts as 1.
 *
 * @param initialization the variances, or a spec, whose sizes do not matter
 * @throws DeepntkError `ERR_INVALID_ARGUMENT` where weightVariance is not > 0 or biasVariance is not >= 0, or if a spec does
 *   not state them
 * @see docs/theory.md, "Phases"
 * @example classifyPhase({ weightVariance: 2 }).phase // 'edge-of-chaos'
 */
export function classifyPhase(initialization: PhaseOptions | NetworkSpec): PhaseReport {
  const { weightVariance, biasVariance } = readInitialization('classifyPhase', initialization);
  const slope = weightVariance / 2;
  const phase = phaseOf(weightVariance);
  const depthScale = phase === 'edge-of-chaos' ? Infinity : 1 / Math.abs(Math.log(slope));
  const biasPersists = phase === 'ordered' && biasVariance > 0;
  // c' = (a q* k1(c) + sigma_b^2) / q*, with q* = sigma_b^2 / (1 - a); else sigma_b^2 / q -> 0.
  const weightsShare = biasPersists ? slope : 1;
  return {
    phase,
    slope,
    critical: phase === 'edge-of-chaos' && biasVariance === 0,
    varianceMap: {
      slope,
      offset: biasVariance,
      fixedPoint: varianceFixedPoint(phase, slope, biasVariance),
      growth: varianceGrowth(phase, biasVariance),
      depthScale,
    },
    correlationMap: {
      fixedPoint: 1,
      slope: weightsShare,
      approach: biasPersists ? 'exponential' : 'algebraic',
      depthScale: biasPersists ? depthScale : Infinity,
      step: (correlation) => weightsShare * correlationMap(correlation) + (1 - weightsShare),
    },
    gradientDepthScale: depthScale,
  };
}

function readInitialization(where: string, given: PhaseOptions | NetworkSpec): Required<PhaseOptions> {
  if (typeof given === 'object' && (given as unknown) !== null && 'inputDim' in given)
    return readSpec(where, given);
  expectOptions(where, given, ['weightVariance', 'biasVariance']);
  return {
    weightVariance: expectWeightVariance(`${where}: weightVariance`, given.weightVariance),
    biasVariance: expectNonNegative(`${where}: biasVariance`, given.biasVariance ?? 0),
  };
}

/** Room for rounding in a weight variance that was computed, such as Math.sqrt(2) ** 2. */
const EDGE_TOLERANCE = 1e-12;

export function phaseOf(weightVariance: number): Phase {
  const distance = weightVariance / 2 - 1;
  if (Math.abs(distance) <= EDGE_TOLERANCE) return 'edge-of-chaos';
  return distance < 0 ? 'ordered' : 'chaotic';
}

function varianceFixedPoint(phase: Phase, slope: number, biasVariance: number): number | null {
  if (phase === 'ordered') return biasVariance / (1 - slope);
  return phase === 'edge-of-chaos' && biasVariance === 0 ? null : Infinity;
}

function varianceGrowth(phase: Phase, biasVariance: number): VarianceMap['growth'] {
  if (phase === 'ordered') return 'converges';
  if (phase === 'chaotic') return 'exponential';
  return biasVariance === 0 ? 'constant' : 'linear';
}
