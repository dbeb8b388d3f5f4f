/** Reads one source of any format: a table or an array. */
import type { NdArray } from '../../ndarray';
import type { Watch } from '../../watch';
import { invalidFile } from '../files';
import { readIdxFrom } from '../idx';
import { readNpyFrom } from '../npy';
import { type ByteReader, openBytes } from './bytes';
import { type DataSource, nameOfSource } from './source';
import { formatOf } from './formats';
import { readNpz } from './npz';
import { readTable, type Table, type TableRequest } from './table';
import { textOf } from './text';

export type Part =
  | { readonly kind: 'table'; readonly table: Table; readonly name: string }
  | { readonly kind: 'array'; readonly array: NdArray; readonly name: string; readonly format: ArrayFormat };

/** IDX files have bytes, which are images or labels. */
export type ArrayFormat = 'npy' | 'npz' | 'idx';

export type TableOptions = Omit<TableRequest, 'name' | 'expected'>;

/**
 * @param source a path, `-`, or bytes; `file.npz:x` is the array x of file.npz
 * @throws DeepntkError `ERR_INVALID_FILE`, `ERR_OUT_OF_MEMORY`; the signal's reason on abort
 */
export async function readPart(source: DataSource, options: TableOptions, watch: Watch): Promise<Part> {
  const [file, member] = splitMember(source);
  const name = nameOfSource(file);
  const { onProgress } = watch;
  const reader = await openBytes(file, watch, (read, total) => onProgress?.(read / total));
  try {
    const format = await formatOf(reader, name);
    if (member !== null && format !== 'zip') {
      throw invalidFile(
        name,
        `a .npz file, as ${JSON.stringify(`${name}:${member}`)} says`,
        'another format',
      );
    }
    switch (format) {
      case 'npy':
        return { kind: 'array', array: await readNpyFrom(reader, name), name, format };
      case 'idx':
        return { kind: 'array', array: await readIdxFrom(reader, name), name, format };
      case 'zip': {
        // A plain file is read in place. Anything else is first read into memory.
        const archive = reader.size !== null && typeof file === 'string' ? file : await reader.whole(name);
        const found = await readNpz(archive, name, member, watch);
        return { kind: 'array', ...found, format: 'npz' };
      }
      case 'text': {
        const table = await readText(reader, file, name, options, watch);
        return { kind: 'table', table, name };
      }
    }
  } finally {
    await reader.close();
  }
}

function splitMember(source: DataSource): [DataSource, string | null] {
  const [, file, member] = (typeof source === 'string' && /^(.*\.npz(?:\.gz)?):(.+)$/is.exec(source)) || [];
  return file === undefined ? [source, null] : [file, member!];
}

async function readText(
  reader: ByteReader,
  source: DataSource,
  name: string,
  options: TableOptions,
  watch: Watch,
): Promise<Table> {
  const { encoding, header } = options.settings;
  const lines = source === '-' ? null : await countLines(source, watch);
  const request: TableRequest = {
    ...options,
    name,
    expected: lines && { ...lines, rows: lines.rows - (header === false ? 0 : 1) },
  };
  return readTable(textOf(reader, encoding, name), request);
}

/** Counts lines. A table is read twice, so that the memory for its numbers is allocated once. */
async function countLines(source: DataSource, { signal }: Watch): Promise<{ rows: number; bytes: number }> {
  const reader = await openBytes(source, { signal, onProgress: undefined });
  let [rows, bytes, last] = [0, 0, 10];
  for await (const chunk of reader.rest()) {
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) rows++;
    bytes += chunk.length;
    last = chunk.at(-1) ?? last;
  }
  return { rows: rows + (last === 10 ? 0 : 1), bytes };
}
