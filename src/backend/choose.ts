/**
 * The choice of the backend: the one named in the call, else in {@link setBackend}, else in DEEPNTK_BACKEND, else the first
 * that loads.
 */
import { availableParallelism } from 'node:os';
import { DeepntkError, expectOneOf } from '../errors';
import { VERSION } from '../version';
import {
  type Backend,
  BACKEND_NAMES,
  type BackendName,
  type BlasDescription,
  type CudaDescription,
} from './seam';
import { loadCudaBackend } from './cuda';
import { loadNativeBackend } from './native';
import type { Loaded } from './native/addon';
import { typescriptBackend } from './typescript';
import { whyNoThreads } from './typescript/pool';

const loaders: Readonly<Record<BackendName, () => Loaded<{ readonly backend: Backend }>>> = {
  cuda: loadCudaBackend,
  native: loadNativeBackend,
  typescript: () => ({ backend: typescriptBackend }),
};

let chosen: BackendName | null = null;
const warned = new Set<BackendName>();

/** The backends that load on this machine, the fastest first. */
export function availableBackends(): BackendName[] {
  return BACKEND_NAMES.filter((name) => 'backend' in loaders[name]());
}

/**
 * Chooses the backend of all further calls; `'auto'` goes back to DEEPNTK_BACKEND, or else the fastest that loads.
 *
 * @throws DeepntkError `ERR_BACKEND_UNAVAILABLE`, with the reason, if the named backend does not load
 */
export function setBackend(name: BackendName | 'auto'): void {
  expectOneOf('setBackend', name, [...BACKEND_NAMES, 'auto']);
  if (name !== 'auto') load(name);
  chosen = name === 'auto' ? null : name;
}

/** @internal The backend of one call. */
export function resolveBackend(name?: BackendName): Backend {
  const forced = name ?? chosen ?? backendOfEnvironment();
  if (forced !== null) return load(forced);
  for (const candidate of BACKEND_NAMES) {
    const loaded = loaders[candidate]();
    if ('backend' in loaded) return loaded.backend;
    if (loaded.broken && !warned.has(candidate)) {
      warned.add(candidate);
      process.emitWarning(`the ${candidate} backend is not used. ${loaded.reason}`, 'DeepntkWarning');
    }
  }
  return load('typescript');
}

/** The backend in use, its hardware and libraries, and the reason for the choice. */
export interface BackendInfo {
  readonly backend: BackendName;
  /** Where it was chosen. */
  readonly chosenBy: 'setBackend' | 'DEEPNTK_BACKEND' | 'auto';
  readonly available: readonly BackendName[];
  /** For each backend that does not load: the reason and a remedy. */
  readonly unavailable: Readonly<Partial<Record<BackendName, string>>>;
  readonly blas: BlasDescription | null;
  /** The GPU of the CUDA backend, even if another backend is in use; null if it does not load (see `unavailable.cuda`). */
  readonly cuda: CudaDescription | null;
  /** The default number of threads of a computation. */
  readonly threads: number;
  /** The reason why the TypeScript backend runs only on the calling thread; null if it has threads. */
  readonly noThreads: string | null;
  readonly version: string;
}

/** The backend in use, its hardware and libraries, and the reason for the choice. */
export function backendInfo(): BackendInfo {
  const backend = resolveBackend();
  const reasons = BACKEND_NAMES.flatMap((name) => {
    const loaded = loaders[name]();
    return 'reason' in loaded ? [[name, loaded.reason] as const] : [];
  });
  return {
    backend: backend.name,
    chosenBy: chosen !== null ? 'setBackend' : backendOfEnvironment() !== null ? 'DEEPNTK_BACKEND' : 'auto',
    available: availableBackends(),
    unavailable: Object.fromEntries(reasons),
    blas: backend.describe().blas,
    cuda: describeCuda(),
    threads: threadsOf(backend, defaultThreads()),
    noThreads: whyNoThreads(),
    version: VERSION,
  };
}

function describeCuda(): CudaDescription | null {
  const loaded = loaders.cuda();
  return 'backend' in loaded ? loaded.backend.describe().cuda : null;
}

/** @internal */
export function defaultThreads(): number {
  return availableParallelism();
}

/** @internal The number of threads that a backend uses if `asked` threads are requested. */
export function threadsOf({ name }: Backend, asked: number): number {
  return name === 'typescript' && whyNoThreads() !== null ? 1 : asked;
}

function backendOfEnvironment(): BackendName | null {
  const value = process.env['DEEPNTK_BACKEND'];
  if (value === undefined || value === '' || value === 'auto') return null;
  return expectOneOf('DEEPNTK_BACKEND', value, BACKEND_NAMES);
}

function load(name: BackendName): Backend {
  const loaded = loaders[name]();
  if ('backend' in loaded) return loaded.backend;
  throw new DeepntkError('ERR_BACKEND_UNAVAILABLE', `the ${name} backend cannot be used: ${loaded.reason}`);
}
