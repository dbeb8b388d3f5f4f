import { joinRanges, type Range } from '../../src/runs/ranges';

test('neighbours are joined, in any order, and gaps stay', () => {
  expect(
    joinRanges('merge', [
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
  expect(() => joinRanges('merge', [a, b])).toThrow(/merge: expected ranges of replicas that do not overlap/);
});
