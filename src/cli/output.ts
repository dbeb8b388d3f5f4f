/** What commands print. Results go to stdout; everything else goes to stderr. */

/** Rows of a table: what, and its value; null leaves a row out. */
export type Rows = readonly (readonly [name: string, value: string | null])[];

/**
 * One JSON object on one line. Infinity and NaN, which JSON does not have, become the strings "Infinity", "-Infinity"
 * and "NaN", which `Number` and Python's `float` read back. Arrays of doubles become lists.
 */
export function printJson(value: object): void {
  const text = JSON.stringify(value, (_, entry: unknown) => {
    if (entry instanceof Float64Array) return [...entry];
    return typeof entry === 'number' && !Number.isFinite(entry) ? String(entry) : entry;
  });
  process.stdout.write(`${text}\n`);
}

/** Names and values in two columns. */
export function printTable(rows: Rows): void {
  const shown = rows.filter(([, value]) => value !== null);
  const width = Math.max(...shown.map(([name]) => name.length));
  process.stdout.write(shown.map(([name, value]) => `${name.padEnd(width)}  ${value!}\n`).join(''));
}

/** A table of several columns, aligned; the first row is the head. */
export function printColumns(rows: readonly (readonly string[])[]): void {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd();
  process.stdout.write(rows.map((row) => `${line(row)}\n`).join(''));
}

/** An error, or a warning, as one line on stderr. */
export function printError(message: string): void {
  process.stderr.write(`deepntk: ${message.replace(/\s*\n\s*/g, ' ').trim()}\n`);
}

/** Six significant digits, without needless zeros. */
export function figures(value: number): string {
  return String(Number(value.toPrecision(6)));
}

/** 1.50 s, 12.3 ms, 0.97 us */
export function seconds(value: number): string {
  if (value >= 1) return `${value.toFixed(2)} s`;
  return value >= 1e-3 ? `${(value * 1e3).toPrecision(3)} ms` : `${(value * 1e6).toPrecision(3)} us`;
}

/** 1.50 GB, 12.3 MB */
export function bytes(value: number): string {
  return scaled(value, ['B', 'kB', 'MB', 'GB', 'TB', 'PB']);
}

/** 42.1 Gflop */
export function flops(value: number): string {
  return scaled(value, ['flop', 'kflop', 'Mflop', 'Gflop', 'Tflop', 'Pflop', 'Eflop']);
}

function scaled(value: number, units: readonly string[]): string {
  const step = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(value, 1)) / 3)));
  return `${Number((value / 1000 ** step).toPrecision(3))} ${units[step]!}`;
}
