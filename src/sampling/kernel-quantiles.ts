/** Quantiles over replicas, entry by entry. */
import type { NdArray } from '../ndarray';

/** Quantiles over replicas, entry by entry. */
export interface KernelQuantile {
  readonly probability: number;
  /** Each entry's own quantile; of the shape of the kernel. */
  readonly entries: NdArray<Float64Array>;
}

/**
 * The values at position (replicas - 1) probability of the sorted ones, interpolated, as numpy's default.
 *
 * @param kernels replicas x entries
 */
export function quantilesOf(
  kernels: Float64Array,
  replicas: number,
  probabilities: readonly number[],
  shape: readonly number[],
): KernelQuantile[] {
  const entries = kernels.length / replicas;
  const results = probabilities.map(() => new Float64Array(entries));
  const column = new Float64Array(replicas);
  for (let entry = 0; entry < entries && probabilities.length > 0; entry++) {
    for (let r = 0; r < replicas; r++) column[r] = kernels[r * entries + entry]!;
    column.sort();
    probabilities.forEach((probability, i) => {
      const place = (replicas - 1) * probability;
      const below = Math.floor(place);
      const above = Math.min(replicas - 1, below + 1);
      results[i]![entry] = column[below]! + (place - below) * (column[above]! - column[below]!);
    });
  }
  return probabilities.map((probability, i) => ({
    probability,
    entries: { data: results[i]!, shape: [...shape] },
  }));
}
