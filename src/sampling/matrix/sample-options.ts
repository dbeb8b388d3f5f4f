/** The options of `sampleNtk`, and the job that they describe. */
import { constants } from 'node:buffer';

import { type ArrayInput, readInputs } from '../../array-input';
import { type Backend, KERNEL_SAMPLERS, type KernelSampler, type RunOptions } from '../../backend/seam';
import {
  DeepntkError,
  expectBoolean,
  expectInteger,
  expectNumber,
  expectOneOf,
  expectOptions,
  expectPath,
  invalidArgument,
} from '../../errors';
import { type ComputeOptions, copyInputs, type Provenance, readComputation } from '../../kernel/arguments';
import { NTK_OUTPUTS, type NtkOutputs } from '../../kernel/ntk';
import { expectFits } from '../../memory';
import { type MlpSpec, type NetworkSpec, readSpec } from '../../network/spec';
import { rangeOfShard, type Shard } from '../../runs/ranges';
import { type KernelLayout, layoutOf, lengthOf } from './kernel-moments';
import { chooseKernelSampler, type KernelSamplerChoice } from './kernel-source';

/** Options of every run of `sampleNtk`. */
export interface SampleNtkBaseOptions extends Omit<ComputeOptions, 'allowNonFinite'> {
  readonly replicas: number;
  /** 0 .. 2^53 - 1 */
  readonly seed: number;
  /**
   * - `auto`, the default: which of the two takes less time, by a rule of the net and the inputs alone; the result says which
   * - `conditional`: draws preactivations and derivatives from their law, without any weights
   * - `direct`: draws every weight; replica r is the kernel of `Mlp.random(spec, { seed, replica: r })`
   */
  readonly sampler?: 'auto' | KernelSampler;
  /** The number of the first replica; 0 by default. */
  readonly firstReplica?: number;
  /** Draws only part i of n of the replicas. `mergeNtkSamples` merges the checkpoints of all parts. */
  readonly shard?: Shard;
  /** What is kept of the K x K block of two inputs, as in `Mlp.ntk`; `trace`, the SUM over outputs, by default. */
  readonly outputs?: NtkOutputs;
  /**
   * Further values of sigma_w^2 that the same replicas are to serve. With sigma_b^2 = 0 the gates do not depend on it, and
   * the kernel scales exactly: weights by a^L, the bias of layer l by a^(L+1-l), where a is the ratio of the two values.
   */
  readonly weightVariances?: readonly number[];
}

/** What needs every replica, and not their sums alone. */
export interface SampleNtkReplicaOptions {
  /**
   * Probabilities, each with the quantiles of every entry, its ratio, the largest eigenvalue and the condition number; needs
   * room for all replicas.
   */
  readonly quantiles?: readonly number[];
  /** Also return every replica's kernel; needs room for them. */
  readonly keepReplicas?: boolean;
  /**
   * Also write every replica's kernel to this .npy file, replicas x N x N (x K (x K)), while they are drawn. It appears when
   * it is complete; where the call fails or is aborted, nothing is left behind and an older file stays.
   */
  readonly replicasTo?: string;
  readonly checkpoint?: never;
}

/** What keeps the sums over replicas, and not the replicas. */
export interface SampleNtkCheckpointOptions {
  /**
   * A file that keeps the sums of the run. It is written every second and at the end, completely or not at all. If it exists,
   * the run continues from it and gives the same bits as a run that was never interrupted. One run at a time may have it. An
   * entry and its ratio take about 250 bytes, more if tails are heavy. If the file would exceed 512 MiB, the run ends with
   * `ERR_INVALID_FILE` and the older file stays.
   */
  readonly checkpoint?: string;
  readonly quantiles?: never;
  readonly keepReplicas?: never;
  readonly replicasTo?: never;
}

/** Options of `sampleNtk`: either what needs every replica, or a checkpoint, or neither. */
export type SampleNtkOptions = SampleNtkBaseOptions & (SampleNtkReplicaOptions | SampleNtkCheckpointOptions);

/** Sums over kernels of one net and its inputs. Its units are ranges of replicas. */
export interface SampleJob {
  readonly spec: NetworkSpec;
  /** N x n_0, a copy. */
  readonly inputs: Float64Array;
  readonly layout: KernelLayout;
  readonly outputs: NtkOutputs;
  readonly choice: KernelSamplerChoice;
  readonly replicas: number;
  readonly firstReplica: number;
  readonly seed: number;
  readonly variances: readonly number[];
  readonly quantiles: readonly number[];
  readonly keepReplicas: boolean;
  /** Whether all replicas are held in memory. */
  readonly keep: boolean;
  readonly replicasTo: string | null;
  readonly checkpoint: string | null;
  readonly backend: Backend;
  readonly run: RunOptions;
  readonly provenance: Provenance;
}

const OPTION_NAMES = [
  'replicas',
  'seed',
  'sampler',
  'firstReplica',
  'shard',
  'outputs',
  'weightVariances',
  'quantiles',
  'keepReplicas',
  'replicasTo',
  'checkpoint',
  'signal',
  'onProgress',
  'threads',
  'backend',
];

/**
 * What an entry of a kernel takes while it is sampled: five limbs of the two sums of it and of its ratio, what these are
 * computed by, the results, and two batches of eight replicas.
 */
const BYTES_OF_ENTRY = 2 * 2 * 5 * 8 + (2 * 3 * 8 + 32) + 7 * 8 + 2 * 8 * 8;
/** And what it takes besides where a run goes on from a file: in its bytes, its text, what is hashed, its lists (measured). */
const BYTES_OF_STORED = 700;
/** About what an entry and its ratio take in a file, which is one text; where tails are heavy it is more (run-file.ts counts). */
const CHARACTERS_OF_SUMS = 400;

export function readSampleJob(
  where: string,
  given: MlpSpec,
  X: ArrayInput,
  options: SampleNtkOptions,
): SampleJob {
  const spec = readSpec(where, given);
  expectOptions(where, options, OPTION_NAMES);
  const { signal, onProgress, threads, backend: name, replicasTo } = options;
  const common = Object.entries({ signal, onProgress, threads, backend: name });
  const { backend, run, provenance } = readComputation(
    where,
    Object.fromEntries(common.filter(([, value]) => value !== undefined)),
  );
  const all = expectInteger(`${where}: replicas`, options.replicas, { min: 2 });
  const first = expectInteger(`${where}: firstReplica`, options.firstReplica ?? 0, { min: 0 });
  expectInteger(`${where}: the number of the last replica`, first + all, { min: 0 });
  const [firstReplica, end] = rangeOfShard(where, [first, first + all], options.shard);
  const replicas = end - firstReplica;
  const outputs = expectOneOf(`${where}: outputs`, options.outputs ?? 'trace', NTK_OUTPUTS);
  const sampler = expectOneOf(`${where}: sampler`, options.sampler ?? 'auto', ['auto', ...KERNEL_SAMPLERS]);
  const variances = readNumbers(
    `${where}: weightVariances`,
    options.weightVariances,
    { above: 0 },
    'a finite number > 0',
  );
  if (variances.length > 0 && spec.biasVariance > 0) {
    throw invalidArgument(
      `${where}: weightVariances`,
      'a net without bias variance (with it, gates depend on sigma_w^2)',
      `biasVariance ${spec.biasVariance}`,
    );
  }
  const quantiles = readNumbers(
    `${where}: quantiles`,
    options.quantiles,
    { min: 0, max: 1 },
    'a number from 0 to 1',
  );
  const keepReplicas = expectBoolean(`${where}: keepReplicas`, options.keepReplicas ?? false);
  if (replicasTo !== undefined && (typeof replicasTo !== 'string' || replicasTo === '')) {
    throw invalidArgument(`${where}: replicasTo`, 'the path of a .npy file', replicasTo);
  }
  const inputs = readInputs(`${where}: X`, X, spec.inputDim);
  const n = inputs.shape[0]!;
  const layout = layoutOf(n, outputs, spec);
  const keep = keepReplicas || quantiles.length > 0;
  const length = lengthOf(layout);
  const numbers = length * (1 + variances.length);
  const checkpoint = readCheckpoint(where, options.checkpoint, numbers, {
    quantiles: quantiles.length > 0,
    keepReplicas,
    replicasTo: replicasTo !== undefined,
  });
  const bytes = BYTES_OF_ENTRY + (checkpoint === null ? 0 : BYTES_OF_STORED);
  expectFits(where, numbers * bytes, 'the sums over replicas and the kernels of some');
  if (keep) expectFits(where, 8 * length * replicas, 'the kernels of all replicas');
  return {
    spec,
    inputs: copyInputs(`${where}: X`, inputs, false),
    layout,
    outputs,
    choice:
      sampler === 'auto'
        ? chooseKernelSampler(spec, n, layout.form)
        : { sampler, reason: 'asked for by name' },
    replicas,
    firstReplica,
    seed: expectInteger(`${where}: seed`, options.seed, { min: 0 }),
    variances,
    quantiles,
    keepReplicas,
    keep,
    replicasTo: replicasTo ?? null,
    checkpoint,
    backend,
    run,
    provenance,
  };
}

/** @param others which of the options that need every replica are given */
function readCheckpoint(
  where: string,
  path: unknown,
  numbers: number,
  others: Readonly<Record<string, boolean>>,
): string | null {
  if (path === undefined) return null;
  const other = Object.keys(others).find((name) => others[name]);
  if (other !== undefined) {
    throw new DeepntkError(
      'ERR_INVALID_ARGUMENT',
      `${where}: checkpoint: expected it without quantiles, keepReplicas and replicasTo, got ${other} too (a checkpoint keeps ` +
        'sums and no replicas; for these, run ranges of replicas by firstReplica, each with a file by replicasTo)',
    );
  }
  const most = Math.floor(constants.MAX_STRING_LENGTH / CHARACTERS_OF_SUMS);
  if (numbers > most) {
    const what = `kernels of at most ${most} numbers with it, those at all weightVariances together`;
    throw invalidArgument(`${where}: checkpoint`, what, numbers);
  }
  return expectPath(`${where}: checkpoint`, path);
}

function readNumbers(
  where: string,
  list: unknown,
  range: { above?: number; min?: number; max?: number },
  what: string,
): number[] {
  if (list === undefined) return [];
  if (!Array.isArray(list)) throw invalidArgument(where, 'an array of numbers', list);
  // Array.from, for map passes over holes.
  return Array.from(list, (value: unknown, i) => expectNumber(`${where}[${i}]`, value, { ...range, what }));
}
