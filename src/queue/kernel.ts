/** A kernel over the workers of a queue: its tiles are jobs, and are gathered in a file as `net.ntk` writes it. */
import { createHash } from 'node:crypto';

import type { ArrayInput } from '../array-input';
import { pairFlops } from '../backend/features';
import { entriesOf, kernelShape } from '../backend/forms';
import type { Provenance } from '../kernel/arguments';
import { type KernelNetwork, type NtkOptions, type NtkOutputs } from '../kernel/ntk';
import { bytesOf } from '../large/blocks';
import { expectOut } from '../large/ntk-to-file';
import type { Dtype } from '../large/options';
import {
  expectReady,
  type InputPair,
  type LargeOptions,
  ProgressMeter,
  readLargeOptions,
  readPair,
  settingsOf,
} from '../large/inputs';
import { TileFile } from '../large/tile-file';
import type { TileFileSpec } from '../large/tile-map';
import {
  type KernelGrid,
  keyOf,
  mirrorOf,
  pairsOf,
  sharedTileEdge,
  tileNumberOf,
  type TileNumbers,
  type TilePlace,
  type TileWriter,
} from '../large/tiles';
import type { NdArray } from '../ndarray';
import { finishJob } from '../runs/job';
import { connect, orAbort, type QueueAddress } from './connection';
import { Gathering } from './gather';
import { jobOf } from './jobs';
import {
  inputsName,
  kernelName,
  parametersName,
  type StoredKernel,
  takeTile,
  tileName,
  type TileSettings,
} from './kernel-tile';
import { Store } from './store';

export interface KernelQueueOptions extends NtkOptions, QueueAddress {
  /** The .npy file that receives the kernel. It must not exist. */
  readonly out: string;
  /** Replaces a file `out`, and what an interrupted run has left of one; false by default. */
  readonly force?: boolean;
  readonly dtype?: Dtype;
  /** What the tiles in Redis may come to, in bytes: as many are asked for at a time. */
  readonly redisMemory: number;
}

export interface KernelQueueResult extends Provenance {
  readonly file: string;
  readonly shape: readonly number[];
  readonly dtype: Dtype;
  readonly outputs: NtkOutputs;
  readonly precision: 'float64' | 'mixed';
  readonly tiles: { readonly computed: number; readonly reused: number };
  readonly queue: string;
}

/** How often it is seen to that Redis still holds the net and the inputs. */
const LOOK_EVERY_MS = 5000;

/**
 * The kernel in a file, computed by workers: the same bytes as `net.ntk` writes here, and each goes on with what the other
 * left.
 *
 * @throws DeepntkError as `net.ntk` with `out`; `ERR_QUEUE` where Redis cannot be reached, or a tile failed at every attempt
 */
export async function kernelOnQueue(
  network: KernelNetwork,
  X: ArrayInput,
  X2: ArrayInput | null,
  options: KernelQueueOptions,
): Promise<KernelQueueResult> {
  const where = 'kernel';
  const { queue, redis, redisMemory, dtype = 'float64', force, ...rest } = options;
  const large = readLargeOptions(where, network, rest, ['out']);
  const out = expectOut(where, options.out, '.npy');
  const inputs = readPair(where, X, X2, network.widths[0]!);
  const n = inputs.X.shape[0]!;
  const n2 = inputs.X2?.shape[0] ?? null;
  await expectReady(where, large, inputs);
  const { request, shape } = large;
  const spec: TileFileSpec = {
    path: out,
    dtype,
    shape: kernelShape(shape.form, n, n2 ?? n, network.widths.at(-1)!),
    symmetric: n2 === null,
    settings: await settingsOf(large, inputs),
  };
  const { signal } = request.run;
  const writer = await TileFile.open(spec, { force: force === true, signal }, (tileEdge): KernelGrid => {
    const edge = tileEdge ?? sharedTileEdge(shape, n, n2, dtype);
    return { inputs: [n, n2 ?? n], tileEdge: edge, symmetric: n2 === null, dtype };
  });
  const gathering = { large, inputs, spec, writer, queue, redis, redisMemory };
  await finishJob((missing) => gatherTiles(gathering, [...missing]), writer);
  const { outputs, precision, provenance } = request;
  return {
    file: out,
    shape: spec.shape,
    dtype,
    outputs,
    precision,
    tiles: writer.counts,
    queue,
    ...provenance,
  };
}

/** What workers need of a kernel: entries of the store. */
interface Supplies {
  readonly kernel: string;
  readonly length: number;
  readonly entries: readonly { readonly name: string; readonly bytes: Uint8Array }[];
}

function suppliesOf(
  { request, shape }: LargeOptions,
  { X, X2 }: InputPair,
  grid: KernelGrid,
  spec: TileFileSpec,
): Supplies {
  const { network, form, precision, weightTerms, biasTerms } = shape;
  const { backend, core } = request.provenance;
  // Inputs of two types are all sent as float64.
  const single = X.data instanceof Float32Array && (X2 === null || X2.data instanceof Float32Array);
  const stored: StoredKernel = {
    inputs: grid.inputs,
    tileEdge: grid.tileEdge,
    symmetric: grid.symmetric,
    dtype: grid.dtype,
    backend,
    core,
    form,
    precision,
    scale: request.scale,
    widths: network.widths,
    weightGains: [...network.weightGains],
    biasGains: [...network.biasGains],
    weightTerms: [...weightTerms],
    biasTerms: [...biasTerms],
    parameters: network.parameters.length,
    inputType: single ? 'float32' : 'float64',
  };
  const text = Buffer.from(JSON.stringify(stored));
  const kernel = createHash('sha256')
    .update(text)
    .update(JSON.stringify(spec.settings))
    .digest('hex')
    .slice(0, 32);
  const blocks = (side: 'rows' | 'columns', array: NdArray) =>
    Array.from({ length: Math.ceil(array.shape[0]! / grid.tileEdge) }, (_, index) => {
      const length = grid.tileEdge * array.shape[1]!;
      const part = array.data.subarray(index * length, (index + 1) * length);
      const data = single || part instanceof Float64Array ? part : Float64Array.from(part);
      return { name: inputsName(kernel, side, index), bytes: bytesOf(data) };
    });
  return {
    kernel,
    length: text.length,
    entries: [
      { name: kernelName(kernel), bytes: text },
      { name: parametersName(kernel), bytes: bytesOf(network.parameters) },
      ...blocks('rows', X),
      ...(X2 === null ? [] : blocks('columns', X2)),
    ],
  };
}

interface TileGathering extends QueueAddress {
  readonly large: LargeOptions;
  readonly inputs: InputPair;
  readonly spec: TileFileSpec;
  readonly writer: TileWriter<KernelGrid>;
  readonly redisMemory: number;
}

/** The source of the missing tiles: workers compute them, and they come in any order. */
async function* gatherTiles(
  gathering: TileGathering,
  missing: readonly TilePlace[],
): AsyncGenerator<readonly [TilePlace, TileNumbers], void, void> {
  const { large, inputs, spec, writer, redisMemory } = gathering;
  const { request, shape, report } = large;
  const { signal } = request.run;
  if (missing.length === 0) return;
  const { grid, reused } = writer;
  const supplies = suppliesOf(large, inputs, grid, spec);
  const axes = spec.shape.slice(2);
  const entries = entriesOf(shape);
  const tileBytes = grid.tileEdge ** 2 * entries * (grid.dtype === 'float32' ? 4 : 8);
  const window = Math.max(2, Math.floor(redisMemory / tileBytes));
  const { kernel, length } = supplies;
  const settings: TileSettings = { kernel, length };
  const jobs = missing.map((place) => {
    const number = tileNumberOf(grid, place);
    return jobOf('kernel', settings, [number, number + 1]);
  });
  const work = (places: readonly TilePlace[]): number =>
    places.reduce((sum, place) => sum + pairsOf(place, grid), 0) * pairFlops(shape);
  const meter = new ProgressMeter(work(reused) + work(missing), work(reused), report);
  const connection = await connect(gathering, signal);
  let keeping: Keeping | undefined;
  let queue: Gathering | undefined;
  try {
    const store = new Store(connection.open(), gathering.queue);
    keeping = await keepSupplies(store, supplies, signal);
    queue = await Gathering.open(jobs, { ...gathering, ...(signal && { signal }) }, window);
    for await (const { index, result } of queue.results()) {
      const place = missing[index]!;
      const { tile, mirror } = await writer.room(place);
      const name = tileName(kernel, place.row, place.column);
      if (!(await orAbort(takeTile(store, result, name, tile, request.allowNonFinite), signal))) {
        await queue.redo(index, `tile ${keyOf(place)} is not in Redis, is damaged, or is not finite`);
        continue;
      }
      if (mirror !== null) mirrorOf(tile, mirror, place, axes);
      yield [place, { tile, mirror }];
      await orAbort(store.remove(name, tile.byteLength), signal);
      await queue.forget(index);
      const piece = meter.piece(work([place]));
      piece.onProgress(1);
      piece.finish();
    }
    // What is being put there now would stay.
    await orAbort(keeping.stop(), signal);
    for (const { name, bytes } of supplies.entries) await orAbort(store.remove(name, bytes.length), signal);
  } finally {
    // What is being put there waits for Redis, which may be away, until the connection closes.
    keeping?.stop().catch(() => undefined);
    await queue?.close();
    await connection.close();
  }
}

interface Keeping {
  /** Settles when nothing is put there any more. */
  readonly stop: () => Promise<void>;
}

/** Puts into Redis what workers need, and sees to it that it stays there. */
async function keepSupplies(
  store: Store,
  { entries }: Supplies,
  signal: AbortSignal | undefined,
): Promise<Keeping> {
  let stopped = false;
  const put = async (): Promise<void> => {
    for (const { name, bytes } of entries) {
      if (stopped || signal?.aborted) return;
      if (!(await store.keep(name, bytes.length))) await store.put(name, bytes);
    }
  };
  await orAbort(put(), signal);
  let putting: Promise<void> | null = null;
  const timer = setInterval(() => {
    putting ??= put()
      .catch(() => undefined) // Redis is away: the next time
      .finally(() => (putting = null));
  }, LOOK_EVERY_MS);
  return {
    async stop() {
      stopped = true;
      clearInterval(timer);
      await putting;
    },
  };
}
