import { Blocks, MOST_BLOCKS } from '../../src/random/blocks';
import { boxMuller } from '../../src/random/box-muller';
import { philox4x32 } from '../../src/random/philox';
import { instantiateRandomModule } from '../../src/random/random-module';

const KEY = [0x9abcdef0, 0x12345] as const;
const REPLICA = [0xfffffff7, 3] as const;

/** What both kinds of `Blocks` should hold: drawn one by one. */
function oneByOne(count: number, index: number, stream: number, indexStep: number, streamStep: number) {
  const words = new Uint32Array(4 * count);
  const normals = new Float64Array(2 * count);
  for (let i = 0; i < count; i++) {
    const block = words.subarray(4 * i, 4 * i + 4);
    philox4x32(block, index + i * indexStep, stream + i * streamStep, ...REPLICA, ...KEY);
    boxMuller(block, normals.subarray(2 * i, 2 * i + 2));
  }
  return { words, normals };
}

test('this host has WebAssembly: otherwise the tests below would compare JavaScript with itself', () => {
  expect(instantiateRandomModule()).not.toBeNull();
});

describe.each([
  ['WebAssembly', () => new Blocks()],
  ['JavaScript', () => new Blocks(null)],
])('blocks drawn by %s', (_, create) => {
  test.each([
    [1, 0, 0, 0, 0],
    [333, 0, 0x02000001, 0, 1],
    [334, 1, 0x02000fff, 0, -1],
    [1000, 2 ** 32 - 500, 7, 1, 0],
    [50, 40, 9, -1, 3],
  ])('are those of philox4x32 and boxMuller: %d from index %d, stream %d', (count, index, stream, di, ds) => {
    const blocks = create();
    const expected = oneByOne(count, index, stream, di, ds);
    const at = 6;
    blocks.draw(at, count, index, stream, ...REPLICA, ...KEY, di, ds);
    expect(blocks.words.subarray(4 * at, 4 * (at + count))).toEqual(expected.words);
    blocks.toNormals(at, count);
    expect(blocks.normals.subarray(2 * at, 2 * (at + count))).toEqual(expected.normals);
    expect(blocks.words.subarray(0, 4 * at).every((word) => word === 0)).toBe(true);
  });

  test('normals of the words at the ends of their range', () => {
    const extremes = [
      0, 1, 0xfff, 0x1000, 0x1fffffff, 0x20000000, 0x7fffffff, 0x80000000, 0xe0000000, 0xffffffff,
    ];
    const blocks = create();
    const expected = new Float64Array(2);
    for (const first of extremes) {
      for (const second of extremes) {
        const words = Uint32Array.of(first, second, second, first);
        blocks.words.set(words);
        blocks.toNormals(0, 1);
        boxMuller(words, expected);
        expect(blocks.normals.subarray(0, 2)).toEqual(expected);
        expect(Math.hypot(...expected)).toBeLessThan(8.6); // sqrt(2 log 2^53)
      }
    }
  });

  test('fill the whole memory, and none is drawn where none is asked for', () => {
    const blocks = create();
    blocks.draw(0, 0, 0, 0, ...REPLICA, ...KEY, 1, 0);
    expect(blocks.words[0]).toBe(0);
    blocks.draw(0, MOST_BLOCKS, 0, 5, ...REPLICA, ...KEY, 1, 0);
    const last = oneByOne(1, MOST_BLOCKS - 1, 5, 0, 0);
    expect(blocks.words.subarray(-4)).toEqual(last.words);
  });
});

test('a host without WebAssembly, or that forbids it, gets null and not an error', () => {
  const host = globalThis as { WebAssembly?: unknown };
  const own = host.WebAssembly;
  try {
    host.WebAssembly = {
      Module: () => {
        throw new EvalError('forbidden by a content security policy');
      },
    };
    expect(instantiateRandomModule()).toBeNull();
    host.WebAssembly = undefined;
    expect(instantiateRandomModule()).toBeNull();
  } finally {
    host.WebAssembly = own;
  }
});
