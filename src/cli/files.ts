/** Files that commands write. */
import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

import { DeepntkError } from '../errors';

/** A computation can take hours: better to hear of a missing folder before. */
export async function expectWritable(path: string): Promise<void> {
  const folder = dirname(path);
  await access(folder, constants.W_OK).catch((error: unknown) => {
    throw new DeepntkError('ERR_INVALID_FILE', `cannot write ${path}: no folder ${folder} to write to`, {
      cause: error,
    });
  });
  const found = await stat(path).catch(() => null);
  if (found?.isDirectory() === true) {
    throw new DeepntkError('ERR_INVALID_FILE', `cannot write ${path}: it is a folder`);
  }
}
