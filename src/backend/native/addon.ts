/** The addon: what it exports (native/addon/addon.cpp), and how it is found and loaded. */
import path from 'node:path';
import type NodeGypBuild from 'node-gyp-build';
import { isTruncatedElf } from './elf';

/** Raised together with kAbi of native/addon/addon.cpp whenever a function changes its arguments or results. */
export const ABI = 4;

/** What a job tells its listener; the numbers of `Status` in native/addon/job.hpp. */
export const STATUS = { progress: 0, done: 1, cancelled: 2, outOfMemory: 3, failed: 4 } as const;

/** `detail` is the finished share of the work (progress) or a message (failed). */
export type Listener = (status: number, detail: number | string | undefined) => void;
export type Cancel = () => void;

interface NetworkArguments {
  readonly widths: readonly number[];
  readonly parameters: Float64Array;
  readonly weightGains: Float64Array;
  readonly biasGains: Float64Array;
  readonly x: Float64Array;
  readonly n: number;
  readonly threads: number;
}

export interface ForwardArguments extends NetworkArguments {
  readonly rowBlock: number;
  readonly outputs: Float64Array;
}

export interface JacobianArguments extends NetworkArguments {
  readonly rowBlock: number;
  readonly weights: Uint8Array;
  readonly biases: Uint8Array;
  readonly jacobian: Float64Array;
}

export interface KernelArguments extends NetworkArguments {
  readonly x2: Float64Array | null;
  readonly n2: number;
  /** Position in trace, full, diagonal, sum-of-logits. */
  readonly form: number;
  readonly weightTerms: Float64Array;
  readonly biasTerms: Float64Array;
  readonly mixed: boolean;
  readonly rows: number;
  readonly gram: number;
  /** Zeros; the result is added. */
  readonly kernel: Float64Array;
  readonly weights: readonly Float64Array[] | null;
  readonly biases: readonly Float64Array[] | null;
}

/** The plan's fields (`ChainPlan` of ../backend.ts), those of its parts under names that begin with the part's. */
export type ChainArguments = Readonly<
  Record<string, number | boolean | Float64Array | Int32Array | Uint8Array>
>;

interface FeatureArguments extends Omit<NetworkArguments, 'x'> {
  /** Position in trace, full, diagonal, sum-of-logits. */
  readonly form: number;
  readonly weightTerms: Float64Array;
  readonly biasTerms: Float64Array;
  readonly group: number;
  /** Whether `values` are Float32Arrays. */
  readonly mixed: boolean;
  readonly values: Float64Array | Float32Array;
  readonly exponents: Int32Array;
}

export interface FeaturesArguments extends FeatureArguments {
  readonly x: Float64Array;
}

export interface GramTileArguments extends FeatureArguments {
  readonly n2: number;
  /** Null where the second block is the first. */
  readonly values2: Float64Array | Float32Array | null;
  readonly exponents2: Int32Array | null;
  readonly edge: number;
  readonly scale: number;
  /** Whether the tile is a Float32Array. */
  readonly single: boolean;
  readonly tile: Float64Array | Float32Array;
  readonly mirror: Float64Array | Float32Array | null;
}

export interface ProductsArguments extends FeatureArguments {
  readonly directions: number;
  readonly transposed: boolean;
  readonly rows: Float64Array;
  readonly columns: Float64Array;
}

export interface KernelSamplesArguments {
  /** Position in direct, conditional. */
  readonly sampler: number;
  readonly widths: readonly number[];
  readonly n: number;
  /** Position in trace, full, diagonal, sum-of-logits. */
  readonly form: number;
  /** How many ways to weigh the layers there are; the terms of the first, then of the second, ... */
  readonly sets: number;
  readonly weightTerms: Float64Array;
  readonly weightExponents: Int32Array;
  readonly biasTerms: Float64Array;
  readonly biasExponents: Int32Array;
  readonly seed: number;
  readonly first: number;
  readonly count: number;
  readonly threads: number;
  /** Inputs, n x n_0, or for the conditional sampler their Gram matrix, n x n. */
  readonly inputs: Float64Array;
  readonly inputExponent: number;
  readonly weightDeviations: Float64Array;
  readonly biasDeviations: Float64Array;
  readonly weightGains: Float64Array;
  readonly biasGains: Float64Array;
  readonly weightScale: Float64Array;
  readonly biasVariance: number;
  readonly kernels: Float64Array;
  readonly exponents: Int32Array;
}

export interface TrainingArguments extends NetworkArguments {
  readonly y: Float64Array;
  /** Position in mse, cross-entropy. */
  readonly loss: number;
  readonly biasGradients: boolean;
  /** Position in gd, momentum, adam. */
  readonly optimizer: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly firstMoments: Float64Array;
  readonly secondMoments: Float64Array;
  readonly stepsBefore: number;
  readonly steps: number;
  readonly learningRates: Float64Array;
  readonly batchSizes: Int32Array;
  readonly batchRows: Int32Array | null;
  readonly losses: Float64Array;
  readonly gradients: readonly Float64Array[];
  readonly slots: number;
  readonly minSlotRows: number;
  readonly rowBlock: number;
}

export interface Addon {
  readonly abi: number;
  describe(): { library: string; version: string; core: string; threading: string; threads: number };
  fillNormals(task: {
    out: Float64Array;
    length: number;
    seed: number;
    replica: number;
    stream: number;
    scale: number;
  }): void;
  /** Each starts a thread and returns at once; the arrays must not be touched before the listener says it is over. */
  startForward(task: ForwardArguments, listener: Listener): Cancel;
  startJacobian(task: JacobianArguments, listener: Listener): Cancel;
  startKernel(task: KernelArguments, listener: Listener): Cancel;
  startFeatures(task: FeaturesArguments, listener: Listener): Cancel;
  startGramTile(task: GramTileArguments, listener: Listener): Cancel;
  startProducts(task: ProductsArguments, listener: Listener): Cancel;
  startChain(task: ChainArguments, listener: Listener): Cancel;
  startKernelSamples(task: KernelSamplesArguments, listener: Listener): Cancel;
  startTraining(task: TrainingArguments, listener: Listener): Cancel;
  /** Seconds of one matrix product on one thread, or on the GPU: the ceiling that benchmarks compare with; blocks. */
  measureGemm(task: { rows: number; columns: number; inner: number; single: boolean }): number;
}

/** `broken`: a binary was found, but it cannot be used for a reason that nobody asked for. */
export type Loaded<T> = T | { readonly reason: string; readonly broken: boolean };

const FOLDER = path.join('backend', 'native');
const root = path.join(__dirname, '..', '..', '..');

/** Whether a bundler moved this file away from the package's binaries. */
const isBundled = !__dirname.endsWith(FOLDER);

/** The addon from build/Release or prebuilds/, or why there is none. */
export function loadAddon(): Loaded<{ readonly addon: Addon }> {
  if (isBundled) {
    const reason = 'deepntk was bundled, without its native addon; mark deepntk as external in the bundler';
    return { reason, broken: false };
  }
  let addon: Addon;
  try {
    // Loaded here because it reads system files at once, which the permission model may forbid.
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- a literal path, which bundlers follow
    const nodeGypBuild = require('node-gyp-build') as typeof NodeGypBuild;
    const file = nodeGypBuild.resolve(root);
    if (isTruncatedElf(file)) throw new Error(`${file} is truncated`);
    addon = nodeGypBuild(root) as Addon;
  } catch (error) {
    return explain(error);
  }
  if (addon.abi !== ABI) {
    return {
      reason: `the native addon was built from another version (ABI ${addon.abi}, expected ${ABI}); rebuild it: npm run build:native`,
      broken: true,
    };
  }
  return { addon };
}

function explain(error: unknown): { reason: string; broken: boolean } {
  const message = error instanceof Error ? error.message : String(error);
  if (message.startsWith('No native build was found')) {
    const reason = `no native addon for ${process.platform}-${process.arch}; to build it: install a C++ compiler, make and OpenBLAS (apt-get install g++ make libopenblas-dev), then npm run build:native`;
    return { reason, broken: false };
  }
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ERR_ACCESS_DENIED' || code === 'ERR_DLOPEN_DISABLED') {
    const reason = `Node's permission model does not allow the native addon (${code}); use --allow-addons and --allow-fs-read=*`;
    return { reason, broken: false };
  }
  const remedy = /libopenblas/.test(message)
    ? 'install OpenBLAS (apt-get install libopenblas0)'
    : 'rebuild it: npm run build:native';
  const reason = `the native addon was found but does not load (${message.split('\n')[0]!}); ${remedy}`;
  return { reason, broken: true };
}
