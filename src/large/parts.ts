/** Kernels in parts: some tiles computed into a file of their own, and the files put together. */
import { entriesOf } from '../backend/forms';
import { invalidFile } from '../data/files';
import type { ArrayInput } from '../array-input';
import { DeepntkError, expectBoolean, expectOptions, invalidArgument } from '../errors';
import type { KernelNetwork } from '../kernel/ntk';
import { expectSameSettings } from '../runs/head';
import { finishJob } from '../runs/job';
import { readShard } from '../runs/ranges';
import { readWatch } from '../watch';
import {
  expectOut,
  FILE_OPTION_NAMES,
  type NtkFileOptions,
  type NtkFileResult,
  planFile,
  runTiles,
} from './ntk-to-file';
import { PartFile } from './part-file';
import { expectReady, readLargeOptions, readPair, settingsOf } from './inputs';
import { TileFile } from './tile-file';
import { partialPath } from './tile-map';
import {
  type KernelGrid,
  keyOf,
  mirrorOf,
  sharedTileEdge,
  tileCountOf,
  type TileNumbers,
  type TilePlace,
  tilesOfShard,
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
  const large = readLargeOptions(where, network, options, FILE_OPTION_NAMES);
  const out = expectOut(where, options.out, '.part');
  const shard = readShard(`${where}: shard`, options.shard);
  const inputs = readPair(where, X, X2, network.widths[0]!);
  const n = inputs.X.shape[0]!;
  const n2 = inputs.X2?.shape[0] ?? null;
  await expectReady(where, large, inputs);
  const tileEdge = sharedTileEdge(large.shape, n, n2, options.dtype ?? 'float64');
  const plan = planFile(where, large, n, n2, options, { tileEdge });
  const { dtype, shape, symmetric } = plan;
  const header = { dtype, shape, symmetric, settings: await settingsOf(large, inputs), tileEdge, shard };
  const { signal } = large.request.run;
  const file = await PartFile.create(out, header, { force: options.force === true, signal });
  const mine = tilesOfShard(plan, shard);
  const writer = new TileWriter(plan, entriesOf(large.shape), false, file, mine);
  writer.reused = mine.filter((place) => file.tiles.has(keyOf(place)));
  return runTiles(large, inputs, writer, out);
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
  options: { readonly out: string; readonly force?: boolean; readonly signal?: AbortSignal },
): Promise<MergedKernel> {
  const where = 'mergeNtk';
  expectOptions(where, options, ['out', 'force', 'signal']);
  const { signal } = readWatch(where, options);
  const out = expectOut(where, options.out, '.npy');
  if (!Array.isArray(paths) || paths.length === 0 || !paths.every((path) => typeof path === 'string'))
    throw invalidArgument(where, 'the paths of .part files', paths);
  const parts: PartFile[] = [];
  try {
    for (const path of paths as readonly string[]) parts.push(await PartFile.open(path));
    return await mergeParts(parts, out, expectBoolean(`${where}: force`, options.force ?? false), signal);
  } finally {
    for (const part of parts) await part.close();
  }
}

async function mergeParts(
  parts: readonly PartFile[],
  out: string,
  force: boolean,
  signal: AbortSignal | undefined,
): Promise<MergedKernel> {
  const [first, ...others] = parts as [PartFile, ...PartFile[]];
  for (const part of others) part.expectSameKernel(first);
  const { header, grid } = first;
  const holders = new Map(parts.flatMap((part) => [...part.tiles.keys()].map((key) => [key, part] as const)));
  // Counted before they are listed: a header may promise any number of them.
  const tiles = tileCountOf(grid);
  if (holders.size < tiles) {
    throw new DeepntkError(
      'ERR_INVALID_FILE',
      `cannot write ${out}: ${tiles - holders.size} of ${tiles} tiles are missing; every shard has to be there and finished`,
    );
  }
  const writer = await TileFile.open({ ...header, path: out }, { force, signal }, (tileEdge) => {
    const { path } = first;
    if (tileEdge !== null)
      expectSameSettings(partialPath(out), { tileEdge }, { tileEdge: header.tileEdge }, `in ${path}`);
    return grid;
  });
  await finishJob((missing) => tilesOfParts(holders, writer, [...missing], signal), writer);
  return { file: out, shape: header.shape, dtype: header.dtype, tiles };
}

/** The source of the tiles that parts hold. */
async function* tilesOfParts(
  holders: ReadonlyMap<string, PartFile>,
  writer: TileWriter<KernelGrid>,
  missing: readonly TilePlace[],
  signal: AbortSignal | undefined,
): AsyncGenerator<readonly [TilePlace, TileNumbers], void, void> {
  for (const place of missing) {
    signal?.throwIfAborted();
    const { tile, mirror } = await writer.room(place);
    const part = holders.get(keyOf(place))!;
    if (!(await part.read(place, tile)))
      throw invalidFile(part.path, `tile ${keyOf(place)} with its checksum`, 'damaged numbers');
    if (mirror !== null) mirrorOf(tile, mirror, place, part.header.shape.slice(2));
    yield [place, { tile, mirror }];
  }
}
