import path from 'node:path';
import { type Backend, type KernelTask, type NetworkData, RELU } from '../../src/backend/seam';
import { type Addon, loadAddon } from '../../src/backend/native/addon';
import { loadNativeBackend } from '../../src/backend/native/index';

/** Every operation of the addon, by the names of fixtures/operations.js. */
export const OPERATIONS = [
  'forward',
  'jacobian',
  'kernel',
  'features',
  'gramTile',
  'products',
  'sampleChain',
  'sampleKernels direct',
  'sampleKernels conditional',
  'train',
] as const;

/** A program that computes for some seconds; see its head. */
export const LONG_JOB = path.join(__dirname, 'fixtures', 'long-job.js');

/**
 * Describes what needs the native addon. Without one, the tests are skipped aloud, or fail where
 * DEEPNTK_REQUIRE_NATIVE=1 (CI) says that it must be there.
 */
export function describeNative(name: string, tests: (backend: Backend, addon: Addon) => void): void {
  const backend = loadNativeBackend();
  const addon = loadAddon();
  if ('backend' in backend && 'addon' in addon) {
    describe(name, () => {
      tests(backend.backend, addon.addon);
    });
    return;
  }
  const reason = 'reason' in backend ? backend.reason : 'no addon';
  if (process.env.DEEPNTK_REQUIRE_NATIVE === '1') {
    test(name, () => {
      throw new Error(reason);
    });
    return;
  }
  process.stderr.write(`SKIPPED: ${name}: ${reason}\n`);
  test.skip(name, () => undefined);
}

/** A random net at the edge of chaos, in standard parametrization. */
export function randomNetwork(backend: Backend, widths: number[], seed = 1): NetworkData {
  const layers = widths.length - 1;
  const count = widths.slice(1).reduce((sum, width, l) => sum + width * (widths[l]! + 1), 0);
  const parameters = new Float64Array(new SharedArrayBuffer(8 * count));
  let offset = 0;
  for (let l = 1; l <= layers; l++) {
    const weights = widths[l]! * widths[l - 1]!;
    const key = { seed, replica: 0, stream: l };
    backend.fillNormals(parameters.subarray(offset, offset + weights), key, Math.sqrt(2 / widths[l - 1]!));
    offset += weights + widths[l]!;
  }
  return { widths, parameters, weightGains: ones(layers), biasGains: ones(layers), slopes: RELU };
}

export function kernelTask(backend: Backend, n: number, widths: number[], seed = 1): KernelTask {
  const x = new Float64Array(n * widths[0]!);
  backend.fillNormals(x, { seed, replica: 1, stream: 0 }, 1 / Math.sqrt(widths[0]!));
  const layers = widths.length - 1;
  return {
    network: randomNetwork(backend, widths, seed),
    x,
    n,
    x2: null,
    n2: n,
    form: 'trace',
    weightTerms: ones(layers),
    biasTerms: ones(layers),
    perLayer: false,
    precision: 'float64',
    blocks: { rows: 256, gram: 256 },
  };
}

let long: KernelTask | undefined;

/** Some seconds of work on any machine of today, most of it in the Gram matrices. It is made once, for nothing writes to it. */
export function longTask(backend: Backend): KernelTask {
  long ??= kernelTask(backend, 2000, [...new Array<number>(150).fill(200), 1]);
  return long;
}

export function ones(length: number): Float64Array {
  return new Float64Array(length).fill(1);
}

export function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });
}

/** A copy of nested objects and lists with other values at some places, e.g. 'task.network.widths'. Typed arrays are shared. */
export function withValuesAt<T extends object>(object: T, values: Record<string, unknown>): T {
  return Object.entries(values).reduce(
    (copy, [path, value]) => withValueAt(copy, path.split('.'), value),
    object,
  );
}

function withValueAt<T extends object>(object: T, [key, ...rest]: readonly string[], value: unknown): T {
  const copy = (Array.isArray(object) ? [...(object as unknown[])] : { ...object }) as Record<
    string,
    unknown
  >;
  copy[key!] = rest.length === 0 ? value : withValueAt(copy[key!] as object, rest, value);
  return copy as T;
}
