/** The kernel written to a .npy file, tile by tile, in memory that is bounded. */
import { extname } from 'node:path';

import { entriesOf, featureFlops, pairFlops, type Reals } from '../backend/features';
import { expectInteger, expectOneOf, invalidArgument } from '../errors';
import { expectInputShape, type Provenance } from '../kernel/arguments';
import type { KernelNetwork, NtkOptions, NtkOutputs } from '../kernel/ntk';
import { availableMemory } from '../memory';
import type { NdArray } from '../ndarray';
import { FeatureSource, shared } from './blocks';
import {
  type Budget,
  type Dtype,
  FEATURE_STRATEGIES,
  type FeatureStrategy,
  gramEdge,
  type LargeKernelPlan,
  panelsOf,
  planLargeKernel,
} from './plan';
import { expectReady, fingerprint, type LargeRequest, ProgressMeter, readLargeRequest } from './request';
import { inspectTarget, TileFile, type TileFileSpec, type TilePlace } from './tile-file';

export interface NtkFileOptions extends NtkOptions {
  readonly perLayer?: false;
  /** The .npy file that receives the kernel. It must not exist. */
  readonly out: string;
  /**
   * What the resident memory of the whole process may come to, in bytes: what it holds already, the inputs among it, and
   * what the computation takes. By default three quarters of the memory that is available.
   */
  readonly memoryLimit?: number;
  /** The numbers in the file: `float64` (the default) or `float32`. */
  readonly dtype?: Dtype;
  /** How features that do not fit are had again; by default what the plan's cost model finds cheapest. */
  readonly features?: FeatureStrategy;
}

export interface NtkFileResult extends Provenance {
  readonly file: string;
  readonly shape: readonly number[];
  readonly dtype: Dtype;
  readonly outputs: NtkOutputs;
  readonly parameters: 'all' | 'weights' | 'biases';
  readonly layers: readonly number[];
  readonly precision: 'float64' | 'mixed';
  /** How many tiles this call computed, and how many an interrupted one had left. */
  readonly tiles: { readonly computed: number; readonly reused: number };
  readonly plan: LargeKernelPlan;
}

export const FILE_OPTION_NAMES = ['out', 'dtype', 'features'] as const;

/** For tests: pieces smaller than a plan would choose. */
export type PlanOverrides = Pick<Budget, 'tileEdge' | 'blocksInMemory'>;

/** Writes the kernel to a file. See `Mlp.ntk`. */
export async function ntkToFile(
  network: KernelNetwork,
  X: NdArray,
  X2: NdArray | null,
  options: NtkFileOptions,
  overrides: PlanOverrides = {},
): Promise<NtkFileResult> {
  const where = 'ntk';
  const large = readLargeRequest(where, network, options, FILE_OPTION_NAMES);
  if (typeof options.out !== 'string' || extname(options.out) !== '.npy') {
    throw invalidArgument(`${where}: out`, 'the path of a .npy file', options.out);
  }
  const { request, shape, report } = large;
  const { run } = request;
  const n = expectInputShape(`${where}: X`, X, network.widths[0]!);
  const n2 = X2 === null ? null : expectInputShape(`${where}: X2`, X2, network.widths[0]!);
  await expectReady(where, large, { X, X2 });
  const draft = planFile(where, large, n, n2, options, overrides);
  const spec: TileFileSpec = {
    path: options.out,
    dtype: draft.dtype,
    shape: draft.shape,
    symmetric: n2 === null,
    settings: await settingsOf(network, X, X2, large),
  };
  const leftover = await inspectTarget(spec, draft.bytes.spill);
  const plan =
    leftover === null || leftover.tileEdge === draft.tileEdge
      ? draft
      : planFile(where, large, n, n2, options, { ...overrides, tileEdge: leftover.tileEdge });
  run.signal?.throwIfAborted();

  const writer = new TileWriter(plan, entriesOf(shape));
  const file = TileFile.open(spec, plan.tileEdge, leftover);
  const list = { X, X2, edge: plan.tileEdge };
  const spillPath = plan.strategy === 'spill' ? `${options.out}.features` : null;
  const source = new FeatureSource(request.backend, shape, list, plan.blocksInMemory, spillPath);
  try {
    const reused = await verify(file, plan, writer, leftover?.tiles ?? new Map(), run.signal);
    const before =
      [...reused].reduce((sum, tile) => sum + pairsOf(placeOf(plan, tile), plan), 0) * pairFlops(shape);
    const meter = new ProgressMeter(plan.flops.total, before, report);
    const { forward, backward } = featureFlops(shape);
    const load = async (index: number, slot: number) => {
      const piece = meter.piece(plan.tileEdge * (forward + backward));
      const block = await source.load(index, slot, { ...run, onProgress: piece.onProgress });
      piece.finish();
      return block;
    };
    const columnOffset = n2 === null ? 0 : rowBlocksOf(plan);
    let computed = 0;
    for (const panel of panelsOf(rowBlocksOf(plan), plan)) {
      const wanted = (row: number, column: number) =>
        (n2 !== null || column <= row) && !reused.has(`${row} ${column}`);
      const rows = range(panel.first, panel.end);
      const columns = range(0, n2 === null ? panel.end : columnBlocksOf(plan));
      const open = columns.filter((column) => rows.some((row) => wanted(row, column)));
      const needed = rows.filter(
        (row) => open.some((column) => wanted(row, column)) || (n2 === null && open.includes(row)),
      );
      const blocks = new Map<number, Awaited<ReturnType<typeof load>>>();
      for (const row of needed) blocks.set(row, await load(row, row - panel.first));
      for (const column of open) {
        const inPanel = n2 === null ? blocks.get(column) : undefined;
        const slot = plan.strategy === 'resident' && n2 !== null ? rowBlocksOf(plan) + column : rows.length;
        const b = inPanel ?? (await load(columnOffset + column, slot));
        for (const row of rows.filter((candidate) => wanted(candidate, column))) {
          const a = blocks.get(row)!;
          const place = placeOf(plan, `${row} ${column}`);
          const { tile, mirror } = await writer.room(place);
          const piece = meter.piece(pairsOf(place, plan) * pairFlops(shape));
          await request.backend.gramTile(
            {
              ...shape,
              a,
              b: n2 === null && row === column ? null : b,
              edge: gramEdge(shape.form, network.widths.at(-1)!),
              scale: request.scale,
              tile,
              mirror,
            },
            { ...run, onProgress: piece.onProgress },
          );
          piece.finish();
          writer.write(file, place, tile, mirror);
          computed++;
        }
      }
    }
    await writer.settle();
    await file.complete();
    const { outputs, parameters, layers, precision, provenance } = request;
    return {
      file: options.out,
      shape: plan.shape,
      dtype: plan.dtype,
      outputs,
      parameters,
      layers,
      precision,
      tiles: { computed, reused: reused.size },
      plan,
      ...provenance,
    };
  } finally {
    await writer.abandon();
    file.close();
    await source.close();
  }
}

/** The plan of {@link ntkToFile}. */
export function explainNtkToFile(
  network: KernelNetwork,
  X: NdArray | number,
  X2: NdArray | number | null,
  options: Omit<NtkFileOptions, 'out'>,
): LargeKernelPlan {
  const where = 'explainNtk';
  const count = (name: string, inputs: NdArray | number): number =>
    typeof inputs === 'number'
      ? expectInteger(`${where}: ${name}`, inputs)
      : expectInputShape(`${where}: ${name}`, inputs, network.widths[0]!);
  const large = readLargeRequest(where, network, options, FILE_OPTION_NAMES);
  return planFile(where, large, count('X', X), X2 === null ? null : count('X2', X2), options, {});
}

function planFile(
  where: string,
  { request, shape, memoryLimit }: LargeRequest,
  n: number,
  n2: number | null,
  options: Pick<NtkFileOptions, 'dtype' | 'features'>,
  overrides: PlanOverrides,
): LargeKernelPlan {
  const dtype = expectOneOf(`${where}: dtype`, options.dtype ?? 'float64', ['float64', 'float32']);
  const strategy =
    options.features === undefined
      ? undefined
      : expectOneOf(`${where}: features`, options.features, FEATURE_STRATEGIES);
  const held = process.memoryUsage.rss();
  const { threads } = request.run;
  const kernel = { shape, n, n2, dtype, threads, backend: request.backend.name };
  return planLargeKernel(where, kernel, {
    limit: memoryLimit ?? held + 0.75 * availableMemory(),
    held,
    strategy,
    ...overrides,
  });
}

/** Whatever the numbers in the file depend on, to the last bit. */
async function settingsOf(
  network: KernelNetwork,
  X: NdArray,
  X2: NdArray | null,
  { request, shape }: LargeRequest,
): Promise<Record<string, string>> {
  const { backend, core, version } = request.provenance;
  return {
    X: await fingerprint(X.data),
    X2: X2 === null ? 'X' : await fingerprint(X2.data),
    weights: await fingerprint(network.parameters),
    gains: await fingerprint(Float64Array.of(...network.weightGains, ...network.biasGains)),
    'trained parameters': await fingerprint(Float64Array.of(...shape.weightTerms, ...shape.biasTerms)),
    outputs: request.outputs,
    precision: request.precision,
    backend: `${backend}${core === null ? '' : ` (${core})`}`,
    version,
  };
}

const rowBlocksOf = ({ inputs, tileEdge }: LargeKernelPlan): number => Math.ceil(inputs[0] / tileEdge);
const columnBlocksOf = ({ inputs, tileEdge }: LargeKernelPlan): number => Math.ceil(inputs[1] / tileEdge);

function range(first: number, end: number): number[] {
  return Array.from({ length: Math.max(0, end - first) }, (_, i) => first + i);
}

function placeOf({ inputs, tileEdge }: LargeKernelPlan, key: string): TilePlace {
  const [row, column] = key.split(' ').map(Number) as [number, number];
  const firstRow = row * tileEdge;
  const firstColumn = column * tileEdge;
  return {
    row,
    column,
    firstRow,
    rows: Math.min(tileEdge, inputs[0] - firstRow),
    firstColumn,
    columns: Math.min(tileEdge, inputs[1] - firstColumn),
  };
}

/** Pairs of inputs that are computed for a tile. */
function pairsOf({ row, column, rows, columns }: TilePlace, { symmetric }: LargeKernelPlan): number {
  return symmetric && row === column ? (rows * (rows + 1)) / 2 : rows * columns;
}

/** The tiles of the map that are in the file with the checksum of the map. */
async function verify(
  file: TileFile,
  plan: LargeKernelPlan,
  writer: TileWriter,
  recorded: ReadonlyMap<string, number>,
  signal: AbortSignal | undefined,
): Promise<Set<string>> {
  const whole = new Set<string>();
  for (const [key, checksum] of recorded) {
    signal?.throwIfAborted();
    const place = placeOf(plan, key);
    if (place.rows <= 0 || place.columns <= 0 || (plan.symmetric && place.column > place.row)) continue;
    const { tile, mirror } = await writer.room(place);
    if (await file.holds(place, checksum, tile, mirror)) whole.add(key);
  }
  return whole;
}

/** Two tiles that take turns: one is written while the next is computed. */
class TileWriter {
  readonly #plan: LargeKernelPlan;
  readonly #entries: number;
  readonly #rooms: { readonly tile: Reals; readonly mirror: Reals | null }[];
  readonly #pending: Promise<void>[] = [Promise.resolve(), Promise.resolve()];
  #next = 0;

  constructor(plan: LargeKernelPlan, entries: number) {
    this.#plan = plan;
    this.#entries = entries;
    const { inputs, tileEdge, dtype, symmetric } = plan;
    const length = Math.min(tileEdge, inputs[0]) * Math.min(tileEdge, inputs[1]) * entries;
    this.#rooms = [0, 1].map(() => ({
      tile: shared(length, dtype),
      mirror: symmetric ? shared(length, dtype) : null,
    }));
  }

  /** Arrays for the next tile, once they are free. */
  async room({ row, column, rows, columns }: TilePlace): Promise<{ tile: Reals; mirror: Reals | null }> {
    await this.#pending[this.#next];
    const { tile, mirror } = this.#rooms[this.#next]!;
    const length = rows * columns * this.#entries;
    const mirrored = this.#plan.symmetric && row !== column;
    return { tile: tile.subarray(0, length), mirror: mirrored ? mirror!.subarray(0, length) : null };
  }

  /** Begins to write what {@link room} gave. A failure is thrown by the next call. */
  write(file: TileFile, place: TilePlace, tile: Reals, mirror: Reals | null): void {
    const writing = file.write(place, tile, mirror);
    writing.catch(() => undefined); // thrown where it is awaited
    this.#pending[this.#next] = writing;
    this.#next = 1 - this.#next;
  }

  async settle(): Promise<void> {
    await Promise.all(this.#pending);
  }

  /** Waits until nothing is written any more, however that ends. */
  async abandon(): Promise<void> {
    await Promise.allSettled(this.#pending);
  }
}
