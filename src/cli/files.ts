/** Files that commands take and leave. */
import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

import { invalidFile } from '../data/files';
import { readNpy } from '../data/npy';
import { DeepntkError } from '../errors';
import type { NdArray } from '../ndarray';

/** Inputs, N x n_0, from a .npy file. */
export async function readInputs(path: string): Promise<NdArray> {
  const x = await readNpy(path);
  if (x.shape.length !== 2) throw invalidFile(path, 'inputs, N x n_0', `shape (${x.shape.join(', ')})`);
  return x;
}

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
