/** Ranges of units, and the parts that a job is divided into. */
import { DeepntkError, expectInteger, expectOptions, invalidArgument } from '../errors';

/** The units number from .. to - 1. */
export type Range = readonly [from: number, to: number];

/**
 * The union of ranges. Neighbours are joined.
 *
 * @param what the units in error messages: `replicas`, `points`
 * @throws DeepntkError `ERR_INVALID_ARGUMENT` if two overlap, because a unit must not count twice
 */
export function joinRanges(where: string, what: string, ranges: readonly Range[]): Range[] {
  const joined: [number, number][] = [];
  for (const [from, to] of [...ranges].sort((a, b) => a[0] - b[0])) {
    const last = joined.at(-1);
    if (last !== undefined && from < last[1]) {
      throw new DeepntkError(
        'ERR_INVALID_ARGUMENT',
        `${where}: expected ranges of ${what} that do not overlap, got ${rangesInWords(ranges)}`,
      );
    }
    if (last !== undefined && from === last[1]) last[1] = to;
    else joined.push([from, to]);
  }
  return joined;
}

/** The gaps between joined ranges, from unit `first` on and, if it is given, up to `end`. */
export function gapsOf(ranges: readonly Range[], first: number, end?: number): Range[] {
  const edges = [first, ...ranges.flat(), end ?? ranges.at(-1)?.[1] ?? first];
  return Array.from({ length: edges.length / 2 }, (_, i): Range => [edges[2 * i]!, edges[2 * i + 1]!]).filter(
    ([from, to]) => from < to,
  );
}

export function rangesInWords(ranges: readonly Range[]): string {
  const few = ranges.slice(0, 8).map(([from, to]) => `${from}:${to}`);
  return [...few, ...(ranges.length > 8 ? [`and ${ranges.length - 8} more`] : [])].join(', ');
}

/** Part `index` = 0 .. count - 1 of `count`. */
export interface Shard {
  readonly index: number;
  readonly count: number;
}

export function readShard(where: string, shard: unknown): Shard {
  expectOptions(where, shard, ['index', 'count']);
  const { index, count } = shard as Partial<Shard>;
  const parts = expectInteger(`${where}.count`, count);
  return { count: parts, index: expectInteger(`${where}.index`, index, { min: 0, max: parts - 1 }) };
}

/**
 * The units of a shard, which are neighbours. Shards differ by at most one unit.
 *
 * @param shard an option of the caller, not yet checked
 * @throws DeepntkError `ERR_INVALID_ARGUMENT` if `shard` is not a shard, or if it has fewer than `least` units
 */
export function rangeOfShard(where: string, [from, to]: Range, shard: unknown, least = 2): Range {
  if (shard === undefined) return [from, to];
  const { index, count } = readShard(`${where}: shard`, shard);
  // In integers: a product of two large numbers would be rounded.
  const [size, rest] = [Math.floor((to - from) / count), (to - from) % count];
  if (size < least)
    throw invalidArgument(`${where}: shard.count`, `at least ${least} units in every shard`, count);
  const start = (part: number): number => from + part * size + Math.min(part, rest);
  return [start(index), start(index + 1)];
}
