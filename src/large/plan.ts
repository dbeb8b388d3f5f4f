/** How a kernel that is larger than memory is computed: the sizes of its pieces, and what is kept, recomputed or spilled. */
import { featureFlops, featureSlots, pairFlops } from '../backend/features';
import { entriesOf, type KernelForm, kernelShape } from '../backend/forms';
import { largestOf } from '../backend/layers';
import type { BackendName, FeatureShape, Precision } from '../backend/seam';
import { DeepntkError } from '../errors';
import { formatBytes } from '../memory';
import { type Dtype, FEATURE_STRATEGIES, type FeatureStrategy } from './options';

/** Inputs of a group (see `FeatureShape.group`): the bits of a kernel depend on it, so it is one number for all. */
export const GROUP = 256;

/** How a kernel that memory does not hold will be computed, and what that takes. */
export interface LargeKernelPlan {
  readonly backend: BackendName;
  readonly threads: number;
  readonly precision: Precision;
  readonly dtype: Dtype;
  readonly inputs: readonly [number, number];
  readonly symmetric: boolean;
  readonly shape: readonly number[];
  /** Inputs along one edge of a tile, and how many tiles are computed (each off the diagonal of a symmetric kernel twice written). */
  readonly tileEdge: number;
  readonly tiles: number;
  readonly strategy: FeatureStrategy;
  /** Blocks of `tileEdge` inputs whose features are in memory at a time, and how often a block is computed or read. */
  readonly blocksInMemory: number;
  readonly blocksComputed: number;
  readonly blocksRead: number;
  /** Floating-point operations, a multiplication and an addition counted as two. */
  readonly flops: { readonly features: number; readonly grams: number; readonly total: number };
  /** Bytes. `memory` is the bound on the process; the rest says what it is made of. */
  readonly bytes: {
    /** What the process may take altogether. */
    readonly limit: number;
    /** What it held when the plan was made, the inputs and the net among it. */
    readonly held: number;
    readonly features: number;
    readonly tiles: number;
    readonly scratch: number;
    /** Left for what cannot be counted: buffers of BLAS and of the system, the garbage of JavaScript. */
    readonly reserve: number;
    /** held + features + tiles + scratch + reserve */
    readonly total: number;
    readonly file: number;
    /** The temporary file of the strategy `spill`; else 0. */
    readonly spill: number;
  };
  /** What the model that chose among the strategies and sizes expects, in seconds; a guess of this machine's speed. */
  readonly seconds: { readonly compute: number; readonly files: number };
}

export interface LargeKernel {
  readonly shape: FeatureShape;
  readonly n: number;
  readonly n2: number | null;
  readonly dtype: Dtype;
  readonly threads: number;
  readonly backend: BackendName;
}

/** What decides: the limit and what the process holds now; and, in tests and for resuming, what is fixed beforehand. */
export interface Budget {
  readonly limit: number;
  readonly held: number;
  readonly tileEdge?: number | undefined;
  readonly strategy?: FeatureStrategy | undefined;
  readonly blocksInMemory?: number | undefined;
}

const TILE_EDGES = [4096, 2048, 1024, 512, 256];
const MIB = 2 ** 20;

/** Floating-point operations a second and thread, and bytes a second: the order of magnitude is what matters. */
const SPEED = {
  native: { float64: 6e10, mixed: 1.2e11 },
  typescript: { float64: 5e9, mixed: 5e9 },
} as const;
/** Of a GPU as a whole, and of the way between it and memory that is not pinned. From data sheets: nothing was measured. */
const CUDA_SPEED = { float64: 2e13, mixed: 4e13 } as const;
const BUS_SPEED = 1e10;
const DISK_SPEED = 5e8;
/** One call that writes a piece of a row of the file. */
const SECONDS_PER_WRITE = 5e-6;
const SECONDS_PER_TILE = 2e-3;

/** Operations a second of so many threads, or of the GPU. */
export function speedOf(
  { backend, threads }: { backend: BackendName; threads: number },
  precision: Precision,
): number {
  return backend === 'cuda' ? CUDA_SPEED[precision] : SPEED[backend][precision] * threads;
}

/**
 * The cheapest plan that fits.
 *
 * @throws DeepntkError `ERR_OUT_OF_MEMORY` where none does
 */
export function planLargeKernel(where: string, kernel: LargeKernel, budget: Budget): LargeKernelPlan {
  const edges = budget.tileEdge === undefined ? TILE_EDGES : [budget.tileEdge];
  const largest = Math.ceil(Math.max(kernel.n, kernel.n2 ?? 0) / GROUP) * GROUP;
  const usable = edges.filter((edge) => edge <= largest || edge === GROUP || budget.tileEdge !== undefined);
  const plans = usable.flatMap((edge) => plansWithEdge(kernel, budget, edge));
  const best = plans.reduce<LargeKernelPlan | null>(
    (found, plan) => (found === null || cost(plan) < cost(found) ? plan : found),
    null,
  );
  if (best !== null) return best;
  const needed = Math.min(...usable.map((edge) => smallest(kernel, budget, edge)));
  throw new DeepntkError(
    'ERR_OUT_OF_MEMORY',
    `${where}: memoryLimit: expected at least ${formatBytes(needed)} for this kernel (the process already holds ${formatBytes(
      budget.held,
    )}), got ${formatBytes(budget.limit)}`,
  );
}

const cost = ({ seconds }: LargeKernelPlan): number => seconds.compute + seconds.files;

/** Two blocks at least: one of rows, one of columns; or one where there is no other. */
function smallest(kernel: LargeKernel, budget: Budget, edge: number): number {
  const sizes = sizesOf(kernel, edge);
  return budget.held + sizes.reserve + sizes.scratch + sizes.tiles + Math.min(2, sizes.blocks) * sizes.block;
}

function sizesOf({ shape, n, n2, dtype, threads, backend }: LargeKernel, edge: number) {
  const { network, precision, group, form } = shape;
  const { widths, parameters } = network;
  const real = precision === 'mixed' ? 4 : 8;
  const { slots, perInput } = featureSlots(shape);
  const entries = entriesOf(shape);
  const chains = form === 'sum-of-logits' ? 1 : widths.at(-1)!;
  const rows = Math.min(edge, Math.max(n, n2 ?? 0));
  const widest = largestOf(widths);
  const unkept = slots.reduce((sum, slot, l) => sum + (slot.activations === -1 ? widths[l]! : 0), 0);
  const piece = gramEdge(form, chains);
  // Of one thread: the features of one group, then the Gram matrices of one piece of a tile. The TypeScript backend packs.
  const featureScratch =
    16 * group * widest + real * group * (unkept + 2 * chains * widest) + 8 * chains * widest;
  const gramScratch = piece ** 2 * (8 * entries + 2 * 8 * (form === 'full' ? chains ** 2 : 1));
  const perThread = Math.max(featureScratch, gramScratch) + (backend === 'typescript' ? 24 * MIB : 4 * MIB);
  const inputs = 8 * rows * widths[0]!;
  const weights = backend !== 'cuda' && (precision === 'mixed' || backend === 'typescript');
  const size = dtype === 'float32' ? 4 : 8;
  // On its way from a GPU: one layer of features, or a tile; two at a time, and one of another size.
  const pinned = 3 * (real * rows * chains * widest + rows ** 2 * entries * size);
  return {
    entries,
    size,
    perInput,
    block: rows * perInput * real,
    blocks: Math.ceil(n / edge) + (n2 === null ? 0 : Math.ceil(n2 / edge)),
    scratch:
      (backend === 'cuda' ? pinned : threads * perThread) + inputs + (weights ? 4 * parameters.length : 0),
    // Two take turns: one is written while the next is computed; each with its mirror image where symmetric.
    tiles: 2 * (n2 === null ? 2 : 1) * rows ** 2 * entries * size,
    reserve: 48 * MIB,
  };
}

/** Inputs of one product of a Gram tile: a power of two, so that it divides the group. */
export function gramEdge(form: KernelForm, chains: number): number {
  const wanted = form === 'full' ? GROUP / chains : GROUP;
  return 2 ** Math.max(0, Math.floor(Math.log2(wanted)));
}

function plansWithEdge(kernel: LargeKernel, budget: Budget, edge: number): LargeKernelPlan[] {
  const sizes = sizesOf(kernel, edge);
  const left = budget.limit - budget.held - sizes.reserve - sizes.scratch - sizes.tiles;
  const fitting = Math.floor(left / sizes.block);
  const held = Math.min(sizes.blocks, fitting, budget.blocksInMemory ?? Infinity);
  if (held < Math.min(2, sizes.blocks)) return [];
  const strategies = budget.strategy === undefined ? FEATURE_STRATEGIES : [budget.strategy];
  return strategies
    .filter((strategy) => (strategy === 'resident' ? held === sizes.blocks : true))
    .map((strategy) => describePlan(kernel, budget, edge, strategy, held, sizes));
}

/** The panels of rows: [first, end) in blocks. The last one of the blocks in memory is for columns. */
export function panelsOf(rowBlocks: number, plan: Pick<LargeKernelPlan, 'strategy' | 'blocksInMemory'>) {
  const length = plan.strategy === 'resident' ? rowBlocks : Math.max(1, plan.blocksInMemory - 1);
  const panels: { first: number; end: number }[] = [];
  for (let first = 0; first < rowBlocks; first += length) {
    panels.push({ first, end: Math.min(rowBlocks, first + length) });
  }
  return panels;
}

function describePlan(
  kernel: LargeKernel,
  budget: Budget,
  edge: number,
  strategy: FeatureStrategy,
  held: number,
  sizes: ReturnType<typeof sizesOf>,
): LargeKernelPlan {
  const { shape, n, dtype, threads, backend } = kernel;
  const symmetric = kernel.n2 === null;
  const n2 = kernel.n2 ?? n;
  const rowBlocks = Math.ceil(n / edge);
  const columnBlocks = Math.ceil(n2 / edge);
  const panels = panelsOf(rowBlocks, { strategy, blocksInMemory: held });
  const streamed =
    strategy === 'resident'
      ? symmetric
        ? 0
        : columnBlocks
      : panels.reduce((sum, { first }) => sum + (symmetric ? first : columnBlocks), 0);
  const once = rowBlocks + (symmetric ? 0 : columnBlocks);
  const blocksComputed = strategy === 'recompute' ? rowBlocks + streamed : once;
  const blocksRead = strategy === 'spill' ? rowBlocks + streamed - once : 0;
  const { forward, backward } = featureFlops(shape);
  const rowsOfBlock = Math.min(edge, Math.max(n, n2));
  const features = blocksComputed * rowsOfBlock * (forward + backward);
  const grams = (symmetric ? (n * (n + 1)) / 2 : n * n2) * pairFlops(shape);
  const tiles = symmetric ? (rowBlocks * (rowBlocks + 1)) / 2 : rowBlocks * columnBlocks;
  const entries = n * n2 * sizes.entries;
  const spill = strategy === 'spill' ? once * sizes.block : 0;
  const speed = speedOf(kernel, shape.precision);
  const forwardSpeed = speedOf(kernel, 'float64');
  // Features come from a GPU, and go there again for every tile.
  const transferred = backend === 'cuda' ? (blocksComputed + 2 * tiles) * sizes.block : 0;
  const bytes = {
    limit: budget.limit,
    held: budget.held,
    features: held * sizes.block,
    tiles: sizes.tiles,
    scratch: sizes.scratch,
    reserve: sizes.reserve,
  };
  return {
    backend,
    threads,
    precision: shape.precision,
    dtype,
    inputs: [n, n2],
    symmetric,
    shape: kernelShape(shape.form, n, n2, shape.network.widths.at(-1)!),
    tileEdge: edge,
    tiles,
    strategy,
    blocksInMemory: held,
    blocksComputed,
    blocksRead,
    flops: { features, grams, total: features + grams },
    bytes: {
      ...bytes,
      total: bytes.held + bytes.features + bytes.tiles + bytes.scratch + bytes.reserve,
      file: entries * sizes.size,
      spill,
    },
    seconds: {
      compute:
        (blocksComputed * rowsOfBlock * forward) / forwardSpeed +
        (blocksComputed * rowsOfBlock * backward) / speed +
        grams / speed +
        transferred / BUS_SPEED +
        tiles * SECONDS_PER_TILE,
      files:
        (entries * sizes.size + spill + blocksRead * sizes.block) / DISK_SPEED +
        tiles * (symmetric ? 2 : 1) * rowsOfBlock * SECONDS_PER_WRITE,
    },
  };
}
