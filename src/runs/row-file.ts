/**
 * A table whose rows are the results of units: CSV or JSON lines, which pandas reads, and beside it a journal with the settings
 * and the checksum of every row (journal.ts).
 */
import { existsSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { crc32 } from 'node:zlib';

import { invalidFile, readBytes, reasonOf, writeFileAtomically } from '../data/files';
import { DeepntkError } from '../errors';
import { expectSameSettings, type Fields, type Format, isNatural } from './head';
import { Journal, journalOf, readJournal } from './journal';
import { type Lock, lockFile } from './lock';
import { gapsOf, joinRanges, type Range } from './ranges';
import { expectTarget } from './target';

/** A kind of tables. */
export interface RowKind extends Format {
  /** The lines before the first row: the header of a CSV file, with its end. */
  readonly header: string;
}

/** The rows of a file. */
export interface SavedRows {
  /** As they are stored: the caller checks them. */
  readonly settings: Fields;
  /** Each with its end. */
  readonly rows: ReadonlyMap<number, Buffer>;
  /** The bytes behind the last row that is in the journal: what an interrupted run left. */
  readonly rest: Buffer;
}

/**
 * Reads a table and its journal.
 *
 * @returns null if there is neither
 * @throws DeepntkError `ERR_INVALID_FILE` if the table has no journal, or a row differs from its checksum
 */
export async function readRows(kind: RowKind, path: string): Promise<SavedRows | null> {
  const recorded = await readJournal(path, kind, isNatural);
  if (!existsSync(path)) return null;
  const content = Buffer.from(await readBytes(path));
  if (recorded !== null) return decodeRows(kind, recorded, content, path);
  // An empty file has nothing to lose.
  if (content.length === 0) return null;
  throw invalidFile(path, `a table with its journal ${journalOf(path)} beside it`, 'no journal');
}

/** Reads a table that is in memory. @param name the file in error messages */
export function decodeRows(
  { header }: RowKind,
  { settings, pieces }: { readonly settings: Fields; readonly pieces: ReadonlyMap<number, number> },
  content: Buffer,
  name: string,
): SavedRows {
  const start = Buffer.from(header);
  const begins = content.subarray(0, start.length).equals(start);
  if (!begins && (pieces.size > 0 || !isPrefix(content, start))) {
    throw invalidFile(name, 'the header that its journal belongs to', 'another first line');
  }
  const rows = new Map<number, Buffer>();
  let at = begins ? start.length : content.length;
  for (const [unit, checksum] of pieces) {
    const row = content.subarray(at, content.indexOf(0x0a, at) + 1 || content.length);
    if (crc32(row) !== checksum) {
      throw invalidFile(name, `the row of point ${unit} with the checksum of its journal`, 'a changed row');
    }
    rows.set(unit, row);
    at += row.length;
  }
  return { settings, rows, rest: content.subarray(at) };
}

const isPrefix = (part: Buffer, whole: Buffer): boolean => whole.subarray(0, part.length).equals(part);

/** The table that a run appends its rows to. It is locked until it is closed. */
export class RowFile {
  #end: number;

  private constructor(
    private readonly path: string,
    /** The units whose rows were there before. */
    readonly units: ReadonlySet<number>,
    private readonly file: FileHandle,
    private readonly journal: Journal,
    private readonly lock: Lock,
    end: number,
  ) {
    this.#end = end;
  }

  /**
   * Locks a table and opens it. If it exists, the run continues it.
   *
   * @param options.belongs whether a line is the beginning of a row of this job: an interrupted run may have left one at the end
   * @param options.force replaces a file that is there instead
   * @throws DeepntkError `ERR_INVALID_FILE` if another run writes the file, or if it is not ours, is damaged, or belongs to other
   *   settings; it stays as it is
   */
  static async open(
    kind: RowKind,
    path: string,
    settings: object,
    options: {
      readonly belongs: (line: string) => boolean;
      readonly signal: AbortSignal | undefined;
      readonly force: boolean;
    },
  ): Promise<RowFile> {
    const { belongs, signal, force } = options;
    const lock = await lockFile(path, signal);
    let journal: Journal | undefined;
    let file: FileHandle | undefined;
    try {
      const saved = force ? null : await readRows(kind, path);
      if (saved !== null) {
        expectSameSettings(path, saved.settings, settings);
        const stray = saved.rest
          .toString('utf8')
          .split('\n')
          .find((line) => line !== '' && !belongs(line));
        if (stray !== undefined)
          throw invalidFile(
            path,
            'nothing behind the rows of its journal',
            JSON.stringify(stray.slice(0, 40)),
          );
      }
      journal = Journal.open(path, { ...kind, settings }, saved === null);
      file = await explained(path, () => open(path, saved === null ? 'w' : 'r+'));
      const rows = [...(saved?.rows.values() ?? [])];
      const end = rows.reduce((sum, row) => sum + row.length, Buffer.byteLength(kind.header));
      const table = new RowFile(path, new Set(saved?.rows.keys()), file, journal, lock, end);
      await table.#begin(kind.header, rows.length > 0);
      return table;
    } catch (error) {
      journal?.close();
      await file?.close();
      await lock.release();
      throw error;
    }
  }

  /** Cuts off what is behind the last row, and writes the header. */
  async #begin(header: string, hasRows: boolean): Promise<void> {
    await explained(this.path, async () => {
      await this.file.truncate(hasRows ? this.#end : 0);
      if (!hasRows) await writeAt(this.file, header, 0);
    });
  }

  /** Appends the row of a unit, with its end. */
  async append(unit: number, row: string): Promise<void> {
    await explained(this.path, () => writeAt(this.file, row, this.#end));
    this.#end += Buffer.byteLength(row);
    this.journal.append(unit, crc32(row));
  }

  async close(): Promise<void> {
    this.journal.close();
    await this.file.close();
    await this.lock.release();
  }
}

/**
 * Writes the rows of several tables into one, in the order of the units.
 *
 * @returns the settings, and the units that no file has, up to `units(settings)`
 * @throws DeepntkError `ERR_INVALID_FILE` if a file is damaged or belongs to other settings, or `out` exists;
 *   `ERR_INVALID_ARGUMENT` if two files have a row of the same unit
 */
export async function mergeRows(
  where: string,
  kind: RowKind,
  paths: readonly string[],
  { out, force }: { readonly out: string; readonly force?: boolean },
  units: (settings: Fields, name: string) => number,
): Promise<{ readonly rows: number; readonly missing: readonly Range[] }> {
  const lock = await lockFile(out);
  try {
    await expectTarget(out, force);
    const merged = new Map<number, Buffer>();
    let first: Fields | undefined;
    for (const path of paths) {
      const saved = await readRows(kind, path);
      if (saved === null) throw invalidFile(path, 'a table', 'no such file');
      first ??= saved.settings;
      expectSameSettings(path, saved.settings, first, `in ${paths[0]!}`);
      for (const [unit, row] of saved.rows) {
        if (merged.has(unit)) {
          throw new DeepntkError(
            'ERR_INVALID_ARGUMENT',
            `${where}: expected each point once, got point ${unit} twice`,
          );
        }
        merged.set(unit, row);
      }
    }
    const count = units(first!, paths[0]!);
    const numbers = [...merged.keys()].sort((a, b) => a - b);
    if (numbers.length > 0 && numbers.at(-1)! >= count)
      throw invalidFile(paths[0]!, `points below ${count}`, String(numbers.at(-1)));
    const ranges = joinRanges(
      where,
      'points',
      numbers.map((unit): Range => [unit, unit + 1]),
    );
    // The journal comes first: a table without one is not ours.
    const journal = Journal.open(out, { ...kind, settings: first! }, true);
    for (const unit of numbers) journal.append(unit, crc32(merged.get(unit)!));
    journal.close();
    await writeFileAtomically(out, [
      Buffer.from(kind.header),
      ...numbers.map((unit) => Uint8Array.from(merged.get(unit)!)),
    ]);
    return { rows: numbers.length, missing: gapsOf(ranges, 0, count) };
  } finally {
    await lock.release();
  }
}

async function writeAt(file: FileHandle, text: string, position: number): Promise<void> {
  const bytes = Buffer.from(text);
  for (let done = 0; done < bytes.length;) {
    done += (await file.write(bytes, done, bytes.length - done, position + done)).bytesWritten;
  }
  await file.sync();
}

async function explained<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw new DeepntkError('ERR_INVALID_FILE', `cannot write ${path}: ${reasonOf(cause)}`, { cause });
  }
}
