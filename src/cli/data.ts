/** Data of the commands: the same flags, one loader, and a line that describes the data. */
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
/** Further options of a command that needs classes or targets. */
const ANSWERS = ['y', 'targetsAre', 'classes'] as const;

export interface InputFlags {
  readonly x?: string;
  readonly labelColumn?: string;
  readonly targetColumn?: string | readonly string[];
  readonly json?: true;
}

/** Adds the options for the source of the inputs and their columns. */
export function addInputOptions(command: Command, help = SOURCE_OPTION.help): Command {
  for (const option of optionsOf('x', SOURCE_OPTION, help)) command.addOption(option);
  return addDeclaredOptions(command, LOAD_OPTIONS, [...COLUMNS, ...TABLE]);
}

/** Adds {@link addInputOptions} and the options for the source of classes or targets. */
export function addDataOptions(command: Command): Command {
  for (const option of optionsOf('x', SOURCE_OPTION)) command.addOption(option);
  return addDeclaredOptions(command, LOAD_OPTIONS, ['y', ...COLUMNS, 'targetsAre', 'classes', ...TABLE]);
}

/** Settings of a command that loads data. */
export interface LoadRequest {
  readonly signal: AbortSignal;
  /** The flag of the inputs. */
  readonly flag?: string;
  /** The file of classes or targets of these inputs; by default that of --y. */
  readonly y?: string | null;
  readonly like?: LoadedData;
  /** Whether the command uses classes or targets. If not, their columns are left out. */
  readonly answers?: boolean;
  readonly allowNonFinite?: boolean;
}

/** Loads inputs with the flags of the command line and describes them on stderr. */
export async function loadFlags(
  source: string,
  flags: InputFlags,
  command: Command,
  { signal, flag = '--x', y, like, answers = false, allowNonFinite = false }: LoadRequest,
): Promise<LoadedData> {
  const names = [...COLUMNS, ...TABLE, ...(answers ? ANSWERS : [])];
  const given = givenOptions(LOAD_OPTIONS, flags, command, names);
  // Loaded only when needed, because a command may use no data.
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

/** Describes the loaded data, for --json. */
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

/** Describes digits of MNIST, which have no options. */
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

/** Prints the line of {@link describeDigits}. */
export function sayDigits({ rows, features, classes }: ReturnType<typeof describeDigits>): void {
  const labels = classes === null ? '' : `; labels: ${classes.length} classes (0 to ${classes.length - 1})`;
  sayLoaded({ summary: `MNIST: ${rows} rows, ${features} features${labels}`, notes: [] });
}

/**
 * Refuses renumbered classes if the net has more outputs. Classes 3 and 8 get the numbers 0 and 1, which is wrong for a net
 * with an output for each digit.
 *
 * @param what the source of the number of outputs, for messages
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
    `${what}: the classes ${classes.join(', ')} would be numbered from 0, but there are ${outputs} outputs; --classes ${outputs} keeps their numbers`,
  );
}
