import { philox4x32 } from '../../src/random/philox';
import { PURPOSE, streamOf, words } from '../../src/random/streams';

/** Known answers of Philox4x32-10 from the authors' Random123 distribution: counter, key, block. */
const KNOWN: [string, string, string][] = [
  ['00000000 00000000 00000000 00000000', '00000000 00000000', '6627e8d5 e169c58d bc57ac4c 9b00dbd8'],
  ['ffffffff ffffffff ffffffff ffffffff', 'ffffffff ffffffff', '408f276d 41c83b0e a20bc7c6 6d5451fd'],
  ['243f6a88 85a308d3 13198a2e 03707344', 'a4093822 299f31d0', 'd16cfe09 94fdcceb 5001e420 24126ea1'],
];

function parse(text: string): number[] {
  return text.split(' ').map((word) => parseInt(word, 16));
}

test.each(KNOWN)('block %s of key %s is %s', (counter, key, expected) => {
  const [c0, c1, c2, c3] = parse(counter) as [number, number, number, number];
  const [k0, k1] = parse(key) as [number, number];
  const out = new Uint32Array(4);
  philox4x32(out, c0, c1, c2, c3, k0, k1);
  expect(Array.from(out)).toEqual(parse(expected));
});

test('a number below 2^53 splits into its two words', () => {
  expect(words(0)).toEqual([0, 0]);
  expect(words(2 ** 32 - 1)).toEqual([2 ** 32 - 1, 0]);
  expect(words(2 ** 53 - 1)).toEqual([2 ** 32 - 1, 2 ** 21 - 1]);
  expect(words(3 * 2 ** 32 + 7)).toEqual([7, 3]);
});

test('purpose and layer have a stream of their own', () => {
  const layers = [1, 2, 255, 256, 2 ** 24 - 1];
  const streams = Object.values(PURPOSE).flatMap((purpose) =>
    layers.map((layer) => streamOf(purpose, layer)),
  );
  expect(new Set(streams).size).toBe(streams.length);
});
