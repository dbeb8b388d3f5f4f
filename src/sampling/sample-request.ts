/** Reading and checking the arguments of `sampleNtk`. */
import type { Backend, RunOptions } from '../backend/backend';
import { KERNEL_SAMPLERS } from '../backend/kernel-samples';
import {
  expectBoolean,
  expectInteger,
  expectNumber,
  expectOneOf,
  expectOptions,
  invalidArgument,
} from '../errors';
import { copyInputs, expectInputShape, type Provenance, readComputation } from '../kernel/arguments';
import { NTK_OUTPUTS, type NtkOutputs } from '../kernel/ntk';
import { expectFits } from '../memory';
import type { NdArray } from '../ndarray';
import { expectSpec, type NetworkSpec } from '../network/spec';
import { type KernelLayout, shapeOf } from './kernel-moments';
import { chooseKernelSampler, type KernelSamplerChoice } from './kernel-source';
import type { SampleNtkOptions } from './sample-ntk';

export interface SampleRequest {
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
  readonly backend: Backend;
  readonly run: RunOptions;
  readonly provenance: Provenance;
}

const OPTION_NAMES = [
  'replicas',
  'seed',
  'sampler',
  'firstReplica',
  'outputs',
  'weightVariances',
  'quantiles',
  'keepReplicas',
  'replicasTo',
  'signal',
  'onProgress',
  'threads',
  'backend',
];

export function readSampleRequest(
  where: string,
  spec: NetworkSpec,
  X: NdArray,
  options: SampleNtkOptions,
): SampleRequest {
  expectSpec(where, spec);
  expectOptions(where, options, OPTION_NAMES);
  const { signal, onProgress, threads, backend: name, replicasTo } = options;
  const common = Object.entries({ signal, onProgress, threads, backend: name });
  const { backend, run, provenance } = readComputation(
    where,
    Object.fromEntries(common.filter(([, value]) => value !== undefined)),
  );
  const replicas = expectInteger(`${where}: replicas`, options.replicas, { min: 2 });
  const firstReplica = expectInteger(`${where}: firstReplica`, options.firstReplica ?? 0, { min: 0 });
  expectInteger(`${where}: the number of the last replica`, firstReplica + replicas, { min: 0 });
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
  const n = expectInputShape(`${where}: X`, X, spec.inputDim);
  const form = outputs === 'mean' ? 'trace' : outputs;
  const layout = { n, form, outputs: spec.outputDim };
  const keep = keepReplicas || quantiles.length > 0;
  const bytes = 8 * shapeOf(layout).reduce((product, extent) => product * extent, 1);
  expectFits(where, bytes * (1 + variances.length), 'the kernels of one replica');
  if (keep) expectFits(where, bytes * replicas, 'the kernels of all replicas');
  return {
    spec,
    inputs: copyInputs(`${where}: X`, X, n, false).data,
    layout,
    outputs,
    choice:
      sampler === 'auto' ? chooseKernelSampler(spec, n, form) : { sampler, reason: 'asked for by name' },
    replicas,
    firstReplica,
    seed: expectInteger(`${where}: seed`, options.seed, { min: 0 }),
    variances,
    quantiles,
    keepReplicas,
    keep,
    replicasTo: replicasTo ?? null,
    backend,
    run,
    provenance,
  };
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
