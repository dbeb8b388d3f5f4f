/** Reads data with labels or targets, that of `deepntk train` above all: .npy arrays, CSV tables, IDX images and labels. */
import { extname } from 'node:path';

import { choosePerClass, createScaling, oneHot, type Scaling, takeRows } from '../data/classes';
import { readCsv } from '../data/csv';
import { invalidFile } from '../data/files';
import { readIdx } from '../data/idx';
import { readNpy } from '../data/npy';
import type { NdArray } from '../ndarray';
import { asUsage, UsageError } from './usage';

export interface DataFlags {
  readonly x: string;
  readonly y?: string;
  readonly testX?: string;
  readonly testY?: string;
  readonly labelColumn?: string;
  readonly perClass?: number;
  readonly testPerClass?: number;
  readonly scale: Scaling;
  readonly seed: number;
}

export interface Samples {
  readonly x: NdArray<Float64Array>;
  readonly y: NdArray;
  /** Null where targets are no labels. */
  readonly labels: readonly number[] | null;
}

export interface TrainingData {
  readonly training: Samples;
  readonly test: Samples | null;
}

/** @param outputs K, where the command line says it; else there is an output for every label up to the largest */
export async function readTrainingData(flags: DataFlags, outputs: number | undefined): Promise<TrainingData> {
  checkDataFlags(flags);
  const training = await readSource('--x', flags.x, flags.y, flags.labelColumn);
  const test =
    flags.testX === undefined
      ? null
      : await readSource('--test-x', flags.testX, flags.testY, flags.labelColumn);
  const classes = outputs ?? classCount(training);
  const chosen = choose(training, '--per-class', flags.perClass, flags.seed, classes);
  const scale = createScaling(flags.scale, chosen.x);
  const finish = (source: Source): Samples => ({
    x: scale(source.x),
    y: targetsOf(source, classes),
    labels: source.labels,
  });
  return {
    training: finish(chosen),
    test: test && finish(choose(test, '--test-per-class', flags.testPerClass, flags.seed, classes)),
  };
}

function checkDataFlags({ x, y, testX, testY, labelColumn, testPerClass }: DataFlags): void {
  const csv = [x, testX].some((path) => path !== undefined && isCsv(path));
  if (labelColumn !== undefined && !csv) throw new UsageError('--label-column: only for .csv files');
  if (testX === undefined && (testY !== undefined || testPerClass !== undefined)) {
    throw new UsageError(
      `${testY === undefined ? '--test-per-class' : '--test-y'}: expected --test-x with it`,
    );
  }
  for (const [flag, inputs, targets] of [
    ['--y', x, y],
    ['--test-y', testX, testY],
  ] as const) {
    if (inputs === undefined) continue;
    const labelled = isCsv(inputs) && labelColumn !== undefined;
    if (labelled && targets !== undefined)
      throw new UsageError(`${flag}: not to be given with --label-column`);
    if (!labelled && targets === undefined) {
      throw new UsageError(`expected ${flag}${isCsv(inputs) ? ' or --label-column' : ''}, got none`);
    }
  }
}

/** Inputs, with labels or with targets or with neither. */
export interface Source {
  readonly x: NdArray;
  readonly labels: readonly number[] | null;
  readonly targets: NdArray | null;
  /** What messages call the labels. */
  readonly name: string;
}

const isCsv = (path: string): boolean => extname(path).toLowerCase() === '.csv';
const isNpy = (path: string): boolean => extname(path).toLowerCase() === '.npy';

/** @param targets their file; undefined where the labels are a column, or there are none */
export async function readSource(
  flag: string,
  inputs: string,
  targets: string | undefined,
  labelColumn: string | undefined,
): Promise<Source> {
  if (isCsv(inputs)) {
    const { x, labels } = await readCsv(inputs, labelColumn === undefined ? {} : { labelColumn });
    return targets === undefined
      ? { x, labels, targets: null, name: inputs }
      : { x, ...(await readTargets(targets, x.shape[0]!)) };
  }
  const x = isNpy(inputs) ? await readNpy(inputs) : await readImages(inputs);
  if (x.shape.length !== 2) {
    throw invalidFile(inputs, `inputs for ${flag}, N x n_0`, `shape (${x.shape.join(', ')})`);
  }
  if (targets === undefined) return { x, labels: null, targets: null, name: inputs };
  return { x, ...(await readTargets(targets, x.shape[0]!)) };
}

/** IDX images: a row each, pixels from 0 to 1. */
async function readImages(path: string): Promise<NdArray> {
  const { data, shape } = await readIdx(path);
  const [n = 0, ...extents] = shape;
  return {
    data: Float64Array.from(data, (byte) => byte / 255),
    shape: [n, extents.reduce((product, extent) => product * extent, 1)],
  };
}

/** Class numbers (N, from .npy or IDX) or targets (N x K, from .npy). */
async function readTargets(path: string, n: number): Promise<Omit<Source, 'x'>> {
  const { data, shape } = isNpy(path) ? await readNpy(path) : await readIdx(path);
  if (shape[0] !== n) throw invalidFile(path, `a target for each of the ${n} inputs`, `${shape[0] ?? 0}`);
  if (shape.length === 2) {
    return { labels: null, targets: { data: Float64Array.from(data), shape }, name: path };
  }
  if (shape.length !== 1) {
    throw invalidFile(path, 'class numbers, N, or targets, N x K', `shape (${shape.join(', ')})`);
  }
  const labels = Array.from(data);
  const wrong = labels.findIndex((label) => !Number.isSafeInteger(label) || label < 0);
  if (wrong >= 0)
    throw invalidFile(`${path}: label ${wrong}`, 'a class number, 0, 1, ...', String(labels[wrong]));
  return { labels, targets: null, name: path };
}

function classCount({ labels, targets }: Source): number {
  return labels === null ? targets!.shape[1]! : labels.reduce((max, label) => Math.max(max, label), 0) + 1;
}

function choose(
  source: Source,
  flag: string,
  perClass: number | undefined,
  seed: number,
  classes: number,
): Source {
  checkLabels(source, classes);
  if (perClass === undefined) return source;
  const { labels } = source;
  if (labels === null) throw new UsageError(`${flag}: expected class labels, got targets`);
  const rows = asUsage(() => choosePerClass(labels, perClass, { seed, classes }));
  return { ...source, x: takeRows(source.x, rows), labels: rows.map((row) => labels[row]!) };
}

function checkLabels({ labels, targets, name }: Source, classes: number): void {
  if (targets !== null && targets.shape[1] !== classes) {
    throw invalidFile(name, `targets for ${classes} outputs`, `${targets.shape[1]!}`);
  }
  const wrong = labels?.findIndex((label) => label >= classes) ?? -1;
  if (wrong >= 0)
    throw invalidFile(`${name}: label ${wrong}`, `a class from 0 to ${classes - 1}`, String(labels![wrong]));
}

function targetsOf({ labels, targets }: Source, classes: number): NdArray {
  return labels === null ? targets! : oneHot(labels, classes);
}
