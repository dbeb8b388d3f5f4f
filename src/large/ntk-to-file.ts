/** The kernel written to a .npy file, tile by tile, in memory that is bounded. */
import { extname } from 'node:path';

import { finishJob } from '../runs/job';
import type { Shard } from '../runs/ranges';
import type { ArrayInput } from '../array-input';
import { invalidArgument } from '../errors';
import type { Provenance } from '../kernel/arguments';
import { countInputs, type KernelNetwork, type NtkOptions, type NtkOutputs } from '../kernel/ntk';
import { availableMemory } from '../memory';
import { valuesOf } from '../options';
import { computeTiles } from './compute-tiles';
import { type Dtype, type FeatureStrategy, TILE_FILE_OPTIONS } from './options';
import { type Budget, type LargeKernelPlan, planLargeKernel } from './plan';
import {
  expectReady,
  type InputPair,
  type LargeOptions,
  readLargeOptions,
  readPair,
  settingsOf,
} from './inputs';
import { TileFile } from './tile-file';
import type { TileFileSpec } from './tile-map';
import type { TileWriter } from './tiles';

export interface NtkFileOptions extends NtkOptions {
  readonly perLayer?: false;
  /** The .npy file that receives the kernel. It must not exist. With `shard`, a .part file. */
  readonly out: string;
  /**
   * One of several parts, index = 0 .. count - 1: tiles of the kernel go to a .part file, and `mergeNtk` puts the files
   * together. Other machines compute the other parts.
   */
  readonly shard?: Shard;
  /** Replaces a file `out`, and what an interrupted run has left of one; false by default. */
  readonly force?: boolean;
  /**
   * What the resident memory of the whole process may come to, in bytes: what it holds already, the inputs among it, and
   * what the computation takes. By default three quarters of the memory that is available.
   */
  readonly memoryLimit?: number;
  /** The numbers in the file: `float64` (the default) or `float32`. */
  readonly dtype?: Dtype;
  /** How features that do not fit are had again; by default what the plan's cost model finds cheapest. */
  readonly features?: FeatureStrategy;
}

export interface NtkFileResult extends Provenance {
  readonly file: string;
  readonly shape: readonly number[];
  readonly dtype: Dtype;
  readonly outputs: NtkOutputs;
  readonly parameters: 'all' | 'weights' | 'biases';
  readonly layers: readonly number[];
  readonly precision: 'float64' | 'mixed';
  /** How many tiles this call computed, and how many an interrupted one had left. */
  readonly tiles: { readonly computed: number; readonly reused: number };
  /** Of the whole kernel, also where `shard` asks for a part of it. */
  readonly plan: LargeKernelPlan;
}

export const FILE_OPTION_NAMES = ['out', 'shard', 'force', ...Object.keys(TILE_FILE_OPTIONS)];

/** For tests: pieces smaller than a plan would choose. */
export type PlanOverrides = Pick<Budget, 'tileEdge' | 'blocksInMemory'>;

/** Writes the kernel to a file. See `Mlp.ntk`. */
export async function ntkToFile(
  network: KernelNetwork,
  X: ArrayInput,
  X2: ArrayInput | null,
  options: NtkFileOptions,
  overrides: PlanOverrides = {},
): Promise<NtkFileResult> {
  const where = 'ntk';
  const large = readLargeOptions(where, network, options, FILE_OPTION_NAMES);
  const out = expectOut(where, options.out, '.npy');
  const { signal } = large.request.run;
  const inputs = readPair(where, X, X2, network.widths[0]!);
  const n = inputs.X.shape[0]!;
  const n2 = inputs.X2?.shape[0] ?? null;
  await expectReady(where, large, inputs);
  const draft = planFile(where, large, n, n2, options, overrides);
  const spec: TileFileSpec = {
    path: out,
    dtype: draft.dtype,
    shape: draft.shape,
    symmetric: n2 === null,
    settings: await settingsOf(large, inputs),
  };
  const writer = await TileFile.open(
    spec,
    { extraBytes: draft.bytes.spill, force: options.force === true, signal },
    (tileEdge) =>
      tileEdge === null || tileEdge === draft.tileEdge
        ? draft
        : planFile(where, large, n, n2, options, { ...overrides, tileEdge }),
  );
  return runTiles(large, inputs, writer, out);
}

/** Computes the missing tiles of a file. */
export async function runTiles(
  large: LargeOptions,
  inputs: InputPair,
  writer: TileWriter<LargeKernelPlan>,
  out: string,
): Promise<NtkFileResult> {
  const computation = { large, ...inputs, writer, spillPath: `${out}.features` };
  await finishJob((missing) => computeTiles(computation, [...missing]), writer);
  return fileResult(large, out, writer.grid, writer.counts);
}

export function expectOut(where: string, out: unknown, extension: '.npy' | '.part'): string {
  if (typeof out === 'string' && extname(out) === extension) return out;
  throw invalidArgument(`${where}: out`, `the path of a ${extension} file`, out);
}

export function fileResult(
  { request }: LargeOptions,
  file: string,
  plan: LargeKernelPlan,
  tiles: NtkFileResult['tiles'],
): NtkFileResult {
  const { outputs, parameters, layers, precision, provenance } = request;
  const { shape, dtype } = plan;
  return { file, shape, dtype, outputs, parameters, layers, precision, tiles, plan, ...provenance };
}

/** The plan of {@link ntkToFile}. */
export function explainNtkToFile(
  network: KernelNetwork,
  X: ArrayInput | number,
  X2: ArrayInput | number | null,
  options: Omit<NtkFileOptions, 'out'>,
): LargeKernelPlan {
  const where = 'explainNtk';
  const inputDim = network.widths[0]!;
  const large = readLargeOptions(where, network, options, FILE_OPTION_NAMES);
  const n = countInputs(`${where}: X`, X, inputDim);
  const n2 = X2 === null ? null : countInputs(`${where}: X2`, X2, inputDim);
  return planFile(where, large, n, n2, options, {});
}

export function planFile(
  where: string,
  { request, shape, memoryLimit }: LargeOptions,
  n: number,
  n2: number | null,
  options: Pick<NtkFileOptions, 'dtype' | 'features'>,
  overrides: PlanOverrides,
): LargeKernelPlan {
  const { dtype, features: strategy } = valuesOf(where, TILE_FILE_OPTIONS, options);
  const held = process.memoryUsage.rss();
  const { threads } = request.run;
  const kernel = { shape, n, n2, dtype, threads, backend: request.backend.name };
  return planLargeKernel(where, kernel, {
    limit: memoryLimit ?? held + 0.75 * availableMemory(),
    held,
    strategy,
    ...overrides,
  });
}
