/** Files of sweeps: a row for each point, as CSV (.csv) or as JSON lines (.jsonl), with a journal (src/runs/row-file.ts). */
import { invalidFile } from '../data/files';
import { DeepntkError, mismatch } from '../errors';
import { type Fields, isNumbers } from '../runs/head';
import type { Sink } from '../runs/job';
import type { Range } from '../runs/ranges';
import { mergeRows, RowFile, type RowKind } from '../runs/row-file';
import {
  pointCount,
  settingsOfPoint,
  SETTING_COLUMNS,
  type Sweep,
  SWEEP_COLUMNS,
  type SweepPoint,
  type SweepRow,
} from './sweep';

type TableFormat = 'csv' | 'jsonl';

/** @throws DeepntkError `ERR_INVALID_ARGUMENT` if the name has another ending */
export function tableFormatOf(path: string): TableFormat {
  if (path.endsWith('.csv')) return 'csv';
  if (path.endsWith('.jsonl')) return 'jsonl';
  throw new DeepntkError('ERR_INVALID_ARGUMENT', `sweep: expected a file named .csv or .jsonl, got ${path}`);
}

export const CSV_HEADER = `${SWEEP_COLUMNS.join(',')}\n`;
export const SWEEP_FORMAT = { format: 'deepntk-sweep', version: 1 } as const;

export const rowKindOf = (path: string): RowKind => ({
  ...SWEEP_FORMAT,
  header: tableFormatOf(path) === 'csv' ? CSV_HEADER : '',
});

/** One line. Numbers that JSON does not have are strings, as in the command's other output. */
export function formatRow(row: SweepRow, format: TableFormat): string {
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

/**
 * Opens the table of a sweep for some of its points.
 *
 * @throws DeepntkError `ERR_INVALID_FILE` as `RowFile.open`
 */
export async function openSweep(
  path: string,
  sweep: Sweep,
  points: readonly SweepPoint[],
  { signal, force }: { readonly signal?: AbortSignal; readonly force?: boolean },
): Promise<Sink<SweepPoint, SweepRow>> {
  const format = tableFormatOf(path);
  const startOf = (point: SweepPoint): string => {
    const settings = settingsOfPoint(point, sweep);
    if (format === 'csv') return `${SETTING_COLUMNS.map((name) => String(settings[name])).join(',')},`;
    return JSON.stringify(settings).slice(0, -1);
  };
  const belongs = (line: string): boolean =>
    points.some((point) => {
      const start = startOf(point);
      return start.startsWith(line) || line.startsWith(start);
    });
  const file = await RowFile.open(rowKindOf(path), path, sweep, { belongs, signal, force: force === true });
  return {
    missing: () => points.filter(({ point }) => !file.units.has(point)),
    add: ({ point }, row) => file.append(point, formatRow(row, format)),
    close: () => file.close(),
  };
}

/**
 * Merges the tables of the shards of a sweep, in the order of the points.
 *
 * @returns the number of points, and those of the sweep that no file has
 * @throws DeepntkError as `mergeRows`
 */
export async function mergeSweeps(
  paths: readonly string[],
  target: { readonly out: string; readonly force?: boolean },
): Promise<{ readonly points: number; readonly missing: readonly Range[] }> {
  const format = tableFormatOf(target.out);
  const other = paths.find((path) => tableFormatOf(path) !== format);
  if (other !== undefined) throw mismatch('merge', `files named .${format}, as --out is`, other);
  const { rows, missing } = await mergeRows('merge', rowKindOf(target.out), paths, target, countPoints);
  return { points: rows, missing };
}

/** The number of points of a sweep whose settings come from a file. */
function countPoints(settings: Fields, name: string): number {
  const { mode, weightVariance, biasVariance, depth, width } = settings;
  const isAxes = [weightVariance, biasVariance, depth, width].every((axis) => isNumbers(axis));
  if (!isAxes || (mode !== 'grid' && mode !== 'zip'))
    throw invalidFile(name, 'the settings of a sweep', 'others');
  return pointCount(settings as unknown as Sweep);
}
