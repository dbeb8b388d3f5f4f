/** What the large computations have in common: their options, the shape of the features, and progress. */
import { createHash } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';

import type { FeatureShape } from '../backend/seam';
import { type ArrayInput, readInputs } from '../array-input';
import { invalidArgument } from '../errors';
import type { Progress } from '../kernel/arguments';
import {
  type KernelNetwork,
  type KernelSettings as Request,
  type NtkOptions,
  readKernelSettings as readRequest,
} from '../kernel/ntk';
import type { NdArray } from '../ndarray';
import { valuesOf } from '../options';
import { bytesOf } from './blocks';
import { MEMORY_OPTION } from './options';
import { GROUP } from './plan';

export interface LargeOptions {
  /** Its `run` has no `onProgress`: work comes in pieces, and `report` hears of all of it. */
  readonly request: Request;
  readonly report: ((progress: Progress) => void) | undefined;
  readonly shape: FeatureShape;
  readonly memoryLimit: number | null;
}

export function readLargeOptions(
  where: string,
  network: KernelNetwork,
  options: NtkOptions & { readonly memoryLimit?: number },
  otherOptions: readonly string[],
): LargeOptions {
  const request = readRequest(where, network, options, ['memoryLimit', ...otherOptions]);
  if (request.perLayer)
    throw invalidArgument(`${where}: perLayer`, 'false: a large kernel has no parts', true);
  return {
    request: { ...request, run: { ...request.run, onProgress: undefined } },
    report: options.onProgress,
    shape: {
      network,
      form: request.form,
      weightTerms: request.weightTerms,
      biasTerms: request.biasTerms,
      precision: request.precision,
      group: GROUP,
    },
    memoryLimit: valuesOf(where, MEMORY_OPTION, options).memoryLimit ?? null,
  };
}

/** A {@link LargeOptions} with its inputs N x n_0, whose shape and finiteness have been checked. */
export async function readLargeInputs(
  where: string,
  network: KernelNetwork,
  X: ArrayInput,
  options: NtkOptions & { readonly memoryLimit?: number },
  otherOptions: readonly string[] = [],
): Promise<{ readonly large: LargeOptions; readonly inputs: NdArray }> {
  const large = readLargeOptions(where, network, options, otherOptions);
  const inputs = readInputs(`${where}: X`, X, network.widths[0]!);
  await expectReady(where, large, { X: inputs });
  return { large, inputs };
}

/** The inputs of a kernel, N x n_0 and N' x n_0. X2 is null if it equals X. */
export interface InputPair {
  readonly X: NdArray;
  readonly X2: NdArray | null;
}

/** Reads the inputs of a kernel. */
export function readPair(where: string, X: ArrayInput, X2: ArrayInput | null, inputDim: number): InputPair {
  return {
    X: readInputs(`${where}: X`, X, inputDim),
    X2: X2 === null ? null : readInputs(`${where}: X2`, X2, inputDim),
  };
}

/** Looks at the entries of inputs where they have to be finite; then at the signal. */
export async function expectReady(
  where: string,
  { request }: LargeOptions,
  inputs: Partial<InputPair>,
): Promise<void> {
  request.run.signal?.throwIfAborted();
  for (const [name, array] of Object.entries(inputs)) {
    if (array && !request.allowNonFinite) await expectFinite(`${where}: ${name}`, array);
  }
  request.run.signal?.throwIfAborted();
}

/** Rows that are looked at, or hashed, before the event loop has its turn. */
const NUMBERS_A_TURN = 2 ** 21;

/** Refuses inputs with entries that are not finite; large ones are not copied: they are read where they are. */
async function expectFinite(where: string, { data, shape }: NdArray): Promise<void> {
  for (let at = 0; at < data.length; at++) {
    if (at % NUMBERS_A_TURN === 0) await nextTurn();
    if (Number.isFinite(data[at])) continue;
    const columns = shape[1]!;
    throw invalidArgument(
      `${where}: entry [${Math.floor(at / columns)}, ${at % columns}]`,
      'a finite number (allowNonFinite (--allow-non-finite) lets others through)',
      data[at],
    );
  }
}

/** Tells arrays with other numbers apart. */
async function fingerprint(data: Float64Array | Float32Array): Promise<string> {
  const hash = createHash('sha256').update(data instanceof Float32Array ? 'f4' : 'f8');
  for (let at = 0; at < data.length; at += NUMBERS_A_TURN) {
    const part = data.subarray(at, at + NUMBERS_A_TURN);
    hash.update(bytesOf(part));
    await nextTurn();
  }
  return hash.digest('hex');
}

/** Whatever the numbers of a kernel depend on, to the last bit. */
export async function settingsOf(
  { request, shape }: LargeOptions,
  { X, X2 }: InputPair,
): Promise<Record<string, string>> {
  const { backend, core, version } = request.provenance;
  const { network, weightTerms, biasTerms } = shape;
  return {
    X: await fingerprint(X.data),
    X2: X2 === null ? 'X' : await fingerprint(X2.data),
    weights: await fingerprint(network.parameters),
    gains: await fingerprint(Float64Array.of(...network.weightGains, ...network.biasGains)),
    'trained parameters': await fingerprint(Float64Array.of(...weightTerms, ...biasTerms)),
    outputs: request.outputs,
    precision: request.precision,
    backend: `${backend}${core === null ? '' : ` (${core})`}`,
    version,
  };
}

/** Progress over several pieces of work, with what is left at the speed of what this run has done. */
export class ProgressMeter {
  readonly #start = performance.now();
  readonly #total: number;
  readonly #before: number;
  readonly #report: ((progress: Progress) => void) | undefined;
  #done: number;

  /** @param before work that an earlier run has done */
  constructor(total: number, before: number, report: ((progress: Progress) => void) | undefined) {
    this.#total = total;
    this.#before = before;
    this.#done = before;
    this.#report = report;
  }

  /** The progress of the next piece: to be given to a backend. Call `finish` when it is done. */
  piece(work: number): { readonly onProgress: (fraction: number) => void; readonly finish: () => void } {
    return {
      onProgress: (fraction) => {
        this.#tell(this.#done + fraction * work);
      },
      finish: () => {
        this.#done += work;
      },
    };
  }

  #tell(done: number): void {
    if (this.#report === undefined) return;
    const elapsedSeconds = (performance.now() - this.#start) / 1000;
    const own = done - this.#before;
    const remainingSeconds = own > 0 ? (elapsedSeconds * (this.#total - done)) / own : null;
    this.#report({ fraction: Math.min(1, done / this.#total), elapsedSeconds, remainingSeconds });
  }
}
