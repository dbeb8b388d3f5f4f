/** The run over replicas of `sampleNtk`: drawing them, adding them up, keeping them. */
import type { KernelForm } from '../../backend/forms';
import type { KernelReplicas, KernelSampleTask } from '../../backend/seam';
import type { NpyWriter } from '../../data/npy';
import { DeepntkError } from '../../errors';
import { drawAhead } from '../../runs/ahead';
import { runJob } from '../../runs/job';
import type { Range } from '../../runs/ranges';
import { SumsFile } from '../../runs/sums-file';
import { KernelAccumulator, type KernelLayout, lengthOf, rescale, type Spectra } from './kernel-moments';
import { type KernelQuantile, quantilesOf } from './kernel-quantiles';
import { lawOf, replicaNanoseconds, replicasAtOnce, termsOf } from './kernel-source';
import { digestOf, NTK_SAMPLE_SUMS, type NtkSampleSettings, NtkSampleSums } from './ntk-sample-file';
import type { SampleJob } from './sample-options';
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
    private readonly job: SampleJob,
    private readonly file: NpyWriter | null,
  ) {
    const { spec, layout, variances, inputs, seed, choice, replicas } = job;
    this.#length = lengthOf(layout);
    this.#kernel = new Float64Array(this.#length);
    this.kept = job.keep ? new Float64Array(replicas * this.#length) : null;
    this.#units = [spec.weightVariance, ...variances].map((variance) =>
      typicalExponent(spec, variance, inputs),
    );
    this.sums = new NtkSampleSums(
      this.#units.map((unit, set) => {
        const observed = set === 0 && job.quantiles.length > 0;
        return new KernelAccumulator(layout, unit, observed ? this.spectra : undefined);
      }),
    );
    const factor = job.outputs === 'mean' ? 1 / spec.outputDim : 1;
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
    this.#chunk = chunkOf(job, layout, this.#length * this.#task.terms.length);
  }

  /** Draws all replicas that are missing. While some are drawn, those before them are added up. */
  async finish(): Promise<void> {
    const { replicas, firstReplica, run } = this.job;
    run.signal?.throwIfAborted();
    const file = await this.#openFile();
    const there = this.sums.count;
    const sink = {
      missing: () => this.#ranges(firstReplica + there, firstReplica + replicas),
      add: async ([from, to]: Range, batch: KernelReplicas) => {
        await this.#addBatch(batch, from, to - from);
        await file?.write(this.sums.count === replicas);
      },
      close: async () => file?.close(),
    };
    const draw = (range: Range, signal: AbortSignal | undefined) => this.#draw(range, signal);
    for await (const [[, end]] of runJob((ranges) => drawAhead(ranges, draw, run.signal), sink)) {
      this.#report((end - firstReplica) / replicas);
    }
    if (there === replicas) run.onProgress?.(1);
  }

  /** Never less than before: the next range is being drawn while one is added up. */
  #report(fraction: number): void {
    this.#reported = Math.max(this.#reported, fraction);
    this.job.run.onProgress?.(this.#reported);
  }

  *#ranges(first: number, end: number): Generator<Range, void, void> {
    for (let from = first; from < end; from += this.#chunk) yield [from, Math.min(end, from + this.#chunk)];
  }

  async #openFile(): Promise<SumsFile<NtkSampleSettings, NtkSampleSums> | null> {
    const {
      checkpoint,
      spec,
      inputs,
      layout,
      seed,
      choice,
      outputs,
      variances,
      firstReplica,
      replicas,
      run,
    } = this.job;
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
    const target = { path: checkpoint, settings, firstReplica, replicas };
    return SumsFile.open(NTK_SAMPLE_SUMS, target, this.sums, run.signal);
  }

  #draw([from, to]: Range, signal: AbortSignal | undefined): Promise<KernelReplicas> {
    const { replicas, firstReplica, run, backend } = this.job;
    return backend.sampleKernels(
      { ...this.#task, first: from, count: to - from },
      {
        threads: run.threads,
        signal,
        // The end of a range is reported when it has been added up.
        onProgress:
          run.onProgress &&
          ((share) => {
            if (share < 1) this.#report((from - firstReplica + share * (to - from)) / replicas);
          }),
      },
    );
  }

  async #addBatch({ kernels, exponents }: KernelReplicas, first: number, count: number): Promise<void> {
    const { sets } = this.sums;
    const { firstReplica } = this.job;
    const rows = this.file === null ? null : new Float64Array(count * this.#length);
    for (let i = 0; i < count; i++) {
      sets.forEach((set, s) => {
        const at = i * sets.length + s;
        const kernel = kernels.subarray(at * this.#length, (at + 1) * this.#length);
        if (!set.add(kernel, exponents[at]!)) throw outOfRange(first + i);
        if (s > 0 || (this.kept === null && rows === null)) return;
        rescale(kernel, exponents[at]! - set.exponent, this.#kernel);
        this.kept?.set(this.#kernel, (first - firstReplica + i) * this.#length);
        rows?.set(this.#kernel, i * this.#length);
      });
      await this.#breathe();
    }
    if (rows !== null) await this.file!.append(rows);
  }

  /** Of the replicas that were kept. */
  async quantiles(): Promise<KernelQuantile[]> {
    const { quantiles, replicas, layout } = this.job;
    if (quantiles.length === 0) return [];
    return quantilesOf(this.kept!, replicas, quantiles, layout, this.spectra, () => this.#breathe());
  }

  /** Lets other events in now and then. */
  async #breathe(): Promise<void> {
    if (performance.now() < this.#sliceEnd) return;
    await new Promise((resolve) => setImmediate(resolve));
    this.job.run.signal?.throwIfAborted();
    this.#sliceEnd = performance.now() + SLICE_MS;
  }
}

function chunkOf({ spec, choice, run, backend }: SampleJob, layout: KernelLayout, numbers: number): number {
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
