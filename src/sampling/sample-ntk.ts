/** Monte Carlo over initializations of the kernel MATRIX of several inputs. */
import {
  DeepntkError,
  expectBoolean,
  expectInteger,
  expectNumber,
  expectOneOf,
  expectOptions,
  invalidArgument,
} from '../errors';
import {
  type ComputeOptions,
  copyInputs,
  expectInputShape,
  type Provenance,
  readComputation,
} from '../kernel/arguments';
import { type KernelNetwork, ntk, type NtkResultPerLayer } from '../kernel/ntk';
import { expectFits } from '../memory';
import type { NdArray } from '../ndarray';
import { allocateParameters, drawParameters, networkData, parameterCount } from '../network/parameters';
import { createSpec, expectSpec, type NetworkSpec } from '../network/spec';
import { KernelAccumulator, type KernelMoments } from './kernel-moments';
import { type KernelQuantile, quantileOf } from './kernel-quantiles';

export interface SampleNtkOptions extends ComputeOptions {
  readonly replicas: number;
  /** 0 .. 2^53 - 1 */
  readonly seed: number;
  /** `direct`, which is also what `auto` (the default) takes: every weight is drawn. */
  readonly sampler?: 'auto' | 'direct';
  /** The number of the first replica; 0 by default. */
  readonly firstReplica?: number;
  /** `trace`, the SUM over outputs, by default, or `mean`, the trace divided by K. */
  readonly outputs?: 'trace' | 'mean';
  /**
   * Further values of sigma_w^2 that the same replicas are to serve. With sigma_b^2 = 0 the gates do not depend on it, and
   * the kernel scales exactly: weights by a^L, the bias of layer l by a^(L+1-l), where a is the ratio of the two values.
   */
  readonly weightVariances?: readonly number[];
  /** Probabilities, each with the quantiles of every entry; needs room for all replicas. */
  readonly quantiles?: readonly number[];
  /** Also return every replica's kernel; needs room for them. `writeNpy` writes them to a file. */
  readonly keepReplicas?: boolean;
}

export interface NtkSample extends KernelMoments, Provenance {
  /** Moments at each of `weightVariances`; empty where none were asked for. */
  readonly byWeightVariance: readonly (KernelMoments & { readonly weightVariance: number })[];
  readonly quantiles: readonly KernelQuantile[];
  /** replicas x N x N, or null. */
  readonly replicaKernels: NdArray<Float64Array> | null;
  readonly outputs: 'trace' | 'mean';
  readonly sampler: 'direct';
  readonly replicas: number;
  readonly firstReplica: number;
  readonly seed: number;
  readonly spec: NetworkSpec;
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
  'signal',
  'onProgress',
  'threads',
  'backend',
  'allowNonFinite',
];

/**
 * Moments of the N x N kernel of the inputs X over random initializations, from nets drawn in whole: replica r is the
 * kernel of `Mlp.random(spec, { seed, replica: r })`. Entries are added up in the order of the replicas, so that the result
 * does not depend on the number of threads.
 *
 * O(depth width (width + N) + N^2 depth width) a replica.
 *
 * @param X N x n_0
 * @throws DeepntkError `ERR_INVALID_ARGUMENT`; `ERR_OUT_OF_MEMORY` where replicas are kept and do not fit; `ERR_COMPUTATION`
 *   where a kernel overflows; the signal's reason
 * @example await sampleNtk(spec, inputsAtCosines([1, 0.9, 0.5, 0], 100), { replicas: 500, seed: 1 })
 */
export async function sampleNtk(
  spec: NetworkSpec,
  X: NdArray,
  options: SampleNtkOptions,
): Promise<NtkSample> {
  const where = 'sampleNtk';
  const request = readRequest(where, spec, X, options);
  const { n, replicas, firstReplica, seed, outputs, computation, variances } = request;
  const kept = request.keep ? new Float64Array(replicas * n * n) : null;
  const total = new KernelAccumulator(n);
  const byVariance = variances.map(() => new KernelAccumulator(n));
  const { run } = computation;
  for (let done = 0; done < replicas;) {
    run.signal?.throwIfAborted();
    const batch = await drawBatch(request, firstReplica + done, Math.min(request.batch, replicas - done));
    for (const parts of batch) {
      const kernel = kernelAt(parts, spec.weightVariance, spec);
      kept?.set(kernel, done * n * n);
      total.add(kernel);
      variances.forEach((variance, i) => {
        byVariance[i]!.add(kernelAt(parts, variance, spec));
      });
      done++;
    }
    run.onProgress?.(done / replicas);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return {
    ...total.result(),
    byWeightVariance: variances.map((weightVariance, i) => ({ weightVariance, ...byVariance[i]!.result() })),
    quantiles: request.quantiles.map((probability) => quantileOf(kept!, n * n, replicas, probability, n)),
    replicaKernels: request.keepReplicas ? { data: kept!, shape: [replicas, n, n] } : null,
    outputs,
    sampler: 'direct',
    replicas,
    firstReplica,
    seed,
    spec,
    ...computation.provenance,
  };
}

/** A replica's kernel at a = 1, as far as it scales with a = sigma_w^2 / drawn sigma_w^2: [power of a, part]. */
type ScalingParts = readonly (readonly [power: number, part: Float64Array])[];

interface Request extends ReturnType<typeof readOptions> {
  readonly n: number;
  readonly inputs: NdArray<Float64Array>;
  /** What is drawn: at the edge of chaos where kernels are scaled from there, so that none overflows on the way. */
  readonly drawn: NetworkSpec;
  readonly slots: readonly { readonly network: KernelNetwork }[];
  /** Replicas that are computed before any is added up. */
  readonly batch: number;
  readonly keep: boolean;
}

function readRequest(where: string, spec: NetworkSpec, X: NdArray, options: SampleNtkOptions): Request {
  expectSpec(where, spec);
  const read = readOptions(where, spec, options);
  const n = expectInputShape(`${where}: X`, X, spec.inputDim);
  const { data } = copyInputs(`${where}: X`, X, n, read.computation.allowNonFinite);
  const drawn = read.scaled ? createSpec({ ...specOptions(spec), weightVariance: EDGE_OF_CHAOS }) : spec;
  const keep = read.keepReplicas || read.quantiles.length > 0;
  if (keep) expectFits(where, 8 * read.replicas * n * n, 'the kernels of all replicas');
  const count = Math.min(read.computation.run.threads, MAX_SLOTS);
  expectFits(where, 8 * count * parameterCount(spec), 'the parameters of the nets');
  const slots = Array.from({ length: count }, () => {
    const parameters = allocateParameters(where, drawn);
    return { network: { ...networkData(drawn, parameters), biasGradients: spec.biasGradients } };
  });
  return { ...read, n, inputs: { data, shape: [n, spec.inputDim] }, drawn, slots, keep, batch: 4 * count };
}

const EDGE_OF_CHAOS = 2;
/** Nets that are held at once; one is drawn while the kernels of the others are computed. */
const MAX_SLOTS = 16;

function readOptions(where: string, spec: NetworkSpec, options: SampleNtkOptions) {
  expectOptions(where, options, OPTION_NAMES);
  const {
    replicas,
    seed,
    sampler,
    firstReplica,
    outputs,
    weightVariances,
    quantiles,
    keepReplicas,
    ...common
  } = options;
  const numbers = (
    name: string,
    list: unknown,
    range: { above?: number; min?: number; max?: number },
    what: string,
  ) => {
    if (!Array.isArray(list)) throw invalidArgument(`${where}: ${name}`, 'an array of numbers', list);
    return list.map((value: unknown, i) =>
      expectNumber(`${where}: ${name}[${i}]`, value, { ...range, what }),
    );
  };
  const variances = numbers('weightVariances', weightVariances ?? [], { above: 0 }, 'a finite number > 0');
  if (variances.length > 0 && spec.biasVariance > 0) {
    throw invalidArgument(
      `${where}: weightVariances`,
      'a net without bias variance (with it, gates depend on sigma_w^2)',
      `biasVariance ${spec.biasVariance}`,
    );
  }
  if (outputs !== undefined && outputs !== 'trace' && (outputs as unknown) !== 'mean') {
    throw invalidArgument(`${where}: outputs`, '"trace" or "mean"', outputs);
  }
  expectOneOf(`${where}: sampler`, sampler ?? 'auto', ['auto', 'direct']);
  return {
    computation: readComputation(where, common),
    replicas: expectInteger(`${where}: replicas`, replicas, { min: 2 }),
    seed: expectInteger(`${where}: seed`, seed, { min: 0 }),
    firstReplica: expectInteger(`${where}: firstReplica`, firstReplica ?? 0, { min: 0 }),
    outputs: outputs ?? ('trace' as const),
    variances,
    scaled: variances.length > 0,
    quantiles: numbers('quantiles', quantiles ?? [], { min: 0, max: 1 }, 'a number from 0 to 1'),
    keepReplicas: expectBoolean(`${where}: keepReplicas`, keepReplicas ?? false),
  };
}

function specOptions(spec: NetworkSpec) {
  const { inputDim, hiddenWidths, outputDim, weightVariance, biasVariance, parametrization, biasGradients } =
    spec;
  return { inputDim, hiddenWidths, outputDim, weightVariance, biasVariance, parametrization, biasGradients };
}

/** Replicas `first` .. `first + count - 1`; each slot takes the next one that nobody has taken. */
async function drawBatch(request: Request, first: number, count: number): Promise<ScalingParts[]> {
  const batch = new Array<ScalingParts>(count);
  let next = 0;
  const work = async ({ network }: Request['slots'][number]): Promise<void> => {
    for (let i = next++; i < count; i = next++) {
      drawParameters(network.parameters, request.drawn, request.seed, first + i);
      batch[i] = await replicaParts(request, network);
    }
  };
  await Promise.all(request.slots.map(work));
  return batch;
}

async function replicaParts(request: Request, network: KernelNetwork): Promise<ScalingParts> {
  const { computation, inputs, outputs, scaled, drawn } = request;
  const { backend, run, allowNonFinite } = computation;
  const options = {
    outputs,
    backend: backend.name,
    threads: 1,
    allowNonFinite,
    ...(run.signal !== undefined && { signal: run.signal }),
  };
  if (!scaled) return [[0, finite((await ntk(network, inputs, null, options)).data)]];
  const { perLayer } = (await ntk(network, inputs, null, {
    ...options,
    perLayer: true,
  })) as NtkResultPerLayer;
  const weights = new Float64Array(request.n ** 2);
  for (const { data } of perLayer.weights) data.forEach((value, i) => (weights[i]! += value));
  const ntkParametrization = drawn.parametrization === 'ntk';
  const biases = perLayer.biases
    .map(({ data }, i) => [drawn.depth - i, finite(data)] as const)
    .filter(() => drawn.biasGradients && !ntkParametrization);
  return [[drawn.depth + (ntkParametrization ? 1 : 0), finite(weights)], ...biases];
}

/** sum over parts of a^power part; at the drawn variance itself that is their plain sum. */
function kernelAt(parts: ScalingParts, weightVariance: number, spec: NetworkSpec): Float64Array {
  if (parts.length === 1 && parts[0]![0] === 0) return parts[0]![1];
  const a = weightVariance / EDGE_OF_CHAOS;
  const kernel = new Float64Array(parts[0]![1].length);
  for (const [power, part] of parts) {
    const factor = a ** power;
    part.forEach((value, i) => (kernel[i]! += factor * value));
  }
  if (!kernel.every(Number.isFinite)) throw overflow(`sigma_w^2 = ${weightVariance}, depth ${spec.depth}`);
  return kernel;
}

function finite(kernel: Float64Array): Float64Array {
  if (!kernel.every(Number.isFinite)) throw overflow('the drawn net');
  return kernel;
}

function overflow(what: string): DeepntkError {
  return new DeepntkError('ERR_COMPUTATION', `sampleNtk: the kernel is not finite (${what})`);
}
