/** Computes the jobs of a queue. A new kind of jobs is one more function of {@link computeJob}'s table. */
import { DeepntkError } from '../errors';
import { readComputation } from '../kernel/arguments';
import { specOfFile } from '../network/spec';
import { type Fields, isNatural } from '../runs/head';
import type { Range } from '../runs/ranges';
import { DISPERSION_SUMS } from '../sampling/one-input/dispersion-file';
import { replicaSource } from '../sampling/one-input/sources';
import { computePoint } from '../sampling/sweep';
import { VERSION } from '../version';
import type { Job, JobKind, JobRun } from './jobs';
import type { TileComputer } from './kernel-tile';
import type { PointSettings } from './sweep';

/**
 * The result of a job, as JSON has it.
 *
 * @param tiles keeps the kernel of the last tile, because the next tile usually belongs to it
 * @throws DeepntkError `ERR_QUEUE` if the job is of another version, or of an unknown kind
 */
export async function computeJob(job: unknown, run: JobRun, tiles: TileComputer): Promise<unknown> {
  const { kind, version, settings, range } = (job ?? {}) as Partial<Job>;
  const kinds: Readonly<Record<JobKind, (settings: Fields, range: Range) => Promise<unknown>>> = {
    dispersion: (given, units) => sumReplicas(given, units, run),
    sweep: (given, [point]) => sweepPoint(given as unknown as PointSettings, point, run),
    kernel: (given, [tile]) => tiles.compute(given, tile, run),
  };
  const known = typeof kind === 'string' && Object.hasOwn(kinds, kind);
  if (!known || version !== VERSION || typeof settings !== 'object' || settings === null || !isRange(range)) {
    throw new DeepntkError(
      'ERR_QUEUE',
      `expected a job of deepntk ${VERSION}, got ${String(kind)} of version ${String(version)}; run the same version everywhere`,
    );
  }
  const result = await kinds[kind](settings as Fields, range);
  // Numbers that JSON does not have are strings.
  return JSON.parse(
    JSON.stringify(result, (_, value: unknown) =>
      typeof value === 'number' && !Number.isFinite(value) ? String(value) : value,
    ),
  );
}

function isRange(range: unknown): range is Range {
  return Array.isArray(range) && range.length === 2 && range.every(isNatural) && range[0]! < range[1]!;
}

/** The sums over a range of replicas, as a file has them. */
async function sumReplicas(given: Fields, [first, end]: Range, run: JobRun): Promise<unknown> {
  const settings = DISPERSION_SUMS.readSettings(given, 'job');
  const { backend, run: options } = readComputation('worker', run);
  const { sampler, spec, inputNorm2, seed } = settings;
  const { sample, chunk } = replicaSource(sampler, spec, inputNorm2, seed, backend);
  const sums = DISPERSION_SUMS.noSums(settings);
  for (let from = first; from < end; from += chunk) {
    const count = Math.min(chunk, end - from);
    sums.add(await sample(from, count, options), count);
  }
  return JSON.parse(sums.json().join(''));
}

async function sweepPoint({ spec, goal }: PointSettings, point: number, run: JobRun): Promise<unknown> {
  return computePoint({ point, spec: specOfFile('job', spec) }, goal, run);
}
