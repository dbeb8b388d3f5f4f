/** Products with the kernel and with the Jacobian, neither of which is formed; the diagonal alone; the sketched kernel. */
import {
  chainsOf,
  entriesOf,
  type FeatureBlock,
  featureFlops,
  featureSlots,
  productFlops,
} from '../backend/features';
import { DeepntkError, describeShape, expectInteger, invalidArgument } from '../errors';
import {
  type ComputeOptions,
  expectInputShape,
  type ParameterChoice,
  type Provenance,
} from '../kernel/arguments';
import type { KernelNetwork, NtkOptions, NtkOutputs } from '../kernel/ntk';
import { availableMemory, formatBytes } from '../memory';
import { type NdArray, sizeOf } from '../ndarray';
import { fillNormals } from '../random/normal';
import { blockRange, FeatureSource, shared } from './blocks';
import { GROUP } from './plan';
import { expectFinite, type LargeRequest, ProgressMeter, readLargeRequest } from './request';

export interface ProductOptions extends ComputeOptions, ParameterChoice {
  /** `float64` (the default), or `mixed`: see `NtkOptions`. */
  readonly precision?: 'float64' | 'mixed';
  /** What the resident memory of the process may come to, in bytes; see `NtkFileOptions`. */
  readonly memoryLimit?: number;
}

export interface KernelProductOptions extends ProductOptions {
  /** Which kernel is meant: `trace` (the default), `mean`, `full` or `sum-of-logits`. */
  readonly outputs?: 'trace' | 'mean' | 'full' | 'sum-of-logits';
}

/** What a product returns: float64, row-major, with what made it. */
export interface ProductResult extends NdArray<Float64Array>, Provenance {
  readonly precision: 'float64' | 'mixed';
}

const MIB = 2 ** 20;
const RESERVE = 48 * MIB;
const BLOCK_EDGES = [2048, 1024, 512, 256];

/** A net on inputs, ready for any number of products. */
export class JacobianOperator {
  readonly request: LargeRequest['request'];
  readonly #shape: LargeRequest['shape'];
  readonly #source: FeatureSource;
  readonly #X: NdArray;
  readonly #edge: number;
  readonly #blocks: number;
  /** The features of all blocks, where they fit: computed at the first product. */
  readonly #kept: (FeatureBlock | undefined)[] | null;
  /** Directions taken at once: what their gradients leave room for. */
  readonly #batch: number;

  /** @param directions how many products at once are wanted */
  constructor(where: string, X: NdArray, { request, shape, memoryLimit }: LargeRequest, directions: number) {
    const { network, precision } = shape;
    this.request = request;
    // Deltas of every output, whichever kernel is wanted: sums over outputs are in the coefficients.
    this.#shape = { ...shape, form: 'trace' };
    this.#X = X;
    const n = X.shape[0]!;
    const held = process.memoryUsage.rss();
    const limit = memoryLimit ?? held + 0.75 * availableMemory();
    const perInput = featureSlots(this.#shape).perInput * (precision === 'mixed' ? 4 : 8);
    const chains = chainsOf(this.#shape);
    const widest = Math.max(...[0, ...network.widths].map((width) => width));
    const scratch =
      RESERVE +
      request.run.threads * (GROUP * widest * (16 + 16 * chains) + 8 * widest * widest + 24 * MIB) +
      4 * network.parameters.length;
    const gradient = 8 * network.parameters.length;
    const left = limit - held - scratch;
    const edge = BLOCK_EDGES.find((candidate) => {
      const rows = Math.min(candidate, n);
      return (
        (candidate === GROUP || candidate <= Math.ceil(n / GROUP) * GROUP) &&
        rows * (perInput + 8 * network.widths[0]!) + gradient <= left / 2
      );
    });
    const smallest =
      held + scratch + 2 * (Math.min(GROUP, n) * (perInput + 8 * network.widths[0]!) + gradient);
    if (edge === undefined) {
      throw new DeepntkError(
        'ERR_OUT_OF_MEMORY',
        `${where}: memoryLimit: expected at least ${formatBytes(smallest)} for this product (the process already holds ${formatBytes(held)}), got ${formatBytes(limit)}`,
      );
    }
    this.#edge = edge;
    this.#blocks = Math.ceil(n / edge);
    const room = left - Math.min(edge, n) * 8 * network.widths[0]!;
    const all = this.#blocks * Math.min(edge, n) * perInput;
    const keep = all + Math.min(directions, 4) * gradient <= room;
    this.#kept = keep ? [] : null;
    const forGradients = room - (keep ? all : Math.min(edge, n) * perInput);
    this.#batch = Math.max(1, Math.min(directions, Math.floor(forGradients / gradient)));
    this.#source = new FeatureSource(
      request.backend,
      this.#shape,
      { X, X2: null, edge },
      keep ? this.#blocks : 1,
      null,
    );
  }

  get inputs(): number {
    return this.#X.shape[0]!;
  }

  get outputs(): number {
    return this.#shape.network.widths.at(-1)!;
  }

  /** How many directions are multiplied at once. */
  get batch(): number {
    return this.#batch;
  }

  /** Work of one pass over all inputs: with its features where they are not kept. */
  passFlops(directions: number, first: boolean): number {
    const { forward, backward } = featureFlops(this.#shape);
    const features = this.#kept !== null && !first ? 0 : forward + backward;
    return this.inputs * (features + directions * productFlops(this.#shape));
  }

  async #eachBlock(meter: ProgressMeter | null, use: (block: FeatureBlock, first: number) => Promise<void>) {
    const { forward, backward } = featureFlops(this.#shape);
    for (let index = 0; index < this.#blocks; index++) {
      const { first, count } = blockRange({ X: this.#X, X2: null, edge: this.#edge }, index);
      let block = this.#kept?.[index];
      if (block === undefined) {
        const piece = meter?.piece(count * (forward + backward));
        block = await this.#source.load(index, this.#kept === null ? 0 : index, {
          ...this.request.run,
          onProgress: piece?.onProgress,
        });
        piece?.finish();
        if (this.#kept !== null) this.#kept[index] = block;
      }
      await use(block, first);
    }
  }

  /** columns (directions x P) = rows' J, with rows (N K) x directions. */
  async transposed(rows: Float64Array, directions: number, meter: ProgressMeter | null = null) {
    const columns = shared(directions * this.#shape.network.parameters.length, 'float64') as Float64Array;
    await this.#eachBlock(meter, async (block, first) => {
      await this.#multiply('add-transposed', block, first, directions, rows, columns, meter);
    });
    return columns;
  }

  /** rows ((N K) x directions) = J columns', with columns directions x P. */
  async apply(columns: Float64Array, directions: number, meter: ProgressMeter | null = null) {
    const rows = new Float64Array(this.inputs * this.outputs * directions);
    await this.#eachBlock(meter, async (block, first) => {
      await this.#multiply('apply', block, first, directions, rows, columns, meter);
    });
    return rows;
  }

  async #multiply(
    product: 'add-transposed' | 'apply',
    block: FeatureBlock,
    first: number,
    directions: number,
    rows: Float64Array,
    columns: Float64Array,
    meter: ProgressMeter | null,
  ): Promise<void> {
    const begin = first * this.outputs * directions;
    const own = shared(block.n * this.outputs * directions, 'float64') as Float64Array;
    if (product === 'add-transposed') own.set(rows.subarray(begin, begin + own.length));
    const piece = meter?.piece(block.n * directions * productFlops(this.#shape));
    await this.request.backend.products(
      { ...this.#shape, block, directions, product, rows: own, columns },
      { ...this.request.run, onProgress: piece?.onProgress },
    );
    piece?.finish();
    if (product === 'apply') rows.set(own, begin);
  }

  /**
   * The kernel times `directions` vectors, rows x directions: rows are inputs, or (input, output) pairs for `full`.
   * A direction of the trace is one for every output.
   */
  async kernelProduct(
    V: Float64Array,
    directions: number,
    report: NtkOptions['onProgress'],
  ): Promise<Float64Array> {
    const { outputs: kind, scale } = this.request;
    const { inputs, outputs } = this;
    const perVector = kind === 'trace' || kind === 'mean' ? outputs : 1;
    const result = new Float64Array(V.length);
    const total = directions * perVector;
    const passes = Math.ceil(total / this.#batch);
    const work = Array.from({ length: passes }, (_, pass) => {
      const count = Math.min(this.#batch, total - pass * this.#batch);
      const fresh = this.#kept?.length === 0 && pass === 0;
      return this.passFlops(count, fresh) + this.passFlops(count, false);
    }).reduce((sum, flops) => sum + flops, 0);
    const meter = report === undefined ? null : new ProgressMeter(work, 0, report);
    for (let begin = 0; begin < total; begin += this.#batch) {
      const count = Math.min(this.#batch, total - begin);
      // Direction d of this batch is vector `v` (and output `k` of the trace).
      const pairs = Array.from({ length: count }, (_, d) => {
        const index = begin + d;
        return { d, v: Math.floor(index / perVector), k: index % perVector };
      });
      const rows = new Float64Array(inputs * outputs * count);
      for (const { d, v, k } of pairs) {
        for (let i = 0; i < inputs; i++) {
          for (let output = 0; output < outputs; output++) {
            const at = (i * outputs + output) * count + d;
            if (kind === 'full') rows[at] = V[(i * outputs + output) * directions + v]!;
            else if (kind === 'sum-of-logits') rows[at] = V[i * directions + v]! / Math.sqrt(outputs);
            else if (output === k) rows[at] = V[i * directions + v]!;
          }
        }
      }
      const products = await this.apply(await this.transposed(rows, count, meter), count, meter);
      for (const { d, v, k } of pairs) {
        for (let i = 0; i < inputs; i++) {
          for (let output = 0; output < outputs; output++) {
            const value = products[(i * outputs + output) * count + d]!;
            if (kind === 'full') result[(i * outputs + output) * directions + v] = value;
            else if (kind === 'sum-of-logits') result[i * directions + v]! += value / Math.sqrt(outputs);
            else if (output === k) result[i * directions + v]! += scale * value;
          }
        }
      }
    }
    return result;
  }
}

const PRODUCT_OUTPUTS: readonly NtkOutputs[] = ['trace', 'mean', 'full', 'sum-of-logits'];

/** @internal Checks what products share, X included. */
export async function openOperator(
  where: string,
  network: KernelNetwork,
  X: NdArray,
  options: KernelProductOptions,
  directions: number,
  otherOptions: readonly string[] = [],
): Promise<JacobianOperator> {
  const large = readLargeRequest(where, network, options, otherOptions);
  const quiet = { ...options };
  delete (quiet as { onProgress?: unknown }).onProgress;
  const request = readLargeRequest(where, network, quiet, otherOptions).request;
  if (!PRODUCT_OUTPUTS.includes(request.outputs)) {
    throw invalidArgument(`${where}: outputs`, `one of ${PRODUCT_OUTPUTS.join(', ')}`, request.outputs);
  }
  expectInputShape(`${where}: X`, X, network.widths[0]!);
  if (!request.allowNonFinite) await expectFinite(`${where}: X`, X);
  request.run.signal?.throwIfAborted();
  return new JacobianOperator(where, X, { ...large, request }, directions);
}

/** Checks an array of rows x r numbers, or of rows, and gives its numbers as float64 and r. */
function vectorsOf(where: string, V: NdArray, rows: readonly number[]): { data: Float64Array; r: number } {
  const shape: unknown = (V as NdArray | null | undefined)?.shape;
  const what = `an array of shape [${rows.join(', ')}] or [${rows.join(', ')}, r]`;
  if (
    !Array.isArray(shape) ||
    !(V.data instanceof Float64Array || V.data instanceof Float32Array) ||
    rows.some((extent, axis) => shape[axis] !== extent) ||
    shape.length > rows.length + 1 ||
    shape.length < rows.length ||
    V.data.length !== sizeOf(shape as number[])
  ) {
    throw invalidArgument(where, what, Array.isArray(shape) ? `shape ${describeShape(shape)}` : V);
  }
  const at = V.data.findIndex((entry) => !Number.isFinite(entry));
  if (at >= 0) throw invalidArgument(`${where}: entry ${at}`, 'a finite number', V.data[at]);
  const r = shape.length > rows.length ? expectInteger(`${where}.shape[${rows.length}]`, shape.at(-1)) : 1;
  return { data: Float64Array.from(V.data), r };
}

function resultOf(operator: JacobianOperator, data: Float64Array, shape: number[]): ProductResult {
  const { precision, provenance } = operator.request;
  return { data, shape, precision, ...provenance };
}

/** The kernel of X times V; see `kernelProduct` of the public face. */
export async function kernelProduct(
  network: KernelNetwork,
  X: NdArray,
  V: NdArray,
  options: KernelProductOptions,
): Promise<ProductResult> {
  const where = 'kernelProduct';
  if (typeof options !== 'object' || (options as unknown) === null)
    throw invalidArgument(where, 'an options object', options);
  const n = expectInputShape(`${where}: X`, X, network.widths[0]!);
  const rows = options.outputs === 'full' ? [n, network.widths.at(-1)!] : [n];
  const { data, r } = vectorsOf(`${where}: V`, V, rows);
  const operator = await openOperator(where, network, X, options, r * network.widths.at(-1)!);
  return resultOf(operator, await operator.kernelProduct(data, r, options.onProgress), [...V.shape]);
}

/** The columns that `parameters` and `layers` choose, in the order of all parameters. */
function chosenColumns(
  network: KernelNetwork,
  { weightTerms, biasTerms }: LargeRequest['request'],
): boolean[] {
  const { widths } = network;
  return widths
    .slice(1)
    .flatMap((width, l) => [
      ...new Array<boolean>(width * widths[l]!).fill(weightTerms[l] !== 0),
      ...new Array<boolean>(width).fill(biasTerms[l] !== 0),
    ]);
}

/** J v for each of the vectors. */
export async function jacobianVector(
  network: KernelNetwork,
  X: NdArray,
  V: NdArray,
  options: ProductOptions,
): Promise<ProductResult> {
  const where = 'jacobianVector';
  const { request } = readLargeRequest(where, network, options, []);
  const chosen = chosenColumns(network, request);
  const P = chosen.filter(Boolean).length;
  const { data, r } = vectorsOf(`${where}: V`, V, [P]);
  const operator = await openOperator(where, network, X, options, r);
  const columns = shared(operator.batch * chosen.length, 'float64') as Float64Array;
  const n = X.shape[0]!;
  const K = network.widths.at(-1)!;
  const result = new Float64Array(n * K * r);
  for (let begin = 0; begin < r; begin += operator.batch) {
    const count = Math.min(operator.batch, r - begin);
    columns.fill(0);
    let from = 0;
    chosen.forEach((isChosen, column) => {
      if (!isChosen) return;
      for (let d = 0; d < count; d++) columns[d * chosen.length + column] = data[from * r + begin + d]!;
      from++;
    });
    const own = columns.subarray(0, count * chosen.length);
    const meter = meterOf(operator, options, count, r, begin);
    const rows = await operator.apply(own, count, meter);
    for (let row = 0; row < n * K; row++) {
      for (let d = 0; d < count; d++) result[row * r + begin + d] = rows[row * count + d]!;
    }
  }
  return resultOf(operator, result, V.shape.length === 1 ? [n, K] : [n, K, r]);
}

/** J' u for each of the vectors. */
export async function vectorJacobian(
  network: KernelNetwork,
  X: NdArray,
  U: NdArray,
  options: ProductOptions,
): Promise<ProductResult> {
  const where = 'vectorJacobian';
  const n = expectInputShape(`${where}: X`, X, network.widths[0]!);
  const K = network.widths.at(-1)!;
  const { data, r } = vectorsOf(`${where}: U`, U, [n, K]);
  const operator = await openOperator(where, network, X, options, r);
  const chosen = chosenColumns(network, operator.request);
  const P = chosen.filter(Boolean).length;
  const result = new Float64Array(P * r);
  for (let begin = 0; begin < r; begin += operator.batch) {
    const count = Math.min(operator.batch, r - begin);
    const rows = new Float64Array(n * K * count);
    for (let row = 0; row < n * K; row++) {
      for (let d = 0; d < count; d++) rows[row * count + d] = data[row * r + begin + d]!;
    }
    const meter = meterOf(operator, options, count, r, begin);
    const columns = await operator.transposed(rows, count, meter);
    let to = 0;
    chosen.forEach((isChosen, column) => {
      if (!isChosen) return;
      for (let d = 0; d < count; d++) result[to * r + begin + d] = columns[d * chosen.length + column]!;
      to++;
    });
  }
  return resultOf(operator, result, U.shape.length === 2 ? [P] : [P, r]);
}

/** Progress of the batch of directions that begins at `begin`, of `r` altogether. */
function meterOf(
  operator: JacobianOperator,
  options: ProductOptions,
  count: number,
  r: number,
  begin: number,
) {
  if (options.onProgress === undefined) return null;
  const perDirection = operator.passFlops(count, begin === 0) / count;
  return new ProgressMeter(perDirection * r, perDirection * begin, options.onProgress);
}

export interface KernelDiagonalOptions extends ProductOptions {
  readonly outputs?: NtkOutputs;
}

/** Theta(x, x) of every input. */
export async function kernelDiagonal(
  network: KernelNetwork,
  X: NdArray,
  options: KernelDiagonalOptions,
): Promise<ProductResult & { readonly outputs: NtkOutputs }> {
  const where = 'kernelDiagonal';
  if (typeof options !== 'object' || (options as unknown) === null)
    throw invalidArgument(where, 'an options object', options);
  const { onProgress, ...quiet } = options;
  const large = readLargeRequest(where, network, options, []);
  const request = readLargeRequest(where, network, quiet, []).request;
  const { shape } = large;
  const n = expectInputShape(`${where}: X`, X, network.widths[0]!);
  if (!request.allowNonFinite) await expectFinite(`${where}: X`, X);
  request.run.signal?.throwIfAborted();
  const entries = entriesOf(shape);
  const result = new Float64Array(n * entries);
  const source = new FeatureSource(request.backend, shape, { X, X2: null, edge: GROUP }, 1, null);
  const { forward, backward } = featureFlops(shape);
  const meter = new ProgressMeter(n * (forward + backward), 0, onProgress);
  for (let first = 0; first < n; first += GROUP) {
    const piece = meter.piece(Math.min(GROUP, n - first) * (forward + backward));
    const block = await source.load(first / GROUP, 0, { ...request.run, onProgress: piece.onProgress });
    piece.finish();
    addDiagonal(large, block, result.subarray(first * entries, (first + block.n) * entries));
  }
  if (request.scale !== 1) result.forEach((entry, i) => (result[i] = entry * request.scale));
  const K = network.widths.at(-1)!;
  const axes = shape.form === 'full' ? [n, K, K] : shape.form === 'diagonal' ? [n, K] : [n];
  const { precision, provenance, outputs } = request;
  return { data: result, shape: axes, outputs, precision, ...provenance };
}

/** The blocks of the pairs (x, x) of one group, from its features: N numbers a layer, so that no backend is asked. */
function addDiagonal({ shape }: LargeRequest, block: FeatureBlock, out: Float64Array): void {
  const { network, form, weightTerms, biasTerms } = shape;
  const { slots } = featureSlots(shape);
  const K = network.widths.at(-1)!;
  const chains = chainsOf(shape);
  const entries = entriesOf(shape);
  const dot = (a: number, b: number, length: number): number => {
    let sum = 0;
    for (let j = 0; j < length; j++) sum += block.values[a + j]! * block.values[b + j]!;
    return sum;
  };
  slots.forEach(({ activations, deltas }, l) => {
    if (weightTerms[l] === 0 && biasTerms[l] === 0) return;
    const below = network.widths[l]!;
    const width = network.widths[l + 1]!;
    const activationScale = 4 ** block.exponents[2 * l]!;
    const deltaScale = 4 ** block.exponents[2 * l + 1]!;
    for (let i = 0; i < block.n; i++) {
      const x = block.n * activations + i * below;
      const factor =
        (activations === -1 ? 0 : weightTerms[l]! * activationScale * dot(x, x, below)) + biasTerms[l]!;
      const delta = (k: number, m: number): number => {
        if (deltas === -1) return k === m ? 1 : 0;
        const at = block.n * deltas + i * chains * width;
        return deltaScale * dot(at + k * width, at + m * width, width);
      };
      if (form === 'sum-of-logits') out[i]! += factor * delta(0, 0);
      for (let k = 0; k < K && form !== 'sum-of-logits'; k++) {
        if (form === 'trace') out[i]! += factor * delta(k, k);
        else if (form === 'diagonal') out[i * entries + k]! += factor * delta(k, k);
        else for (let m = 0; m < K; m++) out[i * entries + k * K + m]! += factor * delta(k, m);
      }
    }
  });
}

export interface SketchOptions extends KernelProductOptions {
  /** How many random directions; the error falls with the square root of their number. */
  readonly projections: number;
  /** 0 .. 2^53 - 1 */
  readonly seed: number;
}

export interface SketchResult extends ProductResult {
  /** The random features, N K x r: the kernel is estimated by their inner products. */
  readonly features: NdArray<Float64Array>;
  /** For every entry of the kernel, an estimate of its standard error. */
  readonly standardError: NdArray<Float64Array>;
  readonly projections: number;
  readonly seed: number;
}

/** Streams of the random numbers of sketches: no others use them. */
const SKETCH_STREAM = 0x5ce7c000;

/** The kernel estimated from random projections of the Jacobian. */
export async function sketchNtk(
  network: KernelNetwork,
  X: NdArray,
  options: SketchOptions,
): Promise<SketchResult> {
  const where = 'sketchNtk';
  if (typeof options !== 'object' || (options as unknown) === null)
    throw invalidArgument(where, 'an options object', options);
  const { projections, seed, ...rest } = options;
  const r = expectInteger(`${where}: projections`, projections);
  expectInteger(`${where}: seed`, seed, { min: 0 });
  const operator = await openOperator(where, network, X, rest, r);
  const { request } = operator;
  if (request.outputs === 'full') {
    throw invalidArgument(`${where}: outputs`, 'trace, mean or sum-of-logits', request.outputs);
  }
  const chosen = chosenColumns(network, request);
  const n = X.shape[0]!;
  const K = network.widths.at(-1)!;
  const features = new Float64Array(n * K * r);
  for (let begin = 0; begin < r; begin += operator.batch) {
    const count = Math.min(operator.batch, r - begin);
    const columns = shared(count * chosen.length, 'float64') as Float64Array;
    for (let d = 0; d < count; d++) {
      const own = columns.subarray(d * chosen.length, (d + 1) * chosen.length);
      fillNormals(own, { seed, replica: begin + d, stream: SKETCH_STREAM });
      chosen.forEach((isChosen, column) => {
        if (!isChosen) own[column] = 0;
      });
    }
    const rows = await operator.apply(columns, count, meterOf(operator, rest, count, r, begin));
    for (let row = 0; row < n * K; row++) {
      for (let d = 0; d < count; d++) features[row * r + begin + d] = rows[row * count + d]!;
    }
  }
  return { ...estimateOf(operator, features, n, K, r), projections: r, seed };
}

/**
 * E (J w)_a (J w)_b = K_ab for w ~ N(0, 1); its variance is K_ab^2 + K_aa K_bb (Isserlis), and for the sum over outputs
 * the same with sums over pairs of outputs, which the sample variance over the projections estimates.
 */
function estimateOf(operator: JacobianOperator, features: Float64Array, n: number, K: number, r: number) {
  const { outputs, scale, precision, provenance } = operator.request;
  const kernel = new Float64Array(n * n);
  const errors = new Float64Array(n * n);
  const summed = outputs === 'sum-of-logits';
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = 0;
      let squares = 0;
      for (let d = 0; d < r; d++) {
        let value = 0;
        if (summed) {
          let left = 0;
          let right = 0;
          for (let k = 0; k < K; k++) {
            left += features[(i * K + k) * r + d]!;
            right += features[(j * K + k) * r + d]!;
          }
          value = (left * right) / K;
        } else {
          for (let k = 0; k < K; k++)
            value += features[(i * K + k) * r + d]! * features[(j * K + k) * r + d]!;
          value *= scale;
        }
        sum += value;
        squares += value * value;
      }
      const mean = sum / r;
      const variance = Math.max(0, squares / r - mean * mean) / Math.max(1, r - 1);
      kernel[i * n + j] = kernel[j * n + i] = mean;
      errors[i * n + j] = errors[j * n + i] = r > 1 ? Math.sqrt(variance) : Infinity;
    }
  }
  return {
    data: kernel,
    shape: [n, n],
    standardError: { data: errors, shape: [n, n] },
    features: { data: features, shape: [n * K, r] },
    precision,
    ...provenance,
  };
}
