/** How large the kernel of a typical net is. */
import { biasGradientsByLayer, type NetworkSpec } from '../../network/spec';

const { exp, floor, LN2, log, log1p, max } = Math;

/**
 * The power of two that the kernel Theta(x, x) of a typical net is near, for the longest of the inputs: e to the mean of its
 * logarithm, but that the logarithm of a sum is taken of typical terms. In deep nets the mean of the kernel itself is of
 * nets so rare that a typical one would be 0 beside it. 0 where the kernel is zero.
 *
 * Norms go forward and deltas back through layers of their typical factors, sigma_w^2/n times a chi-square of as many
 * degrees as units are active (one at least, for a dead net has no logarithm). O(sum of widths up to 1000).
 *
 * @param x n x n_0
 */
export function typicalExponent(spec: NetworkSpec, weightVariance: number, x: Float64Array): number {
  const { widths, depth, biasVariance, parametrization } = spec;
  const trained = biasGradientsByLayer(spec);
  const logGain = widths.map((width) => log(weightVariance / width));
  const logChi = memoized(meanLogChiSquare);
  const logNorms = [logLargestNorm2(x, widths[0]!)]; // |x_l|^2
  for (let l = 1; l <= depth; l++) {
    const preactivation = logSum(logGain[l - 1]! + logNorms[l - 1]!, log(biasVariance));
    logNorms.push(preactivation + logChi(widths[l]!));
  }
  const ntk = parametrization === 'ntk';
  const logTrainedBias = ntk ? log(biasVariance) : 0;
  let total = -Infinity;
  let logDelta = 0; // |delta_l|^2 of one output
  for (let l = depth + 1; l >= 1; l--) {
    const logWeights = (ntk ? logGain[l - 1]! : 0) + logNorms[l - 1]!;
    const logBias = trained[l - 1]! ? logTrainedBias : -Infinity;
    total = logSum(total, logDelta + logSum(logWeights, logBias));
    if (l > 1) logDelta += logGain[l - 1]! + logChi(widths[l - 1]!);
  }
  return total === -Infinity ? 0 : floor(total / LN2);
}

/** log(e^a + e^b) */
function logSum(a: number, b: number): number {
  const largest = max(a, b);
  return largest === -Infinity ? largest : largest + log1p(exp(-Math.abs(a - b)));
}

function logLargestNorm2(x: Float64Array, width: number): number {
  const largest = x.reduce((sum, value) => max(sum, Math.abs(value)), 0);
  if (largest === 0) return -Infinity;
  let norm2 = 0;
  for (let row = 0; row < x.length; row += width) {
    norm2 = max(
      norm2,
      x.subarray(row, row + width).reduce((sum, value) => sum + (value / largest) ** 2, 0),
    );
  }
  return 2 * log(largest) + log(norm2);
}

/** Widths from which on the mean is its expansion, to some 1e-6. */
const WIDE = 1000;

/** E log chi^2_k with k ~ Bin(width, 1/2), given k >= 1. */
function meanLogChiSquare(width: number): number {
  if (width > WIDE) return log(width / 2) - 2.5 / width;
  // psi(k/2) for k = 1 and 2, then by psi(z + 1) = psi(z) + 1/z.
  const digamma = [NaN, -EULER - 2 * LN2, -EULER];
  let weight = 2 ** -width;
  let [sum, weights] = [0, 0];
  for (let k = 1; k <= width; k++) {
    weight *= (width - k + 1) / k;
    digamma[k + 2] = digamma[k]! + 2 / k;
    sum += weight * (digamma[k]! + LN2);
    weights += weight;
  }
  return sum / weights;
}

const EULER = 0.5772156649015329;

function memoized(f: (width: number) => number): (width: number) => number {
  const known = new Map<number, number>();
  return (width) => {
    const value = known.get(width) ?? f(width);
    known.set(width, value);
    return value;
  };
}
