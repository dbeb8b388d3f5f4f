/** The rule for files that are written: one that exists is kept, unless the caller asks to overwrite it. */
import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

import { reasonOf } from '../data/files';
import { DeepntkError } from '../errors';

/**
 * Checks that a file can be written, before a long computation.
 *
 * @throws DeepntkError `ERR_INVALID_FILE` if the file exists and `force` is not true, if it is a folder, or if its folder cannot
 *   be written to
 */
export async function expectTarget(path: string, force?: boolean): Promise<void> {
  await access(dirname(path), constants.W_OK).catch((cause: unknown) => {
    throw refused(path, reasonOf(cause), cause);
  });
  await expectNew(path, force);
}

/** {@link expectTarget} for a file whose folder is made later. */
export async function expectNew(path: string, force = false): Promise<void> {
  const found = await stat(path).catch(() => null);
  if (found?.isDirectory() === true) throw refused(path, 'it is a folder');
  // A pipe or a device is written to, not replaced.
  if (found?.isFile() === true && !force) {
    throw refused(path, 'it exists already; choose another name, or force it to be overwritten (--force)');
  }
}

function refused(path: string, reason: string, cause?: unknown): DeepntkError {
  return new DeepntkError('ERR_INVALID_FILE', `cannot write ${path}: ${reason}`, { cause });
}
