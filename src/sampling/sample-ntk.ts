/** Monte Carlo over initializations of the kernel MATRIX of several inputs. */
import type { KernelForm, RunOptions } from '../backend/backend';
import type { KernelReplicas, KernelSampler, KernelSampleTask } from '../backend/kernel-samples';
import { createNpy, type NpyWriter } from '../data/npy';
import { DeepntkError } from '../errors';
import type { ComputeOptions, Provenance } from '../kernel/arguments';
import type { NtkOutputs } from '../kernel/ntk';
import type { NdArray } from '../ndarray';
import type { NetworkSpec } from '../network/spec';
import {
  KernelAccumulator,
  type KernelLayout,
  type KernelMoments,
  rescale,
  shapeOf,
  type Spectra,
  unitFor,
} from './kernel-moments';
import { type KernelQuantile, quantilesOf } from './kernel-quantiles';
import { lawOf, replicaNanoseconds, replicasAtOnce, termsOf } from './kernel-source';
import { readSampleRequest, type SampleRequest } from './sample-request';

/** Options of {@link sampleNtk}. */
export interface SampleNtkOptions extends Omit<ComputeOptions, 'allowNonFinite'> {
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
  /** What is kept of the K x K block of two inputs, as in `Mlp.ntk`; `trace`, the SUM over outputs, by default. */
  readonly outputs?: NtkOutputs;
  /**
   * Further values of sigma_w^2 that the same replicas are to serve. With sigma_b^2 = 0 the gates do not depend on it, and
   * the kernel scales exactly: weights by a^L, the bias of layer l by a^(L+1-l), where a is the ratio of the two values.
   */
  readonly weightVariances?: readonly number[];
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
}

export interface NtkSample extends KernelMoments, Provenance {
  /** Moments at each of `weightVariances`; empty where none were asked for. */
  readonly byWeightVariance: readonly (KernelMoments & { readonly weightVariance: number })[];
  readonly quantiles: readonly KernelQuantile[];
  /** replicas x N x N (x K (x K)), or null; in units of 2^exponent, as all the rest. */
  readonly replicaKernels: NdArray<Float64Array> | null;
  /** The file that the replicas were written to, or null. */
  readonly replicasFile: string | null;
  readonly outputs: NtkOutputs;
  readonly sampler: KernelSampler;
  readonly samplerReason: string;
  readonly replicas: number;
  readonly firstReplica: number;
  readonly seed: number;
  readonly spec: NetworkSpec;
}

/**
 * Moments of the kernel of the inputs X over random initializations.
 *
 * A replica is a function of spec, X, seed, sampler and its number alone, and replicas are added up in their order: the result
 * does not depend on the number of threads. The conditional sampler draws the same bits on every backend, the direct one the
 * same nets.
 *
 * Cost of a replica: `direct` O(sum of n_l n_{l-1} (1 + N + N K)), `conditional` O(sum of n_l (N K + (N K)^2)).
 *
 * @param X N x n_0
 * @throws DeepntkError `ERR_INVALID_ARGUMENT`; `ERR_OUT_OF_MEMORY` where replicas are kept and do not fit; `ERR_INVALID_FILE`
 *   where `replicasTo` cannot be written; the signal's reason
 * @see docs/sampling.md
 * @example await sampleNtk(spec, inputsAtCosines([1, 0.9, 0.5, 0], 100), { replicas: 500, seed: 1 })
 */
export async function sampleNtk(
  spec: NetworkSpec,
  X: NdArray,
  options: SampleNtkOptions,
): Promise<NtkSample> {
  const request = readSampleRequest('sampleNtk', spec, X, options);
  const { replicas, firstReplica, seed, outputs, choice, variances, layout, provenance, replicasTo } =
    request;
  const shape = shapeOf(layout);
  const file = replicasTo === null ? null : await createNpy(replicasTo, [replicas, ...shape]);
  try {
    const run = new SampleRun(request, file);
    await run.finish();
    await file?.commit();
    const [total, ...others] = run.sets.map((set) => set.accumulator.result());
    const kept = run.kept;
    const quantiles = await run.quantiles();
    return {
      ...total!,
      byWeightVariance: variances.map((weightVariance, i) => ({ weightVariance, ...others[i]! })),
      quantiles,
      replicaKernels: request.keepReplicas ? { data: kept!, shape: [replicas, ...shape] } : null,
      replicasFile: replicasTo,
      outputs,
      sampler: choice.sampler,
      samplerReason: choice.reason,
      replicas,
      firstReplica,
      seed,
      spec,
      ...provenance,
    };
  } finally {
    await file?.abandon();
  }
}

/** What is added up of the kernels at one value of sigma_w^2. */
interface TermSet {
  readonly accumulator: KernelAccumulator;
  readonly unit: number;
}

/** Time that the event loop is held for at most. */
const SLICE_MS = 10;
/** Work that is asked for at once. */
const CHUNK_NS = 2e8;
/** Numbers that are asked for at once, or those of one replica. */
const CHUNK_NUMBERS = 2 ** 21;
/** Replicas are drawn in groups of so many. */
const GROUP = 8;

class SampleRun {
  /** The kernel itself, and the kernels at the further values of sigma_w^2. */
  sets: TermSet[] = [];
  readonly kept: Float64Array | null;
  readonly spectra: Spectra = { largest: [], conditions: [] };
  readonly #length: number;
  readonly #task: Omit<KernelSampleTask, 'first' | 'count'>;
  readonly #chunk: number;
  readonly #stop = new AbortController();
  readonly #run: RunOptions;
  readonly #kernel: Float64Array;
  #sliceEnd = 0;

  constructor(
    private readonly request: SampleRequest,
    private readonly file: NpyWriter | null,
  ) {
    const { spec, layout, variances, inputs, seed, choice, replicas, run } = request;
    this.#length = shapeOf(layout).reduce((product, extent) => product * extent, 1);
    this.#kernel = new Float64Array(this.#length);
    this.kept = request.keep ? new Float64Array(replicas * this.#length) : null;
    const factor = request.outputs === 'mean' ? 1 / spec.outputDim : 1;
    this.#task = {
      sampler: choice.sampler,
      widths: spec.widths,
      law: lawOf(spec),
      x: inputs,
      n: layout.n,
      form: layout.form,
      terms: [spec.weightVariance, ...variances].map((variance) => termsOf(spec, variance, factor)),
      seed,
    };
    this.#chunk = chunkOf(request, layout, this.#length * this.#task.terms.length);
    const signals = run.signal === undefined ? [] : [run.signal];
    this.#run = { threads: run.threads, signal: AbortSignal.any([this.#stop.signal, ...signals]) };
  }

  /** Draws all replicas; while some are drawn, those before them are added up. */
  async finish(): Promise<void> {
    const { replicas, run } = this.request;
    run.signal?.throwIfAborted();
    let pending = this.#draw(0);
    try {
      for (let done = 0; done < replicas;) {
        const batch = await pending;
        const count = Math.min(this.#chunk, replicas - done);
        if (done + count < replicas) pending = this.#draw(done + count);
        await this.#addBatch(batch, done, count);
        done += count;
        run.onProgress?.(done / replicas);
      }
    } catch (error) {
      this.#stop.abort();
      await pending.catch(() => undefined); // nothing computes any more when the caller hears of it
      throw error;
    }
  }

  #draw(done: number): Promise<KernelReplicas> {
    const { replicas, firstReplica, run, backend } = this.request;
    const count = Math.min(this.#chunk, replicas - done);
    const { onProgress } = run;
    const batch = backend.sampleKernels(
      { ...this.#task, first: firstReplica + done, count },
      {
        ...this.#run,
        // The end of a chunk is reported when it has been added up.
        onProgress:
          onProgress &&
          ((share) => {
            if (share < 1) onProgress((done + share * count) / replicas);
          }),
      },
    );
    batch.catch(() => undefined); // it is awaited later, and may fail before
    return batch;
  }

  async #addBatch({ kernels, exponents }: KernelReplicas, done: number, count: number): Promise<void> {
    const sets = this.#task.terms.length;
    const kernelAt = (at: number): Float64Array =>
      kernels.subarray(at * this.#length, (at + 1) * this.#length);
    if (this.sets.length === 0) {
      this.sets = this.#task.terms.map((_, set) => {
        const unit = firstUnit(count, (i) => [kernelAt(i * sets + set), exponents[i * sets + set]!]);
        const spectra = set === 0 && this.request.quantiles.length > 0 ? this.spectra : undefined;
        return { unit, accumulator: new KernelAccumulator(this.request.layout, unit, spectra) };
      });
    }
    const rows = this.file === null ? null : new Float64Array(count * this.#length);
    for (let i = 0; i < count; i++) {
      this.sets.forEach(({ unit, accumulator }, set) => {
        const at = i * sets + set;
        rescale(kernelAt(at), exponents[at]! - unit, this.#kernel);
        if (!this.#kernel.every(Number.isFinite)) throw overflow(this.request.firstReplica + done + i);
        accumulator.add(this.#kernel);
        if (set > 0) return;
        this.kept?.set(this.#kernel, (done + i) * this.#length);
        rows?.set(this.#kernel, i * this.#length);
      });
      await this.#breathe();
    }
    if (rows !== null) await this.file!.append(rows);
  }

  /** Of the replicas that were kept. */
  async quantiles(): Promise<KernelQuantile[]> {
    const { quantiles, replicas, layout } = this.request;
    if (quantiles.length === 0) return [];
    return quantilesOf(this.kept!, replicas, quantiles, layout, this.spectra, () => this.#breathe());
  }

  /** Lets other events in now and then. */
  async #breathe(): Promise<void> {
    if (performance.now() < this.#sliceEnd) return;
    await new Promise((resolve) => setImmediate(resolve));
    this.request.run.signal?.throwIfAborted();
    this.#sliceEnd = performance.now() + SLICE_MS;
  }
}

/** The unit of the first kernel that is not zero. */
function firstUnit(
  count: number,
  kernelOf: (i: number) => readonly [kernel: Float64Array, exponent: number],
): number {
  for (let i = 0; i < count; i++) {
    const unit = unitFor(...kernelOf(i));
    if (unit !== null) return unit;
  }
  return 0;
}

function chunkOf(
  { spec, choice, run, backend }: SampleRequest,
  layout: KernelLayout,
  numbers: number,
): number {
  const form: KernelForm = layout.form;
  const time = replicaNanoseconds(choice.sampler, spec, layout.n, form);
  const atOnce = replicasAtOnce(backend.name, run.threads);
  const ofTime = Math.max(GROUP * atOnce, (CHUNK_NS * atOnce) / time);
  const count = Math.max(1, Math.min(ofTime, CHUNK_NUMBERS / numbers));
  return Math.ceil(count / GROUP) * GROUP;
}

function overflow(replica: number): DeepntkError {
  return new DeepntkError(
    'ERR_COMPUTATION',
    `sampleNtk: the kernel of replica ${replica} is not finite, also in units of the first replica's`,
  );
}
