/** The largest distance between the empirical distribution functions of two samples, times sqrt(n m / (n + m)). */
export function kolmogorovSmirnov(a: readonly number[], b: readonly number[]): number {
  const [x, y] = [[...a].sort((p, q) => p - q), [...b].sort((p, q) => p - q)];
  let [i, j, distance] = [0, 0, 0];
  while (i < x.length && j < y.length) {
    const at = Math.min(x[i]!, y[j]!);
    while (i < x.length && x[i]! <= at) i++;
    while (j < y.length && y[j]! <= at) j++;
    distance = Math.max(distance, Math.abs(i / x.length - j / y.length));
  }
  return distance * Math.sqrt((x.length * y.length) / (x.length + y.length));
}

/** Two samples of one law are further apart than this once in 100,000 times: 2 exp(-2 t^2) = 1e-5. */
export const KS_LIMIT = 2.47;

/** The distance of a sample from a continuous law, times sqrt(n); the same limit holds. */
export function distanceFromLaw(sample: readonly number[], cumulative: (x: number) => number): number {
  const sorted = [...sample].sort((p, q) => p - q);
  const n = sorted.length;
  const distance = sorted.reduce((largest, x, i) => {
    const p = cumulative(x);
    return Math.max(largest, p - i / n, (i + 1) / n - p);
  }, 0);
  return distance * Math.sqrt(n);
}
