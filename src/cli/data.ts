/** Data of every command that reads some: the same flags, one loader, and a line that says what was understood. */
import { createRequire } from 'node:module';

import type { Command } from 'commander';

import type * as Loading from '../data/load/load';
import type { LoadedData } from '../data/load/loaded';
import { LOAD_OPTIONS, SOURCE_OPTION } from '../data/load/options';
import type { NdArray } from '../ndarray';
import { addDeclaredOptions, givenOptions, namingFlag, optionsOf } from './declared';
import { progressBar } from './progress';
import { UsageError } from './usage';

/** The format of tables, and which of their columns are features. */
const TABLE = ['columns', 'header', 'delimiter', 'decimal', 'encoding'] as const;
const COLUMNS = ['labelColumn', 'targetColumn'] as const;
/** What a command that needs answers takes besides. */
const ANSWERS = ['y', 'targetsAre', 'classes'] as const;

export interface InputFlags {
  readonly x?: string;
  readonly labelColumn?: string;
  readonly targetColumn?: string | readonly string[];
  readonly json?: true;
}

/** Where inputs come from, and what of a table they are. */
export function addInputOptions(command: Command, help = SOURCE_OPTION.help): Command {
  for (const option of optionsOf('x', SOURCE_OPTION, help)) command.addOption(option);
  return addDeclaredOptions(command, LOAD_OPTIONS, [...COLUMNS, ...TABLE]);
}

/** {@link addInputOptions}, and where classes or targets come from. */
export function addDataOptions(command: Command): Command {
  for (const option of optionsOf('x', SOURCE_OPTION)) command.addOption(option);
  return addDeclaredOptions(command, LOAD_OPTIONS, ['y', ...COLUMNS, 'targetsAre', 'classes', ...TABLE]);
}

/** What a command loads besides its first data. */
export interface LoadRequest {
  readonly signal: AbortSignal;
  /** The flag of the inputs. */
  readonly flag?: string;
  /** The file of answers of these inputs; by default that of --y. */
  readonly y?: string | null;
  readonly like?: LoadedData;
  /** Whether the command uses answers; else columns of labels and targets are left out. */
  readonly answers?: boolean;
  readonly allowNonFinite?: boolean;
}

/** Loads inputs with the flags of the command line, and says what they are. */
export async function loadFlags(
  source: string,
  flags: InputFlags,
  command: Command,
  { signal, flag = '--x', y, like, answers = false, allowNonFinite = false }: LoadRequest,
): Promise<LoadedData> {
  const names = [...COLUMNS, ...TABLE, ...(answers ? ANSWERS : [])];
  const given = givenOptions(LOAD_OPTIONS, flags, command, names);
  // Loaded when it is needed: a command may also do without data.
  const { loadData } = createRequire(__filename)('../data/load/load') as typeof Loading;
  const bar = progressBar('read');
  try {
    const data = await loadData(source, {
      ...given,
      ...(y !== undefined && { y }),
      ...(like !== undefined && { like }),
      ...(allowNonFinite && { allowNonFinite }),
      ...(bar && { onProgress: bar.onProgress }),
      signal,
    }).finally(() => bar?.stop());
    if (flags.json !== true) sayLoaded(data);
    return data;
  } catch (error) {
    throw namingFlag(error, { ...LOAD_OPTIONS, source: { ...SOURCE_OPTION, flag: flag.slice(2) } });
  }
}

export function sayLoaded({ summary, notes }: Pick<LoadedData, 'summary' | 'notes'>): void {
  for (const line of [summary, ...notes]) process.stderr.write(`data: ${line}\n`);
}

/** What was understood, for --json. */
export function describeLoaded({ name, x, columns, classes, y, targetColumns, notes }: LoadedData) {
  return {
    file: name,
    rows: x.shape[0]!,
    features: x.shape[1]!,
    columns,
    classes,
    targets: classes === null && y !== null ? y.shape[1]! : null,
    targetColumns,
    notes,
  };
}

/** What was understood of digits of MNIST, which come without options. */
export function describeDigits(
  x: NdArray,
  classes: readonly string[] | null,
): ReturnType<typeof describeLoaded> {
  const [rows = 0, features = 0] = x.shape;
  return {
    file: 'MNIST',
    rows,
    features,
    columns: null,
    classes,
    targets: null,
    targetColumns: null,
    notes: [],
  };
}

/** The line of {@link describeDigits}. */
export function sayDigits({ rows, features, classes }: ReturnType<typeof describeDigits>): void {
  const labels = classes === null ? '' : `; labels: ${classes.length} classes (0 to ${classes.length - 1})`;
  sayLoaded({ summary: `MNIST: ${rows} rows, ${features} features${labels}`, notes: [] });
}

/**
 * Classes 3 and 8 get the numbers 0 and 1. That is not meant if the net has an output for each digit.
 *
 * @param what says where the number of outputs comes from
 */
export function expectOutputsFit({ classes, y, name }: LoadedData, outputs: number, what: string): void {
  if (y === null) return;
  if (classes === null) {
    if (y.shape[1] === outputs) return;
    throw new UsageError(`${what}: expected ${y.shape[1]!}, the targets of ${name}, got ${outputs}`);
  }
  if (classes.length > outputs) {
    throw new UsageError(
      `${what}: expected at least ${classes.length}, the classes of ${name}, got ${outputs}`,
    );
  }
  const plain = classes.every((label, k) => label === String(k));
  const wouldFit = classes.every((label) => /^\d+$/.test(label) && Number(label) < outputs);
  if (plain || !wouldFit || classes.length === outputs) return;
  throw new UsageError(
    `${what}: the classes ${classes.join(', ')} would be numbered from 0 on, but there are ${outputs} outputs; --classes ${outputs} keeps their numbers`,
  );
}
