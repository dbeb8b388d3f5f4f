/** Tables of numbers with a column of labels. */
import { CsvError, parse } from 'csv-parse/sync';
import { describe, expectBoolean, expectOptions, invalidArgument } from '../errors';
import { type ResultArray, resultArray } from '../ndarray';
import { invalidFile, readBytes } from './files';

/** How {@link readCsv} reads a table. */
export interface CsvOptions {
  /** The column of labels: its name in the first line, or its number, 0 first. Without one, every column is a feature. */
  readonly labelColumn?: string | number;
  /** Whether the first line has the names of the columns; true by default. */
  readonly header?: boolean;
  /** One character; a comma by default. */
  readonly delimiter?: string;
}

/** A table of features and, where there is a column of them, labels. */
export interface LabelledTable {
  /** A row a line, a column a feature: N x n_0. */
  readonly x: ResultArray;
  /** The class number of each row; null without a label column. */
  readonly labels: number[] | null;
  /**
   * What the classes are called in the file. Labels that are whole numbers from 0 on keep their number; others are numbered
   * in the order of their names.
   */
  readonly classes: string[] | null;
}

/**
 * Reads a CSV file (RFC 4180: quotes, CRLF) of numbers, one column of which may hold labels of any kind.
 *
 * @throws DeepntkError `ERR_INVALID_FILE` where lines differ in length, an entry is no finite number, a label is empty, or
 *   the label column is not there
 * @example const { x, labels } = await readCsv('iris.csv', { labelColumn: 'species' });
 */
export async function readCsv(path: string, options: CsvOptions = {}): Promise<LabelledTable> {
  return decodeCsv(Buffer.from(await readBytes(path)).toString('utf8'), options, path);
}

/**
 * {@link readCsv} of a text that is already in memory.
 *
 * @param name what error messages call it
 */
export function decodeCsv(text: string, options: CsvOptions = {}, name = 'CSV data'): LabelledTable {
  expectOptions('readCsv', options, ['labelColumn', 'header', 'delimiter']);
  const lines = parseLines(text, options.delimiter ?? ',', name);
  const header = expectBoolean('readCsv: header', options.header ?? true);
  const names = header ? lines[0]! : lines[0]!.map((_, column) => String(column));
  const rows = header ? lines.slice(1) : lines;
  if (rows.length === 0) throw invalidFile(name, 'at least one line of data', 'none');
  const labelColumn = findColumn(options.labelColumn, names, name);
  const features = names.map((_, column) => column).filter((column) => column !== labelColumn);
  if (features.length === 0) throw invalidFile(name, 'at least one column of features', 'none');
  const data = new Float64Array(rows.length * features.length);
  rows.forEach((row, line) => {
    features.forEach((column, feature) => {
      data[line * features.length + feature] = readNumber(row[column]!, () => {
        return `${name}: line ${line + (header ? 2 : 1)}, column ${JSON.stringify(names[column])}`;
      });
    });
  });
  const x = resultArray({ data, shape: [rows.length, features.length] });
  if (labelColumn === null) return { x, labels: null, classes: null };
  return {
    x,
    ...numberLabels(
      rows.map((row) => row[labelColumn]!),
      name,
    ),
  };
}

function parseLines(text: string, delimiter: string, name: string): string[][] {
  if (typeof delimiter !== 'string' || delimiter.length !== 1)
    throw invalidArgument('readCsv: delimiter', 'one character', delimiter);
  try {
    const lines: string[][] = parse(text, { delimiter, bom: true, skip_empty_lines: true, trim: true });
    if (lines.length === 0) throw invalidFile(name, 'at least one line', 'an empty file');
    return lines;
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    throw invalidFile(name, 'lines of comma-separated values', error.message, { cause: error });
  }
}

function findColumn(
  column: string | number | undefined,
  names: readonly string[],
  name: string,
): number | null {
  if (column === undefined) return null;
  if (typeof column !== 'string' && typeof column !== 'number')
    throw invalidArgument('readCsv: labelColumn', 'the name or the number of a column', column);
  const at = typeof column === 'number' ? column : names.indexOf(column);
  if (!Number.isInteger(at) || at < 0 || at >= names.length) {
    throw invalidFile(name, `the label column ${describe(column)}`, `columns ${names.join(', ')}`);
  }
  return at;
}

function readNumber(entry: string, place: () => string): number {
  const value = entry === '' ? NaN : Number(entry);
  if (!Number.isFinite(value)) throw invalidFile(place(), 'a finite number', JSON.stringify(entry));
  return value;
}

/** Labels beyond are identifiers, or a damaged file: one of them must not make a million empty classes. */
const MOST_CLASSES = 100_000;

function numberLabels(entries: readonly string[], name: string): { labels: number[]; classes: string[] } {
  const empty = entries.indexOf('');
  if (empty >= 0) throw invalidFile(`${name}: row ${empty}`, 'a label', 'an empty entry');
  if (entries.every((entry) => /^\d{1,9}$/.test(entry))) {
    const labels = entries.map(Number);
    const count = labels.reduce((max, label) => Math.max(max, label), 0) + 1;
    if (count > MOST_CLASSES) {
      throw invalidFile(name, `classes from 0 to ${MOST_CLASSES - 1}`, `a label ${count - 1}`);
    }
    return { labels, classes: Array.from({ length: count }, (_, label) => String(label)) };
  }
  const classes = [...new Set(entries)].sort();
  const numbers = new Map(classes.map((entry, label) => [entry, label]));
  return { labels: entries.map((entry) => numbers.get(entry)!), classes };
}
