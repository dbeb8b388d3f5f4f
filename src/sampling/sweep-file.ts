/**
 * Files of sweeps: a row per point, as CSV (.csv, with a header) or JSON lines (.jsonl). Rows are appended as points are
 * finished; a row that a crash cut off is dropped when the file is read again.
 */
import { open, type FileHandle } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { invalidFile, readBytes, reasonOf, writeFileAtomically } from '../data/files';
import { DeepntkError } from '../errors';
import { SETTING_COLUMNS, SWEEP_COLUMNS, type SweepRow, type SweepSettings } from './sweep';

export type SweepFormat = 'csv' | 'jsonl';

export function formatOf(path: string): SweepFormat {
  if (path.endsWith('.csv')) return 'csv';
  if (path.endsWith('.jsonl')) return 'jsonl';
  throw new DeepntkError('ERR_INVALID_ARGUMENT', `sweep: expected a file named .csv or .jsonl, got ${path}`);
}

export const CSV_HEADER = `${SWEEP_COLUMNS.join(',')}\n`;

/** One line. Numbers that JSON does not have are strings, as in the command's other output. */
export function formatRow(row: SweepRow, format: SweepFormat): string {
  if (format === 'csv') return `${SWEEP_COLUMNS.map((name) => csvField(row[name])).join(',')}\n`;
  const text = JSON.stringify(row, (_, value: unknown) =>
    typeof value === 'number' && !Number.isFinite(value) ? String(value) : value,
  );
  return `${text}\n`;
}

function csvField(value: string | number | boolean): string {
  const text = String(value);
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** A row as it stands in a file: the settings that it is known by, and its line. */
export interface StoredRow {
  readonly point: number;
  readonly settings: readonly string[];
  readonly line: string;
}

/**
 * The whole rows of a file, and how many bytes they take.
 *
 * @throws DeepntkError `ERR_INVALID_FILE` where a row other than a last, cut off one is not what {@link formatRow} writes
 */
export async function readRows(path: string): Promise<{ rows: StoredRow[]; bytes: number }> {
  return decodeRows(Buffer.from(await readBytes(path)).toString('utf8'), formatOf(path), path);
}

/**
 * {@link readRows} of a text that is already in memory.
 *
 * @param name what error messages call it
 */
export function decodeRows(
  text: string,
  format: SweepFormat,
  name: string,
): { rows: StoredRow[]; bytes: number } {
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  const lines = whole.split('\n').slice(0, -1);
  if (format === 'csv' && lines.length > 0 && `${lines.shift()!}\n` !== CSV_HEADER) {
    throw invalidFile(name, 'the header of a sweep', 'another first line');
  }
  const rows = lines.map((line, i): StoredRow => {
    const settings = format === 'csv' ? csvSettings(line) : jsonSettings(line);
    const point = Number(settings?.[0]);
    if (settings === null || !Number.isSafeInteger(point) || point < 0) {
      throw invalidFile(name, `a row of a sweep as row ${i + 1}`, JSON.stringify(line.slice(0, 40)));
    }
    return { point, settings, line: `${line}\n` };
  });
  return { rows, bytes: Buffer.byteLength(whole) };
}

/** The settings stand first, and none of them needs quotes. */
function csvSettings(line: string): string[] | null {
  const fields = line.split(',');
  return fields.length >= SWEEP_COLUMNS.length ? fields.slice(0, SETTING_COLUMNS.length) : null;
}

function jsonSettings(line: string): string[] | null {
  try {
    const row = JSON.parse(line) as Record<string, unknown>;
    return SWEEP_COLUMNS.every((name) => name in row)
      ? SETTING_COLUMNS.map((name) => String(row[name]))
      : null;
  } catch {
    return null;
  }
}

/** The first setting in which a row differs from what is expected. */
export function otherSetting(
  row: StoredRow,
  settings: SweepSettings,
): { name: string; expected: string; found: string } | undefined {
  const i = SETTING_COLUMNS.findIndex((name, at) => row.settings[at] !== String(settings[name]));
  const name = SETTING_COLUMNS[i];
  return name && { name, expected: String(settings[name]), found: row.settings[i]! };
}

export interface RowWriter {
  append(row: SweepRow): Promise<void>;
  close(): Promise<void>;
}

/**
 * Opens a file to append rows to, and returns those that it has.
 *
 * @throws DeepntkError `ERR_INVALID_FILE`
 */
export async function openRows(path: string): Promise<{ rows: StoredRow[]; writer: RowWriter }> {
  const format = formatOf(path);
  const { rows, bytes } = existsSync(path) ? await readRows(path) : { rows: [], bytes: 0 };
  const file = await attempt(path, () => open(path, existsSync(path) ? 'r+' : 'w'));
  let position = bytes;
  const write = async (text: string): Promise<void> => {
    await attempt(path, () => writeAt(file, text, position));
    position += Buffer.byteLength(text);
  };
  await attempt(path, () => file.truncate(bytes));
  if (bytes === 0 && format === 'csv') await write(CSV_HEADER);
  return {
    rows,
    writer: {
      append: (row) => write(formatRow(row, format)),
      close: () => file.close(),
    },
  };
}

async function writeAt(file: FileHandle, text: string, position: number): Promise<void> {
  const bytes = Buffer.from(text);
  for (let done = 0; done < bytes.length;) {
    done += (await file.write(bytes, done, bytes.length - done, position + done)).bytesWritten;
  }
  await file.sync();
}

async function attempt<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw new DeepntkError('ERR_INVALID_FILE', `cannot write ${path}: ${reasonOf(cause)}`, {
      cause,
    });
  }
}

/** Settings that all points of a sweep have in common. */
const COMMON = ['parametrization', 'biasGradients', 'inputNorm2', 'seed', 'goal'] as const;

/**
 * Puts the files of shards together, in the order of the points.
 *
 * @returns the number of points, and the numbers of those before the last that no file has
 * @throws DeepntkError `ERR_INVALID_ARGUMENT` where a point occurs twice, or rows are of different sweeps
 */
export async function mergeSweeps(
  paths: readonly string[],
  out: string,
): Promise<{ points: number; missing: number[] }> {
  const refuse = (problem: string): DeepntkError =>
    new DeepntkError('ERR_INVALID_ARGUMENT', `merge: expected parts of one sweep, got ${problem}`);
  const merged = new Map<number, StoredRow>();
  let first: StoredRow | undefined;
  for (const path of paths) {
    if (formatOf(path) !== formatOf(out)) throw refuse(`${path} for ${out}: another format`);
    const { rows } = await readRows(path);
    for (const row of rows) {
      first ??= row;
      for (const name of COMMON) {
        const at = SETTING_COLUMNS.indexOf(name);
        if (row.settings[at] !== first.settings[at]) {
          throw refuse(`${name} ${row.settings[at]!} in ${path}, and ${first.settings[at]!} elsewhere`);
        }
      }
      if (merged.has(row.point)) throw refuse(`point ${row.point} twice`);
      merged.set(row.point, row);
    }
  }
  const rows = [...merged.values()].sort((a, b) => a.point - b.point);
  const header = formatOf(out) === 'csv' ? CSV_HEADER : '';
  await writeFileAtomically(out, [Buffer.from(header + rows.map(({ line }) => line).join(''))]);
  const before = (rows.at(-1)?.point ?? 0) + 1;
  const missing = Array.from({ length: before }, (_, point) => point).filter((point) => !merged.has(point));
  return { points: rows.length, missing: rows.length === 0 ? [] : missing };
}
