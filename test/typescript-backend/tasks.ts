import * as fs from 'node:fs';
import * as path from 'node:path';
import type { KernelForm } from '../../src/backend/forms';
import {
  type ForwardTask,
  type KernelTask,
  type NetworkData,
  RELU,
  type RunOptions,
} from '../../src/backend/seam';
import { fillNormals } from '../../src/random/normal';

export interface GoldenArray {
  readonly shape: number[];
  readonly data: number[];
}

export interface GoldenCase {
  readonly widths: number[];
  readonly N1: number;
  readonly N2: number;
  readonly sigma_w: number;
  readonly sigma_b: number;
  readonly W: GoldenArray[];
  readonly b: GoldenArray[];
  readonly X: GoldenArray;
  readonly X2: GoldenArray | null;
  readonly f: GoldenArray;
  readonly f2: GoldenArray | null;
  readonly ntk_full: GoldenArray;
  readonly ntk_full_weights_only: GoldenArray;
  readonly ntk_trace: GoldenArray;
  readonly ntk_trace_weights_only: GoldenArray;
  readonly per_layer_trace: { readonly weights: GoldenArray[]; readonly biases: GoldenArray[] };
  readonly per_layer_full?: { readonly weights: GoldenArray[]; readonly biases: GoldenArray[] };
  readonly jacobian?: GoldenArray;
  readonly jacobian_X2?: GoldenArray | null;
}

const GOLDEN = path.join(__dirname, '..', 'golden');

export function goldenNames(prefix: string): string[] {
  return fs.readdirSync(GOLDEN).filter((name) => name.startsWith(prefix));
}

export function readGolden(name: string): GoldenCase {
  return JSON.parse(fs.readFileSync(path.join(GOLDEN, name), 'utf8')) as GoldenCase;
}

export function shared(values: ArrayLike<number>): Float64Array {
  const array = new Float64Array(new SharedArrayBuffer(8 * values.length));
  array.set(values);
  return array;
}

/** The net of a golden case, with the gains and the kernel's terms of its parametrization. */
export function goldenNetwork(golden: GoldenCase, parametrization: 'standard' | 'ntk') {
  const layers = golden.widths.length - 1;
  const weightGains = new Float64Array(layers).fill(1);
  const biasGains = new Float64Array(layers).fill(1);
  if (parametrization === 'ntk') {
    weightGains.forEach((_, l) => (weightGains[l] = golden.sigma_w / Math.sqrt(golden.widths[l]!)));
    biasGains.fill(golden.sigma_b);
  }
  const parameters = shared(golden.W.flatMap((weights, l) => [...weights.data, ...golden.b[l]!.data]));
  const network: NetworkData = {
    widths: golden.widths,
    parameters,
    weightGains,
    biasGains,
    slopes: RELU,
  };
  return {
    network,
    weightTerms: weightGains.map((gain) => gain * gain),
    biasTerms: biasGains.map((gain) => gain * gain),
  };
}

/** A net with independent normal weights of variance weightVariance / fan-in, and biases of standard deviation 0.1. */
export function randomNetwork(widths: number[], seed: number, weightVariance = 2): NetworkData {
  const pieces: number[] = [];
  widths.slice(1).forEach((outputs, l) => {
    const inputs = widths[l]!;
    const weights = new Float64Array(outputs * inputs);
    fillNormals(weights, { seed, replica: l, stream: 0 }, Math.sqrt(weightVariance / inputs));
    const biases = new Float64Array(outputs);
    fillNormals(biases, { seed, replica: l, stream: 1 }, 0.1);
    for (const value of weights) pieces.push(value);
    for (const value of biases) pieces.push(value);
  });
  const ones = new Float64Array(widths.length - 1).fill(1);
  return { widths, parameters: shared(pieces), weightGains: ones, biasGains: ones, slopes: RELU };
}

export function randomInputs(n: number, width: number, seed: number): Float64Array {
  const x = new Float64Array(n * width);
  fillNormals(x, { seed, replica: 0, stream: 2 });
  return x;
}

export function kernelTask(
  network: NetworkData,
  x: Float64Array,
  options: Partial<KernelTask> & { form?: KernelForm } = {},
): KernelTask {
  const n = x.length / network.widths[0]!;
  const ones = new Float64Array(network.widths.length - 1).fill(1);
  return {
    network,
    x,
    n,
    x2: null,
    n2: n,
    form: 'trace',
    weightTerms: ones,
    biasTerms: ones,
    perLayer: false,
    precision: 'float64',
    blocks: { rows: 128, gram: 64 },
    ...options,
  };
}

export function forwardTask(network: NetworkData, x: Float64Array): ForwardTask {
  return { network, x, n: x.length / network.widths[0]!, rowBlock: 128 };
}

/** The largest absolute difference over the largest absolute entry of `expected`. */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length)
    throw new Error(`lengths ${actual.length} and ${expected.length} differ`);
  let difference = 0;
  let largest = Number.MIN_VALUE;
  for (let i = 0; i < expected.length; i++) {
    const error = Math.abs(actual[i]! - expected[i]!);
    difference = Number.isNaN(error) ? NaN : Math.max(difference, error);
    largest = Math.max(largest, Math.abs(expected[i]!));
  }
  return difference / largest;
}

/** Starts a job and waits until it has come some way; its result is still to be awaited. */
export async function progressOf<R>(
  start: (run: RunOptions) => Promise<R>,
  run: RunOptions,
  fraction: number,
): Promise<{ result: Promise<R> }> {
  let result: Promise<R> | undefined;
  await new Promise<void>((resolve, reject) => {
    const onProgress = (done: number): void => {
      if (done >= fraction) resolve();
    };
    result = start({ ...run, onProgress });
    result.catch(reject);
  });
  return { result: result! };
}
