/** Reads and checks the options that the heavy calls (forward, jacobian, ntk) share. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Backend, BackendName, NetworkData, RunOptions } from '../backend/seam';
import { defaultThreads, resolveBackend, threadsOf } from '../backend/choose';
import { allocated, DeepntkError, invalidArgument } from '../errors';
import type { NdArray } from '../ndarray';
import { valuesOf } from '../options';
import { VERSION } from '../version';
import { readWatch, type WatchOptions } from '../watch';
import { FINITE_OPTION, PARAMETER_OPTIONS, RUN_OPTIONS } from './options';

/** The options of every heavy call. */
export interface ComputeOptions extends WatchOptions {
  /** Upper bound on the threads that compute; by default all of the machine. */
  readonly threads?: number;
  /** The backend of this one call. */
  readonly backend?: BackendName;
  /** Lets NaN and infinite numbers through, in inputs and in results; by default they are an error. */
  readonly allowNonFinite?: boolean;
}

export const COMPUTE_OPTION_NAMES = [
  'signal',
  'onProgress',
  ...Object.keys({ ...RUN_OPTIONS, ...FINITE_OPTION }),
];

export type { Progress } from '../watch';

/** How a result was computed. */
export interface Provenance {
  readonly backend: BackendName;
  /** The core type whose kernels OpenBLAS ran; null without OpenBLAS. */
  readonly core: string | null;
  /** The upper bound on threads. */
  readonly threads: number;
  /** The version of deepntk. */
  readonly version: string;
}

export interface Computation {
  readonly backend: Backend;
  readonly run: RunOptions & { readonly threads: number };
  readonly provenance: Provenance;
  readonly allowNonFinite: boolean;
}

/** Checks the common options and resolves the backend. */
export function readComputation(where: string, options: ComputeOptions): Computation {
  const watch = readWatch(where, options);
  const values = valuesOf(where, { ...RUN_OPTIONS, ...FINITE_OPTION }, options);
  const backend = resolveBackend(values.backend);
  const threads = threadsOf(backend, values.threads ?? defaultThreads());
  return {
    backend,
    run: { threads, ...watch },
    provenance: {
      backend: backend.name,
      core: backend.describe().blas?.core ?? null,
      threads,
      version: VERSION,
    },
    allowNonFinite: values.allowNonFinite,
  };
}

/** Inputs N x n_0 for backends: a float64 copy that only the computation uses, with checked entries. */
export function copyInputs(where: string, X: NdArray, allowNonFinite: boolean): Float64Array {
  const data = allocated(`a copy of the inputs ${where}`, () => new Float64Array(X.data));
  if (!allowNonFinite) {
    const at = data.findIndex((entry) => !Number.isFinite(entry));
    if (at >= 0) {
      const columns = X.shape[1]!;
      const place = `[${Math.floor(at / columns)}, ${at % columns}]`;
      throw invalidArgument(
        `${where}: entry ${place}`,
        'a finite number (allowNonFinite (--allow-non-finite) lets others through)',
        data[at],
      );
    }
  }
  return data;
}

/** Numbers to check before the event loop runs again: some milliseconds. */
const SLICE = 2 ** 22;

/**
 * Refuses a result that is not finite, unless `allowNonFinite` is true. The inputs were finite, so a number left the range
 * of doubles.
 *
 * @throws DeepntkError `ERR_COMPUTATION`
 */
export async function expectFiniteResult(
  where: string,
  data: Float64Array,
  { allowNonFinite, run }: Computation,
): Promise<void> {
  if (allowNonFinite) return;
  for (let begin = 0; begin < data.length; begin += SLICE) {
    if (begin > 0) {
      await nextTurn();
      run.signal?.throwIfAborted();
    }
    let zero = 0; // NaN once a number was not finite
    const end = Math.min(begin + SLICE, data.length);
    for (let i = begin; i < end; i++) zero += data[i]! * 0;
    if (zero === 0) continue;
    throw new DeepntkError(
      'ERR_COMPUTATION',
      `${where}: the result is not finite: a number on the way to it is beyond the range of doubles, or a parameter is not finite ` +
        '(allowNonFinite (--allow-non-finite) returns it as it is)',
    );
  }
}

/** Which parameters are trained; the rest is frozen. */
export interface ParameterChoice {
  /** Weights, biases or both (the default). */
  readonly parameters?: 'all' | 'weights' | 'biases';
  /** The layers that are trained, 1 .. L+1; all by default. */
  readonly layers?: readonly number[];
}

export const PARAMETER_CHOICE_NAMES = Object.keys(PARAMETER_OPTIONS);

/** The trained layers' weights and biases; L + 1 entries each. */
export interface TrainedParameters {
  readonly parameters: 'all' | 'weights' | 'biases';
  readonly layers: readonly number[];
  readonly weights: boolean[];
  readonly biases: boolean[];
}

export function readParameterChoice(
  where: string,
  network: NetworkData,
  biasGradients: readonly boolean[],
  options: ParameterChoice,
): TrainedParameters {
  const count = network.widths.length - 1;
  const all = Array.from({ length: count }, (_, i) => i + 1);
  const { parameters, layers = all } = valuesOf(where, PARAMETER_OPTIONS, options);
  const beyond = layers.find((layer) => layer > count);
  if (beyond !== undefined) throw invalidArgument(`${where}: layers`, `layers from 1 to ${count}`, beyond);
  const chosen = all.map((layer) => layers.includes(layer));
  const weights = chosen.map((layer) => layer && parameters !== 'biases');
  const biases = chosen.map((layer, i) => layer && parameters !== 'weights' && biasGradients[i]!);
  if (![...weights, ...biases].includes(true)) {
    throw new DeepntkError(
      'ERR_INVALID_ARGUMENT',
      `${where}: expected at least one trained parameter, but parameters "${parameters}"${
        parameters === 'biases' ? ', which have no bias gradients,' : ''
      } in layers [${layers.join(', ')}] are none`,
    );
  }
  return { parameters, layers, weights, biases };
}
