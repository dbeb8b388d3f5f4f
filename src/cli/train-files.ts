/** The folder of a run of `deepntk train`: what it was asked for, its checkpoint, its results. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';

import { invalidFile, readBytes, writeFileAtomically } from '../data/files';
import { readNpy, writeNpy } from '../data/npy';
import { readSafetensors, writeSafetensors } from '../data/safetensors';
import { kernelDrift } from '../kernel/drift';
import { kernelStructure } from '../kernel/structure';
import type { NdArray } from '../ndarray';
import { expectSameSettings, parseFields } from '../runs/head';
import { lockFile } from '../runs/lock';
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

/** What to do with the files in the folder of a run. */
export interface OpenRunOptions {
  /** Continues the run. */
  readonly resume: boolean;
  /** Removes the run, or writes among other files. */
  readonly force: boolean;
  readonly signal: AbortSignal;
}

/** The folder of a run. It is locked until it is closed. */
export interface OpenedRun {
  /** The state to continue from; undefined for the beginning. */
  readonly state: TrainingState | undefined;
  readonly close: () => Promise<void>;
}

/**
 * Makes the folder of a new run, or opens that of an old one.
 *
 * @throws DeepntkError `ERR_INVALID_FILE` if another process writes the run, or the folder has other files or a run of other
 *   settings
 */
export async function openRun(
  folder: string,
  description: RunDescription,
  names: DataNames,
  { resume, force, signal }: OpenRunOptions,
): Promise<OpenedRun> {
  const path = join(folder, DESCRIPTION);
  if (resume && !existsSync(path)) throw new UsageError(`--resume: ${folder} holds no run`);
  const made = await mkdir(folder, { recursive: true });
  const lock = await lockFile(path, signal);
  try {
    const close = lock.release;
    if (resume) {
      const found = parseFields(Buffer.from(await readBytes(path)).toString('utf8'), path);
      expectSameSettings(path, found, description);
      return { state: (await readIfThere(() => readCheckpoint(folder, names))) ?? undefined, close };
    }
    const files = (await readdir(folder)).filter((file) => !file.startsWith(`${DESCRIPTION}.lock`));
    if (files.length > 0 && !force) {
      const what = files.includes(DESCRIPTION)
        ? 'holds a run already; --resume continues it, --force begins a new one'
        : `has other files, such as ${files[0]!}; choose another folder, or --force writes among them`;
      throw new UsageError(`--out: ${folder} ${what}`);
    }
    for (const file of files.filter(isOfRun)) await rm(join(folder, file));
    await writeFileAtomically(path, [Buffer.from(`${JSON.stringify(description, null, 2)}\n`)]);
    return { state: undefined, close };
  } catch (error) {
    await lock.release();
    if (made !== undefined) await rmdir(folder).catch(() => undefined);
    throw error;
  }
}

const isOfRun = (file: string): boolean =>
  [DESCRIPTION, CHECKPOINT, 'result.json', 'losses.csv', 'evaluations.csv', 'kernels.csv'].includes(file) ||
  /^kernel-\d+\.npy$/.test(file);

/** Removes a run that has nothing but its description: the next one may have the folder. */
export async function discardEmptyRun(folder: string): Promise<void> {
  const files = await readdir(folder);
  if (files.join() !== DESCRIPTION) return;
  await rm(join(folder, DESCRIPTION));
  await rmdir(folder);
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
  await writeSafetensors(join(folder, CHECKPOINT), new Map(tensors), { sha256: checksumOf(tensors) });
}

/** The SHA-256 of the numbers of a checkpoint, in the order of their names. */
function checksumOf(tensors: Iterable<readonly [name: string, array: NdArray]>): string {
  const hash = createHash('sha256');
  for (const [name, { data }] of [...tensors].sort(([a], [b]) => (a < b ? -1 : 1)))
    hash.update(name).update(data);
  return hash.digest('hex');
}

/** JSON as UTF-8, one byte per entry, because a file of tensors can hold only tensors. */
function encodeNames({ columns, classes }: DataNames): Float64Array {
  return Float64Array.from(Buffer.from(JSON.stringify({ columns, classes })));
}

const EVALUATION_FIELDS = ['step', 'loss', 'accuracy', 'testLoss', 'testAccuracy'] as const;

async function readCheckpoint(folder: string, names: DataNames): Promise<TrainingState> {
  const path = join(folder, CHECKPOINT);
  const { tensors, metadata } = await readSafetensors(path);
  const checksum = checksumOf([...tensors].map(([name, tensor]) => [name, tensor.decode()]));
  if (metadata['sha256'] !== checksum)
    throw invalidFile(path, `numbers with the checksum ${checksum}`, metadata['sha256'] ?? 'none');
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
