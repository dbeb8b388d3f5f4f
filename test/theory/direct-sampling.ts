/**
 * Direct Monte Carlo, the reference of the theory's tests: every weight of a real net is drawn, its gates are
 * computed, and its kernel comes from plain loops that share no code with the library but the random numbers and
 * the spec.
 */
import type { NetworkSpec } from '../../src/network/spec';
import { fillNormals } from '../../src/random/normal';
import { PURPOSE, streamOf } from '../../src/random/streams';

export interface KernelSample {
  /** K x K: Theta_jk of the weights' gradients, and of the biases'. */
  readonly weights: Float64Array;
  readonly biases: Float64Array;
  /** d/dt of the trace kernel along sum_k f_k grad f_k, gates frozen; only where asked for. */
  readonly drift: number;
}

/**
 * Calls `visit` with the kernel of each replica at x = (sqrt(inputNorm2), 0, .., 0); by rotation the direction does
 * not matter.
 */
export function sampleKernels(
  spec: NetworkSpec,
  {
    inputNorm2 = 1,
    replicas,
    seed,
    drift = false,
  }: { inputNorm2?: number; replicas: number; seed: number; drift?: boolean },
  visit: (sample: KernelSample) => void,
): void {
  const net = createNet(spec);
  const input = new Float64Array(spec.inputDim);
  input[0] = Math.sqrt(inputNorm2);
  for (let replica = 0; replica < replicas; replica++) {
    draw(net, seed, replica);
    forward(net, input, false);
    backward(net);
    kernels(net);
    const change = drift ? frozenGateDrift(net, input) : 0;
    visit({ weights: net.thetaWeights, biases: net.thetaBiases, drift: change });
  }
}

/** The off-diagonal kernel Theta(x, x') (weights and biases counted by the spec), summed over outputs. */
export function samplePairs(
  spec: NetworkSpec,
  inputs: readonly [Float64Array, Float64Array],
  { replicas, seed }: { replicas: number; seed: number },
  visit: (kernel: number) => void,
): void {
  const [net, other] = [createNet(spec), createNet(spec)];
  other.weights = net.weights;
  other.biases = net.biases;
  for (let replica = 0; replica < replicas; replica++) {
    draw(net, seed, replica);
    for (const [each, input] of [
      [net, inputs[0]],
      [other, inputs[1]],
    ] as const) {
      forward(each, input, false);
      backward(each);
    }
    let sum = 0;
    for (let l = 0; l <= spec.depth; l++) {
      const { alpha, beta } = factors(spec, l);
      for (let k = 0; k < spec.outputDim; k++) {
        sum += (alpha * dot(net.x[l]!, other.x[l]!) + beta) * dot(net.delta[l]![k]!, other.delta[l]![k]!);
      }
    }
    visit(sum);
  }
}

/** Mean and second moment of a stream of numbers, with standard errors. */
export function accumulate(): {
  add: (value: number) => void;
  zScore: (exact: number) => number;
  mean: () => number;
} {
  let count = 0;
  let sum = 0;
  let squares = 0;
  return {
    add: (value) => {
      count++;
      sum += value;
      squares += value * value;
    },
    mean: () => sum / count,
    zScore: (exact) => {
      const mean = sum / count;
      return (mean - exact) / Math.sqrt((squares / count - mean * mean) / count);
    },
  };
}

interface Net {
  readonly spec: NetworkSpec;
  /** Effective weights and biases of layers 1 .. L+1. */
  weights: Float64Array[];
  biases: Float64Array[];
  readonly x: Float64Array[];
  readonly open: Uint8Array[];
  /** delta[l - 1][k] = d f_k / d h^l */
  readonly delta: Float64Array[][];
  readonly thetaWeights: Float64Array;
  readonly thetaBiases: Float64Array;
}

function createNet(spec: NetworkSpec): Net {
  const { widths, outputDim } = spec;
  const above = widths.slice(1);
  return {
    spec,
    weights: above.map((rows, l) => new Float64Array(rows * widths[l]!)),
    biases: above.map((rows) => new Float64Array(rows)),
    x: widths.map((n) => new Float64Array(n)),
    open: widths.map((n) => new Uint8Array(n)),
    delta: above.map((n) => Array.from({ length: outputDim }, () => new Float64Array(n))),
    thetaWeights: new Float64Array(outputDim ** 2),
    thetaBiases: new Float64Array(outputDim ** 2),
  };
}

/** Both parametrizations have the same law of the effective weights; they differ in what a gradient counts. */
function draw({ spec, weights, biases }: Net, seed: number, replica: number): void {
  weights.forEach((data, l) => {
    const stream = streamOf(PURPOSE.weights, l + 1);
    fillNormals(data, { seed, replica, stream }, Math.sqrt(spec.weightVariance / spec.widths[l]!));
  });
  if (spec.biasVariance === 0) return;
  biases.forEach((data, l) => {
    fillNormals(
      data,
      { seed, replica, stream: streamOf(PURPOSE.biases, l + 1) },
      Math.sqrt(spec.biasVariance),
    );
  });
}

function forward({ spec, weights, biases, x, open }: Net, input: Float64Array, frozen: boolean): void {
  x[0]!.set(input);
  for (let l = 1; l <= spec.depth + 1; l++) {
    const [below, here, gates, w, b] = [x[l - 1]!, x[l]!, open[l]!, weights[l - 1]!, biases[l - 1]!];
    for (let i = 0, at = 0; i < here.length; i++) {
      let h = b[i]!;
      for (let j = 0; j < below.length; j++, at++) h += w[at]! * below[j]!;
      if (!frozen) gates[i] = l > spec.depth || h > 0 ? 1 : 0;
      here[i] = gates[i]! * h;
    }
  }
}

function backward({ spec, weights, open, delta }: Net): void {
  for (let k = 0; k < spec.outputDim; k++) {
    delta[spec.depth]![k]!.fill(0)[k] = 1;
    for (let l = spec.depth; l >= 1; l--) {
      const [above, here, gates, w] = [delta[l]![k]!, delta[l - 1]![k]!, open[l]!, weights[l]!];
      here.fill(0);
      for (let i = 0, at = 0; i < above.length; i++) {
        const d = above[i]!;
        for (let j = 0; j < here.length; j++, at++) here[j] = here[j]! + d * w[at]!;
      }
      for (let j = 0; j < here.length; j++) here[j] = gates[j]! * here[j]!;
    }
  }
}

function kernels({ spec, x, delta, thetaWeights, thetaBiases }: Net): void {
  const { depth, outputDim } = spec;
  thetaWeights.fill(0);
  thetaBiases.fill(0);
  for (let l = 0; l <= depth; l++) {
    const { alpha, beta } = factors(spec, l);
    const size = alpha * dot(x[l]!, x[l]!);
    for (let j = 0, at = 0; j < outputDim; j++) {
      for (let k = 0; k < outputDim; k++, at++) {
        const product = dot(delta[l]![j]!, delta[l]![k]!);
        thetaWeights[at] = thetaWeights[at]! + size * product;
        thetaBiases[at] = thetaBiases[at]! + beta * product;
      }
    }
  }
}

/** alpha and beta of layer l + 1. */
function factors(spec: NetworkSpec, l: number): { alpha: number; beta: number } {
  const standard = spec.parametrization === 'standard';
  const beta = standard ? 1 : spec.biasVariance;
  return { alpha: standard ? 1 : spec.weightVariance / spec.widths[l]!, beta: spec.biasGradients ? beta : 0 };
}

/**
 * The derivative of the trace kernel along sum_k f_k grad f_k, by central differences: exact up to rounding and
 * STEP^2.
 */
function frozenGateDrift(net: Net, input: Float64Array): number {
  const { spec, weights, biases, x, delta } = net;
  const { outputDim } = spec;
  const directions = weights.map((w, l) => {
    const { alpha, beta } = factors(spec, l);
    const rows = new Float64Array(biases[l]!.length);
    for (let k = 0; k < outputDim; k++) {
      const f = x[spec.depth + 1]![k]!;
      rows.forEach((row, i) => (rows[i] = row + f * delta[l]![k]![i]!));
    }
    const below = x[l]!.slice();
    return {
      weights: w.map((_, at) => alpha * rows[Math.floor(at / below.length)]! * below[at % below.length]!),
      biases: rows.map((row) => beta * row),
    };
  });
  const at = (step: number): number => {
    directions.forEach((direction, l) => {
      weights[l]!.forEach((w, i) => (weights[l]![i] = w + step * direction.weights[i]!));
      biases[l]!.forEach((b, i) => (biases[l]![i] = b + step * direction.biases[i]!));
    });
    forward(net, input, true);
    backward(net);
    kernels(net);
    let trace = 0;
    for (let k = 0; k < outputDim; k++)
      trace += net.thetaWeights[k * (outputDim + 1)]! + net.thetaBiases[k * (outputDim + 1)]!;
    return trace;
  };
  const ahead = at(STEP);
  const behind = at(-2 * STEP);
  at(STEP);
  return (ahead - behind) / (2 * STEP);
}

const STEP = 1e-5;

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
