import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createSpec, Mlp, type NdArray } from '../../src/index';

export interface GoldenArray {
  readonly shape: number[];
  readonly data: number[];
}

/** test/golden/empirical_*.json and ntkparam_*.json; the conventions are in manifest.json. */
export interface EmpiricalRecord {
  readonly widths: number[];
  readonly hidden_layers: number;
  readonly outputs: number;
  readonly sigma_w_squared: number;
  readonly sigma_b: number;
  readonly W: GoldenArray[];
  readonly b: GoldenArray[];
  readonly X: GoldenArray;
  readonly X2: GoldenArray | null;
  readonly [field: string]: unknown;
}

export function readGolden(file: string): unknown {
  return JSON.parse(readFileSync(join(__dirname, '..', 'golden', file), 'utf8'));
}

export function toNdArray(array: GoldenArray): NdArray<Float64Array> {
  return { data: Float64Array.from(array.data), shape: array.shape };
}

export function goldenNet(
  record: EmpiricalRecord,
  parametrization: 'standard' | 'ntk',
  biasGradients = true,
): Mlp {
  const spec = createSpec({
    inputDim: record.widths[0]!,
    hiddenWidths: record.widths.slice(1, -1),
    outputDim: record.outputs,
    weightVariance: record.sigma_w_squared,
    biasVariance: record.sigma_b ** 2,
    parametrization,
    biasGradients,
  });
  const layers = record.W.map((weights, i) => ({
    weights: toNdArray(weights),
    biases: toNdArray(record.b[i]!),
  }));
  return Mlp.fromLayers(spec, layers);
}

/** The largest difference of two arrays over the largest entry of the second. */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length)
    throw new Error(`${actual.length} entries instead of ${expected.length}`);
  let difference = 0;
  let largest = 0;
  for (let i = 0; i < expected.length; i++) {
    difference = Math.max(difference, Math.abs(actual[i]! - expected[i]!));
    largest = Math.max(largest, Math.abs(expected[i]!));
    if (Number.isNaN(actual[i]!) !== Number.isNaN(expected[i]!)) return Infinity;
  }
  return largest === 0 ? difference : difference / largest;
}
