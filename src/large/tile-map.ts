/** The map beside a .npy file that comes to be tile by tile: which tiles are there, and of what kernel. */
import { constants } from 'node:fs';
import { access, readFile, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';

import { reasonOf } from '../data/files';
import { npyHeader } from '../data/npy';
import { DeepntkError } from '../errors';
import { formatBytes } from '../memory';
import { sizeOf } from '../ndarray';
import type { Dtype } from './options';

const FORMAT = 'deepntk tile map';
const VERSION = 1;

/** A kernel in a file; `settings` are compared, one by one, with those of a file to be continued. */
export interface KernelSettings {
  readonly dtype: Dtype;
  /** N x N' and the axes of one pair of inputs. */
  readonly shape: readonly number[];
  readonly symmetric: boolean;
  readonly settings: Readonly<Record<string, string>>;
}

export interface TileFileSpec extends KernelSettings {
  readonly path: string;
}

interface MapHeader extends KernelSettings {
  readonly format: string;
  readonly version: number;
  readonly tileEdge: number;
}

/** The first line of a map. */
export function mapHeader({ dtype, shape, symmetric, settings }: TileFileSpec, tileEdge: number): string {
  const header: MapHeader = { format: FORMAT, version: VERSION, tileEdge, dtype, shape, symmetric, settings };
  return `${JSON.stringify(header)}\n`;
}

/** What an interrupted run left. */
export interface Leftover {
  readonly tileEdge: number;
  /** Checksums by "row column". */
  readonly tiles: ReadonlyMap<string, number>;
}

export const partialPath = (path: string): string => `${path}.partial`;
export const mapPath = (path: string): string => `${path}.tiles`;

export function failure(message: string, cause?: unknown): DeepntkError {
  return new DeepntkError('ERR_INVALID_FILE', message, cause === undefined ? undefined : { cause });
}

export async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/**
 * Looks at what is there before anything is computed.
 *
 * @returns what an interrupted run with the same settings left; null where there is nothing
 * @throws DeepntkError `ERR_INVALID_FILE` where the file exists, its folder cannot be written to or has too little room,
 *   or what is there was left by a run with other settings
 */
export async function inspectTarget(spec: TileFileSpec, extraBytes: number): Promise<Leftover | null> {
  const { path } = spec;
  const folder = dirname(path);
  await access(folder, constants.W_OK).catch((cause: unknown) => {
    throw failure(`cannot write ${path}: ${folder}: ${reasonOf(cause)}`, cause);
  });
  if (await exists(path)) {
    throw failure(`cannot write ${path}: it exists already; remove it or choose another name`);
  }
  const leftover = await readMap(spec);
  if (leftover === null && (await exists(partialPath(path)))) {
    throw failure(
      `cannot write ${path}: ${partialPath(path)} is there without its tile map ${mapPath(path)}; remove it or choose another name`,
    );
  }
  const { bavail, bsize } = await statfs(folder);
  const needed = extraBytes + (leftover === null ? headerOf(spec).length + dataBytes(spec) : 0);
  if (needed > bavail * bsize) {
    throw failure(
      `cannot write ${path}: expected ${formatBytes(needed)} of free space in ${folder}, got ${formatBytes(bavail * bsize)}`,
    );
  }
  return leftover;
}

async function readMap(spec: TileFileSpec): Promise<Leftover | null> {
  const path = mapPath(spec.path);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw failure(`cannot read ${path}: ${reasonOf(cause)}`, cause);
  }
  // A line without its end was being written when the process died.
  const lines = text.split('\n').slice(0, -1);
  if (lines.length === 0) return null;
  const remedy = `remove ${path} and ${partialPath(spec.path)} to begin anew, or choose another name`;
  const header = parseHeader(lines[0]!);
  if (header === null)
    throw failure(`${path}: expected a tile map of deepntk, got something else; ${remedy}`);
  if (header.version !== VERSION) {
    throw failure(`${path}: expected version ${VERSION} of the tile map, got ${header.version}; ${remedy}`);
  }
  const differing = differingSettings(header, spec);
  if (differing.length > 0) {
    throw failure(
      `cannot continue ${partialPath(spec.path)}: it was begun with other settings (${differing.join(', ')}); ${remedy}`,
    );
  }
  const tiles = new Map<string, number>();
  for (const line of lines.slice(1)) {
    const [, row, column, checksum] = /^(\d+) (\d+) ([0-9a-f]{8})$/.exec(line) ?? [];
    if (checksum !== undefined) tiles.set(`${row!} ${column!}`, parseInt(checksum, 16));
  }
  return { tileEdge: header.tileEdge, tiles };
}

/** The names of what differs between two kernels in files. */
export function differingSettings(a: KernelSettings, b: KernelSettings): string[] {
  return [
    ...(String(a.shape) === String(b.shape) ? [] : ['shape']),
    ...(a.symmetric === b.symmetric ? [] : ['columns']),
    ...(a.dtype === b.dtype ? [] : ['dtype']),
    ...Object.keys({ ...a.settings, ...b.settings }).filter((name) => a.settings[name] !== b.settings[name]),
  ];
}

function parseHeader(line: string): MapHeader | null {
  try {
    const header = JSON.parse(line) as Partial<MapHeader> | null;
    const whole =
      header?.format === FORMAT &&
      typeof header.version === 'number' &&
      Number.isSafeInteger(header.tileEdge) &&
      header.tileEdge! > 0 &&
      typeof header.settings === 'object';
    return whole ? (header as MapHeader) : null;
  } catch {
    return null;
  }
}

export function headerOf({ dtype, shape }: TileFileSpec): Uint8Array {
  return npyHeader(dtype, shape);
}

export function dataBytes({ dtype, shape }: TileFileSpec): number {
  return sizeOf(shape) * (dtype === 'float32' ? 4 : 8);
}
