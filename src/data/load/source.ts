/** Where data come from. */
import { types } from 'node:util';

import { invalidArgument } from '../../errors';

/** A path (`-` is the standard input), or the content of a file. */
export type DataSource = string | Uint8Array;

export function expectSource(where: string, source: unknown): DataSource {
  if (types.isUint8Array(source)) return source;
  if (typeof source !== 'string' || source === '' || source.includes('\0')) {
    throw invalidArgument(where, 'the path of a file, "-" for the standard input, or its bytes', source);
  }
  return source;
}

export function nameOfSource(source: DataSource): string {
  if (typeof source !== 'string') return 'data in memory';
  return source === '-' ? 'standard input' : source;
}
