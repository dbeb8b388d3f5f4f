/**
 * The seam: what a backend must be able to do. Everything above this folder speaks to a {@link Backend} and does not
 * know which one runs. Arguments have been checked by then: a backend trusts them.
 */
import type { StreamKey } from '../random/streams';

export const BACKEND_NAMES = ['native', 'typescript'] as const;
export type BackendName = (typeof BACKEND_NAMES)[number];

export interface Backend {
  readonly name: BackendName;
  /** What it runs on, for `backendInfo()` and `deepntk doctor`. */
  describe(): BackendDescription;
  /** Fills `out` with `scale` times the normals number 0, 1, ... of a stream; synchronous. */
  fillNormals(out: Float64Array, key: StreamKey, scale: number): void;
  /** Outputs f(X), n x K. */
  forward(task: ForwardTask, run: RunOptions): Promise<Float64Array>;
  /** Derivatives of every output by every selected parameter, n x K x P. */
  jacobian(task: JacobianTask, run: RunOptions): Promise<Float64Array>;
  /** The empirical neural tangent kernel in its structured form. */
  kernel(task: KernelTask, run: RunOptions): Promise<KernelArrays>;
}

export interface BackendDescription {
  /** The library of the matrix products and the instruction set that it chose; null where there is none. */
  readonly blas: BlasDescription | null;
}

export interface BlasDescription {
  readonly library: string;
  readonly version: string;
  /** The core type whose kernels OpenBLAS runs, e.g. "SkylakeX". */
  readonly core: string;
  /** How OpenBLAS was built: "pthread", "openmp" or "sequential". */
  readonly threading: string;
}

export interface RunOptions {
  /** Upper bound on the threads that compute, at least 1. */
  readonly threads: number;
  readonly signal?: AbortSignal | undefined;
  /** Called on the event loop at most about 30 times a second, with the finished share of the work, 0 to 1. */
  readonly onProgress?: ((fraction: number) => void) | undefined;
}

/**
 * A net as a backend sees it: h^l = weightGain_l W^l x^{l-1} + biasGain_l b^l, x^l = relu(h^l), f = h^{L+1}.
 *
 * The gains are 1 in standard parametrization and sqrt(sigma_w^2 / n_{l-1}), sqrt(sigma_b^2) in NTK parametrization.
 */
export interface NetworkData {
  /** n_0 (inputs), n_1 .. n_L (hidden), n_{L+1} = K (outputs): L + 2 numbers. */
  readonly widths: readonly number[];
  /** W^1 (n_1 x n_0, row-major), b^1, W^2, b^2, ... on a SharedArrayBuffer, so that no transfer can detach it. */
  readonly parameters: Float64Array;
  /** L + 1 numbers; position l - 1 belongs to layer l. */
  readonly weightGains: Float64Array;
  readonly biasGains: Float64Array;
}

export interface ForwardTask {
  readonly network: NetworkData;
  /** n x n_0; the backend's own copy, which nothing else can change. */
  readonly x: Float64Array;
  readonly n: number;
  readonly rowBlock: number;
}

export interface JacobianTask extends ForwardTask {
  /** Which layers' weights and biases have columns; L + 1 entries each. */
  readonly weights: readonly boolean[];
  readonly biases: readonly boolean[];
}

/** Which entries of the K x K block of two inputs are computed. */
export type KernelForm = 'trace' | 'full' | 'diagonal' | 'sum-of-logits';
export type Precision = 'float64' | 'mixed';

/**
 * Theta(x, x') = sum over l of (weightTerms_l x^{l-1}.x'^{l-1} + biasTerms_l) (delta^l . delta'^l).
 */
export interface KernelTask {
  readonly network: NetworkData;
  /** n x n_0 and n2 x n_0 inputs; `x2` null stands for `x` again, and the kernel is then symmetric. */
  readonly x: Float64Array;
  readonly n: number;
  readonly x2: Float64Array | null;
  readonly n2: number;
  readonly form: KernelForm;
  /** alpha_l and beta_l of theory.md section 1; 0 where the parameters are frozen or not asked for. L + 1 entries. */
  readonly weightTerms: Float64Array;
  readonly biasTerms: Float64Array;
  readonly perLayer: boolean;
  readonly precision: Precision;
  readonly blocks: KernelBlocks;
}

export interface KernelBlocks {
  /** Rows, i.e. inputs or (input, output) pairs, of one matrix product. */
  readonly rows: number;
  /** Edge, in inputs, of one square tile of a Gram matrix. */
  readonly gram: number;
}

/** `trace`, `sum-of-logits`: n x n2; `diagonal`: n x n2 x K; `full`: n x n2 x K x K (the first K belongs to x). */
export interface KernelArrays {
  readonly kernel: Float64Array;
  /** The part of each layer, of the same shape as `kernel`; zero where a layer is frozen. Null unless asked for. */
  readonly weights: Float64Array[] | null;
  readonly biases: Float64Array[] | null;
}

/** The largest of some widths, of which there may be more than a call takes arguments; 0 of none. */
export function largestOf(widths: readonly number[]): number {
  return widths.reduce((largest, width) => Math.max(largest, width), 0);
}

/** Where a layer's parameters lie in the flat array. */
export interface LayerSlot {
  readonly inputs: number;
  readonly outputs: number;
  readonly weights: number;
  readonly biases: number;
}

/** The slots of layers 1 .. L+1, in order. */
export function layerSlots(widths: readonly number[]): LayerSlot[] {
  let offset = 0;
  return widths.slice(1).map((outputs, index) => {
    const inputs = widths[index]!;
    const weights = offset;
    const biases = weights + outputs * inputs;
    offset = biases + outputs;
    return { inputs, outputs, weights, biases };
  });
}
