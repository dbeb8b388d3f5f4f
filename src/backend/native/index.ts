/** The native backend: C++ and OpenBLAS in threads of its own (native/). */
import { allocated, invalidArgument } from '../../errors';
import { entriesOf } from '../forms';
import { scaledSampleTask } from '../kernel-samples';
import { countSelected } from '../layers';
import {
  type Backend,
  type BackendDescription,
  type BackendName,
  type Operation,
  type Operations,
  operationsOf,
  type ResultOf,
  type RunOptions,
  type TaskOf,
} from '../seam';
import { type Addon, type Call, type Cancel, type Listener, type Loaded, loadAddon } from './addon';
import { runJob } from './job';

let loaded: Loaded<{ readonly backend: Backend }> | null = null;

/** The native backend, or the reason why it cannot be used. It is loaded once. */
export function loadNativeBackend(): Loaded<{ readonly backend: Backend }> {
  loaded ??= load();
  return loaded;
}

function load(): Loaded<{ readonly backend: Backend }> {
  const result = loadAddon();
  if ('reason' in result) return result;
  const { addon } = result;
  return {
    backend: addonBackend('native', addon, () => {
      const { library, version, core, threading } = addon.describe();
      return { blas: { library, version, core, threading }, cuda: null };
    }),
  };
}

/**
 * Makes the result of each operation with zeros, which the addon fills in. An operation without a result writes to arrays
 * of its task.
 */
const results: { readonly [O in Operation]: (task: TaskOf<O>) => ResultOf<O> } = {
  forward: ({ n, network }) => zeros(n * network.widths.at(-1)!),
  jacobian: ({ n, network: { widths }, weights, biases }) =>
    zeros(n * widths.at(-1)! * countSelected(widths, weights, biases)),
  kernel: (task) => {
    const length = task.n * task.n2 * entriesOf(task);
    const parts = (): Float64Array[] | null =>
      task.perLayer ? Array.from(task.weightTerms, () => zeros(length)) : null;
    return { kernel: zeros(length), weights: parts(), biases: parts() };
  },
  features: () => undefined,
  gramTile: () => undefined,
  products: () => undefined,
  sampleChain: ({ count }) => ({
    thetas: new Float64Array(count),
    exponents: new Int32Array(count),
    weights: new Float64Array(count),
    weightExponents: new Int32Array(count),
    parts: new Uint8Array(count),
  }),
  sampleKernels: ({ count, terms, n, form, widths }) => {
    const kernels = count * terms.length;
    const entries = entriesOf({ form, network: { widths } });
    return { kernels: zeros(kernels * n * n * entries), exponents: new Int32Array(kernels) };
  },
  train: () => undefined,
};

/** The backend of an addon: the CPU's or the GPU's, which have the same functions. */
export function addonBackend(
  name: BackendName,
  addon: Omit<Addon, 'describe'>,
  describe: () => BackendDescription,
): Backend {
  function operation<O extends Operation>(name: O): Operations[O] {
    const start = addon[name] as (call: Call<O>, listener: Listener) => Cancel;
    const operate = async (task: TaskOf<O>, { threads, ...watch }: RunOptions): Promise<ResultOf<O>> => {
      expectFixedLength(task);
      const result = results[name](task);
      return runJob((listener) => start({ task, result, threads }, listener), result, watch, operate);
    };
    return operate as Operations[O];
  }
  const operations = operationsOf(results, operation);

  return {
    ...operations,
    name,
    describe,
    fillNormals(out, { seed, replica, stream }, scale) {
      addon.fillNormals({ out, seed, replica, stream, scale });
    },
    sampleKernels: async (task, run) => operations.sampleKernels(scaledSampleTask(task), run),
  };
}

/** Refuses a task with memory that could move or shrink while a thread uses it. */
function expectFixedLength(part: unknown): void {
  if (ArrayBuffer.isView(part)) {
    const { resizable, growable } = part.buffer as { resizable?: boolean; growable?: boolean };
    if (resizable || growable) throw invalidArgument('addon', 'an array of a fixed length', part);
  } else if (typeof part === 'object' && part !== null) {
    if (Array.isArray(part) && typeof part[0] !== 'object') return; // a list of numbers or booleans
    for (const inner of Object.values(part)) expectFixedLength(inner);
  }
}

function zeros(length: number): Float64Array {
  return allocated(`a result of ${length} numbers`, () => new Float64Array(length));
}
