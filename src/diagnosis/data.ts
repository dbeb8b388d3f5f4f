/** The data of a diagnosis: which inputs are looked at, and what the net is trained towards. */
import { type ArrayInput, readInputs } from '../array-input';
import { oneHot, takeRows } from '../data/classes';
import { DeepntkError, expectOptions, invalidArgument, mismatch } from '../errors';
import { expectLabels, expectOutputs } from '../kernel/matrix';
import type { NdArray } from '../ndarray';
import type { MlpSpec } from '../network/spec';
import { fillNormals } from '../random/normal';
import { ORDER_PURPOSE, permutation } from '../random/permutation';
import { streamOf } from '../random/streams';
import type { DataFacts } from './facts';

/** Inputs, and what the net is to learn of them. */
export interface DiagnosisData {
  /** N x n_0, or one input of n_0 numbers. */
  readonly x: ArrayInput;
  /** The class of each input, whole numbers from 0; targets are made of them. */
  readonly labels?: ArrayInput;
  /** Targets, N x K, instead. Without either they are random. */
  readonly y?: ArrayInput;
  /** What the report calls the data. */
  readonly name?: string;
}

export interface ChosenData {
  readonly x: NdArray<Float64Array>;
  readonly y: NdArray<Float64Array>;
  readonly facts: DataFacts;
}

/** The streams of orders (src/random/permutation.ts) that inputs are chosen by; 0 and 1 are taken. */
const CHOICE = 2;
/** The purpose of random targets, beside ORDER_PURPOSE and those of PURPOSE. */
const TARGETS_PURPOSE = 0x41;

/** @param most inputs that are looked at; which, where there are more, is drawn from the seed */
export function chooseData(
  where: string,
  data: DiagnosisData,
  spec: MlpSpec,
  most: number,
  seed: number,
): ChosenData {
  expectOptions(`${where}: data`, data, ['x', 'labels', 'y', 'name']);
  const { inputDim, outputDim } = spec;
  const all = readInputs(`${where}: x`, data.x, inputDim);
  expectFinite(`${where}: x`, all);
  const available = all.shape[0]!;
  const rows = chooseRows(available, most, seed);
  const x = takeRows(all, rows);
  const labels = data.labels === undefined ? null : expectLabels(`${where}: labels`, data.labels, available);
  const chosenLabels = labels && rows.map((row) => labels[row]!);
  const y =
    data.y === undefined ? null : takeRows(expectOutputs(`${where}: y`, data.y, available, outputDim), rows);
  const targets = makeTargets(where, y, labels, rows, outputDim, seed);
  const norms = normsOf(x);
  if (norms.mean === 0) throw mismatch(`${where}: x`, 'an input that is not zero', 'zeros alone');
  return {
    x,
    y: targets.y,
    facts: {
      name: data.name ?? null,
      inputs: rows.length,
      available,
      norm2: norms,
      labels: chosenLabels,
      classes: labels && new Set(labels).size,
      targets: targets.kind,
    },
  };
}

function chooseRows(available: number, most: number, seed: number): number[] {
  if (available <= most) return Array.from({ length: available }, (_, row) => row);
  const order = permutation(available, { seed, replica: 0, stream: streamOf(ORDER_PURPOSE, CHOICE) });
  return Array.from(order.subarray(0, most)).sort((a, b) => a - b);
}

function expectFinite(where: string, { data, shape }: NdArray): void {
  const at = data.findIndex((entry) => !Number.isFinite(entry));
  if (at < 0) return;
  const columns = shape[1]!;
  throw invalidArgument(
    `${where}: entry [${Math.floor(at / columns)}, ${at % columns}]`,
    'a finite number',
    data[at],
  );
}

function makeTargets(
  where: string,
  y: NdArray<Float64Array> | null,
  labels: readonly number[] | null,
  rows: readonly number[],
  outputs: number,
  seed: number,
): { y: NdArray<Float64Array>; kind: DataFacts['targets'] } {
  if (y !== null) return { y, kind: 'given' };
  if (labels === null) {
    const data = new Float64Array(rows.length * outputs);
    fillNormals(data, { seed, replica: 0, stream: streamOf(TARGETS_PURPOSE, 0) });
    return { y: { data, shape: [rows.length, outputs] }, kind: 'random' };
  }
  const chosen = rows.map((row) => labels[row]!);
  if (outputs === 1) return { y: standardized(chosen), kind: 'class numbers' };
  const classes = labels.reduce((most, label) => Math.max(most, label), 0) + 1;
  if (classes > outputs) {
    throw new DeepntkError(
      'ERR_INVALID_ARGUMENT',
      `${where}: labels: expected classes from 0 to ${outputs - 1}, as the net has ${outputs} outputs; got class ${classes - 1}`,
    );
  }
  return { y: oneHot(chosen, outputs), kind: 'classes' };
}

/** Numbers with mean 0 and mean square 1, N x 1; zeros where they are all alike. */
function standardized(values: readonly number[]): NdArray<Float64Array> {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const square = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  return {
    data: Float64Array.from(values, (value) => (square > 0 ? (value - mean) / Math.sqrt(square) : 0)),
    shape: [values.length, 1],
  };
}

function normsOf({ data, shape }: NdArray<Float64Array>): DataFacts['norm2'] {
  const [n = 0, columns = 0] = shape;
  let [mean, smallest, largest] = [0, Infinity, 0];
  for (let row = 0; row < n; row++) {
    let norm2 = 0;
    for (let i = 0; i < columns; i++) norm2 += data[row * columns + i]! ** 2;
    mean += norm2 / n;
    smallest = Math.min(smallest, norm2);
    largest = Math.max(largest, norm2);
  }
  return { mean, smallest, largest };
}
