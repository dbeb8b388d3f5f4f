/** Quantiles over replicas: of every entry, and of what is made of several. */
import { type ResultArray, resultArray } from '../../ndarray';
import { diagonalOf, type KernelLayout, shapeOf, type Spectra } from './kernel-moments';

/** What a share `probability` of the replicas does not exceed. */
export interface KernelQuantile {
  readonly probability: number;
  /** Each entry's own quantile; of the shape of the kernel. */
  readonly entries: ResultArray;
  /** Of each entry's ratio to the diagonal one of its row, over the replicas that are not dead; NaN where all are. */
  readonly ratio: ResultArray;
  readonly largestEigenvalue: number;
  /** Over the replicas that are not dead; NaN where all are. */
  readonly conditionNumber: number;
}

/**
 * The values at position (replicas - 1) probability of the sorted ones, interpolated, as numpy's default.
 *
 * @param kernels replicas x entries
 * @param breathe called after every entry
 */
export async function quantilesOf(
  kernels: Float64Array,
  replicas: number,
  probabilities: readonly number[],
  layout: KernelLayout,
  { largest, conditions }: Spectra,
  breathe: () => Promise<void>,
): Promise<KernelQuantile[]> {
  const shape = shapeOf(layout);
  const length = kernels.length / replicas;
  const diagonal = diagonalOf(layout, length);
  const array = () => resultArray({ data: new Float64Array(length), shape: [...shape] });
  const sorted = (values: ArrayLike<number>): Float64Array => Float64Array.from(values).sort();
  const [ofLargest, ofConditions] = [sorted(largest), sorted(conditions)];
  const results = probabilities.map((probability) => ({
    probability,
    entries: array(),
    ratio: array(),
    largestEigenvalue: quantile(ofLargest, probability),
    conditionNumber: quantile(ofConditions, probability),
  }));
  const alive = Array.from({ length: replicas }, (_, r) => r * length).filter(
    (at) => !diagonal.some((own) => kernels[at + own] === 0),
  );
  const values = new Float64Array(replicas);
  const ratios = new Float64Array(alive.length);
  for (let entry = 0; entry < length; entry++) {
    for (let r = 0; r < replicas; r++) values[r] = kernels[r * length + entry]!;
    alive.forEach((at, i) => (ratios[i] = kernels[at + entry]! / kernels[at + diagonal[entry]!]!));
    values.sort();
    ratios.sort();
    for (const { probability, entries, ratio } of results) {
      entries.data[entry] = quantile(values, probability);
      ratio.data[entry] = quantile(ratios, probability);
    }
    await breathe();
  }
  return results;
}

function quantile(sorted: Float64Array, probability: number): number {
  if (sorted.length === 0) return NaN;
  const place = (sorted.length - 1) * probability;
  const below = Math.floor(place);
  const [from, to] = [sorted[below]!, sorted[Math.min(sorted.length - 1, below + 1)]!];
  // Condition numbers may be infinite.
  return place === below || from === to ? from : from + (place - below) * (to - from);
}
