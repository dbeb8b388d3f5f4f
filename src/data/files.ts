/** What every reader and writer of files shares: how they fail, and how a file comes to be whole or not at all. */
import { randomBytes } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

import { DeepntkError, describe, expectPath } from '../errors';
import { expectFits } from '../memory';

/** One system call moves less than 2 GiB; larger files take several. */
const LARGEST_TRANSFER = 2 ** 30;

/** Of a message, in characters. A path may be this long. */
const LONGEST_PART = 500;

/** "`name`: expected `what`, got `got`", the form of every complaint about the content of a file. */
export function invalidFile(name: string, what: string, got: string, options?: ErrorOptions): DeepntkError {
  return new DeepntkError(
    'ERR_INVALID_FILE',
    `${clipped(name)}: expected ${clipped(what)}, got ${clipped(got)}`,
    options,
  );
}

/** Names and values come out of the file, and a damaged one may have them of any length. */
function clipped(text: string): string {
  return text.length > LONGEST_PART ? `${text.slice(0, LONGEST_PART)}...` : text;
}

/** A value of a JSON file for an error message: a short list of numbers as it stands, all else in words. */
export function shown(value: unknown): string {
  const short =
    Array.isArray(value) && value.length <= 8 && value.every((entry) => typeof entry === 'number');
  return short ? JSON.stringify(value) : describe(value);
}

/**
 * The whole content of a file, of any size that memory holds.
 *
 * @throws DeepntkError `ERR_INVALID_FILE` where it cannot be read, `ERR_OUT_OF_MEMORY` where it is larger than memory
 */
export async function readBytes(path: string): Promise<Uint8Array<ArrayBuffer>> {
  expectPath('path', path);
  try {
    const file = await open(path, 'r');
    try {
      const { size } = await file.stat();
      expectFits(`cannot read ${path}`, size, 'its content');
      const bytes = new Uint8Array(size);
      let filled = 0;
      while (filled < bytes.length) {
        const length = Math.min(bytes.length - filled, LARGEST_TRANSFER);
        const { bytesRead } = await file.read(bytes, filled, length, filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      return bytes.subarray(0, filled);
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof DeepntkError) throw error;
    const code = error instanceof RangeError ? 'ERR_OUT_OF_MEMORY' : 'ERR_INVALID_FILE';
    throw new DeepntkError(code, `cannot read ${path}: ${reasonOf(error)}`, { cause: error });
  }
}

/**
 * Writes the parts one after the other to a temporary file in the same folder, brings it to the disk, and renames it to
 * `path`: whoever opens `path` finds the old file or the whole new one, also after a crash.
 *
 * @throws DeepntkError `ERR_INVALID_FILE` where it cannot be written; nothing is left behind then
 */
export async function writeFileAtomically(path: string, parts: Iterable<Uint8Array>): Promise<void> {
  const file = await createFileAtomically(path);
  try {
    for (const part of parts) await file.append(part);
    await file.commit();
  } finally {
    await file.abandon();
  }
}

/** A file in the making: it appears at its path when it is committed, whole, and not at all if it is not. */
export interface PendingFile {
  append(part: Uint8Array): Promise<void>;
  /** Brings it to the disk and to its path. */
  commit(): Promise<void>;
  /** Removes what was written, unless it was committed. */
  abandon(): Promise<void>;
}

/**
 * Begins a file like those of {@link writeFileAtomically}, to be written part by part.
 *
 * @throws DeepntkError `ERR_INVALID_FILE`, here and from `append` and `commit`, where it cannot be written
 */
export async function createFileAtomically(path: string): Promise<PendingFile> {
  expectPath('path', path);
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`);
  const file = await explained(path, () => open(temporary, 'wx'));
  let state: 'open' | 'closed' | 'gone' = 'open';
  const close = async (): Promise<void> => {
    if (state !== 'open') return;
    state = 'closed';
    await file.close();
  };
  return {
    append: (part) =>
      explained(path, async () => {
        for (let written = 0; written < part.length;) {
          const length = Math.min(part.length - written, LARGEST_TRANSFER);
          written += (await file.write(part, written, length)).bytesWritten;
        }
      }),
    commit: () =>
      explained(path, async () => {
        await file.sync();
        await close();
        await rename(temporary, path);
        state = 'gone';
      }),
    async abandon() {
      await close().catch(() => undefined);
      if (state !== 'gone') await rm(temporary, { force: true }).catch(() => undefined);
      state = 'gone';
    },
  };
}

async function explained<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new DeepntkError('ERR_INVALID_FILE', `cannot write ${path}: ${reasonOf(error)}`, { cause: error });
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or folder',
  EACCES: 'permission denied',
  EISDIR: 'it is a folder',
  ENOTDIR: 'a part of the path is not a folder',
  ENOSPC: 'no space left on the device',
  EROFS: 'the file system is read-only',
};

/** Why an operation on a file failed, in a few words. */
export function reasonOf(error: unknown): string {
  const code = (error as NodeJS.ErrnoException | null)?.code ?? '';
  return REASONS[code] ?? (error instanceof Error ? error.message : String(error));
}
