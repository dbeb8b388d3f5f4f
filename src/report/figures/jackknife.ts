/** Standard errors of numbers that are no plain averages, such as ratios of means: the jackknife over batches of replicas. */

export interface WithError {
  readonly value: number;
  readonly standardError: number;
}

/**
 * The statistic of all batches together, and its standard error from leaving out one batch at a time (Quenouille and Tukey):
 * sqrt((B - 1)/B sum_b (t_b - mean t)^2).
 *
 * @param batches one list of averages a batch, all of batches of one size
 * @param statistic of such averages
 */
export function jackknife(
  batches: readonly (readonly number[])[],
  statistic: (averages: readonly number[]) => number,
): WithError {
  const count = batches.length;
  const sums = batches[0]!.map((_, i) => batches.reduce((sum, batch) => sum + batch[i]!, 0));
  const without = batches.map((batch) => statistic(sums.map((sum, i) => (sum - batch[i]!) / (count - 1))));
  const mean = without.reduce((sum, value) => sum + value, 0) / count;
  const squares = without.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return {
    value: statistic(sums.map((sum) => sum / count)),
    standardError: Math.sqrt(((count - 1) / count) * squares),
  };
}

/** How many batches there are: enough for an error that is itself known to about 16 %. */
export const BATCHES = 20;
