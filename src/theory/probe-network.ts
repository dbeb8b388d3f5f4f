/**
 * Forward and backward passes of a given net, as many numbers per layer as its diagnosis needs; small plain loops.
 */
import { type ArrayInput, readArray } from '../array-input';
import { describeShape, invalidArgument, mismatch } from '../errors';
import type { NdArray } from '../ndarray';
import { type MlpSpec, readMlpSpec } from '../network/spec';

/** A net as its diagnosis takes it; `Mlp` is one. */
export interface GivenNetwork {
  readonly spec: MlpSpec;
  /** Layers 1 .. L+1: weights n_l x n_{l-1}, biases n_l; the raw parameters of the spec's parametrization. */
  readonly layers: readonly { readonly weights: ArrayInput; readonly biases: ArrayInput }[];
}

/** A net whose arrays have been read. */
export interface ProbedNetwork {
  readonly spec: MlpSpec;
  readonly layers: readonly { readonly weights: NdArray; readonly biases: NdArray }[];
}

export interface Probe {
  /** |x^l|^2, l = 0 .. L, by input. */
  readonly activations: readonly Float64Array[];
  /** |d (sum_k f_k / sqrt(K)) / d h^l|^2, l = 1 .. L+1 at position l - 1, by input. */
  readonly gradients: readonly Float64Array[];
  /**
   * The angle between x^l of inputs 2i and 2i + 1, l = 0 .. L: disjoint pairs, so that they are independent of each
   * other.
   */
  readonly angles: readonly Float64Array[];
}

/** Runs the inputs one pair at a time: O(N * parameters) time, O(widths) memory besides the result. */
export function probeNetwork(net: ProbedNetwork, inputs: readonly Float64Array[]): Probe {
  const { depth, widths } = net.spec;
  const gains = gainsOf(net.spec);
  const activations = widths.slice(0, -1).map(() => new Float64Array(inputs.length));
  const gradients = widths.slice(1).map(() => new Float64Array(inputs.length));
  const angles = widths.slice(0, -1).map(() => new Float64Array(Math.floor(inputs.length / 2)));
  let previous: Float64Array[] = [];
  inputs.forEach((input, i) => {
    const layers = forward(net, gains, input);
    layers.forEach((x, l) => (activations[l]![i] = norm2(x)));
    backward(net, gains, layers).forEach((value, l) => (gradients[l]![i] = value));
    if (i % 2 === 1)
      for (let l = 0; l <= depth; l++) angles[l]![(i - 1) / 2] = angle(previous[l]!, layers[l]!);
    previous = layers;
  });
  return { activations, gradients, angles };
}

interface Gains {
  readonly weights: readonly number[];
  readonly bias: number;
}

/** By what raw parameters enter h: 1, or sqrt(sigma_w^2 / n_{l-1}) and sqrt(sigma_b^2). */
export function gainsOf(spec: MlpSpec): Gains {
  // A spec in NTK parametrization has a known law.
  const standard = spec.parametrization === 'standard' || spec.weightVariance === null;
  return {
    weights: spec.widths.slice(0, -1).map((fanIn) => (standard ? 1 : Math.sqrt(spec.weightVariance / fanIn))),
    bias: standard ? 1 : Math.sqrt(spec.biasVariance),
  };
}

/** Reads the arrays of the net and completes its spec as `createSpec` does. */
export function readNetwork(where: string, net: GivenNetwork): ProbedNetwork {
  const given = net as Partial<GivenNetwork> | null | undefined;
  if (!Array.isArray(given?.layers) || given.spec === undefined) {
    throw invalidArgument(where, 'a net: { spec, layers: [{ weights, biases }] }', net);
  }
  const spec = readMlpSpec(where, given.spec);
  const { widths } = spec;
  if (given.layers.length !== widths.length - 1) {
    throw invalidArgument(`${where}: layers`, `${widths.length - 1} layers`, given.layers);
  }
  const layers = Array.from(given.layers as readonly unknown[], (layer, l) => {
    if (typeof layer !== 'object' || layer === null)
      throw invalidArgument(`${where}: layers[${l}]`, 'a layer { weights, biases }', layer);
    const { weights, biases } = layer as { weights?: unknown; biases?: unknown };
    const [rows, columns] = [widths[l + 1]!, widths[l]!];
    return {
      weights: readParameters(`${where}: layers[${l}].weights`, weights, [rows, columns]),
      biases: readParameters(`${where}: layers[${l}].biases`, biases, [rows]),
    };
  });
  return { spec, layers };
}

function readParameters(where: string, given: unknown, shape: readonly number[]): NdArray {
  const array = readArray(where, given);
  if (String(array.shape) !== String(shape))
    throw mismatch(where, `shape ${describeShape(shape)}`, describeShape(array.shape));
  const bad = array.data.findIndex((entry) => !Number.isFinite(entry));
  if (bad >= 0) throw invalidArgument(`${where}: entry ${bad}`, 'a finite number', array.data[bad]);
  return array;
}

/** x^0 .. x^L */
function forward(net: ProbedNetwork, gains: Gains, input: Float64Array): Float64Array[] {
  const result = [input];
  for (let l = 1; l <= net.spec.depth; l++) {
    const { weights, biases } = net.layers[l - 1]!;
    const [x, gain] = [result[l - 1]!, gains.weights[l - 1]!];
    const next = new Float64Array(net.spec.widths[l]!);
    for (let row = 0, w = 0; row < next.length; row++) {
      let sum = 0;
      for (let column = 0; column < x.length; column++, w++) sum += weights.data[w]! * x[column]!;
      const h = gain * sum + gains.bias * biases.data[row]!;
      next[row] = h > 0 ? h : 0;
    }
    result.push(next);
  }
  return result;
}

/** |delta^l|^2 at position l - 1, for the mean direction of the outputs: delta^{L+1} = (1, .., 1) / sqrt(K). */
function backward(net: ProbedNetwork, gains: Gains, activations: readonly Float64Array[]): number[] {
  const { depth, widths, outputDim } = net.spec;
  const result = new Array<number>(depth + 1).fill(1);
  let delta = new Float64Array(outputDim).fill(1 / Math.sqrt(outputDim));
  for (let l = depth; l >= 1; l--) {
    const { data } = net.layers[l]!.weights;
    const gain = gains.weights[l]!;
    const x = activations[l]!;
    const next = new Float64Array(widths[l]!);
    for (let row = 0, w = 0; row < delta.length; row++) {
      const d = delta[row]! * gain;
      if (d === 0) w += next.length;
      else
        for (let column = 0; column < next.length; column++, w++) next[column] = next[column]! + d * data[w]!;
    }
    for (let unit = 0; unit < next.length; unit++) if (x[unit] === 0) next[unit] = 0;
    result[l - 1] = norm2(next);
    delta = next;
  }
  return result;
}

function norm2(x: Float64Array): number {
  let sum = 0;
  for (const entry of x) sum += entry * entry;
  return sum;
}

/** NaN where one of the vectors is zero. */
function angle(x: Float64Array, y: Float64Array): number {
  const [a, b] = [1 / Math.sqrt(norm2(x)), 1 / Math.sqrt(norm2(y))];
  let apart = 0;
  let together = 0;
  for (let i = 0; i < x.length; i++) {
    const [u, v] = [x[i]! * a, y[i]! * b];
    apart += (u - v) * (u - v);
    together += (u + v) * (u + v);
  }
  return 2 * Math.atan2(Math.sqrt(apart), Math.sqrt(together));
}
