/** Takes the times of a case: what is not right is not timed. */
import type { BackendName } from '../../backend/seam';
import { DeepntkError } from '../../errors';
import type { BenchCase, Suite, Variant } from './suite';

export interface BenchResult extends Omit<Variant, 'backend'> {
  /** Null where none is used. */
  readonly backend: BackendName | null;
  readonly suite: string;
  readonly case: string;
  readonly unit: BenchCase['unit'];
  /** Median over `runs`, per unit. */
  readonly seconds: number;
  readonly runs: number;
  /** Largest difference from the case's first variant, relative to the largest entry. */
  readonly error: number;
  /** How many times as fast as the TypeScript backend, on as many threads where that was measured; null without. */
  readonly ratio: number | null;
  /** Operations of the dense algorithm over time, 10^9 a second; null where operations are not what counts. */
  readonly gflops: number | null;
}

/** Gives the seconds of some runs of the work; it has been done once before. */
export type Timer = (name: string, work: () => Promise<unknown>) => Promise<readonly number[]>;

/**
 * The results of one case, a variant each.
 *
 * @throws DeepntkError `ERR_COMPUTATION` where a variant's numbers are not those of the first
 */
export async function measureCase(
  suite: Suite,
  benchCase: BenchCase,
  timer: Timer,
  signal?: AbortSignal,
): Promise<BenchResult[]> {
  const { title, unit, unitsPerRun, flops, variants, compute, tolerance } = benchCase;
  const reference = await compute(variants[0]!, signal);
  const timed: Omit<BenchResult, 'ratio'>[] = [];
  for (const variant of variants) {
    const error = largestDifference(await compute(variant, signal), reference);
    if (!(error <= tolerance[variant.precision])) {
      throw new DeepntkError(
        'ERR_COMPUTATION',
        `bench: ${suite.name}, ${title}: ${nameOf(variant)} differs from ${nameOf(variants[0]!)} by ${error.toExponential(1)} of its largest entry`,
      );
    }
    const times = await timer(`${suite.name}, ${title}: ${nameOf(variant)}`, () => compute(variant, signal));
    const median = medianOf(times);
    const gflops = flops === null ? null : flops / median / 1e9;
    const seconds = median / unitsPerRun;
    timed.push({
      suite: suite.name,
      case: title,
      ...variant,
      ...(benchCase.usesBackend === false && { backend: null }),
      unit,
      seconds,
      runs: times.length,
      error,
      gflops,
    });
  }
  return timed.map((result) => ({ ...result, ratio: ratioToTypescript(result, timed) }));
}

function ratioToTypescript(result: Omit<BenchResult, 'ratio'>, all: readonly Omit<BenchResult, 'ratio'>[]) {
  const typescript = all.filter(({ backend }) => backend === 'typescript');
  const peer = typescript.find(({ threads }) => threads === result.threads) ?? typescript[0];
  return peer === undefined || all.length === 1 ? null : peer.seconds / result.seconds;
}

/** "native mixed, 2 threads"; "" where no backend is used. */
export function nameOf({
  backend,
  precision,
  threads,
}: Pick<BenchResult, 'backend' | 'precision' | 'threads'>): string {
  if (backend === null) return '';
  return `${backend} ${precision}, ${threads} thread${threads === 1 ? '' : 's'}`;
}

/** Relative to the largest expected magnitude; not-a-number where there is one. */
export function largestDifference(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  let difference = actual.length === expected.length ? 0 : NaN;
  let largest = 0;
  for (let i = 0; i < expected.length; i++) {
    const here = Math.abs(actual[i]! - expected[i]!);
    if (!(here <= difference)) difference = here;
    largest = Math.max(largest, Math.abs(expected[i]!));
  }
  return difference === 0 ? 0 : difference / largest;
}

export function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return (sorted[Math.floor((sorted.length - 1) / 2)]! + sorted[Math.ceil((sorted.length - 1) / 2)]!) / 2;
}
