import { layerSlots } from '../backend/backend';
import { type ArrayInput, readArray } from '../array-input';
import { describeShape, expectInteger, expectOptions, invalidArgument, mismatch } from '../errors';
import { forward, type ForwardOptions, type ForwardResult } from '../kernel/forward';
import { jacobian, type JacobianOptions, type JacobianResult } from '../kernel/jacobian';
import {
  explainNtk,
  type KernelNetwork,
  ntk,
  type NtkOptions,
  type NtkResult,
  type NtkResultPerLayer,
} from '../kernel/ntk';
import type { KernelPlan } from '../kernel/plan';
import { explainNtkToFile, type NtkFileOptions, type NtkFileResult, ntkToFile } from '../large/ntk-to-file';
import { ntkToPart } from '../large/parts';
import type { LargeKernelPlan } from '../large/plan';
import { type NdArray, type ResultArray, resultArray } from '../ndarray';
import { loadNet, type LoadOptions, saveNet } from './files';
import { allocateParameters, drawParameters, networkData, slotViews } from './parameters';
import { expectSpec, type NetworkSpec } from './spec';

/** The parameters of one layer: weights n_l x n_{l-1} (a row per unit), biases n_l. */
export interface Layer {
  readonly weights: ArrayInput;
  readonly biases: ArrayInput;
}

/** Which net {@link Mlp.random} draws. */
export interface RandomOptions {
  /** 0 .. 2^53 - 1 */
  readonly seed: number;
  /** Which of the independent nets of this seed; 0 by default. */
  readonly replica?: number;
}

/** @internal A net as kernel functions take it. */
export let networkOf: (net: Mlp) => KernelNetwork;

/** @internal Refuses anything but what a constructor of Mlp made. */
export let expectNet: (where: string, net: unknown) => asserts net is Mlp;

/** A fully connected ReLU net with a linear output: its spec and its parameters. */
export class Mlp {
  /** Architecture and law of initialization. */
  readonly spec: NetworkSpec;
  /**
   * All parameters, float64: W^1 (n_1 x n_0, row-major), b^1, W^2, b^2, ... This is the net's live memory: a change is
   * seen by the next computation (one under way reads some old and some new values; it never crashes).
   */
  readonly parameters: Float64Array;
  /** The layers 1 .. L+1 as views into {@link parameters}. */
  readonly layers: readonly {
    readonly weights: ResultArray;
    readonly biases: ResultArray;
  }[];
  readonly #network: KernelNetwork;

  static {
    networkOf = (net) => net.#network;
    expectNet = (where, net) => {
      if (typeof net !== 'object' || net === null || !(#network in net))
        throw invalidArgument(`${where}: net`, 'an Mlp', net);
    };
  }

  private constructor(spec: NetworkSpec, parameters: Float64Array) {
    this.spec = spec;
    this.parameters = parameters;
    this.layers = layerSlots(spec.widths).map((slot) => {
      const [weights, biases] = slotViews(parameters, slot);
      return {
        weights: resultArray({ data: weights, shape: [slot.outputs, slot.inputs] }),
        biases: resultArray({ data: biases, shape: [slot.outputs] }),
      };
    });
    this.#network = { ...networkData(spec, parameters), biasGradients: spec.biasGradients };
  }

  /**
   * Draws a net from the law that `spec` describes. The parameters are a function of spec, seed and replica alone: the
   * same bits on every backend and with any number of threads.
   *
   * @throws DeepntkError `ERR_INVALID_ARGUMENT`, or `ERR_OUT_OF_MEMORY` before anything is allocated
   * @example const net = Mlp.random(createSpec({ inputDim: 784, depth: 20, width: 300 }), { seed: 1 });
   */
  static random(spec: NetworkSpec, options: RandomOptions): Mlp {
    const where = 'Mlp.random';
    expectSpec(where, spec);
    expectOptions(where, options, ['seed', 'replica']);
    const seed = expectInteger(`${where}: seed`, options.seed, { min: 0 });
    const replica = expectInteger(`${where}: replica`, options.replica ?? 0, { min: 0 });
    const parameters = allocateParameters(where, spec);
    drawParameters(parameters, spec, seed, replica);
    return new Mlp(spec, parameters);
  }

  /**
   * A net with given parameters, which are copied.
   *
   * @param layers for l = 1 .. L+1 the weights, n_l x n_{l-1}, and the biases, n_l; any `ArrayInput`
   * @throws DeepntkError `ERR_INVALID_ARGUMENT` where a shape is not the spec's
   */
  static fromLayers(spec: NetworkSpec, layers: readonly Layer[]): Mlp {
    const where = 'Mlp.fromLayers';
    expectSpec(where, spec);
    if (!Array.isArray(layers) || layers.length !== spec.depth + 1) {
      throw invalidArgument(
        `${where}: layers`,
        `an array of ${spec.depth + 1} layers { weights, biases }`,
        layers,
      );
    }
    const net = new Mlp(spec, allocateParameters(where, spec));
    net.layers.forEach((target, i) => {
      const source: unknown = layers[i];
      if (typeof source !== 'object' || source === null) {
        throw invalidArgument(`${where}: layers[${i}]`, 'a layer { weights, biases }', source);
      }
      const { weights, biases } = source as { weights?: unknown; biases?: unknown };
      copyArray(`${where}: layers[${i}].weights`, weights, target.weights);
      copyArray(`${where}: layers[${i}].biases`, biases, target.biases);
    });
    return net;
  }

  /**
   * Reads a net from a file: `.json` (written by {@link save}; it holds the spec) or `.safetensors` (PyTorch's names for
   * `nn.Linear` layers; the widths come from the weights, and `options` says how to read the rest of the spec).
   *
   * @throws DeepntkError `ERR_INVALID_FILE` where the file is not what it should be
   */
  static async load(path: string, options: LoadOptions = {}): Promise<Mlp> {
    const { spec, layers } = await loadNet(path, options);
    return Mlp.fromLayers(spec, layers);
  }

  /**
   * Writes the net to a file: `.json` (spec and parameters, exactly) or `.safetensors` (the parameters alone, float64,
   * with the names of a PyTorch `nn.Sequential`). The file appears whole or not at all.
   */
  async save(path: string): Promise<void> {
    await saveNet(path, this.spec, this.layers);
  }

  /**
   * The outputs f(X).
   *
   * @param X inputs, N x n_0, or n_0 numbers for one input; any `ArrayInput`
   * @returns N x K
   */
  forward(X: ArrayInput, options: ForwardOptions = {}): Promise<ForwardResult> {
    return forward(this.#network, X, options);
  }

  /**
   * The derivatives of every output by every trained parameter. Memory: N K P numbers; for kernels use {@link ntk}.
   *
   * @param X inputs, N x n_0, or n_0 numbers for one input; any `ArrayInput`
   * @returns N x K x P, columns in the order of {@link parameters} (those that `parameters` and `layers` choose)
   */
  jacobian(X: ArrayInput, options: JacobianOptions = {}): Promise<JacobianResult> {
    return jacobian(this.#network, X, options);
  }

  /**
   * The empirical neural tangent kernel Theta(x, x') = sum over trained parameters p of df(x)/dp df(x')/dp, in float64
   * by default. `outputs: 'trace'`, the default, is the SUM over the K outputs; `'mean'` is the trace divided by K.
   *
   * With weight gains 1 (standard parametrization), biases trained: Theta = sum_l (x^{l-1}.x'^{l-1} + 1)(delta^l.delta'^l).
   * Cost: 2 N sum_l n_{l-1} n_l (1 + K) + N^2 sum_l (n_{l-1} + K n_l) floating-point operations; see {@link explainNtk}.
   *
   * @param X inputs, N x n_0, or n_0 numbers for one input; any `ArrayInput`
   * @param X2 other inputs, N' x n_0 or n_0; X itself by default, and the kernel is then exactly symmetric
   * @returns N x N' (trace, mean, sum-of-logits), N x N' x K (diagonal) or N x N' x K x K (full), with what made it
   * @throws DeepntkError `ERR_INVALID_ARGUMENT` for wrong shapes, NaN, unknown options; `ERR_OUT_OF_MEMORY` before
   *   anything is allocated where the arrays would not fit; the signal's reason on abort
   * @see theory.md section 1; Jacot, Gabriel and Hongler 2018; Novak, Sohl-Dickstein and Schoenholz 2022 (structure)
   * With `out` the kernel is not returned but written to a .npy file, tile by tile, in memory bounded by `memoryLimit`; an
   * interrupted call goes on where it was when it is made again (docs/large-kernels.md). The bits in the file depend (but on a GPU)
   * neither on the limit nor on threads or interruptions. X and X2 are then read in place: do not change them meanwhile.
   * Further errors: `ERR_INVALID_FILE` where the file exists or cannot be written, or other settings have begun it.
   *
   * @example const kernel = await net.ntk([[0.1, 0.2], [0.3, 0.4]]); // of a net with two inputs
   */
  ntk(X: ArrayInput, X2: ArrayInput | null | undefined, options: NtkFileOptions): Promise<NtkFileResult>;
  ntk(
    X: ArrayInput,
    X2: ArrayInput | null | undefined,
    options: NtkOptions & { readonly perLayer: true },
  ): Promise<NtkResultPerLayer>;
  ntk(X: ArrayInput, X2?: ArrayInput | null, options?: NtkOptions): Promise<NtkResult>;
  ntk(
    X: ArrayInput,
    X2?: ArrayInput | null,
    options: NtkOptions | NtkFileOptions = {},
  ): Promise<NtkResult | NtkResultPerLayer | NtkFileResult> {
    if (isFileOptions(options)) {
      const compute = options.shard === undefined ? ntkToFile : ntkToPart;
      return compute(this.#network, X, X2 ?? null, options);
    }
    return ntk(this.#network, X, X2 ?? null, options);
  }

  /**
   * What {@link ntk} would do with the same arguments: floating-point operations, bytes, blocks, threads and backend;
   * with `memoryLimit`, how it would write the kernel to a file. Nothing is computed.
   *
   * @param X the inputs, or how many there are
   * @param X2 likewise
   */
  explainNtk(
    X: ArrayInput | number,
    X2: ArrayInput | number | null | undefined,
    options: Omit<NtkFileOptions, 'out'> & { readonly memoryLimit: number },
  ): LargeKernelPlan;
  explainNtk(X: ArrayInput | number, X2?: ArrayInput | number | null, options?: NtkOptions): KernelPlan;
  explainNtk(
    X: ArrayInput | number,
    X2?: ArrayInput | number | null,
    options: NtkOptions | (Omit<NtkFileOptions, 'out'> & { readonly memoryLimit: number }) = {},
  ): KernelPlan | LargeKernelPlan {
    if (typeof options !== 'object' || (options as unknown) === null || !('memoryLimit' in options))
      return explainNtk(this.#network, X, X2 ?? null, options);
    return explainNtkToFile(this.#network, X, X2 ?? null, options);
  }
}

function isFileOptions(options: unknown): options is NtkFileOptions {
  return typeof options === 'object' && options !== null && 'out' in options;
}

function copyArray(where: string, source: unknown, target: NdArray<Float64Array>): void {
  const { data, shape } = readArray(where, source);
  if (String(shape) !== String(target.shape))
    throw mismatch(where, `shape ${describeShape(target.shape)}`, describeShape(shape));
  target.data.set(data);
}
