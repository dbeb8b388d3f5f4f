/** Histograms of the kernel over initializations, and of what each of their bins has in the mean and in the second moment. */
import type { ChainReplicas } from '../../backend/seam';
import { expectInteger, invalidArgument } from '../../errors';
import type { MomentPair } from '../../theory/moments';
import { type Scale, shifted } from './accumulator';
import type { DispersionJob } from './dispersion-options';
import { runDispersion, type DispersionRun } from './dispersion-run';
import { type DispersionEstimate, scaleOf } from './estimate';

/** Counts over bins of equal width in ln Theta. */
export interface KernelHistogram {
  /** ln Theta at the edges of the bins: one more than there are bins. */
  readonly logEdges: Float64Array;
  /** The estimated probability of each bin. */
  readonly probability: Float64Array;
  /** Its standard error. */
  readonly standardError: Float64Array;
  /** What each bin has in E Theta, over all of it: where the mean comes from. */
  readonly meanShare: Float64Array;
  /** What each bin has in E Theta^2, over all of it: where the second moment, and so the dispersion, comes from. */
  readonly secondMomentShare: Float64Array;
  /** The probabilities of Theta below the first edge (Theta = 0 included) and above the last one. */
  readonly below: number;
  readonly above: number;
}

/** Which bins a histogram has. */
export interface HistogramOptions {
  /** The number of bins; 60 by default. */
  readonly bins?: number;
  /** ln Theta at the first and at the last edge; by default what covers nets and second moment both. */
  readonly logRange?: readonly [low: number, high: number];
}

export const HISTOGRAM_OPTION_NAMES = ['bins', 'logRange'] as const;

const MAX_BINS = 100_000;
/** Standard deviations of ln Theta on either side, were it normal. */
const REACH = 3.75;

/** An estimate of the dispersion with the histogram of the replicas that it was made from. */
export interface HistogramEstimate extends DispersionEstimate {
  readonly histogram: KernelHistogram;
}

export async function* runHistogram(
  where: string,
  job: DispersionJob,
  options: HistogramOptions,
  run: DispersionRun,
): AsyncGenerator<HistogramEstimate, void, void> {
  const { exact } = job;
  const bins = expectInteger(`${where}: bins`, options.bins ?? 60, { max: MAX_BINS });
  const [low, high] = readRange(where, options.logRange, exact, job.settings.spec.hiddenWidths);
  const collector = new HistogramCollector(low, (high - low) / bins, bins, scaleOf(exact));
  const observe = (replicas: ChainReplicas, count: number): void => {
    collector.add(replicas, count);
  };
  for await (const estimate of runDispersion(job, { ...run, observe })) {
    yield { ...estimate, histogram: collector.histogram() };
  }
}

function readRange(
  where: string,
  range: unknown,
  exact: MomentPair,
  widths: readonly number[],
): readonly [number, number] {
  if (range === undefined) return coveringRange(exact, widths);
  const [low, high, ...others] = Array.isArray(range) ? (range as number[]) : [];
  if (!Number.isFinite(low) || !Number.isFinite(high) || others.length > 0 || !(low! < high!)) {
    throw invalidArgument(`${where}: logRange`, 'two finite numbers, the lower one first', range);
  }
  return [low!, high!];
}

/**
 * Were ln Theta normal, its variance would be v = ln R and its mean ln E[Theta] - v/2; of the law weighted by Theta^2 it would be
 * ln E[Theta] + 3v/2. That is what wide nets come to. In narrow ones the typical Theta lies lower, and spreads more: a layer of n
 * units brings ln(1 + 5/n) to ln R, but mean and variance of the logarithm of its factor, a chi-square over its mean, are
 * -(5/2n) c_1 and (5/n) c_2 with c_1 = 1 + 1.65/n + 7/n^2 and c_2 = 1 + 3.7/n + 33/n^2 (to 3 % from n = 12 on). Where Theta is not
 * random at all, the bins have some width nevertheless.
 */
function coveringRange(
  { logMean, logDispersion }: MomentPair,
  widths: readonly number[],
): readonly [number, number] {
  const sum = (ofWidth: (n: number) => number): number => widths.reduce((total, n) => total + ofWidth(n), 0);
  const share =
    logDispersion /
    Math.max(
      sum((n) => Math.log1p(5 / n)),
      Number.MIN_VALUE,
    );
  const drop = share * sum((n) => (2.5 / n) * (1 + 1.65 / n + 7 / n ** 2));
  const variance = share * sum((n) => (5 / n) * (1 + 3.7 / n + 33 / n ** 2));
  const reach = (v: number): number => REACH * Math.max(Math.sqrt(v), 1e-9);
  return [logMean - drop - reach(variance), logMean + 1.5 * logDispersion + reach(logDispersion)];
}

/** Sums over replicas in their order. */
class HistogramCollector {
  #count = 0;
  readonly #probability: Float64Array;
  readonly #squares: Float64Array;
  readonly #mean: Float64Array;
  readonly #second: Float64Array;

  constructor(
    private readonly low: number,
    private readonly width: number,
    private readonly bins: number,
    private readonly scale: Scale,
  ) {
    // Position 0 and the last one: what lies below and above all bins.
    const sums = (): Float64Array => new Float64Array(bins + 2);
    this.#probability = sums();
    this.#squares = sums();
    this.#mean = sums();
    this.#second = sums();
  }

  /** Adds the first `count` replicas. */
  add({ thetas, exponents, weights, weightExponents }: ChainReplicas, count: number): void {
    const { first, second } = this.scale;
    for (let i = 0; i < count; i++) {
      const theta = thetas[i]!;
      const weighted = theta * weights[i]!;
      const bin = this.#binOf(Math.log(theta) + exponents[i]! * Math.LN2);
      const weight = shifted(weights[i]!, weightExponents[i]!);
      this.#probability[bin]! += weight;
      this.#squares[bin]! += weight * weight;
      this.#mean[bin]! += shifted(weighted, exponents[i]! + weightExponents[i]! - first);
      this.#second[bin]! += shifted(weighted * theta, 2 * exponents[i]! + weightExponents[i]! - second);
    }
    this.#count += count;
  }

  histogram(): KernelHistogram {
    const { low, width, bins } = this;
    const count = this.#count;
    const probability = this.#probability.map((sum) => sum / count);
    const inside = <T>(array: { subarray(from: number, to: number): T }): T => array.subarray(1, bins + 1);
    return {
      logEdges: Float64Array.from({ length: bins + 1 }, (_, i) => low + i * width),
      probability: inside(probability).slice(),
      standardError: inside(
        this.#squares.map((sum, i) => Math.sqrt(Math.max(0, sum / count - probability[i]! ** 2) / count)),
      ).slice(),
      meanShare: inside(shares(this.#mean)).slice(),
      secondMomentShare: inside(shares(this.#second)).slice(),
      below: probability[0]!,
      above: probability[bins + 1]!,
    };
  }

  #binOf(logTheta: number): number {
    const bin = Math.floor((logTheta - this.low) / this.width);
    return Math.max(0, Math.min(this.bins + 1, bin + 1));
  }
}

function shares(sums: Float64Array): Float64Array {
  const total = sums.reduce((sum, value) => sum + value, 0);
  return sums.map((value) => value / total);
}
