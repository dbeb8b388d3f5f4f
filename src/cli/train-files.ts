/** The folder of a run of `deepntk train`: what it was asked for, its checkpoint, its results. */
import { mkdir, readdir, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';

import { invalidFile, readBytes, writeFileAtomically } from '../data/files';
import { readNpy, writeNpy } from '../data/npy';
import { readSafetensors, writeSafetensors } from '../data/safetensors';
import { kernelDrift } from '../kernel/drift';
import { kernelStructure } from '../kernel/structure';
import type { NdArray } from '../ndarray';
import type { Evaluation } from '../training/loss';
import type { TrainedKernel } from '../training/plan';
import type { TrainingState } from '../training/state';
import { UsageError } from './usage';

/** What decides every number of a run; a run can only go on as what it was. */
export type RunDescription = Readonly<Record<string, unknown>>;

/** Names of the features and classes, in the order of the net; null if there are none. */
export interface DataNames {
  readonly columns: readonly string[] | null;
  readonly classes: readonly string[] | null;
}

const DESCRIPTION = 'run.json';
const CHECKPOINT = 'checkpoint.safetensors';

/**
 * Makes the folder of a new run, or opens that of an old one.
 *
 * @returns where the run goes on; undefined for the beginning
 */
export async function openRun(
  folder: string,
  description: RunDescription,
  resume: boolean,
  names: DataNames,
): Promise<TrainingState | undefined> {
  const path = join(folder, DESCRIPTION);
  const found = await readIfThere(() => readBytes(path));
  if (found === null) {
    if (resume) throw new UsageError(`--resume: ${folder} holds no run`);
    await mkdir(folder, { recursive: true });
    await writeFileAtomically(path, [Buffer.from(`${JSON.stringify(description, null, 2)}\n`)]);
    return undefined;
  }
  if (!resume) {
    throw new UsageError(
      `--out: ${folder} holds a run already; --resume goes on with it, or name another folder`,
    );
  }
  expectSame(folder, JSON.parse(Buffer.from(found).toString('utf8')) as RunDescription, description);
  return (await readIfThere(() => readCheckpoint(folder, names))) ?? undefined;
}

/** Removes a run that has nothing but its description: the next one may have the folder. */
export async function discardEmptyRun(folder: string): Promise<void> {
  const files = await readdir(folder);
  if (files.join() !== DESCRIPTION) return;
  await rm(join(folder, DESCRIPTION));
  await rmdir(folder);
}

function expectSame(folder: string, before: RunDescription, now: RunDescription): void {
  for (const key of Object.keys({ ...before, ...now })) {
    const [was, is] = [JSON.stringify(before[key]), JSON.stringify(now[key])];
    if (was !== is) throw new UsageError(`--resume: the run in ${folder} had ${key} ${was}, not ${is}`);
  }
}

async function readIfThere<T>(read: () => Promise<T>): Promise<T | null> {
  try {
    return await read();
  } catch (error) {
    const { cause } = error as { cause?: NodeJS.ErrnoException };
    if (cause?.code === 'ENOENT') return null;
    throw error;
  }
}

const vector = (data: Float64Array): NdArray => ({ data, shape: [data.length] });

/** The checkpoint appears whole or not at all: a run that is killed goes on from the one before. */
export async function writeCheckpoint(folder: string, state: TrainingState, names: DataNames): Promise<void> {
  const { step, parameters, moments, losses, evaluations } = state;
  const rows = evaluations.flatMap((row) => EVALUATION_FIELDS.map((field) => row[field] ?? NaN));
  const tensors: [string, NdArray][] = [
    ['step', vector(Float64Array.of(step))],
    ['parameters', vector(parameters)],
    ['losses', vector(losses)],
    ['evaluations', { data: Float64Array.from(rows), shape: [evaluations.length, EVALUATION_FIELDS.length] }],
    ['firstMoments', vector(moments[0])],
    ['secondMoments', vector(moments[1])],
    ['names', vector(encodeNames(names))],
  ];
  await writeSafetensors(join(folder, CHECKPOINT), new Map(tensors));
}

/** JSON as UTF-8, one byte per entry, because a file of tensors can hold only tensors. */
function encodeNames({ columns, classes }: DataNames): Float64Array {
  return Float64Array.from(Buffer.from(JSON.stringify({ columns, classes })));
}

const EVALUATION_FIELDS = ['step', 'loss', 'accuracy', 'testLoss', 'testAccuracy'] as const;

async function readCheckpoint(folder: string, names: DataNames): Promise<TrainingState> {
  const path = join(folder, CHECKPOINT);
  const { tensors } = await readSafetensors(path);
  const get = (name: string): Float64Array => {
    const data = tensors.get(name)?.decode().data;
    if (!(data instanceof Float64Array)) throw invalidFile(path, `the float64 tensor ${name}`, 'none');
    return data;
  };
  const [had, has] = [get('names'), encodeNames(names)].map((bytes) => Buffer.from(bytes).toString());
  if (had !== has) throw invalidFile(path, `the columns and classes of the data, ${has!}`, had!);
  const rows = get('evaluations');
  const evaluations = Array.from({ length: rows.length / EVALUATION_FIELDS.length }, (_, i) => {
    const row = rows.subarray(i * EVALUATION_FIELDS.length, (i + 1) * EVALUATION_FIELDS.length);
    const [step, loss, ...others] = Array.from(row, (value) => (Number.isNaN(value) ? null : value));
    const [accuracy = null, testLoss = null, testAccuracy = null] = others;
    return { step: step!, loss: loss!, accuracy, testLoss, testAccuracy };
  });
  return {
    step: get('step')[0]!,
    parameters: get('parameters'),
    moments: [get('firstMoments'), get('secondMoments')],
    losses: get('losses'),
    evaluations,
  };
}

const kernelFile = (folder: string, step: number): string => join(folder, `kernel-${step}.npy`);

export async function writeKernel(folder: string, kernel: TrainedKernel): Promise<void> {
  await writeNpy(kernelFile(folder, kernel.step), kernel);
}

/** One kernel of a run, in numbers. */
export interface KernelRow {
  readonly step: number;
  readonly relativeChange: number;
  readonly cosine: number | null;
  readonly sameClass: number | null;
  readonly sameClassDeviation: number | null;
  readonly otherClass: number | null;
  readonly otherClassDeviation: number | null;
  readonly targetAlignment: number | null;
  readonly effectiveRank: number | null;
  readonly conditionNumber: number | null;
}

/** Reads the kernels of a run back, those before a checkpoint too, and says how they moved and what structure they have. */
export async function describeKernels(
  folder: string,
  steps: readonly number[],
  labels: readonly number[] | null,
): Promise<KernelRow[]> {
  const rows: KernelRow[] = [];
  let first: NdArray | null = null;
  for (const step of steps) {
    const kernel = await readNpy(kernelFile(folder, step));
    first ??= kernel;
    const { relativeChange, cosine } = kernelDrift(first, kernel);
    const structure = labels && kernelStructure(kernel, labels);
    rows.push({
      step,
      relativeChange,
      cosine,
      sameClass: structure?.sameClass?.mean ?? null,
      sameClassDeviation: structure?.sameClass?.standardDeviation ?? null,
      otherClass: structure?.otherClass?.mean ?? null,
      otherClassDeviation: structure?.otherClass?.standardDeviation ?? null,
      targetAlignment: structure?.targetAlignment ?? null,
      effectiveRank: structure?.effectiveRank ?? null,
      conditionNumber: structure?.conditionNumber ?? null,
    });
  }
  return rows;
}

export async function writeLosses(folder: string, losses: Float64Array): Promise<void> {
  const rows = Array.from(losses, (loss, step) => [step, loss]);
  await writeCsv(join(folder, 'losses.csv'), ['step', 'loss'], rows);
}

export async function writeEvaluations(folder: string, evaluations: readonly Evaluation[]): Promise<void> {
  const rows = evaluations.map((row) => EVALUATION_FIELDS.map((field) => row[field]));
  await writeCsv(join(folder, 'evaluations.csv'), EVALUATION_FIELDS, rows);
}

export async function writeKernelRows(folder: string, kernels: readonly KernelRow[]): Promise<void> {
  const rows = kernels.map((row) => KERNEL_FIELDS.map((field) => row[field]));
  await writeCsv(join(folder, 'kernels.csv'), KERNEL_FIELDS, rows);
}

const KERNEL_FIELDS = [
  ...(['step', 'relativeChange', 'cosine', 'sameClass', 'sameClassDeviation', 'otherClass'] as const),
  ...(['otherClassDeviation', 'targetAlignment', 'effectiveRank', 'conditionNumber'] as const),
];

/** Rows of numbers with the names of the columns above; an entry that is null stays empty. */
async function writeCsv(
  path: string,
  names: readonly string[],
  rows: readonly (readonly (number | null)[])[],
): Promise<void> {
  const lines = rows.map((row) => row.map((entry) => (entry === null ? '' : String(entry))).join(','));
  await writeFileAtomically(path, [Buffer.from([names.join(','), ...lines, ''].join('\n'))]);
}
