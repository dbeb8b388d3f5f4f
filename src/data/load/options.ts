/** The options of `loadData`. Each is declared once, for the library and for every command that reads data. */
import { expectInteger, invalidArgument } from '../../errors';
import {
  choiceOption,
  declareOption,
  type Declared,
  flagOfRule,
  type OptionRule,
  type OptionsOf,
  pathOption,
  switchOption,
  type ValuesOf,
} from '../../options';
import type { WatchOptions } from '../../watch';
import type { LoadedData } from './loaded';

/** A column, by its name in the first line or by its number from 0. */
export type ColumnName = string | number;

/** Encodings of tables. */
export const ENCODINGS = ['utf-8', 'utf-16le', 'utf-16be', 'latin1', 'windows-1252'] as const;
/** The encoding of a table. */
export type Encoding = (typeof ENCODINGS)[number];

/** The inputs, which are the first argument of `loadData`. */
export const SOURCE_OPTION = pathOption({
  default: null,
  flag: 'x',
  help: 'inputs: a table (.csv, .tsv), .npy, file.npz:name, or IDX images (pixels / 255), plain or gzipped; - is stdin',
});

export const LOAD_OPTIONS = {
  /** The file of classes or targets, in any format of the inputs. `-` is standard input. */
  y: pathOption({ default: null, help: 'file of classes (N) or targets (N x K), in any format of --x' }),
  /** The column of a table that contains the classes. */
  labelColumn: columnOption({ default: null, help: 'column of the table that contains the classes' }),
  /** The columns of a table that contain targets, which are the numbers to predict. */
  targetColumn: columnsOption({
    default: null,
    help: 'column of the table that contains target numbers; for several targets, a list or the flag several times',
  }),
  /** Whether labels are classes or numbers, for ambiguous data. */
  targetsAre: choiceOption<'classes' | 'numbers' | null>({
    default: null,
    choices: ['classes', 'numbers'],
    help: 'kind of --y or of the label column, if the data are ambiguous',
  }),
  /**
   * All classes: their names in the order of the outputs, or a number K for the classes 0 to K - 1. The default is the
   * classes that occur, sorted by value or by name.
   */
  classes: classesOption({
    default: null,
    help: 'all classes in order, such as cat,dog,owl, or their count, such as 10 for 0 to 9 (default: those that occur)',
  }),
  /** The feature columns of a table, in this order. The default is all columns except labels and targets. */
  columns: columnsOption({
    default: null,
    help: 'feature columns, in this order, such as a,b,c (default: all others)',
  }),
  /**
   * Whether the first line has the names of the columns. By default it has, and numbers there are an error. `true` reads
   * numbers as names. `false` reads the first line as data.
   */
  header: switchOption<boolean | null>({
    default: null,
    help: 'the first line has names, even if they are numbers; --no-header: the first line has data, and columns are numbered from 0',
  }),
  /** The character that separates columns. The default follows from the extension (.csv, .tsv), else it is the only one that fits. */
  delimiter: declareOption<string | null>(
    'text',
    {
      default: null,
      help: 'character that separates columns, or the word tab (default: by extension)',
    },
    readDelimiter,
  ),
  /** The decimal mark. */
  decimal: choiceOption<'.' | ','>({ default: '.', choices: ['.', ','], help: 'decimal mark of the table' }),
  /** The encoding of a table. */
  encoding: choiceOption<Encoding>({
    default: 'utf-8',
    choices: ENCODINGS,
    help: 'encoding of the table',
  }),
  /** Accepts NaN and infinite numbers in an array. By default they are errors, and in tables they always are. */
  allowNonFinite: switchOption<boolean>({ default: false, help: 'accept NaN and infinite inputs' }),
};

export type LoadSettings = ValuesOf<typeof LOAD_OPTIONS>;

/** How {@link loadData} reads a file. */
export interface LoadDataOptions extends OptionsOf<typeof LOAD_OPTIONS>, WatchOptions {
  /** Training data with the same columns and classes, which are matched by name. */
  readonly like?: LoadedData;
}

/** The option in the notation of the library and of the command: "targetsAre: 'numbers' (--targets-are numbers)". */
export function written(name: keyof typeof LOAD_OPTIONS, value?: string): string {
  const flag = flagOfRule(name, LOAD_OPTIONS[name]);
  if (value === undefined) return `${name} (${flag})`;
  if (name === 'header') return `header: ${value} (${value === 'false' ? '--no-header' : '--header'})`;
  return `${name}: ${JSON.stringify(value)} (${flag} ${/^[\w.-]+$/.test(value) ? value : JSON.stringify(value)})`;
}

function columnOption(declared: Declared<ColumnName | null>): OptionRule<ColumnName | null> {
  return declareOption('text', declared, (where, value) =>
    value === null ? null : readColumn(where, value),
  );
}

function columnsOption(
  declared: Declared<ColumnName | readonly ColumnName[] | null>,
): OptionRule<ColumnName | readonly ColumnName[] | null> {
  return declareOption('names', declared, (where, value) => {
    if (value === null) return null;
    if (!Array.isArray(value)) return readColumn(where, value);
    if (value.length === 0) throw invalidArgument(where, 'at least one column', value);
    return Array.from(value, (entry: unknown, i) => readColumn(`${where}[${i}]`, entry));
  });
}

function classesOption(
  declared: Declared<number | readonly string[] | null>,
): OptionRule<number | readonly string[] | null> {
  const read = (where: string, value: unknown): number | readonly string[] | null => {
    if (value === null) return null;
    if (typeof value === 'number') return expectInteger(where, value, { max: MOST_CLASSES });
    const names: unknown[] = Array.isArray(value) ? Array.from(value as unknown[]) : [];
    if (names.length === 0 || !names.every((name) => typeof name === 'string') || hasTwice(names)) {
      throw invalidArgument(where, 'distinct names of classes, or their count', value);
    }
    return names;
  };
  const fromText = (text: string): number | undefined => (/^\d+$/.test(text) ? Number(text) : undefined);
  return { ...declareOption('names', declared, read), fromText };
}

/** More labels are identifiers or a damaged file. One of them must not make a million empty classes. */
export const MOST_CLASSES = 100_000;

function hasTwice(names: readonly unknown[]): boolean {
  return new Set(names).size < names.length;
}

function readColumn(where: string, value: unknown): ColumnName {
  if (typeof value === 'string') return value;
  if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number;
  throw invalidArgument(where, 'the name or the number of a column', value);
}

function readDelimiter(where: string, value: unknown): string | null {
  if (value === null) return null;
  if (value === 'tab' || value === '\\t') return '\t';
  if (typeof value !== 'string' || value.length !== 1 || /[\w"\r\n.+-]/.test(value)) {
    throw invalidArgument(
      where,
      'one character that separates columns, such as ";", or the word "tab"',
      value,
    );
  }
  return value;
}
