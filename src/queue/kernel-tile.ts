/** The tile of a kernel as a job: what a worker finds in Redis of the kernel, and how it computes one tile. */
import { exponentCount, featureSlots } from '../backend/features';
import { entriesOf, type KernelForm } from '../backend/forms';
import {
  type Backend,
  type BackendName,
  type FeatureBlock,
  type FeatureShape,
  type NetworkData,
  type Precision,
  type Reals,
  RELU,
} from '../backend/seam';
import { DeepntkError, describe } from '../errors';
import { readComputation } from '../kernel/arguments';
import { bytesOf, shared } from '../large/blocks';
import type { Dtype } from '../large/options';
import { GROUP, gramEdge } from '../large/plan';
import { tileAt, type TileGrid } from '../large/tiles';
import type { Fields } from '../runs/head';
import { expectFits } from '../memory';
import { orAbort } from './connection';
import { type JobRun, NotNow } from './jobs';
import type { Store } from './store';

/** Of a kernel, all but the parameters of the net and the inputs, which have entries of their own. */
export interface StoredKernel extends TileGrid {
  readonly dtype: Dtype;
  /** Who computes it: another backend, or another core type of OpenBLAS, gives other last bits. */
  readonly backend: BackendName;
  readonly core: string | null;
  readonly form: KernelForm;
  readonly precision: Precision;
  readonly scale: number;
  readonly widths: readonly number[];
  readonly weightGains: readonly number[];
  readonly biasGains: readonly number[];
  readonly weightTerms: readonly number[];
  readonly biasTerms: readonly number[];
  readonly parameters: number;
  /** The type of the inputs. */
  readonly inputType: Dtype;
}

/** The settings of the job of a tile. */
export interface TileSettings {
  /** The kernel's name, a hash of what it is computed from. */
  readonly kernel: string;
  /** The length of its description, in bytes. */
  readonly length: number;
}

/** Names in the store. */
export const kernelName = (kernel: string): string => `${kernel}:kernel`;
export const parametersName = (kernel: string): string => `${kernel}:net`;
export const inputsName = (kernel: string, side: 'rows' | 'columns', block: number): string =>
  `${kernel}:${side}:${block}`;
export const tileName = (kernel: string, row: number, column: number): string =>
  `${kernel}:tile:${row}:${column}`;

/** A minute, for jobs come back after a second. */
const PATIENCE = 60;

interface OpenKernel {
  readonly name: string;
  readonly stored: StoredKernel;
  readonly shape: FeatureShape;
}

/** Computes tiles one after the other. Neighbours share the features of their rows, so those of the last two blocks are kept. */
export class TileComputer {
  readonly #store: Store;
  #open: OpenKernel | null = null;
  #blocks: { readonly name: string; readonly block: FeatureBlock }[] = [];

  constructor(store: Store) {
    this.#store = store;
  }

  /** Computes tile `number` and leaves it in the store. @returns its name there, and its bytes */
  async compute(
    settings: Fields,
    number: number,
    options: JobRun,
  ): Promise<{ readonly tile: string; readonly bytes: number }> {
    try {
      return await this.#compute(settings as unknown as TileSettings, number, options);
    } catch (error) {
      if (!(error instanceof DeepntkError && error.code === 'ERR_OUT_OF_MEMORY')) throw error;
      throw new NotNow(
        `too little memory for this kernel here, another worker may have more: ${error.message}`,
      );
    }
  }

  async #compute({ kernel: name, length }: TileSettings, number: number, options: JobRun) {
    const { stored, shape } = await this.#kernel(name, length, options.signal);
    const { backend, run, provenance } = readComputation('worker', options);
    if (provenance.backend !== stored.backend || provenance.core !== stored.core) {
      throw new NotNow(
        `this kernel needs the backend ${madeBy(stored)}, and this worker has ${madeBy(provenance)}; --backend and OPENBLAS_CORETYPE make machines alike`,
      );
    }
    const place = tileAt(stored, number);
    const { row, column } = place;
    const entries = entriesOf(shape);
    const real = stored.precision === 'mixed' ? 4 : 8;
    const size = place.rows * place.columns * entries;
    const bytes = size * (stored.dtype === 'float32' ? 4 : 8);
    const diagonal = stored.symmetric && row === column;
    const side = stored.symmetric ? 'rows' : 'columns';
    const needed = new Set([inputsName(name, 'rows', row), inputsName(name, side, column)]);
    const missing = [...needed].filter((key) => !this.#blocks.some((held) => held.name === key));
    const block = stored.tileEdge * featureSlots(shape).perInput * real;
    expectFits('worker', bytes + missing.length * block, 'a tile and the features that it is made of');
    const a = await this.#features('rows', row, place.rows, backend, run);
    const b = diagonal ? null : await this.#features(side, column, place.columns, backend, run);
    const tile = shared(size, stored.dtype);
    const edge = gramEdge(stored.form, stored.widths.at(-1)!);
    await backend.gramTile({ ...shape, a, b, edge, scale: stored.scale, tile, mirror: null }, run);
    await orAbort(this.#store.put(tileName(name, row, column), bytesOf(tile)), run.signal);
    return { tile: tileName(name, row, column), bytes };
  }

  async #kernel(name: string, length: number, signal: AbortSignal | undefined): Promise<OpenKernel> {
    if (this.#open?.name === name) return this.#open;
    this.#open = null;
    this.#blocks = [];
    const text = new Uint8Array(length);
    await this.#fetch(kernelName(name), text, signal);
    const stored = JSON.parse(Buffer.from(text).toString()) as StoredKernel;
    expectFits('worker', 8 * stored.parameters, 'the parameters of the net');
    const parameters = shared(stored.parameters, 'float64') as Float64Array;
    await this.#fetch(parametersName(name), bytesOf(parameters), signal);
    const network: NetworkData = {
      widths: stored.widths,
      parameters,
      weightGains: Float64Array.from(stored.weightGains),
      biasGains: Float64Array.from(stored.biasGains),
      slopes: RELU,
    };
    const shape: FeatureShape = {
      network,
      form: stored.form,
      weightTerms: Float64Array.from(stored.weightTerms),
      biasTerms: Float64Array.from(stored.biasTerms),
      precision: stored.precision,
      group: GROUP,
    };
    this.#open = { name, stored, shape };
    return this.#open;
  }

  async #features(
    side: 'rows' | 'columns',
    index: number,
    n: number,
    backend: Backend,
    run: Parameters<Backend['features']>[1],
  ): Promise<FeatureBlock> {
    const { name, stored, shape } = this.#open!;
    const key = inputsName(name, side, index);
    const known = this.#blocks.find((entry) => entry.name === key);
    // The one used last comes first.
    this.#blocks = this.#blocks.filter((entry) => entry !== known).slice(0, 1);
    if (known !== undefined) {
      this.#blocks.unshift(known);
      return known.block;
    }
    const inputs = shared(n * stored.widths[0]!, stored.inputType);
    await this.#fetch(key, bytesOf(inputs), run.signal);
    const x = shared(inputs.length, 'float64') as Float64Array;
    x.set(inputs);
    const block: FeatureBlock = {
      n,
      values: shared(n * featureSlots(shape).perInput, stored.precision === 'mixed' ? 'float32' : 'float64'),
      exponents: new Int32Array(new SharedArrayBuffer(4 * exponentCount(shape, n))),
    };
    await backend.features({ ...shape, x, block }, run);
    this.#blocks.unshift({ name: key, block });
    return block;
  }

  /** Whoever asked for the kernel puts it there again, if Redis has lost it; and does not, if nobody asks any more. */
  async #fetch(name: string, bytes: Uint8Array, signal: AbortSignal | undefined): Promise<void> {
    if (await orAbort(this.#store.get(name, bytes), signal)) return;
    throw new NotNow(`Redis does not hold ${name}, which is what a tile is computed from`, PATIENCE);
  }
}

function madeBy({ backend, core }: Pick<StoredKernel, 'backend' | 'core'>): string {
  return `${backend}${core === null ? '' : ` (${core})`}`;
}

/**
 * Reads a tile that a worker has left in the store.
 *
 * @param name the tile that the job was to compute
 * @param allowNonFinite accepts entries that are not finite
 * @returns false if it is not there, or damaged
 * @throws DeepntkError `ERR_QUEUE` if the result is of another tile
 */
export async function takeTile(
  store: Store,
  result: unknown,
  name: string,
  tile: Reals,
  allowNonFinite: boolean,
): Promise<boolean> {
  const { tile: found, bytes } = (result ?? {}) as { readonly tile?: unknown; readonly bytes?: unknown };
  if (found !== name || bytes !== tile.byteLength) {
    throw new DeepntkError(
      'ERR_QUEUE',
      `expected the tile ${name} of ${tile.byteLength} bytes, got ${describe(found)} of ${describe(bytes)}`,
    );
  }
  if (!(await store.get(name, bytesOf(tile)))) return false;
  return allowNonFinite || tile.every((entry) => Number.isFinite(entry));
}
