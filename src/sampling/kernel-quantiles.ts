/** Quantiles over replicas, entry by entry. */
import type { NdArray } from '../ndarray';

/** Quantiles over replicas, entry by entry. */
export interface KernelQuantile {
  readonly probability: number;
  /** N x N, each entry's own quantile. */
  readonly entries: NdArray<Float64Array>;
}

/** The value at position (replicas - 1) probability of the sorted ones, interpolated, as numpy's default. */
export function quantileOf(
  kernels: Float64Array,
  entries: number,
  replicas: number,
  probability: number,
  n: number,
): KernelQuantile {
  const data = new Float64Array(entries);
  const column = new Float64Array(replicas);
  const place = (replicas - 1) * probability;
  const below = Math.floor(place);
  const above = Math.min(replicas - 1, below + 1);
  for (let entry = 0; entry < entries; entry++) {
    for (let r = 0; r < replicas; r++) column[r] = kernels[r * entries + entry]!;
    column.sort();
    data[entry] = column[below]! + (place - below) * (column[above]! - column[below]!);
  }
  return { probability, entries: { data, shape: [n, n] } };
}
