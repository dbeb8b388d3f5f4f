/** The plan of a kernel computation: its blocks, operations and memory. `explainNtk` shows the plan that `ntk` follows. */
import { featureFlops, lowestLayer, pairFlops } from '../backend/features';
import { chainsOf, type KernelForm, kernelShape } from '../backend/forms';
import { largestOf } from '../backend/layers';
import type { BackendName, KernelBlocks, NetworkData, Precision } from '../backend/seam';

/** The cost of a kernel, known before it is computed: see `Mlp.explainNtk`. */
export interface KernelPlan {
  readonly backend: BackendName;
  /** Upper bound on the threads that compute. */
  readonly threads: number;
  readonly precision: Precision;
  /** Inputs on either side, [N, N']. */
  readonly inputs: readonly [number, number];
  /** Whether X2 is X: one triangle of each Gram matrix is then computed, and mirrored. */
  readonly symmetric: boolean;
  /** The shape of the result. */
  readonly shape: readonly number[];
  /**
   * Floating-point operations of the dense algorithm; a multiplication and an addition count as two. Units that no input
   * activates are left out, so fewer are executed. Their number depends on the inputs.
   */
  readonly flops: {
    readonly forward: number;
    readonly backward: number;
    readonly grams: number;
    readonly total: number;
  };
  /**
   * Upper bounds on the host's peak memory in bytes, without the parameters, which are read in place. A GPU has the
   * activations and derivatives in its own memory, and the kernel is cut into blocks that fit it.
   */
  readonly bytes: {
    /** The copy of the inputs, which a call makes so that nobody can change them. */
    readonly inputs: number;
    /** Activations of all layers, the inputs among them. */
    readonly activations: number;
    /** Two layers of derivatives of the outputs by the preactivations. */
    readonly deltas: number;
    /** Gram tiles of all threads, and the gathered or rounded weights of one layer. */
    readonly scratch: number;
    /** The kernel and, if wanted, its parts per layer. */
    readonly result: number;
    readonly total: number;
  };
  /** The sizes of the pieces: rows of one matrix product, and the edge (in inputs) of one Gram tile. */
  readonly blocks: KernelBlocks;
  /** The layer at which back-propagation ends, the lowest with a trained parameter (1 .. L+1). */
  readonly lowestLayer: number;
}

export interface KernelShape {
  readonly network: NetworkData;
  readonly n: number;
  /** Null if X2 is X. */
  readonly n2: number | null;
  readonly form: KernelForm;
  readonly weightTerms: Float64Array;
  readonly biasTerms: Float64Array;
  readonly perLayer: boolean;
  readonly precision: Precision;
  readonly threads: number;
  readonly backend: BackendName;
}

export function planKernel(kernel: KernelShape): KernelPlan {
  const { network, n, form, perLayer, precision, threads, backend } = kernel;
  const { widths } = network;
  const symmetric = kernel.n2 === null;
  const n2 = kernel.n2 ?? n;
  const rows = symmetric ? n : n + n2;
  const depth = widths.length - 2;
  const outputs = chainsOf(kernel);
  const deltaRows = rows * outputs;
  const lowest = lowestLayer(kernel);
  const ofInput = featureFlops(kernel);
  const forward = rows * ofInput.forward;
  const backward = rows * ofInput.backward;
  const grams = (symmetric ? (n * n) / 2 : n * n2) * pairFlops(kernel);

  const shape = kernelShape(form, n, n2, outputs);
  const entries = shape.reduce((a, b) => a * b, 1);
  const widest = largestOf(widths.slice(1, -1));
  const activationWidths = widths.slice(0, -1).reduce((sum, width) => sum + width, 0);
  const real = precision === 'mixed' ? 4 : 8;
  const blocks = chooseBlocks(kernel, deltaRows, widest, rows);
  const inputs = 8 * rows * widths[0]!;
  const activations =
    rows *
    (precision === 'mixed' ? 4 * activationWidths + 16 * Math.max(widest, widths[0]!) : 8 * activationWidths);
  const deltas = 2 * deltaRows * widest * real;
  // A GPU's results arrive in up to three blocks of pinned memory.
  const scratch = backend === 'cuda' ? 24 * entries : scratchBytes(kernel, blocks, widest, outputs);
  // The threads of the TypeScript backend write into shared memory, and the result is a copy of it.
  const copies = backend === 'typescript' ? 2 : 1;
  const onDevice = backend === 'cuda';
  const result = 8 * entries * (1 + (perLayer ? 2 * (depth + 1) : 0)) * copies;
  return {
    backend,
    threads,
    precision,
    inputs: [n, n2],
    symmetric,
    shape,
    flops: { forward, backward, grams, total: forward + backward + grams },
    bytes: {
      inputs,
      activations: onDevice ? 0 : activations,
      deltas: onDevice ? 0 : deltas,
      scratch,
      result,
      total: inputs + (onDevice ? 0 : activations + deltas) + scratch + result,
    },
    blocks,
    lowestLayer: lowest < 0 ? depth + 1 : lowest + 1,
  };
}

/** One product should end within about 20 ms, so that an abort takes effect soon. */
const NATIVE_FLOPS_PER_PRODUCT = 1e9;
const SMALLEST_ROW_BLOCK = 16;
/** Every product packs the weights again. For (200, 50, 500, 1), products of 100 rows take 10 % less time than of 50. */
const ENOUGH_ROWS = 128;
const LARGEST_GRAM_TILE = 256;
const SMALLEST_GRAM_TILE = 16;
/** Rows of a tile of the full kernel, and the fewest inputs: tiles are cut at multiples of 4 of them. */
const LARGEST_TYPESCRIPT_EDGE = 640;
const SMALLEST_TYPESCRIPT_TILE = 4;

/** Blocks large enough for the loops and small enough to share among threads, as measured (docs/performance.md). */
function chooseBlocks(kernel: KernelShape, deltaRows: number, widest: number, rows: number): KernelBlocks {
  const { threads, backend, form, network } = kernel;
  // In the full kernel every input of a tile has K rows.
  const perInput = form === 'full' ? network.widths.at(-1)! : 1;
  if (backend === 'typescript') {
    const largest = Math.max(SMALLEST_TYPESCRIPT_TILE, Math.floor(LARGEST_TYPESCRIPT_EDGE / perInput));
    return rows < 500
      ? { rows: 64, gram: Math.min(32, largest) }
      : { rows: 128, gram: Math.min(64, largest) };
  }
  const flopsPerRow = 2 * Math.max(1, widest) * Math.max(widest, kernel.network.widths[0]!);
  const fastEnough = Math.floor(NATIVE_FLOPS_PER_PRODUCT / flopsPerRow);
  const shared = Math.max(
    Math.ceil(deltaRows / (threads === 1 ? 1 : 2 * threads)),
    Math.min(ENOUGH_ROWS, Math.ceil(deltaRows / threads)),
  );
  const gramShare = threads === 1 ? rows : Math.ceil(rows / (2 * Math.ceil(Math.sqrt(threads))));
  return {
    rows: Math.max(SMALLEST_ROW_BLOCK, Math.min(fastEnough, shared)),
    gram: Math.max(
      1,
      Math.floor(Math.min(LARGEST_GRAM_TILE, Math.max(SMALLEST_GRAM_TILE, gramShare)) / perInput),
    ),
  };
}

function scratchBytes(kernel: KernelShape, blocks: KernelBlocks, widest: number, outputs: number): number {
  const { widths } = kernel.network;
  const edge = blocks.gram * (kernel.form === 'full' ? outputs : 1);
  const tiles = kernel.threads * 2 * edge * edge * 8;
  // Gathered rows begin on cache lines.
  const largestLayer = largestOf(widths.slice(1).map((width, i) => width * (widths[i]! + 7)));
  // Native threads pack the deltas of some inputs, or of one large input (native/core/vector_products.cpp).
  const packed =
    kernel.backend === 'native' ? kernel.threads * Math.max(PACKED_BYTES, 8 * widest * outputs) : 0;
  return tiles + packed + 8 * Math.max(largestLayer, widest);
}

const PACKED_BYTES = 2 ** 19;
