/** Decides which columns of a table are features, labels and targets. */
import { DeepntkError, describe } from '../../errors';
import { invalidFile } from '../files';
import { isNumeral } from './numerals';
import { list } from './decide';
import { type ColumnName, type LoadSettings, written } from './options';

/** The columns of training data, to which those of test data are matched. */
export interface ColumnsOfTraining {
  readonly name: string;
  /** Null for an array, and for a table without a header. */
  readonly columns: readonly string[] | null;
  readonly features: number;
  readonly labelColumn: string | null;
  readonly targetColumns: readonly string[] | null;
}

export interface Layout {
  /** The names of all columns; null without a header. */
  readonly names: readonly string[] | null;
  /** Column numbers. */
  readonly features: readonly number[];
  readonly label: number | null;
  readonly targets: readonly number[];
  readonly notes: readonly string[];
}

type ColumnOptions = Pick<LoadSettings, 'header' | 'labelColumn' | 'targetColumn' | 'columns'>;

/**
 * The names in the first line; null if it has data.
 *
 * @param answersOnly whether the table has answers only, of which none are chosen
 */
export function readHeader(
  first: readonly string[],
  { header, columns }: ColumnOptions,
  name: string,
  answersOnly: boolean,
): string[] | null {
  if (header === false) return null;
  const names = [...first];
  const numerals = names.filter((cell) => isNumeral(cell, '.') || isNumeral(cell, ',')).length;
  if (header === null && 2 * numerals >= names.length) {
    throw invalidFile(
      `${name}: line 1`,
      'the names of the columns',
      `numbers (${list(names)}); ${written('header', 'false')} reads them as data, ${written('header', 'true')} reads them as names`,
    );
  }
  const seen = new Set<string>();
  names.forEach((cell, column) => {
    const unnamed = cell === '' || (column === 0 && /^Unnamed: 0$/.test(cell));
    if (unnamed && (answersOnly || columns === null)) {
      throw indexColumn(cell, column, name, answersOnly ? '' : `; ${written('columns')} chooses columns`);
    }
    if (cell !== '' && seen.has(cell)) {
      throw invalidFile(`${name}: line 1`, 'a name for each column', `${describe(cell)} twice`);
    }
    seen.add(cell);
  });
  return names;
}

function indexColumn(cell: string, column: number, name: string, remedy: string): DeepntkError {
  const got = cell === '' ? 'an empty name' : describe(cell);
  const pandas =
    column === 0
      ? 'probably the index that pandas writes; to_csv(..., index=False) omits it'
      : 'the file has a column without a name';
  return invalidFile(
    `${name}: line 1, column ${column}`,
    'a name for each column',
    `${got} (${pandas})${remedy}`,
  );
}

/** @throws DeepntkError `ERR_INVALID_FILE` if a column is missing, is used twice, or differs from the training data */
export function layOut(
  names: readonly string[] | null,
  width: number,
  options: ColumnOptions,
  like: ColumnsOfTraining | null,
  name: string,
): Layout {
  const find = (column: ColumnName, what: string, argument: string): number => {
    const at = positionOf(column, names, width);
    if (at !== null) return at;
    const hint =
      names !== null && /^\d+$/.test(String(column))
        ? `; columns have numbers with ${written('header', 'false')}`
        : '';
    const got = `columns ${list(names ?? Array.from({ length: width }, (_, i) => String(i)), 20)}${hint}`;
    const error = invalidFile(name, `the ${what} ${describe(column)}`, got);
    throw new DeepntkError(error.code, error.message, { argument });
  };
  const asked = options.labelColumn ?? (options.targetColumn === null ? labelLike(like, names) : null);
  const label = asked === null ? null : find(asked, 'label column', 'labelColumn');
  const wanted = options.targetColumn ?? (options.labelColumn === null ? targetsLike(like, names) : null);
  const targets = listOf(wanted).map((column) => find(column, 'target column', 'targetColumn'));
  const answers = [...(label === null ? [] : [label]), ...targets];
  const chosen =
    options.columns === null
      ? Array.from({ length: width }, (_, i) => i).filter((column) => !answers.includes(column))
      : listOf(options.columns).map((column) => find(column, 'column', 'columns'));
  const used = new Set<number>();
  const twice = [...answers, ...chosen].find((column) => used.size === used.add(column).size);
  if (twice !== undefined) {
    throw invalidFile(name, 'every column used once', `column ${describe(names?.[twice] ?? twice)} twice`);
  }
  if (chosen.length === 0) throw invalidFile(name, 'at least one column of features', 'none');
  const [features, notes] = like === null ? [chosen, []] : asIn(like, names, chosen, name);
  return { names, features, label, targets, notes };
}

/** The label column of the training data, if this table has one of that name. */
function labelLike(like: ColumnsOfTraining | null, names: readonly string[] | null): string | null {
  const column = like?.labelColumn ?? null;
  return column !== null && names?.includes(column) === true ? column : null;
}

/** The target columns of the training data, if this table has them all. */
function targetsLike(like: ColumnsOfTraining | null, names: readonly string[] | null): readonly string[] {
  const columns = like?.targetColumns ?? [];
  const isThere = (column: string): boolean =>
    names?.includes(column) === true && like?.columns?.includes(column) !== true;
  return columns.every(isThere) ? columns : [];
}

export function listOf<T>(value: T | readonly T[] | null): readonly T[] {
  if (value === null) return [];
  return Array.isArray(value) ? (value as readonly T[]) : [value as T];
}

function positionOf(column: ColumnName, names: readonly string[] | null, width: number): number | null {
  if (typeof column === 'string' && names !== null) {
    const at = names.indexOf(column);
    return at < 0 ? null : at;
  }
  const at = typeof column === 'number' ? column : /^\d{1,9}$/.test(column) ? Number(column) : NaN;
  return at < width ? at : null;
}

/** The features in the order of the training data. */
function asIn(
  like: ColumnsOfTraining,
  names: readonly string[] | null,
  chosen: readonly number[],
  name: string,
): [number[], string[]] {
  if (names === null || like.columns === null) {
    if (chosen.length !== like.features) {
      throw invalidFile(name, `${like.features} features, as ${like.name} has`, String(chosen.length));
    }
    return names === null && like.columns === null
      ? [[...chosen], []]
      : [[...chosen], [orderNote(names === null ? name : like.name, names === null ? like.name : name)]];
  }
  const here = new Map(chosen.map((column) => [names[column]!, column]));
  const missing = like.columns.filter((column) => !here.has(column));
  const wanted = new Set(like.columns);
  const extra = [...here.keys()].filter((column) => !wanted.has(column));
  if (missing.length > 0 || extra.length > 0) {
    const got = [
      missing.length > 0 ? `no ${list(missing)}` : null,
      extra.length > 0 ? `also ${list(extra)}, which ${written('columns')} can omit` : null,
    ];
    throw invalidFile(
      name,
      `the columns of ${like.name}, ${list(like.columns)}`,
      got.filter((part) => part !== null).join(', '),
    );
  }
  const features = like.columns.map((column) => here.get(column)!);
  const reordered = features.some((column, i) => column !== chosen[i]);
  const note = `${name}: columns ${list(chosen.map((column) => names[column]!))} are put in the order of ${like.name}: ${list(like.columns)}`;
  return [features, reordered ? [note] : []];
}

/** The note for the case that only one of two data sets has column names. */
export function orderNote(unnamed: string, named: string): string {
  return `${unnamed}: has no column names; its columns are assumed to be in the order of ${named}`;
}
