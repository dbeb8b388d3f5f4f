/** The addon: the functions that it exports (native/addon/addon.cpp), and how it is found and loaded. */
import path from 'node:path';
import type NodeGypBuild from 'node-gyp-build';
import type { Operation, ResultOf, TaskOf } from '../seam';
import { isTruncatedElf } from './elf';

/** Raise it together with kAbi of native/addon/addon.cpp whenever a task, a result or a function changes. */
export const ABI = 5;

/** The events that a job tells its listener; the numbers of `Status` in native/addon/job.hpp. */
export const STATUS = { progress: 0, done: 1, cancelled: 2, outOfMemory: 3, failed: 4 } as const;

/** `detail` is the finished share of the work (progress) or a message (failed). */
export type Listener = (status: number, detail: number | string | undefined) => void;
export type Cancel = () => void;

/** What an operation gets. The addon fills in the arrays of `result`, which are zeros. */
export interface Call<O extends Operation> {
  readonly task: TaskOf<O>;
  readonly result: ResultOf<O>;
  readonly threads: number;
}

/**
 * An operation starts a thread and returns at once. The arrays of its call must not be touched until the listener is told
 * that the job has ended.
 */
export type Addon = {
  readonly [O in Operation]: (call: Call<O>, listener: Listener) => Cancel;
} & {
  readonly abi: number;
  describe(): { library: string; version: string; core: string; threading: string; threads: number };
  fillNormals(task: {
    out: Float64Array;
    seed: number;
    replica: number;
    stream: number;
    scale: number;
  }): void;
  /** Seconds of one matrix product, on one thread or on the GPU: the upper limit in benchmarks. It blocks the caller. */
  measureGemm(task: { rows: number; columns: number; inner: number; single: boolean }): number;
};

/** `broken`: a binary was found, but it cannot be used, and the user did not cause that. */
export type Loaded<T> = T | { readonly reason: string; readonly broken: boolean };

const FOLDER = path.join('backend', 'native');
const root = path.join(__dirname, '..', '..', '..');

/** Whether a bundler moved this file away from the package's binaries. */
const isBundled = !__dirname.endsWith(FOLDER);

/** The addon from build/Release or prebuilds/, or the reason why it cannot be used. */
export function loadAddon(): Loaded<{ readonly addon: Addon }> {
  if (isBundled) {
    const reason = 'deepntk was bundled, without its native addon; mark deepntk as external in the bundler';
    return { reason, broken: false };
  }
  let addon: Addon;
  try {
    // It is loaded only here because it reads system files at once, which the permission model may forbid.
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- a literal path, which bundlers follow
    const nodeGypBuild = require('node-gyp-build') as typeof NodeGypBuild;
    const file = nodeGypBuild.resolve(root);
    if (isTruncatedElf(file)) throw new Error(`${file} is truncated`);
    addon = nodeGypBuild(root) as Addon;
  } catch (error) {
    return explain(error);
  }
  if (addon.abi !== ABI) {
    return {
      reason: `the native addon was built from another version (ABI ${addon.abi}, expected ${ABI}); rebuild it: npm run build:native`,
      broken: true,
    };
  }
  return { addon };
}

function explain(error: unknown): { reason: string; broken: boolean } {
  const message = error instanceof Error ? error.message : String(error);
  if (message.startsWith('No native build was found')) {
    const reason = `no native addon for ${process.platform}-${process.arch}; to build it: install a C++ compiler, make and OpenBLAS (apt-get install g++ make libopenblas-dev), then npm run build:native`;
    return { reason, broken: false };
  }
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ERR_ACCESS_DENIED' || code === 'ERR_DLOPEN_DISABLED') {
    const reason = `Node's permission model does not allow the native addon (${code}); use --allow-addons and --allow-fs-read=*`;
    return { reason, broken: false };
  }
  const remedy = /libopenblas/.test(message)
    ? 'install OpenBLAS (apt-get install libopenblas0)'
    : 'rebuild it: npm run build:native';
  const reason = `the native addon was found but does not load (${message.split('\n')[0]!}); ${remedy}`;
  return { reason, broken: true };
}
