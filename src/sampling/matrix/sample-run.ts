/** The run over replicas of `sampleNtk`: drawing them, adding them up, keeping them. */
import type { KernelForm } from '../../backend/backend';
import type { KernelReplicas, KernelSampleTask } from '../../backend/kernel-samples';
import type { NpyWriter } from '../../data/npy';
import { DeepntkError } from '../../errors';
import { type Chunk, drawAhead } from '../../runs/ahead';
import { type CheckpointWriter, openCheckpoint } from '../checkpoint';
import { KernelAccumulator, type KernelLayout, lengthOf, rescale, type Spectra } from './kernel-moments';
import { type KernelQuantile, quantilesOf } from './kernel-quantiles';
import { lawOf, replicaNanoseconds, replicasAtOnce, termsOf } from './kernel-source';
import { digestOf, NTK_SAMPLE_RUN, NtkSampleSums } from './ntk-sample-file';
import type { SampleRequest } from './sample-request';
import { typicalExponent } from './typical-kernel';

/** Time that the event loop is held for at most. */
const SLICE_MS = 10;
/** Work that is asked for at once. */
const CHUNK_NS = 2e8;
/** Of the TypeScript backend, about. */
const SLOWNESS = 10;
/** Numbers that are asked for at once, or those of one replica. */
const CHUNK_NUMBERS = 2 ** 21;
/** Replicas are drawn in groups of so many. */
const GROUP = 8;

export class SampleRun {
  readonly sums: NtkSampleSums;
  readonly kept: Float64Array | null;
  readonly spectra: Spectra = { largest: [], conditions: [] };
  readonly #length: number;
  readonly #task: Omit<KernelSampleTask, 'first' | 'count'>;
  readonly #chunk: number;
  readonly #units: readonly number[];
  readonly #kernel: Float64Array;
  #sliceEnd = 0;
  #reported = 0;

  constructor(
    private readonly request: SampleRequest,
    private readonly file: NpyWriter | null,
  ) {
    const { spec, layout, variances, inputs, seed, choice, replicas } = request;
    this.#length = lengthOf(layout);
    this.#kernel = new Float64Array(this.#length);
    this.kept = request.keep ? new Float64Array(replicas * this.#length) : null;
    this.#units = [spec.weightVariance, ...variances].map((variance) =>
      typicalExponent(spec, variance, inputs),
    );
    this.sums = new NtkSampleSums(
      this.#units.map((unit, set) => {
        const observed = set === 0 && request.quantiles.length > 0;
        return new KernelAccumulator(layout, unit, observed ? this.spectra : undefined);
      }),
    );
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
  }

  /** Draws all replicas that are not there yet; while some are drawn, those before them are added up. */
  async finish(): Promise<void> {
    const { replicas, run } = this.request;
    run.signal?.throwIfAborted();
    const checkpoint = await this.#openCheckpoint();
    const there = this.sums.count;
    if (there === replicas) {
      run.onProgress?.(1);
      return;
    }
    const draw = (chunk: Chunk, signal: AbortSignal | undefined) => this.#draw(chunk, signal);
    for await (const [{ from, count }, batch] of drawAhead(this.#chunks(there), draw, run.signal)) {
      await this.#addBatch(batch, from, count);
      const done = from + count;
      await checkpoint?.write(this.sums, done === replicas);
      this.#report(done / replicas);
    }
  }

  /** Never less than before: the next chunk is being drawn while one is added up. */
  #report(fraction: number): void {
    this.#reported = Math.max(this.#reported, fraction);
    this.request.run.onProgress?.(this.#reported);
  }

  *#chunks(there: number): Generator<Chunk, void, void> {
    const { replicas } = this.request;
    for (let from = there; from < replicas; from += this.#chunk) {
      yield { from, count: Math.min(this.#chunk, replicas - from) };
    }
  }

  async #openCheckpoint(): Promise<CheckpointWriter<NtkSampleSums> | null> {
    const { checkpoint, spec, inputs, layout, seed, choice, outputs, variances, firstReplica, replicas } =
      this.request;
    if (checkpoint === null) return null;
    const settings = {
      spec,
      inputs: digestOf(inputs, layout.n),
      seed,
      sampler: choice.sampler,
      outputs,
      weightVariances: variances,
      units: this.#units,
    };
    return openCheckpoint(NTK_SAMPLE_RUN, checkpoint, { settings, firstReplica, goal: replicas }, this.sums);
  }

  #draw({ from, count }: Chunk, signal: AbortSignal | undefined): Promise<KernelReplicas> {
    const { replicas, firstReplica, run, backend } = this.request;
    return backend.sampleKernels(
      { ...this.#task, first: firstReplica + from, count },
      {
        threads: run.threads,
        signal,
        // The end of a chunk is reported when it has been added up.
        onProgress:
          run.onProgress &&
          ((share) => {
            if (share < 1) this.#report((from + share * count) / replicas);
          }),
      },
    );
  }

  async #addBatch({ kernels, exponents }: KernelReplicas, done: number, count: number): Promise<void> {
    const { sets } = this.sums;
    const rows = this.file === null ? null : new Float64Array(count * this.#length);
    for (let i = 0; i < count; i++) {
      sets.forEach((set, s) => {
        const at = i * sets.length + s;
        const kernel = kernels.subarray(at * this.#length, (at + 1) * this.#length);
        if (!set.add(kernel, exponents[at]!)) throw outOfRange(this.request.firstReplica + done + i);
        if (s > 0 || (this.kept === null && rows === null)) return;
        rescale(kernel, exponents[at]! - set.exponent, this.#kernel);
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

function chunkOf(
  { spec, choice, run, backend }: SampleRequest,
  layout: KernelLayout,
  numbers: number,
): number {
  const form: KernelForm = layout.form;
  const slowness = backend.name === 'typescript' ? SLOWNESS : 1;
  const time = slowness * replicaNanoseconds(choice.sampler, spec, layout.n, form);
  const atOnce = replicasAtOnce(backend.name, run.threads);
  const ofTime = Math.max(GROUP * atOnce, (CHUNK_NS * atOnce) / time);
  const count = Math.max(1, Math.min(ofTime, CHUNK_NUMBERS / numbers));
  return Math.ceil(count / GROUP) * GROUP;
}

function outOfRange(replica: number): DeepntkError {
  return new DeepntkError(
    'ERR_COMPUTATION',
    `sampleNtk: the kernel of replica ${replica} is more than 2^500 times a typical one, or not finite: ` +
      'no run goes past this replica, one that starts after it does not meet it',
  );
}
