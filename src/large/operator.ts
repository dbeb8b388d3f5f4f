/** The Jacobian of a net on inputs, and its kernel, as operators: they are multiplied, and never formed. */
import { featureFlops, productFlops } from '../backend/features';
import type { FeatureBlock, FeatureShape } from '../backend/seam';
import type { ArrayInput } from '../array-input';
import { invalidArgument } from '../errors';
import type { ComputeOptions, ParameterChoice } from '../kernel/arguments';
import type { KernelNetwork, NtkOptions, NtkOutputs } from '../kernel/ntk';
import type { NdArray } from '../ndarray';
import { blockRange, FeatureSource, shared } from './blocks';
import { planProducts, type ProductPlan, productShape } from './product-plan';
import { type LargeOptions, ProgressMeter, readLargeInputs } from './inputs';

/** Options of products with the Jacobian of a net. */
export interface ProductOptions extends ComputeOptions, ParameterChoice {
  /** `float64` (the default), or `mixed`: see `NtkOptions`. */
  readonly precision?: 'float64' | 'mixed';
  /** What the resident memory of the process may come to, in bytes; see `NtkFileOptions`. */
  readonly memoryLimit?: number;
}

/** Options of products with the kernel, and of what is made of them. */
export interface KernelProductOptions extends ProductOptions {
  /** Which kernel is meant: `trace` (the default), `mean`, `full` or `sum-of-logits`. */
  readonly outputs?: 'trace' | 'mean' | 'full' | 'sum-of-logits';
}

const PRODUCT_OUTPUTS: readonly NtkOutputs[] = ['trace', 'mean', 'full', 'sum-of-logits'];

/** What products with the kernel ask for, and X, checked. */
export async function readProductRequest(
  where: string,
  network: KernelNetwork,
  X: ArrayInput,
  options: KernelProductOptions,
): Promise<{ readonly large: LargeOptions; readonly inputs: NdArray }> {
  const read = await readLargeInputs(where, network, X, options);
  expectProductOutputs(where, read.large);
  return read;
}

export function expectProductOutputs(where: string, { request }: LargeOptions): void {
  if (PRODUCT_OUTPUTS.includes(request.outputs)) return;
  throw invalidArgument(`${where}: outputs`, `one of ${PRODUCT_OUTPUTS.join(', ')}`, request.outputs);
}

/** Directions in parameter space that a product of the kernel with one vector takes: for the trace one an output. */
export function directionsPerVector({ request, shape }: LargeOptions): number {
  const summed = request.outputs === 'trace' || request.outputs === 'mean';
  return summed ? shape.network.widths.at(-1)! : 1;
}

/** A net on inputs, ready for any number of products. */
export class JacobianOperator {
  readonly large: LargeOptions;
  readonly plan: ProductPlan;
  readonly #shape: FeatureShape;
  readonly #source: FeatureSource;
  readonly #X: NdArray;
  /** The features of all blocks, where they are kept: computed at the first product. */
  readonly #kept: FeatureBlock[] = [];
  /** Room for as many directions as are taken at once: products of the kernel use it again and again. */
  #directions: Float64Array | null = null;

  /**
   * @param directions how many products at once are wanted
   * @param vectors bytes that the caller takes
   */
  static open(where: string, X: NdArray, large: LargeOptions, directions: number, vectors = 0) {
    return new JacobianOperator(X, large, planProducts(where, large, X.shape[0]!, directions, vectors));
  }

  constructor(X: NdArray, large: LargeOptions, plan: ProductPlan) {
    this.large = large;
    this.plan = plan;
    this.#shape = productShape(large);
    this.#X = X;
    const slots = plan.featuresKept ? plan.blocks : 1;
    const list = { X, X2: null, edge: plan.blockEdge };
    this.#source = new FeatureSource(large.request.backend, this.#shape, list, slots, null);
  }

  get inputs(): number {
    return this.#X.shape[0]!;
  }

  get outputs(): number {
    return this.#shape.network.widths.at(-1)!;
  }

  /** How many directions are multiplied at once. */
  get batch(): number {
    return this.plan.directionsAtOnce;
  }

  /** Work of one pass over all inputs: with its features where they are not there. */
  passFlops(directions: number, first: boolean): number {
    const { features, direction } = this.plan.flops;
    return (this.plan.featuresKept && !first ? 0 : features) + directions * direction;
  }

  /** columns (directions x P) = rows' J, with rows (N K) x directions; the result is overwritten by the next product. */
  async transposed(rows: Float64Array, directions: number, meter: ProgressMeter | null = null) {
    const length = directions * this.#shape.network.parameters.length;
    if (this.#directions === null || this.#directions.length < length)
      this.#directions = shared(length, 'float64') as Float64Array;
    const columns = this.#directions.subarray(0, length).fill(0);
    await this.#eachBlock('add-transposed', rows, columns, directions, meter);
    return columns;
  }

  /** rows ((N K) x directions) = J columns', with columns directions x P. */
  async apply(columns: Float64Array, directions: number, meter: ProgressMeter | null = null) {
    const rows = new Float64Array(this.inputs * this.outputs * directions);
    await this.#eachBlock('apply', rows, columns, directions, meter);
    return rows;
  }

  async #eachBlock(
    product: 'add-transposed' | 'apply',
    rows: Float64Array,
    columns: Float64Array,
    directions: number,
    meter: ProgressMeter | null,
  ): Promise<void> {
    const { backend, run } = this.large.request;
    for (let index = 0; index < this.plan.blocks; index++) {
      const block = await this.#block(index, meter);
      const { first } = blockRange({ X: this.#X, X2: null, edge: this.plan.blockEdge }, index);
      const begin = first * this.outputs * directions;
      const own = shared(block.n * this.outputs * directions, 'float64') as Float64Array;
      if (product === 'add-transposed') own.set(rows.subarray(begin, begin + own.length));
      const piece = meter?.piece(block.n * directions * productFlops(this.#shape));
      await backend.products(
        { ...this.#shape, block, directions, product, rows: own, columns },
        { ...run, onProgress: piece?.onProgress },
      );
      piece?.finish();
      if (product === 'apply') rows.set(own, begin);
    }
  }

  async #block(index: number, meter: ProgressMeter | null): Promise<FeatureBlock> {
    const { featuresKept, blockEdge } = this.plan;
    const kept = this.#kept[index];
    if (kept !== undefined) return kept;
    const { count } = blockRange({ X: this.#X, X2: null, edge: blockEdge }, index);
    const { forward, backward } = featureFlops(this.#shape);
    const piece = meter?.piece(count * (forward + backward));
    const block = await this.#source.load(index, featuresKept ? index : 0, {
      ...this.large.request.run,
      onProgress: piece?.onProgress,
    });
    piece?.finish();
    if (featuresKept) this.#kept[index] = block;
    return block;
  }

  /** Whether no features have been kept yet. */
  get #fresh(): boolean {
    return this.#kept.length === 0;
  }

  /**
   * The kernel times `count` vectors, rows x count: rows are inputs, or (input, output) pairs for `full`.
   * A direction of the trace is one for every output.
   */
  async kernelProduct(V: Float64Array, count: number, report: NtkOptions['onProgress']) {
    const { outputs: kind, scale } = this.large.request;
    const { inputs, outputs } = this;
    const perVector = directionsPerVector(this.large);
    const total = count * perVector;
    const passes = Math.ceil(total / this.batch);
    const work = Array.from({ length: passes }, (_, pass) => {
      const directions = Math.min(this.batch, total - pass * this.batch);
      return this.passFlops(directions, this.#fresh && pass === 0) + this.passFlops(directions, false);
    }).reduce((sum, flops) => sum + flops, 0);
    const meter = report === undefined ? null : new ProgressMeter(work, 0, report);
    const result = new Float64Array(V.length);
    for (let begin = 0; begin < total; begin += this.batch) {
      const directions = Math.min(this.batch, total - begin);
      /** Calls `use` with every row of this batch, and with the place of V, or of the result, that it has to do with. */
      const eachRow = (use: (row: number, place: number) => void): void => {
        for (let d = 0; d < directions; d++) {
          const v = Math.floor((begin + d) / perVector);
          const k = (begin + d) % perVector;
          for (let i = 0; i < inputs; i++) {
            for (let output = 0; output < outputs; output++) {
              const row = (i * outputs + output) * directions + d;
              if (kind === 'full') use(row, (i * outputs + output) * count + v);
              else if (kind === 'sum-of-logits' || output === k) use(row, i * count + v);
            }
          }
        }
      };
      const into = kind === 'sum-of-logits' ? 1 / Math.sqrt(outputs) : 1;
      const rows = new Float64Array(inputs * outputs * directions);
      eachRow((row, place) => (rows[row] = into * V[place]!));
      const columns = await this.transposed(rows, directions, meter);
      const products = await this.apply(columns, directions, meter);
      eachRow((row, place) => (result[place]! += into * scale * products[row]!));
    }
    return result;
  }
}
