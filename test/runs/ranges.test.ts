import { gapsOf, joinRanges, type Range, rangeOfShard } from '../../src/runs/ranges';

test('neighbours are joined, in any order, and gaps stay', () => {
  expect(
    joinRanges('merge', 'replicas', [
      [5, 9],
      [12, 13],
      [0, 5],
    ]),
  ).toEqual([
    [0, 9],
    [12, 13],
  ]);
});

test.each<[Range, Range]>([
  [
    [0, 5],
    [4, 9],
  ],
  [
    [4, 5],
    [0, 5],
  ],
  [
    [3, 4],
    [3, 4],
  ],
])('one replica in common is one too many: %j and %j', (a, b) => {
  expect(() => joinRanges('merge', 'replicas', [a, b])).toThrow(
    /merge: expected ranges of replicas that do not overlap/,
  );
});

test('gaps are those between the ranges, and up to the end', () => {
  const ranges: Range[] = [
    [2, 3],
    [5, 9],
  ];
  expect(gapsOf(ranges, 2)).toEqual([[3, 5]]);
  expect(gapsOf(ranges, 0, 10)).toEqual([
    [0, 2],
    [3, 5],
    [9, 10],
  ]);
  expect(gapsOf([], 0, 4)).toEqual([[0, 4]]);
});

test('shards of a range are disjoint, whole together, and differ by at most one unit', () => {
  for (const [from, to, count] of [
    [0, 100, 7],
    [5, 19, 7],
    [1, 2 ** 52, 3],
  ] as const) {
    const shards = Array.from({ length: count }, (_, index) =>
      rangeOfShard('run', [from, to], { index, count }),
    );
    expect(joinRanges('run', 'replicas', shards)).toEqual([[from, to]]);
    const sizes = shards.map(([first, end]) => end - first);
    expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
  }
  expect(() => rangeOfShard('run', [0, 5], { index: 0, count: 3 })).toThrow(
    'run: shard.count: expected at least 2 units in every shard, got 3',
  );
  expect(() => rangeOfShard('run', [0, 5], { index: 2, count: 2 })).toThrow(
    'run: shard.index: expected an integer >= 0 and <= 1, got 2',
  );
});
