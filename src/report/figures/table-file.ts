/**
 * Tables of figures as CSV. Lines of comment carry what else a picture needs:
 *
 *     # deepntk figure NAME, format 1
 *     # parameters {"depths":[1,2],...}
 *     # made by {"version":"0.1.0",...}
 *     depth,weightVariance,...
 *
 * Numbers are written so that reading them gives the same double.
 */
import { parse } from 'csv-parse/sync';

import { BACKEND_NAMES } from '../../backend/seam';
import { invalidFile } from '../../data/files';
import { DeepntkError } from '../../errors';
import type { FigureCell, ColumnKind, Figure, FigureProvenance, FigureTable, FigureRow } from './figure';
import { type FigureParameters, readParameters } from './parameters';

const FORMAT = 1;
const FIRST_LINE = /^# deepntk figure (\S+), format (\d+)$/;

type AnyFigure = Figure<FigureParameters>;

export function formatTable(
  { figure, parameters, rows, provenance }: FigureTable,
  columns: readonly string[],
): string {
  const lines = [
    `# deepntk figure ${figure}, format ${FORMAT}`,
    `# parameters ${JSON.stringify(parameters)}`,
    `# made by ${JSON.stringify(provenance)}`,
    columns.join(','),
    ...rows.map((row) => columns.map((column) => cellText(row[column]!)).join(',')),
  ];
  return `${lines.join('\n')}\n`;
}

function cellText(cell: FigureCell): string {
  const text = cell === null ? '' : String(cell);
  return /[",\n#]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/**
 * The figure that a CSV file is of: the name on its first line.
 *
 * @throws DeepntkError `ERR_INVALID_FILE` where there is none
 */
export function figureNameOf(text: string, name: string): string {
  const first = text.slice(0, 200).split(/\r?\n/, 1)[0]!;
  const [, figure, format] = FIRST_LINE.exec(first) ?? [];
  if (figure === undefined) {
    throw invalidFile(
      name,
      'a figure\'s CSV, first line "# deepntk figure NAME, format 1"',
      JSON.stringify(first.slice(0, 60)),
    );
  }
  if (Number(format) !== FORMAT) throw invalidFile(name, `format ${FORMAT}`, `format ${format!}`);
  return figure;
}

/** @throws DeepntkError `ERR_INVALID_FILE` where the text is not a table of this figure, saying what is wrong and in which row */
export function parseTable(text: string, figure: AnyFigure, name: string): FigureTable {
  const of = figureNameOf(text, name);
  if (of !== figure.name) throw invalidFile(name, `a table of the figure ${figure.name}`, `one of ${of}`);
  const [, parameterLine = '', madeLine = '', ...rest] = text.split(/\r?\n/);
  const parameters = readHeader(parameterLine, '# parameters ', name);
  const read = asInvalidFile(() => {
    const missing = Object.keys(figure.parameters).find((key) => !(key in parameters));
    if (missing !== undefined) throw invalidFile(name, `the parameter ${missing}`, 'none');
    return readParameters(name, figure.parameters, parameters, false);
  });
  const provenance = readProvenance(readHeader(madeLine, '# made by ', name), name);
  const [header = [], ...records] = parseLines(rest.join('\n'), name);
  const columns = Object.keys(figure.columns);
  if (header.join() !== columns.join())
    throw invalidFile(name, `the columns ${columns.join()}`, header.join());
  const rows = records.map((record, i) =>
    Object.fromEntries(
      columns.map((column, j) => [
        column,
        readCell(record[j]!, figure.columns[column]!, `${name}: row ${i + 1}, column ${column}`),
      ]),
    ),
  );
  const table = { figure: of, parameters: read, rows, provenance };
  asInvalidFile(() => {
    checkTable(name, table, figure);
  });
  return table;
}

function readHeader(line: string, start: string, name: string): Record<string, unknown> {
  try {
    if (!line.startsWith(start)) throw new SyntaxError();
    const value: unknown = JSON.parse(line.slice(start.length));
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new SyntaxError();
    return value as Record<string, unknown>;
  } catch {
    throw invalidFile(name, `a line "${start}{...}"`, JSON.stringify(line.slice(0, 60)));
  }
}

function readProvenance(value: Record<string, unknown>, name: string): FigureProvenance {
  const { version, backend, core } = value as Partial<FigureProvenance>;
  const known = backend === null || BACKEND_NAMES.some((candidate) => candidate === backend);
  if (typeof version !== 'string' || !known || !(core === null || typeof core === 'string')) {
    throw invalidFile(name, 'version, backend and core in "# made by"', JSON.stringify(value));
  }
  return { version, backend: backend!, core };
}

function parseLines(text: string, name: string): string[][] {
  try {
    return parse(text, { skip_empty_lines: true });
  } catch (error) {
    throw invalidFile(name, 'lines of comma-separated values', (error as Error).message, { cause: error });
  }
}

function readCell(text: string, kind: ColumnKind, place: string): FigureCell {
  if (kind === 'text') return text;
  if (text.trim() === '' && kind === 'optional') return null;
  const value = text.trim() === '' ? NaN : Number(text);
  if (!Number.isFinite(value)) throw invalidFile(place, 'a finite number', JSON.stringify(text.slice(0, 40)));
  return value;
}

/** @throws DeepntkError `ERR_INVALID_ARGUMENT` where rows are not as the figure's columns say */
export function checkTable(where: string, { rows }: FigureTable, figure: AnyFigure): void {
  if (!Array.isArray(rows) || rows.length === 0) {
    throw new DeepntkError('ERR_INVALID_ARGUMENT', `${where}: expected at least one row, got none`);
  }
  (rows as readonly FigureRow[]).forEach((row, i) => {
    for (const [column, kind] of Object.entries(figure.columns)) {
      const cell = row[column];
      const fits =
        kind === 'text'
          ? typeof cell === 'string'
          : (kind === 'optional' && cell === null) || Number.isFinite(cell);
      if (!fits) {
        const what = kind === 'text' ? 'a text' : 'a finite number';
        throw new DeepntkError(
          'ERR_INVALID_ARGUMENT',
          `${where}: row ${i + 1}, column ${column}: expected ${what}, got ${String(cell)}`,
        );
      }
    }
  });
}

function asInvalidFile<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof DeepntkError) || error.code !== 'ERR_INVALID_ARGUMENT') throw error;
    throw new DeepntkError('ERR_INVALID_FILE', error.message, { cause: error });
  }
}
