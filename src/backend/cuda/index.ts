/**
 * The CUDA backend: the optional addon `deepntk_cuda` (native/cuda/). It has the functions of the CPU's addon, so the code of
 * the native backend calls it.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Backend, CudaDescription } from '../seam';
import { addonBackend } from '../native';
import { ABI, type Addon, type Loaded } from '../native/addon';
import { isTruncatedElf } from '../native/elf';

/** The CUDA addon describes a GPU instead of a BLAS. */
type CudaAddon = Omit<Addon, 'describe'> & {
  whyUnavailable(): string;
  describe(): CudaDescription;
};

type LoadedBackend = Loaded<{ readonly backend: Backend }>;

let loaded: LoadedBackend | null = null;

/** The CUDA backend, or what is missing: the addon, a driver, a device or cuBLAS. It is loaded once. */
export function loadCudaBackend(): LoadedBackend {
  loaded ??= load();
  return loaded;
}

const root = path.join(__dirname, '..', '..', '..');
const REBUILD = 'rebuild it: npm run build:cuda';

/** The file of the addon: DEEPNTK_CUDA_ADDON, or the one that `npm run build:cuda` makes. */
function addonFile(): string {
  const named = process.env['DEEPNTK_CUDA_ADDON'];
  if (named !== undefined && named !== '') return path.resolve(named);
  return path.join(root, 'build-cuda', 'Release', 'deepntk_cuda.node');
}

/** False also if the permission model forbids the check, because then an addon could not be loaded either. */
function isThere(file: string): boolean {
  try {
    return existsSync(file);
  } catch {
    return false;
  }
}

function load(): LoadedBackend {
  const file = addonFile();
  if (!isThere(file)) {
    const reason = `no CUDA addon was built (${file}); with nvcc and cuBLAS: npm run build:cuda (docs/cuda.md)`;
    return { reason, broken: false };
  }
  let addon: CudaAddon;
  try {
    if (isTruncatedElf(file)) throw new Error(`${file} is truncated`);
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- an addon can be loaded in no other way
    addon = require(file) as CudaAddon;
  } catch (error) {
    const message = (error instanceof Error ? error.message : String(error)).split('\n')[0]!;
    return { reason: `the CUDA addon was found but does not load (${message}); ${REBUILD}`, broken: true };
  }
  if (addon.abi !== ABI) {
    const reason = `the CUDA addon was built from another version (ABI ${addon.abi}, expected ${ABI}); ${REBUILD}`;
    return { reason, broken: true };
  }
  return start(addon);
}

function start(addon: CudaAddon): LoadedBackend {
  const reason = addon.whyUnavailable();
  if (reason !== '') return { reason: `the CUDA addon is there, but ${reason}`, broken: false };
  try {
    const { device, capability, memory, driver, runtime, cublas, mixed } = addon.describe();
    const cuda = { device, capability, memory, driver, runtime, cublas, mixed };
    const core = `sm_${capability.replace('.', '')}`;
    const blas = { library: 'cuBLAS', version: cublas, core, threading: 'device' };
    return { backend: addonBackend('cuda', addon, () => ({ blas, cuda })) };
  } catch (error) {
    return { reason: `the CUDA addon fails: ${(error as Error).message}`, broken: true };
  }
}
