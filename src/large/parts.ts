/** Kernels in parts: some tiles computed into a file of their own, and the files put together. */
import { entriesOf } from '../backend/features';
import { invalidFile } from '../data/files';
import { lockFile } from '../runs/lock';
import type { ArrayInput } from '../array-input';
import { DeepntkError, expectInteger, expectOptions, expectOptionsObject, invalidArgument } from '../errors';
import type { KernelNetwork } from '../kernel/ntk';
import { readWatch } from '../watch';
import { sizeOf } from '../ndarray';
import { computeTiles } from './compute-tiles';
import {
  expectOut,
  FILE_OPTION_NAMES,
  fileResult,
  type NtkFileOptions,
  type NtkFileResult,
  planFile,
} from './ntk-to-file';
import { PartFile } from './part-file';
import { expectReady, readLargeRequest, readPair, settingsOf } from './request';
import { TileFile } from './tile-file';
import { differingSettings, failure, inspectTarget, type Leftover, partialPath } from './tile-map';
import {
  isMirrored,
  keyOf,
  mirrorOf,
  sharedTileEdge,
  tileCountOf,
  tilesOf,
  tilesOfShard,
  type TileShard,
  TileWriter,
} from './tiles';

/** Computes one shard of a kernel into a .part file. See `NtkFileOptions.shard`. */
export async function ntkToPart(
  network: KernelNetwork,
  X: ArrayInput,
  X2: ArrayInput | null,
  options: NtkFileOptions,
): Promise<NtkFileResult> {
  const where = 'ntk';
  const large = readLargeRequest(where, network, options, FILE_OPTION_NAMES);
  const out = expectOut(where, options.out, '.part');
  const shard = readShard(where, options.shard);
  const inputs = readPair(where, X, X2, network.widths[0]!);
  const n = inputs.X.shape[0]!;
  const n2 = inputs.X2?.shape[0] ?? null;
  await expectReady(where, large, inputs);
  const tileEdge = sharedTileEdge(large.shape, n, n2, options.dtype ?? 'float64');
  const plan = planFile(where, large, n, n2, options, { tileEdge });
  const { dtype, shape, symmetric } = plan;
  const settings = await settingsOf(large, inputs);
  const lock = await lockFile(out, large.request.run.signal);
  try {
    const entries = entriesOf(large.shape);
    const header = { dtype, shape, symmetric, settings, tileEdge, shard };
    const file = await PartFile.create(out, header, (part) => {
      expectSameKernel(part, header);
    });
    try {
      const mine = tilesOfShard(plan, shard);
      const reused = mine.filter((place) => file.tiles.has(keyOf(place)));
      const missing = mine.filter((place) => !file.tiles.has(keyOf(place)));
      const writer = new TileWriter(plan, entries, false, (place, tile) => file.append(place, tile));
      const spillPath = `${out}.features`;
      await computeTiles({ large, ...inputs, plan, missing, reused, writer, spillPath });
      return fileResult(large, out, plan, { computed: missing.length, reused: reused.length });
    } finally {
      await file.close();
    }
  } finally {
    await lock.release();
  }
}

function readShard(where: string, shard: unknown): TileShard {
  expectOptionsObject(`${where}: shard`, shard);
  const { index, count } = shard as Partial<TileShard>;
  expectOptions(`${where}: shard`, shard, ['index', 'count']);
  expectInteger(`${where}: shard.count`, count);
  return {
    count: count!,
    index: expectInteger(`${where}: shard.index`, index, { min: 0, max: count! - 1 }),
  };
}

function expectSameKernel(file: PartFile, header: PartFile['header']): void {
  const { shard } = file.header;
  const differing = [
    ...differingSettings(file.header, header),
    ...(file.header.tileEdge === header.tileEdge ? [] : ['tiles']),
    ...(shard.index === header.shard.index && shard.count === header.shard.count ? [] : ['shard']),
  ];
  if (differing.length === 0) return;
  throw new DeepntkError(
    'ERR_INVALID_FILE',
    `cannot continue ${file.path}: it was begun with other settings (${differing.join(', ')}); remove it or choose another name`,
  );
}

/** The file that {@link mergeNtk} has written. */
export interface MergedKernel {
  readonly file: string;
  readonly shape: readonly number[];
  readonly dtype: 'float64' | 'float32';
  readonly tiles: number;
}

/**
 * The kernel whose parts `net.ntk` computed with `shard`, as a .npy file: the same bytes as of one machine. A merge that is
 * interrupted goes on when it is called again.
 *
 * @param paths the .part files, in any order
 * @throws DeepntkError `ERR_INVALID_FILE` where a part is damaged or of another kernel, where tiles are missing, or the
 *   file exists
 * @example await mergeNtk(['part-0.part', 'part-1.part'], { out: 'K.npy' });
 */
export async function mergeNtk(
  paths: readonly string[],
  options: { readonly out: string; readonly signal?: AbortSignal },
): Promise<MergedKernel> {
  const where = 'mergeNtk';
  expectOptions(where, options, ['out', 'signal']);
  const { signal } = readWatch(where, options);
  const out = expectOut(where, options.out, '.npy');
  if (!Array.isArray(paths) || paths.length === 0 || !paths.every((path) => typeof path === 'string'))
    throw invalidArgument(where, 'the paths of .part files', paths);
  const parts: PartFile[] = [];
  try {
    for (const path of paths as readonly string[]) parts.push(await PartFile.open(path));
    return await mergeParts(parts, out, signal);
  } finally {
    for (const part of parts) await part.close();
  }
}

async function mergeParts(
  parts: readonly PartFile[],
  out: string,
  signal: AbortSignal | undefined,
): Promise<MergedKernel> {
  const [first, ...others] = parts as [PartFile, ...PartFile[]];
  const { header, grid } = first;
  for (const part of others) {
    const differing = [
      ...differingSettings(part.header, header),
      ...(part.header.tileEdge === header.tileEdge ? [] : ['tiles']),
    ];
    if (differing.length === 0) continue;
    throw new DeepntkError(
      'ERR_INVALID_FILE',
      `${part.path}: expected a part of the same kernel as ${first.path}, got other settings (${differing.join(', ')})`,
    );
  }
  const holders = new Map(parts.flatMap((part) => [...part.tiles.keys()].map((key) => [key, part] as const)));
  // Counted before they are listed: a header may promise any number of them.
  const tiles = tileCountOf(grid);
  if (holders.size < tiles) {
    throw new DeepntkError(
      'ERR_INVALID_FILE',
      `cannot write ${out}: ${tiles - holders.size} of ${tiles} tiles are missing; every shard has to be there and finished`,
    );
  }
  const spec = { ...header, path: out };
  const lock = await lockFile(out, signal);
  try {
    const leftover = await inspectTarget(spec, 0);
    if (leftover !== null && leftover.tileEdge !== header.tileEdge)
      throw failure(
        `cannot continue ${partialPath(out)}: it was begun with other tiles; remove it, or choose another name`,
      );
    const file = TileFile.open(spec, header.tileEdge, leftover);
    try {
      await copyTiles(holders, file, first, leftover, signal);
      await file.complete();
    } finally {
      file.close();
    }
  } finally {
    await lock.release();
  }
  return { file: out, shape: header.shape, dtype: header.dtype, tiles };
}

/** Brings the tiles of parts that are not in the file yet into it. */
async function copyTiles(
  holders: ReadonlyMap<string, PartFile>,
  file: TileFile,
  { header, grid }: PartFile,
  leftover: Leftover | null,
  signal: AbortSignal | undefined,
): Promise<void> {
  const axes = header.shape.slice(2);
  const plan = { ...grid, dtype: header.dtype };
  const writer = new TileWriter(plan, sizeOf(axes), true, (place, tile, mirror) =>
    file.write(place, tile, mirror),
  );
  try {
    const there = new Set(
      leftover === null ? [] : (await file.verify(grid, leftover, writer, signal)).map(keyOf),
    );
    for (const place of tilesOf(grid).filter((candidate) => !there.has(keyOf(candidate)))) {
      signal?.throwIfAborted();
      const { tile, mirror } = await writer.room(place);
      const part = holders.get(keyOf(place))!;
      if (!(await part.read(place, tile)))
        throw invalidFile(part.path, `tile ${keyOf(place)} with its checksum`, 'damaged numbers');
      if (isMirrored(place, grid)) mirrorOf(tile, mirror!, place, axes);
      writer.write(place, tile, mirror);
    }
    await writer.settle();
  } finally {
    await writer.abandon();
  }
}
