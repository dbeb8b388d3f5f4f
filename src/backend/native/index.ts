/** The native backend: C++ over OpenBLAS, in threads of its own (native/). */
import { allocated, invalidArgument } from '../../errors';
import type { KernelForm } from '../forms';
import type {
  Backend,
  BackendDescription,
  BackendName,
  ForwardTask,
  JacobianTask,
  KernelArrays,
  KernelTask,
  RunOptions,
} from '../seam';
import { type Addon, type Loaded, loadAddon } from './addon';
import { sampleChain } from './chain';
import { features, gramTile, products } from './features';
import { runJob } from './job';
import { sampleKernels } from './kernel-samples';
import { train } from './training';

let loaded: Loaded<{ readonly backend: Backend }> | null = null;

/** The native backend, or the reason and the remedy where it cannot run here. Loaded once; later calls are free. */
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

const FORMS: readonly KernelForm[] = ['trace', 'full', 'diagonal', 'sum-of-logits'];

/** The backend that an addon is: the CPU's, or with the same functions the GPU's. */
export function addonBackend(name: BackendName, addon: Addon, describe: () => BackendDescription): Backend {
  async function forward(task: ForwardTask, run: RunOptions): Promise<Float64Array> {
    const outputs = zeros(task.n * task.network.widths.at(-1)!);
    const job = { ...networkOf(task, run), rowBlock: task.rowBlock, outputs };
    return runJob((listener) => addon.startForward(job, listener), outputs, run, forward);
  }

  async function jacobian(task: JacobianTask, run: RunOptions): Promise<Float64Array> {
    const { widths } = task.network;
    const columns = widths
      .slice(1)
      .map((width, l) => (task.weights[l] ? width * widths[l]! : 0) + (task.biases[l] ? width : 0))
      .reduce((sum, count) => sum + count, 0);
    const derivatives = zeros(task.n * widths.at(-1)! * columns);
    const job = {
      ...networkOf(task, run),
      rowBlock: task.rowBlock,
      weights: Uint8Array.from(task.weights, Number),
      biases: Uint8Array.from(task.biases, Number),
      jacobian: derivatives,
    };
    return runJob((listener) => addon.startJacobian(job, listener), derivatives, run, jacobian);
  }

  async function kernel(task: KernelTask, run: RunOptions): Promise<KernelArrays> {
    const outputs = task.network.widths.at(-1)!;
    const entries = task.form === 'full' ? outputs ** 2 : task.form === 'diagonal' ? outputs : 1;
    const length = task.n * task.n2 * entries;
    const parts = (): Float64Array[] | null =>
      task.perLayer ? Array.from(task.weightTerms, () => zeros(length)) : null;
    const result = { kernel: zeros(length), weights: parts(), biases: parts() };
    const job = {
      ...networkOf(task, run),
      x2: task.x2,
      n2: task.n2,
      form: FORMS.indexOf(task.form),
      weightTerms: task.weightTerms,
      biasTerms: task.biasTerms,
      mixed: task.precision === 'mixed',
      rows: task.blocks.rows,
      gram: task.blocks.gram,
      ...result,
    };
    return runJob((listener) => addon.startKernel(job, listener), result, run, kernel);
  }

  return {
    name,
    describe,
    fillNormals(out, { seed, replica, stream }, scale) {
      addon.fillNormals({ out, length: out.length, seed, replica, stream, scale });
    },
    forward,
    jacobian,
    kernel,
    features: (task, run) => features(addon, task, run),
    gramTile: (task, run) => gramTile(addon, task, run),
    products: (task, run) => products(addon, task, run),
    sampleChain: (task, run) => sampleChain(addon, task, run),
    sampleKernels: (task, run) => sampleKernels(addon, task, run),
    train: (task, run) => train(addon, task, networkOf(task, run), run),
  };
}

/** What every job gets. Memory that could move or shrink while a thread reads it is refused. */
function networkOf({ network, x, n }: Pick<ForwardTask, 'network' | 'x' | 'n'>, { threads }: RunOptions) {
  const { widths, parameters, weightGains, biasGains } = network;
  for (const array of [parameters, weightGains, biasGains, x]) {
    if (!hasFixedLength(array.buffer)) throw invalidArgument('addon', 'an array of a fixed length', array);
  }
  return { widths, parameters, weightGains, biasGains, x, n, threads };
}

function hasFixedLength(buffer: ArrayBufferLike): boolean {
  const resizable = 'resizable' in buffer && buffer.resizable === true;
  const growable = 'growable' in buffer && buffer.growable === true;
  return !resizable && !growable;
}

function zeros(length: number): Float64Array {
  return allocated(`a result of ${length} numbers`, () => new Float64Array(length));
}
