/**
 * The journal of a file that comes to be piece by piece and has a format of its own (CSV, .npy): FILE.meta.jsonl beside it. The
 * first line is the head, `{ format, version, settings }`. Every further line is a finished piece, a row or a tile: its number or
 * name, and the CRC-32 of its bytes. A line without its end does not count.
 */
import { closeSync, existsSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { rm } from 'node:fs/promises';

import { readBytes, reasonOf } from '../data/files';
import { DeepntkError } from '../errors';
import { type Fields, type Format, parseFields, readSettings } from './head';

export const journalOf = (path: string): string => `${path}.meta.jsonl`;

/** The content of a journal. */
export interface Recorded<Key> {
  readonly settings: Fields;
  /** Checksums by piece, in the order in which the pieces were finished. */
  readonly pieces: ReadonlyMap<Key, number>;
}

/** @returns null if there is no journal, or if it was cut off in its first line */
export async function readJournal<Key extends string | number>(
  path: string,
  format: Format,
  isKey: (value: unknown) => value is Key,
): Promise<Recorded<Key> | null> {
  const journal = journalOf(path);
  if (!existsSync(journal)) return null;
  return decodeJournal(Buffer.from(await readBytes(journal)).toString('utf8'), format, isKey, journal);
}

/** Reads the text of a journal. @param name the file in error messages */
export function decodeJournal<Key extends string | number>(
  text: string,
  format: Format,
  isKey: (value: unknown) => value is Key,
  name: string,
): Recorded<Key> | null {
  const [head, ...lines] = text.split('\n').slice(0, -1);
  if (head === undefined) return null;
  const settings = readSettings(parseFields(head, name), format, name);
  const pieces = new Map<Key, number>();
  for (const line of lines) {
    // A line that was cut off by a kill, or an empty one before a later run, is no piece.
    const piece = pieceOf(line, isKey);
    if (piece !== null) pieces.set(...piece);
  }
  return { settings, pieces };
}

function pieceOf<Key>(line: string, isKey: (value: unknown) => value is Key): [Key, number] | null {
  try {
    const [key, checksum, ...rest] = JSON.parse(line) as unknown[];
    const sum = /^[0-9a-f]{8}$/.test(String(checksum)) ? parseInt(String(checksum), 16) : NaN;
    return isKey(key) && Number.isInteger(sum) && rest.length === 0 ? [key, sum] : null;
  } catch {
    return null;
  }
}

/** A journal that is written. */
export class Journal {
  readonly #path: string;
  readonly #file: number;
  #closed = false;

  private constructor(path: string, file: number) {
    this.#path = path;
    this.#file = file;
  }

  /** Begins the journal of a file, or continues it. */
  static open(path: string, head: Format & { readonly settings: object }, fresh: boolean): Journal {
    const journal = journalOf(path);
    return explained(journal, () => {
      const file = openSync(journal, fresh ? 'w' : 'a');
      const { format, version, settings } = head;
      const opened = new Journal(journal, file);
      // An empty line, so that a line that was cut off does not run into the next one.
      try {
        writeSync(file, fresh ? `${JSON.stringify({ format, version, settings })}\n` : '\n');
        if (fresh) fsyncSync(file);
      } catch (error) {
        opened.close();
        throw error;
      }
      return opened;
    });
  }

  append(key: string | number, checksum: number): void {
    explained(this.#path, () =>
      writeSync(this.#file, `${JSON.stringify([key, checksum.toString(16).padStart(8, '0')])}\n`),
    );
  }

  close(): void {
    if (!this.#closed) closeSync(this.#file);
    this.#closed = true;
  }

  /** Closes the journal and removes it, because its file is complete. */
  async remove(): Promise<void> {
    this.close();
    await rm(this.#path, { force: true });
  }
}

function explained<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    throw new DeepntkError('ERR_INVALID_FILE', `cannot write ${path}: ${reasonOf(cause)}`, { cause });
  }
}
