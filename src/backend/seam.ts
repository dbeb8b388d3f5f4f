/**
 * The seam: the interface of a backend, and the type of every task and result. Code above this folder calls a
 * {@link Backend} and does not know which implementation runs. Arguments are checked before, so a backend trusts them.
 * The addon checks types and lengths again, because a wrong one would end the process.
 */
import type { StreamKey } from '../random/streams';
import type { KernelForm } from './forms';

/** The fastest first. */
export const BACKEND_NAMES = ['cuda', 'native', 'typescript'] as const;
/** The backends by name, the fastest first. */
export type BackendName = (typeof BACKEND_NAMES)[number];

export interface Backend extends Operations {
  readonly name: BackendName;
  /** The hardware and the libraries, for `backendInfo()` and `deepntk doctor`. */
  describe(): BackendDescription;
  /** Fills `out` with the first normals of a stream, times `scale`. It is synchronous. */
  fillNormals(out: Float64Array, key: StreamKey, scale: number): void;
}

/** The computations: each takes a task and resolves to its result. Adding one: docs/architecture.md. */
export interface Operations {
  /** Outputs f(X), n x K. */
  forward(task: ForwardTask, run: RunOptions): Promise<Float64Array>;
  /** Derivatives of every output by every selected parameter, n x K x P. */
  jacobian(task: JacobianTask, run: RunOptions): Promise<Float64Array>;
  /** The empirical neural tangent kernel in its structured form. */
  kernel(task: KernelTask, run: RunOptions): Promise<KernelArrays>;
  /** Fills a block with the features of some inputs. Kernels and products are computed from features. */
  features(task: FeaturesTask, run: RunOptions): Promise<void>;
  /** Fills a tile with the kernel of the inputs of two blocks. */
  gramTile(task: GramTileTask, run: RunOptions): Promise<void>;
  /** Products with a block's rows of the Jacobian. The Jacobian is not formed. */
  products(task: ProductsTask, run: RunOptions): Promise<void>;
  /** Replicas of the kernel of one input, by the scalar chain. */
  sampleChain(task: ChainTask, run: RunOptions): Promise<ChainReplicas>;
  /** Replicas of the kernel of several inputs. */
  sampleKernels(task: KernelSampleTask, run: RunOptions): Promise<KernelReplicas>;
  /** Takes steps of gradient descent. It changes the parameters and the moments in place and writes the losses. */
  train(task: TrainTask, run: RunOptions): Promise<void>;
}

export type Operation = keyof Operations;
export type TaskOf<O extends Operation> = Parameters<Operations[O]>[0];
export type ResultOf<O extends Operation> = Awaited<ReturnType<Operations[O]>>;

/** The operations of a backend, made one by one. @param table has an entry for every operation */
export function operationsOf(
  table: Readonly<Record<Operation, unknown>>,
  make: <O extends Operation>(operation: O) => Operations[O],
): Operations {
  const names = Object.keys(table) as Operation[];
  return Object.fromEntries(names.map((name) => [name, make(name)])) as unknown as Operations;
}

export interface BackendDescription {
  /** The library of the matrix products and the instruction set that it chose; null without such a library. */
  readonly blas: BlasDescription | null;
  /** The GPU; null for the other backends. */
  readonly cuda: CudaDescription | null;
}

/** An NVIDIA GPU and its software. */
export interface CudaDescription {
  /** The driver's name for it. */
  readonly device: string;
  /** Its compute capability, e.g. "9.0". */
  readonly capability: string;
  /** Bytes. */
  readonly memory: number;
  /** The newest CUDA version that the driver supports. */
  readonly driver: string;
  /** The CUDA version that the addon was built with. */
  readonly runtime: string;
  readonly cublas: string;
  /** How `precision: 'mixed'` is computed: "float32", "tf32x3", "tf32" or "all-float32" (DEEPNTK_CUDA_MIXED). */
  readonly mixed: string;
}

/** The library that computes matrix products. */
export interface BlasDescription {
  readonly library: string;
  readonly version: string;
  /** The core type whose kernels OpenBLAS runs, e.g. "SkylakeX"; for cuBLAS the architecture, e.g. "sm_90". */
  readonly core: string;
  /** How OpenBLAS was built: "pthread", "openmp" or "sequential"; for cuBLAS "device". */
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
 * The slopes of the activation function for positive and for negative preactivations. ReLU is (1, 0), and backends
 * compute no other activation yet.
 */
export interface Slopes {
  readonly positive: number;
  readonly negative: number;
}

export const RELU: Slopes = Object.freeze({ positive: 1, negative: 0 });

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
  readonly slopes: Slopes;
}

export interface ForwardTask {
  readonly network: NetworkData;
  /** n x n_0; a copy that nothing else can change. */
  readonly x: Float64Array;
  readonly n: number;
  /** The most inputs that go through the layers at once. */
  readonly rowBlock: number;
}

export interface JacobianTask extends ForwardTask {
  /** Which layers' weights and biases have columns; L + 1 entries each. */
  readonly weights: readonly boolean[];
  readonly biases: readonly boolean[];
}

/** `float64` throughout, or `mixed`: the forward pass in float64, the rest in float32 summed in float64. */
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
  /** alpha_l and beta_l of theory.md section 1; 0 for parameters that do not count. L + 1 entries. */
  readonly weightTerms: Float64Array;
  readonly biasTerms: Float64Array;
  readonly perLayer: boolean;
  readonly precision: Precision;
  readonly blocks: KernelBlocks;
}

/** How a kernel is cut into pieces. */
export interface KernelBlocks {
  /** Rows, i.e. inputs or (input, output) pairs, of one matrix product. */
  readonly rows: number;
  /** Edge, in inputs, of one square tile of a Gram matrix. */
  readonly gram: number;
}

/** `trace`, `sum-of-logits`: n x n2; `diagonal`: n x n2 x K; `full`: n x n2 x K x K (the first K belongs to x). */
export interface KernelArrays {
  readonly kernel: Float64Array;
  /** The part of each layer, with the shape of `kernel`; zero for a frozen layer. Null unless `perLayer` is true. */
  readonly weights: Float64Array[] | null;
  readonly biases: Float64Array[] | null;
}

export type Reals = Float64Array | Float32Array;

/** The features that every input has. */
export interface FeatureShape {
  readonly network: NetworkData;
  readonly form: KernelForm;
  /** As in a kernel task: L + 1 numbers each, 0 for parameters that do not count. */
  readonly weightTerms: Float64Array;
  readonly biasTerms: Float64Array;
  /** Features in float64, or in float32 (`mixed`). The forward pass is in float64 in both cases. */
  readonly precision: Precision;
  /**
   * The number of consecutive inputs of a group. One thread computes a group, and each group has scales of its own. So the
   * bits of results depend on where groups begin, but neither on blocks nor on threads.
   */
  readonly group: number;
}

/**
 * The features of n inputs. `values` holds, layer after layer, x^{l-1} of all inputs (n x n_{l-1}, if layer l has a weight
 * term), then delta^l of all inputs (n chains x n_l, if layer l counts). The deltas of the output layer are the identity
 * and not stored. `exponents` holds e and f for every group and layer: x^{l-1} is 2^e times and delta^l is 2^f times the
 * values. Both are on SharedArrayBuffers.
 */
export interface FeatureBlock {
  readonly n: number;
  readonly values: Reals;
  readonly exponents: Int32Array;
}

export interface FeaturesTask extends FeatureShape {
  /** n x n_0 */
  readonly x: Float64Array;
  readonly block: FeatureBlock;
}

export interface GramTileTask extends FeatureShape {
  readonly a: FeatureBlock;
  /** Null stands for `a`: the tile is on the diagonal of a symmetric kernel, and one triangle of it is computed. */
  readonly b: FeatureBlock | null;
  /** Inputs of one piece of the tile; divides the group. */
  readonly edge: number;
  /** A factor of all entries. */
  readonly scale: number;
  /** A.n x B.n x entries, in float32 or float64 for either precision. `tile` and `mirror` are on SharedArrayBuffers. */
  readonly tile: Reals;
  /** The transpose, B.n x A.n x entries; null if it is not wanted, and always if `b` is null. */
  readonly mirror: Reals | null;
}

/**
 * Several products at once with the Jacobian J of the block. Its rows are pairs of input and output. Its columns are ALL
 * parameters, and zero for parameters that do not count. The form is not `sum-of-logits`.
 */
export interface ProductsTask extends FeatureShape {
  readonly block: FeatureBlock;
  readonly directions: number;
  /** `add-transposed`: columns += rows' J. `apply`: rows = J columns'. */
  readonly product: 'add-transposed' | 'apply';
  /** (n K) x directions and directions x P, on SharedArrayBuffers. */
  readonly rows: Float64Array;
  readonly columns: Float64Array;
}

export const LOSS_NAMES = ['mse', 'cross-entropy'] as const;
/** For one sample, `mse` is |f - y|^2 / 2 and `cross-entropy` is -sum_k y_k log softmax(f)_k. A batch has their mean. */
export type LossName = (typeof LOSS_NAMES)[number];

/**
 * Steps p -= learningRate direction, with the gradient g of the loss, in step number t = 1, 2, ... (PyTorch's conventions):
 *
 * - `gd`: direction = g
 * - `momentum`: v = beta1 v + g, direction = v; at the first step v = g
 * - `adam`: m = beta1 m + (1 - beta1) g, v = beta2 v + (1 - beta2) g^2,
 *   direction = (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + epsilon)
 */
export interface OptimizerRule {
  readonly name: 'gd' | 'momentum' | 'adam';
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
}

/**
 * Some steps of gradient descent on the mean loss of each batch.
 *
 * A batch is cut into slots of consecutive samples. Each slot's gradient is summed by itself, and the slots are added in
 * their order. So the bits of a step do not depend on the number of threads. All arrays are on SharedArrayBuffers.
 */
export interface TrainTask {
  /** Its `parameters` are changed. */
  readonly network: NetworkData;
  /** Whether biases are trained. */
  readonly biasGradients: boolean;
  /** n x n_0 inputs and n x K targets. */
  readonly x: Float64Array;
  readonly y: Float64Array;
  readonly n: number;
  readonly loss: LossName;
  readonly optimizer: OptimizerRule;
  /** First v of momentum or m of Adam, then v of Adam. One number per parameter; empty if the rule has no such moment. */
  readonly moments: readonly [Float64Array, Float64Array];
  /** The number of steps before these. */
  readonly stepsBefore: number;
  /** One number for each of these steps. */
  readonly learningRates: Float64Array;
  /** The number of samples of each step's batch. */
  readonly batchSizes: Int32Array;
  /** The rows of x of the first step's batch, then of the second's, ...; null if every batch is all of x. */
  readonly batchRows: Int32Array | null;
  /** Receives the loss of each batch before its step. */
  readonly losses: Float64Array;
  /** Memory for the gradients of the slots. A batch of b samples uses min(all, ceil(b / minSlotRows)) of them. */
  readonly gradients: readonly Float64Array[];
  readonly minSlotRows: number;
  /** The most samples that go through the layers at once. */
  readonly rowBlock: number;
}

/** Replicas number `first` to `first + count - 1`, of the chain that `plan` describes. */
export interface ChainTask {
  readonly plan: ChainPlan;
  readonly seed: number;
  readonly first: number;
  readonly count: number;
}

/**
 * The tables of the scalar chain of a net. The formulas are in src/sampling/one-input/chain-plan.ts, which makes them. Arrays
 * over layers have an unused first entry, so that position l belongs to layer l = 1 .. L+1.
 */
export interface ChainPlan {
  readonly depth: number;
  readonly inputNorm2: number;
  readonly biasVariance: number;
  /** s_l = sigma_w^2 / n_{l-1} */
  readonly weightScale: Float64Array;
  /** alpha_l and beta_l of theory.md section 1. */
  readonly weightTerms: Float64Array;
  readonly biasTerms: Float64Array;
  /** s_l times the typical share of |h^l|^2 that is due to x^{l-1}, and s_l times the rest of 1. */
  readonly signalScale: Float64Array;
  readonly noiseScale: Float64Array;
  /** The number of layers after which the numbers of a replica are rescaled. */
  readonly rescaleEvery: number;
  /** For each layer, the number of its width among the different widths. */
  readonly widthClass: Int32Array;
  readonly gates: GateTables;
  /** The laws that replicas are drawn from: their own, and tilted ones. Null if only their own is used. */
  readonly mixture: ChainMixture | null;
}

/** Alias tables of the number of active units, for every different width and each of the {@link GATE_LAWS}. */
export interface GateTables {
  /** Position `GATE_LAWS.length * class + law`. */
  readonly bits: Int32Array;
  readonly low: Int32Array;
  readonly start: Int32Array;
  /** The tables one after the other. */
  readonly keep: Float64Array;
  readonly other: Int32Array;
}

/** Powers (forward, backward) of a layer's two chi-squares. Each pair is a factor that tilts the layer's law. */
export const GATE_LAWS = [
  [0, 0],
  [1, 0],
  [2, 0],
  [0, 1],
  [0, 2],
  [1, 1],
] as const;

/**
 * q = shares_0 + shares_1 Theta' / E Theta' + shares_2 Theta'^2 / E Theta'^2, as a density on the law of replicas.
 */
export interface ChainMixture {
  readonly shares: readonly [number, number, number];
  /** 1 / E Theta' and 1 / E Theta'^2, each `value` times 2^`exponent`. */
  readonly inverseMean: { readonly value: number; readonly exponent: number };
  readonly inverseSecondMoment: { readonly value: number; readonly exponent: number };
  /** The walk down the layers for a draw from the second part, and from the third. */
  readonly first: PathTables;
  readonly second: PathTables;
}

/**
 * A walk over states, from the output down: at layer l and in state i it takes one of the options
 * `start[states l + i]` to `start[states l + i + 1]` - 1, the first whose `cumulative` exceeds a uniform number.
 */
export interface PathTables {
  readonly states: number;
  /** For each first state, its cumulative probability and the degrees of freedom of the output's square. */
  readonly top: Float64Array;
  readonly topState: Uint8Array;
  readonly topDof: Uint8Array;
  readonly start: Int32Array;
  readonly cumulative: Float64Array;
  readonly source: Uint8Array;
  /** Which of the {@link GATE_LAWS} the layer is drawn from. */
  readonly law: Uint8Array;
}

/** Position i belongs to replica `first` + i. */
export interface ChainReplicas {
  /** Theta, over 2^`exponents`. */
  readonly thetas: Float64Array;
  readonly exponents: Int32Array;
  /** The weight of the replica, over 2^`weightExponents`; 1 if all are drawn from their own law. */
  readonly weights: Float64Array;
  readonly weightExponents: Int32Array;
  /** The part of the mixture that the replica was drawn from: 0, 1 or 2. */
  readonly parts: Uint8Array;
}

/**
 * - `direct`: draws every weight, the same as `Mlp.random`
 * - `conditional`: draws preactivations and derivatives from their law, without any weights (native/core/conditional.hpp)
 */
export const KERNEL_SAMPLERS = ['direct', 'conditional'] as const;
export type KernelSampler = (typeof KERNEL_SAMPLERS)[number];

/** Replicas number `first` to `first + count - 1`. */
export interface KernelSampleTask {
  readonly sampler: KernelSampler;
  /** n_0 .. n_{L+1} */
  readonly widths: readonly number[];
  readonly law: LayerLaw;
  /** n x n_0, finite */
  readonly x: Float64Array;
  readonly n: number;
  readonly form: KernelForm;
  /** For each of these, every replica gets a kernel. There is at least one. */
  readonly terms: readonly KernelTerms[];
  readonly seed: number;
  readonly first: number;
  readonly count: number;
}

/** The law of the parameters, and their gains (`NetworkData`); L + 1 numbers, layer 1 first. */
export interface LayerLaw {
  /** Standard deviations. */
  readonly weightDeviations: Float64Array;
  readonly biasDeviations: Float64Array;
  readonly weightGains: Float64Array;
  readonly biasGains: Float64Array;
}

/** alpha_l and beta_l of theory.md section 1: value times 2^exponent; L + 1 numbers, layer 1 first. */
export interface KernelTerms {
  readonly weights: Float64Array;
  readonly weightExponents: Int32Array;
  readonly biases: Float64Array;
  readonly biasExponents: Int32Array;
}

export interface KernelReplicas {
  /** count x terms x n x n x entries (as in `KernelArrays`), each kernel over 2^`exponents`. */
  readonly kernels: Float64Array;
  /** count x terms */
  readonly exponents: Int32Array;
}
