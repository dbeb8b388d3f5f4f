import { layerSlots } from '../backend/layers';
import { type ArrayInput, readArray } from '../array-input';
import { describeShape, expectOptions, invalidArgument, mismatch } from '../errors';
import { type NdArray, type ResultArray, resultArray } from '../ndarray';
import { Computations, networkOf } from './computations';
import { loadNet, type LoadOptions, saveNet } from './files';
import { allocateParameters, drawParameters, networkData, slotViews } from './parameters';
import { hasFieldsOfNet, inSharedMemory, type PlainNet, readPlainNet } from './plain-net';
import { RANDOM_OPTIONS } from './spec-options';
import { biasGradientsByLayer, type MlpSpec, readMlpSpec, readSpec } from './spec';

/** The parameters of one layer: weights n_l x n_{l-1} (a row per unit), biases n_l. */
export interface Layer {
  readonly weights: ArrayInput;
  /** Null only for a layer without biases. Its entry of `biasGradients` is false. */
  readonly biases: ArrayInput | null;
}

/** The key of a net's plain form. Other copies of the package, which do not know its class, read this form. */
const PLAIN_FORM = Symbol.for('deepntk.Mlp');

/** Which net {@link Mlp.random} draws. */
export interface RandomOptions {
  /** 0 .. 2^53 - 1 */
  readonly seed: number;
  /** Which of the independent nets of this seed; 0 by default. */
  readonly replica?: number;
}

/** @internal A net as an argument. A net from another copy of the package is converted and shares its parameters. */
export let readNet: (where: string, net: unknown) => Mlp;

let netOfPlain: (where: string, plain: unknown) => Mlp;

/** A fully connected ReLU net with a linear output: its spec and its parameters. */
export class Mlp extends Computations {
  /** Architecture and law of initialization. */
  readonly spec: MlpSpec;
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
  /** Changes and assumptions of the reader of the net's file, one sentence each; empty for other nets. */
  readonly notes: readonly string[];
  /** Marks nets of this copy of the package. */
  readonly #own = true;

  static {
    readNet = (where, net) => {
      if (typeof net === 'object' && net !== null) {
        if (#own in net) return net;
        if (PLAIN_FORM in net) return netOfPlain(`${where}: net`, net[PLAIN_FORM]);
        if (hasFieldsOfNet(net)) {
          const got = 'a structuredClone of one: send net.toPlain() and make a net of it with Mlp.fromPlain';
          throw mismatch(`${where}: net`, 'an Mlp', got);
        }
      }
      throw invalidArgument(`${where}: net`, 'an Mlp', net);
    };
    netOfPlain = (where, plain) => {
      const { spec, parameters, notes } = readPlainNet(where, plain);
      return new Mlp(spec, inSharedMemory(where, spec, parameters), notes);
    };
  }

  private constructor(spec: MlpSpec, parameters: Float64Array, notes: readonly string[] = []) {
    super({ ...networkData(spec, parameters), biasGradients: biasGradientsByLayer(spec) });
    this.spec = spec;
    this.parameters = parameters;
    this.notes = Object.freeze([...notes]);
    this.layers = layerSlots(spec.widths).map((slot) => {
      const [weights, biases] = slotViews(parameters, slot);
      return {
        weights: resultArray({ data: weights, shape: [slot.outputs, slot.inputs] }),
        biases: resultArray({ data: biases, shape: [slot.outputs] }),
      };
    });
  }

  /**
   * Draws a net from the law that `spec` describes. The parameters are a function of spec, seed and replica alone: the
   * same bits on every backend and with any number of threads.
   *
   * @throws DeepntkError `ERR_INVALID_ARGUMENT`, or `ERR_OUT_OF_MEMORY` before anything is allocated
   * @example const net = Mlp.random(createSpec({ inputDim: 784, depth: 20, width: 300 }), { seed: 1 });
   */
  static random(spec: MlpSpec, options: RandomOptions): Mlp {
    const where = 'Mlp.random';
    const known = readSpec(where, spec);
    expectOptions(where, options, Object.keys(RANDOM_OPTIONS));
    const seed = RANDOM_OPTIONS.seed.read(`${where}: seed`, options.seed);
    const replica = RANDOM_OPTIONS.replica.read(`${where}: replica`, options.replica ?? 0);
    const parameters = allocateParameters(where, known);
    drawParameters(parameters, known, seed, replica);
    return new Mlp(known, parameters);
  }

  /**
   * A net with given parameters, which are copied.
   *
   * @param layers for l = 1 .. L+1 the weights, n_l x n_{l-1}, and the biases, n_l; any `ArrayInput`
   * @throws DeepntkError `ERR_INVALID_ARGUMENT` where a shape is not the spec's
   */
  static fromLayers(spec: MlpSpec, layers: readonly Layer[]): Mlp {
    const where = 'Mlp.fromLayers';
    const known = readMlpSpec(where, spec);
    if (!Array.isArray(layers) || layers.length !== known.depth + 1) {
      throw invalidArgument(
        `${where}: layers`,
        `an array of ${known.depth + 1} layers { weights, biases }`,
        layers,
      );
    }
    const net = new Mlp(known, allocateParameters(where, known));
    net.layers.forEach((target, i) => {
      const source: unknown = layers[i];
      if (typeof source !== 'object' || source === null) {
        throw invalidArgument(`${where}: layers[${i}]`, 'a layer { weights, biases }', source);
      }
      const { weights, biases } = source as { weights?: unknown; biases?: unknown };
      copyArray(`${where}: layers[${i}].weights`, weights, target.weights);
      const withoutBiases = biases === null && !networkOf(net).biasGradients[i]!;
      if (!withoutBiases) copyArray(`${where}: layers[${i}].biases`, biases, target.biases);
    });
    return net;
  }

  /**
   * Reads a net from a file: `.json` (written by {@link save}; it holds the spec), `.safetensors` (PyTorch's names for
   * `nn.Linear` layers) or `.onnx` (a chain of `Gemm`, `MatMul`, `Add` and `Relu`). The widths come from the weights. A layer
   * without a bias in the file has no bias gradients. The law of initialization is unknown (null variances in the spec)
   * unless `options` or the file state it. {@link notes} lists changes and assumptions of the reader.
   *
   * @throws DeepntkError `ERR_INVALID_FILE` if the file is damaged or has no such net; `ERR_INVALID_ARGUMENT` for options that
   *   do not fit the file
   * @see docs/from-pytorch.md
   * @example const net = await Mlp.load('model.safetensors', { weightVariance: 2 });
   */
  static async load(path: string, options: LoadOptions = {}): Promise<Mlp> {
    const { spec, layers, notes } = await loadNet(path, options);
    const net = Mlp.fromLayers(spec, layers);
    return notes.length === 0 ? net : new Mlp(net.spec, net.parameters, notes);
  }

  /**
   * Makes a net from its plain form. Parameters on a `SharedArrayBuffer` are used in place; others are copied.
   *
   * @param plain the result of {@link toPlain}, from this or another thread
   * @throws DeepntkError `ERR_INVALID_ARGUMENT` if it is not a plain net, or has another version
   */
  static fromPlain(plain: PlainNet): Mlp {
    return netOfPlain('Mlp.fromPlain', plain);
  }

  /**
   * Returns the net as plain data for `postMessage`. The receiver makes a net from it with {@link fromPlain}. The parameters
   * are on a `SharedArrayBuffer`, so they are not cloned, and both threads read and write the same memory. For an independent
   * net, send `Float64Array.from(net.parameters)` as the parameters.
   *
   * @example worker.postMessage(net.toPlain()); // in the worker: const net = Mlp.fromPlain(message)
   */
  toPlain(): PlainNet {
    const { spec, parameters, notes } = this;
    return { format: 'deepntk-net', version: 1, spec, parameters, notes };
  }

  /** @internal */
  get [PLAIN_FORM](): PlainNet {
    return this.toPlain();
  }

  /**
   * Writes the net to a file: `.json` (spec and parameters, exactly) or `.safetensors` (the parameters in float64, with the
   * names of a PyTorch `nn.Sequential` and the spec as metadata). {@link load} returns the same net. A failed write leaves
   * no partial file.
   */
  async save(path: string): Promise<void> {
    await saveNet(path, this.spec, this.layers);
  }
}

function copyArray(where: string, source: unknown, target: NdArray<Float64Array>): void {
  const { data, shape } = readArray(where, source);
  if (String(shape) !== String(target.shape))
    throw mismatch(where, `shape ${describeShape(target.shape)}`, describeShape(shape));
  target.data.set(data);
}
