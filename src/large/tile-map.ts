/** A .npy file that comes to be tile by tile: its settings, its names, and the rule for files that are there already. */
import { access, rm, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';

import { invalidFile } from '../data/files';
import { npyHeader } from '../data/npy';
import { DeepntkError } from '../errors';
import { formatBytes } from '../memory';
import { sizeOf } from '../ndarray';
import { expectSameSettings, type Fields } from '../runs/head';
import { journalOf, type Recorded, readJournal } from '../runs/journal';
import { expectTarget } from '../runs/target';
import type { Dtype } from './options';

export const KERNEL_TILES = { format: 'deepntk-kernel-tiles', version: 2 } as const;

/** A kernel in a file. */
export interface KernelSettings {
  readonly dtype: Dtype;
  /** N x N' and the axes of one pair of inputs. */
  readonly shape: readonly number[];
  readonly symmetric: boolean;
  /** All else that the numbers depend on, by name. */
  readonly settings: Readonly<Record<string, string>>;
}

export interface TileFileSpec extends KernelSettings {
  readonly path: string;
}

/** The settings in the head of a journal or of a part. */
export function storedSettings(
  { settings, dtype, shape, symmetric }: KernelSettings,
  tileEdge: number,
): Record<string, unknown> {
  return { ...settings, dtype, shape, symmetric, tileEdge };
}

/** The finished tiles of an interrupted run. */
export interface Leftover {
  readonly tileEdge: number;
  /** Checksums by "row column". */
  readonly tiles: ReadonlyMap<string, number>;
}

export const partialPath = (path: string): string => `${path}.partial`;

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
 * Looks at the files that are there, before anything is computed.
 *
 * @param extraBytes temporary files beside the kernel
 * @param force removes what is there
 * @returns the tiles that an interrupted run with the same settings left; null if there are none
 * @throws DeepntkError `ERR_INVALID_FILE` if the file exists, if its folder cannot be written to or has too little room, or if
 *   the run that was interrupted had other settings
 */
export async function inspectTarget(
  spec: TileFileSpec,
  extraBytes: number,
  force: boolean,
): Promise<Leftover | null> {
  const { path } = spec;
  await expectTarget(path, force);
  if (force) {
    for (const old of [path, partialPath(path), journalOf(path)]) await rm(old, { force: true });
  }
  const leftover = await readLeftover(spec);
  if (leftover === null && (await exists(partialPath(path)))) {
    throw failure(
      `cannot write ${path}: ${partialPath(path)} is there without its journal ${journalOf(path)}; remove it or choose another name`,
    );
  }
  const folder = dirname(path);
  const { bavail, bsize } = await statfs(folder);
  const needed = extraBytes + (leftover === null ? headerOf(spec).length + dataBytes(spec) : 0);
  if (needed > bavail * bsize) {
    throw failure(
      `cannot write ${path}: expected ${formatBytes(needed)} of free space in ${folder}, got ${formatBytes(bavail * bsize)}`,
    );
  }
  return leftover;
}

const isTileKey = (value: unknown): value is string => typeof value === 'string' && /^\d+ \d+$/.test(value);

async function readLeftover(spec: TileFileSpec): Promise<Leftover | null> {
  const recorded: Recorded<string> | null = await readJournal(spec.path, KERNEL_TILES, isTileKey);
  if (recorded === null) return null;
  const tileEdge = readTileEdge(recorded.settings, journalOf(spec.path));
  expectSameSettings(partialPath(spec.path), recorded.settings, storedSettings(spec, tileEdge));
  return { tileEdge, tiles: recorded.pieces };
}

export function readTileEdge({ tileEdge }: Fields, name: string): number {
  if (!Number.isSafeInteger(tileEdge) || (tileEdge as number) <= 0)
    throw invalidFile(name, 'tiles of a positive edge', String(tileEdge));
  return tileEdge as number;
}

export function headerOf({ dtype, shape }: TileFileSpec): Uint8Array {
  return npyHeader(dtype, shape);
}

export function dataBytes({ dtype, shape }: TileFileSpec): number {
  return sizeOf(shape) * (dtype === 'float32' ? 4 : 8);
}
