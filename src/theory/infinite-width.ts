/** The kernels of ReLU nets at infinite width: the covariance of the outputs (NNGP) and the NTK. */
import type { ArrayInput } from '../array-input';
import { binaryExponent, scaleByPower } from '../numbers/powers';
import { type ResultArray, resultArray, sizeOf } from '../ndarray';
import { type MlpSpec, type NetworkSpec, readSpec } from '../network/spec';
import { decorrelation, gateAgreement, reluCorrelation } from './arc-cosine';
import { expectInputs } from './arguments';
import { biasFactor, largestBiasFactor, weightFactor, weightScale } from './layer-law';
import { SCALE, SCALE_EXPONENT, type Scaled, scaled, toNumber } from '../numbers/scaled';

/** The kernels of a net of infinite width on some inputs. */
export interface InfiniteWidthKernels {
  /** N x N'. The covariance of one output of the net, its last layer included. */
  readonly nngp: ResultArray;
  /**
   * N x N'. The NTK of ONE output: over K outputs the kernel is this times the identity, so the trace kernel is K
   * times it.
   */
  readonly ntk: ResultArray;
  /**
   * N x N'. The angle between the two inputs' outputs, arccos of the NNGP correlation: it stays finite where
   * kernels overflow.
   */
  readonly angle: ResultArray;
}

/** A pair of inputs, as the recursion needs it. */
export interface InputPair {
  readonly norm2: number;
  readonly otherNorm2: number;
  readonly dot: number;
  /** Angle between the inputs, 0 .. pi; any number where one of them is zero. */
  readonly angle: number;
  /** |x|^2 - |x'|^2 and |x - x'|^2, computed from the entries: they do not cancel. */
  readonly normDifference: number;
  readonly distance2: number;
  /** The numbers above but the angle are over 2^exponent, an even one; 0 by default. */
  readonly exponent?: number;
}

/**
 * NNGP and NTK of infinitely wide ReLU nets, by the arc-cosine recursion.
 *
 * NTK parametrization: Theta^1 = Sigma^1, Theta^{l+1} = Sigma^{l+1} + sigma_w^2 k'^l Theta^l: the limit of the NTK
 * of one output. Standard parametrization: the leading order in the widths, S^1 = x.x' + 1, S^{l+1} = n_l k^l + 1 +
 * sigma_w^2 k'^l S^l: it uses the widths of `spec`, and is the mean of finite nets' NTK up to a relative error of
 * order depth / width; the terms 1 are the bias gradients', left out with `biasGradients: false`.
 *
 * The recursion carries the angle between the two preactivations, not its cosine, and finds the next angle's sine
 * from a sum of squares, so that equal, parallel, antiparallel inputs and great depth keep their digits: relative
 * error about depth * 2^-52. O(N N' depth).
 *
 * @param x N x n_0, or n_0 numbers for one input; any `ArrayInput`
 * @param x2 N' x n_0; `x` itself where left out
 * @throws DeepntkError `ERR_INVALID_ARGUMENT` where a shape does not fit the spec or an entry is not finite
 * @see docs/theory.md, "Infinite width"
 */
export function infiniteWidthKernels(spec: MlpSpec, x: ArrayInput, x2?: ArrayInput): InfiniteWidthKernels {
  const where = 'infiniteWidthKernels';
  const known = readSpec(where, spec);
  const rows = expectInputs(`${where}: x`, x, known.inputDim);
  const columns = x2 === undefined ? rows : expectInputs(`${where}: x2`, x2, known.inputDim);
  const symmetric = columns === rows;
  const shape = [rows.length, columns.length];
  const [nngp, ntk, angle] = [zeros(shape), zeros(shape), zeros(shape)];
  rows.forEach((row, i) => {
    for (let j = symmetric ? i : 0; j < columns.length; j++) {
      const kernel = pairKernel(known, describePair(row, columns[j]!));
      const places = symmetric ? [i * columns.length + j, j * columns.length + i] : [i * columns.length + j];
      for (const place of places) {
        nngp.data[place] = toNumber(kernel.nngp);
        ntk.data[place] = toNumber(kernel.ntk);
        angle.data[place] = kernel.angle;
      }
    }
  });
  return { nngp, ntk, angle };
}

/** NNGP, NTK and angle of one pair. */
export function pairKernel(spec: NetworkSpec, pair: InputPair): { nngp: Scaled; ntk: Scaled; angle: number } {
  const { weightVariance, widths, depth } = spec;
  const standard = spec.parametrization === 'standard';
  const inputScale = weightScale(spec, spec.inputDim);
  // Everything but the angle is in units of 2^exponent. Sigma_xx = u + b, Sigma_x'x' = v + b, with b the bias
  // variance.
  const { norm2, otherNorm2, dot, normDifference, distance2, exponent: unit } = inRange(spec, pair);
  let exponent = unit;
  let bias = scaleByPower(spec.biasVariance, -unit);
  let u = inputScale * norm2;
  let v = inputScale * otherNorm2;
  let difference = inputScale * normDifference;
  // det = Sigma_xx Sigma_x'x' - Sigma_xx'^2 = u v sin^2 + b s |x - x'|^2
  const sine = Math.sin(pair.angle);
  let covariance = inputScale * dot + bias;
  let angle = Math.atan2(Math.sqrt(u * v * sine * sine + bias * inputScale * distance2), covariance);
  // Without biases angles depend on angles alone, also where the sizes are too small for their squares.
  const scaleFree = spec.biasVariance === 0 && pair.norm2 > 0 && pair.otherNorm2 > 0;
  if (scaleFree) angle = pair.angle;
  let ntk = weightFactor(spec, spec.inputDim) * dot + scaleByPower(biasFactor(spec, 1), -exponent);
  for (let l = 1; l <= depth; l++) {
    // E[relu(h)^2] = Sigma / 2 and E[relu(h) relu(h')] = sqrt(Sigma Sigma') k1 / 2.
    const size = (weightVariance / 2) * (u + bias);
    const otherSize = (weightVariance / 2) * (v + bias);
    difference *= weightVariance / 2;
    const root = Math.sqrt(size) * Math.sqrt(otherSize);
    const fromWeights = root * reluCorrelation(angle);
    const loss = decorrelation(angle);
    const sizeSum = Math.sqrt(size) + Math.sqrt(otherSize);
    const rootDifference = sizeSum > 0 ? difference / sizeSum : 0;
    const apart = rootDifference * rootDifference + 2 * root * loss;
    const fromGates = root * root * loss * (2 - loss);
    ntk *= (weightVariance / 2) * gateAgreement(angle);
    ntk += standard ? (widths[l]! / weightVariance) * fromWeights : fromWeights;
    covariance = fromWeights + bias;
    angle = scaleFree
      ? Math.atan2(Math.sqrt(loss * (2 - loss)), reluCorrelation(angle))
      : Math.atan2(Math.sqrt(fromGates + bias * apart), covariance);
    u = size;
    v = otherSize;
    const factorOfBiases = biasFactor(spec, l + 1);
    let beta = scaleByPower(factorOfBiases, -exponent);
    // Without biases the numbers can become too small to combine with the next layer that has a bias.
    while (beta > ROOT_SCALE) {
      rescale(1 / SCALE);
      beta = scaleByPower(factorOfBiases, -exponent);
    }
    ntk += beta;
    const largest = Math.max(u, v, Math.abs(ntk));
    if (largest > ROOT_SCALE) rescale(1 / SCALE);
    else if (largest < 1 / ROOT_SCALE && largest > 0) rescale(SCALE);
  }
  return { nngp: scaled(covariance, exponent), ntk: scaled(ntk, exponent), angle };

  function rescale(factor: number): void {
    u *= factor;
    v *= factor;
    difference *= factor;
    covariance *= factor;
    ntk *= factor;
    bias *= factor;
    exponent += factor < 1 ? SCALE_EXPONENT : -SCALE_EXPONENT;
  }
}

/**
 * Sizes stay within 2^-128 .. 2^128 (times one layer's factor), so that their products and squares are normal
 * doubles.
 */
const ROOT_SCALE = 2 ** 128;

/** The pair in units whose products are in range, and so are the bias variance and the bias gradients in them. */
function inRange(spec: NetworkSpec, pair: InputPair): Required<InputPair> {
  const { norm2, otherNorm2, exponent = 0 } = pair;
  const largest = binaryExponent(Math.max(norm2, otherNorm2)) + exponent;
  const ofBiases = binaryExponent(Math.max(spec.biasVariance, largestBiasFactor(spec))) - ROOM;
  // Where all is within reach, nothing is scaled.
  const unit = Math.abs(largest) <= ROOM ? 0 : 2 * Math.floor(Math.max(largest, ofBiases) / 2);
  const scale = (value: number): number => scaleByPower(value, exponent - unit);
  return {
    norm2: scale(norm2),
    otherNorm2: scale(otherNorm2),
    dot: scale(pair.dot),
    angle: pair.angle,
    normDifference: scale(pair.normDifference),
    distance2: scale(pair.distance2),
    exponent: unit,
  };
}

const ROOM = 200;

export function describePair(row: Float64Array, otherRow: Float64Array): InputPair {
  const [exponent, otherExponent] = [exponentOfRow(row), exponentOfRow(otherRow)];
  const common = Math.max(exponent, otherExponent);
  const [x, x2] = [scaleRow(row, -common), scaleRow(otherRow, -common)];
  const angle = angleBetween(scaleRow(row, -exponent), scaleRow(otherRow, -otherExponent));
  let norm2 = 0;
  let otherNorm2 = 0;
  let dot = 0;
  let normDifference = 0;
  let distance2 = 0;
  for (let i = 0; i < x.length; i++) {
    const [a, b] = [x[i]!, x2[i]!];
    norm2 += a * a;
    otherNorm2 += b * b;
    dot += a * b;
    normDifference += (a - b) * (a + b);
    distance2 += (a - b) * (a - b);
  }
  return { norm2, otherNorm2, dot, angle, normDifference, distance2, exponent: 2 * common };
}

/** The exponent to bring a row near 1 by; 0 where its squares are in range as they are. */
function exponentOfRow(row: Float64Array): number {
  const exponent = binaryExponent(row.reduce((largest, entry) => Math.max(largest, Math.abs(entry)), 0));
  return Math.abs(exponent) <= ROOM ? 0 : exponent;
}

function scaleRow(row: Float64Array, exponent: number): Float64Array {
  return exponent === 0 ? row : row.map((entry) => scaleByPower(entry, exponent));
}

/**
 * 2 atan(|u - v| / |u + v|) for the unit vectors u, v (Kahan): precise at every angle, unlike arccos of their
 * product.
 */
function angleBetween(x: Float64Array, x2: Float64Array): number {
  const norm = Math.sqrt(x.reduce((sum, entry) => sum + entry * entry, 0));
  const otherNorm = Math.sqrt(x2.reduce((sum, entry) => sum + entry * entry, 0));
  let apart = 0;
  let together = 0;
  for (let i = 0; i < x.length; i++) {
    const [a, b] = [x[i]! * otherNorm, x2[i]! * norm];
    apart += (a - b) * (a - b);
    together += (a + b) * (a + b);
  }
  return 2 * Math.atan2(Math.sqrt(apart), Math.sqrt(together));
}

function zeros(shape: number[]): ResultArray {
  return resultArray({ data: new Float64Array(sizeOf(shape)), shape });
}
