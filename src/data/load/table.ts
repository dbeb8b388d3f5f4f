/** Tables such as CSV and TSV (RFC 4180: quotes, CRLF), read line by line. */
import { pipeline, Readable } from 'node:stream';

import { CsvError, type Info, parse } from 'csv-parse';

import type { NdArray } from '../../ndarray';
import { invalidFile } from '../files';
import { type Answers, AnswerReader } from './answers';
import { type ColumnsOfTraining, type Layout, layOut, readHeader } from './columns';
import { chooseDelimiter } from './delimiter';
import { GrowingNumbers } from './growing';
import { isNumeral, parseNumeral } from './numerals';
import { type LoadSettings, written } from './options';

export interface Table {
  readonly x: NdArray<Float64Array>;
  /** Names of the features, or null without a header. */
  readonly columns: string[] | null;
  readonly labelColumn: string | null;
  readonly labels: Answers | null;
  /** N x K. */
  readonly targets: NdArray<Float64Array> | null;
  readonly targetColumns: string[] | null;
  readonly notes: readonly string[];
}

export interface TableRequest {
  readonly name: string;
  readonly settings: LoadSettings;
  /** Training data with the same columns, or null. */
  readonly like: ColumnsOfTraining | null;
  /** Whether all columns are answers, because the table replaces an array of classes or targets. */
  readonly answersOnly: boolean;
  /** The largest possible number of rows, and bytes of text; null if they are unknown. */
  readonly expected: { readonly rows: number; readonly bytes: number } | null;
}

/** The longest row in characters. A longer row has a quote that is never closed. */
const LONGEST_ROW = 2 ** 26;
/** How many characters are examined to find the character that separates columns. */
const SAMPLE = 2 ** 16;

/** @throws DeepntkError `ERR_INVALID_FILE`, naming line and column */
export async function readTable(text: AsyncIterable<string>, request: TableRequest): Promise<Table> {
  const { name, settings } = request;
  const chunks = text[Symbol.asyncIterator]();
  const sample = await beginningOf(chunks);
  const { character, note } = chooseDelimiter(sample, settings, name);
  const parser = parse({
    delimiter: character,
    // By default the first line decides for all: files that several programs wrote have both ends.
    record_delimiter: ['\r\n', '\n', '\r'],
    info: true,
    trim: true,
    skip_empty_lines: true,
    relax_column_count: true,
    max_record_size: LONGEST_ROW,
  });
  // The end or an error of either stream is passed to the other.
  pipeline(Readable.from(withBeginning(sample, chunks)), parser, () => undefined);
  let rows: RowReader | null = null;
  let widest = 0;
  try {
    for await (const { record, info } of parser as AsyncIterable<{ record: string[]; info: Info }>) {
      const line = firstLineOf(record, info);
      if (rows === null) {
        const names = readHeader(record, settings, name, request.answersOnly);
        const layout = layOutOf(names, record.length, request);
        rows = new RowReader(request, layout, record.length);
        widest = record.length;
        if (names !== null) continue;
      }
      if (widest === 1 && info.empty_lines > 0)
        throw invalidFile(`${name}: before line ${line}`, 'a cell', 'an empty line');
      rows.add(record, line);
    }
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    throw notCsv(error, name);
  }
  if (rows === null) throw invalidFile(name, 'at least one line', 'an empty file');
  const table = rows.finish();
  return { ...table, notes: [...(note === null ? [] : [note]), ...table.notes] };
}

async function beginningOf(chunks: AsyncIterator<string>): Promise<string> {
  let sample = '';
  while (sample.length < SAMPLE) {
    const next = await chunks.next();
    if (next.done === true) return `${sample}\n`;
    sample += next.value;
  }
  return sample;
}

async function* withBeginning(sample: string, chunks: AsyncIterator<string>): AsyncGenerator<string> {
  try {
    for (let at = 0; at < sample.length; at += SAMPLE) yield sample.slice(at, at + SAMPLE);
    for (;;) {
      const next = await chunks.next();
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    await chunks.return?.();
  }
}

/** The line where a record begins. csv-parse counts lines up to the end of a record. */
function firstLineOf(record: readonly string[], { lines }: Info): number {
  return record.reduce((line, cell) => line - lineBreaks(cell), lines);
}

function lineBreaks(cell: string): number {
  let count = 0;
  for (let at = cell.indexOf('\n'); at >= 0; at = cell.indexOf('\n', at + 1)) count++;
  return count;
}

function layOutOf(names: string[] | null, width: number, request: TableRequest): Layout {
  const { name, settings, like, answersOnly } = request;
  if (!answersOnly) return layOut(names, width, settings, like, name);
  const every = Array.from({ length: width }, (_, column) => column);
  return width === 1
    ? { names, features: [], label: 0, targets: [], notes: [] }
    : { names, features: [], label: null, targets: every, notes: [] };
}

class RowReader {
  readonly #x: GrowingNumbers;
  readonly #targets: GrowingNumbers;
  readonly #labels: AnswerReader | null;
  #rows = 0;

  constructor(
    private readonly request: TableRequest,
    private readonly layout: Layout,
    private readonly width: number,
  ) {
    const { name, expected } = request;
    // A cell takes at least two bytes, including the character after it.
    const expectedRows =
      expected === null ? 0 : Math.min(expected.rows, Math.ceil(expected.bytes / (2 * width)));
    const { features, targets, label, names } = layout;
    this.#x = new GrowingNumbers(expectedRows * features.length, name);
    this.#targets = new GrowingNumbers(expectedRows * targets.length, name);
    const column = label === null ? '' : `, column ${quoted(names, label)}`;
    this.#labels = label === null ? null : new AnswerReader(`${name}${column}`, expectedRows);
  }

  add(record: readonly string[], line: number): void {
    const { request, layout, width } = this;
    if (record.length !== width) {
      throw invalidFile(
        `${request.name}: line ${line}`,
        `${width} cells, as in the first line`,
        String(record.length),
      );
    }
    for (const column of layout.features) this.#x.push(this.number(record, column, line));
    for (const column of layout.targets) this.#targets.push(this.number(record, column, line));
    if (this.#labels !== null) {
      const cell = record[layout.label!]!;
      const value = parseNumeral(cell, request.settings.decimal);
      this.#labels.add(cell, value, () => this.place(layout.label!, line));
    }
    this.#rows++;
  }

  finish(): Table {
    const { request, layout } = this;
    if (this.#rows === 0) throw invalidFile(request.name, 'at least one line of data', 'none');
    const named = (columns: readonly number[]): string[] | null =>
      layout.names === null ? null : columns.map((column) => layout.names![column]!);
    const matrix = (numbers: GrowingNumbers, columns: readonly number[]): NdArray<Float64Array> => ({
      data: numbers.take(),
      shape: [this.#rows, columns.length],
    });
    return {
      x: matrix(this.#x, layout.features),
      columns: named(layout.features),
      labelColumn: layout.label === null ? null : (layout.names?.[layout.label] ?? null),
      labels: this.#labels?.finish() ?? null,
      targets: layout.targets.length === 0 ? null : matrix(this.#targets, layout.targets),
      targetColumns: layout.targets.length === 0 ? null : named(layout.targets),
      notes: layout.notes,
    };
  }

  private number(record: readonly string[], column: number, line: number): number {
    const cell = record[column]!;
    const value = parseNumeral(cell, this.request.settings.decimal);
    if (Number.isFinite(value)) return value;
    throw invalidFile(
      this.place(column, line),
      'a finite number',
      cell === ''
        ? 'an empty cell'
        : `${JSON.stringify(cell)}${markHint(cell, this.request.settings.decimal)}`,
    );
  }

  private place(column: number, line: number): string {
    return `${this.request.name}: line ${line}, column ${quoted(this.layout.names, column)}`;
  }
}

/** What to do about another decimal mark, and about separators of thousands; "1,234" may have either. */
function markHint(cell: string, decimal: '.' | ','): string {
  const [other, marks] = decimal === '.' ? ([',', 'commas'] as const) : (['.', 'points'] as const);
  const hints = [
    ...(isNumeral(cell, other) && !isNumeral(cell, decimal)
      ? [`${written('decimal', other)} reads decimal ${marks}`]
      : []),
    ...(THOUSANDS.test(cell) ? ['separators of thousands have to be removed'] : []),
  ];
  return hints.map((hint) => `; ${hint}`).join('');
}

const THOUSANDS = /^[+-]?\d{1,3}(?:[,.' ]\d{3})+(?:[.,]\d*)?$/;

function quoted(names: readonly string[] | null, column: number): string {
  return names === null ? String(column) : JSON.stringify(names[column]!);
}

function notCsv(error: CsvError, name: string): Error {
  const { lines } = error as unknown as { lines?: number };
  const [what] = error.message.split(': ');
  const problems: Readonly<Record<string, string>> = {
    CSV_QUOTE_NOT_CLOSED: 'a quote that is never closed',
    INVALID_OPENING_QUOTE: 'a quote inside an unquoted cell',
    CSV_INVALID_CLOSING_QUOTE: 'text after a closing quote',
    CSV_NON_TRIMABLE_CHAR_AFTER_CLOSING_QUOTE: 'text after a closing quote',
    CSV_MAX_RECORD_SIZE: `a row of more than ${LONGEST_ROW} characters`,
  };
  const place = lines === undefined ? name : `${name}: line ${lines}`;
  return invalidFile(place, 'a table (CSV, TSV)', problems[error.code] ?? what ?? error.code, {
    cause: error,
  });
}
