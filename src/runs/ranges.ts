/** Ranges of replicas that runs are split by. */
import { DeepntkError } from '../errors';

/** The replicas number from .. to - 1. */
export type Range = readonly [from: number, to: number];

/**
 * The union of ranges, neighbours joined.
 *
 * @throws DeepntkError `ERR_INVALID_ARGUMENT` where two overlap: a replica must not count twice
 */
export function joinRanges(where: string, ranges: readonly Range[]): Range[] {
  const joined: [number, number][] = [];
  for (const [from, to] of [...ranges].sort((a, b) => a[0] - b[0])) {
    const last = joined.at(-1);
    if (last !== undefined && from < last[1]) {
      throw new DeepntkError(
        'ERR_INVALID_ARGUMENT',
        `${where}: expected ranges of replicas that do not overlap, got ${rangesInWords(ranges)}`,
      );
    }
    if (last !== undefined && from === last[1]) last[1] = to;
    else joined.push([from, to]);
  }
  return joined;
}

export function rangesInWords(ranges: readonly Range[]): string {
  return ranges.map(([from, to]) => `${from}:${to}`).join(', ');
}
