/** Kernels in parts: the bytes of one machine, and what is missing or damaged is told. */
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { createSpec, mergeNtk, Mlp, type NtkFileOptions } from '../../src/index';
import { sharedTileEdge, tilesOf, tilesOfShard } from '../../src/large/tiles';
import { normalInputs } from '../support/arbitrary';
import { RELU } from '../../src/backend/seam';
import { testedBackends } from '../support/backends';

const net = Mlp.random(
  createSpec({ inputDim: 12, hiddenWidths: [20, 15], outputDim: 2, biasVariance: 0.3 }),
  { seed: 1 },
);
const X = normalInputs(700, 12, 1, 1);
const X2 = normalInputs(300, 12, 1, 2);
let folder: string;
const at = (file: string): string => join(folder, file);
const part = (
  index: number,
  count: number,
  options: Partial<NtkFileOptions> = {},
  x2: typeof X | null = null,
) => net.ntk(X, x2, { ...options, out: at(`${index}.part`), shard: { index, count } });

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'deepntk-parts-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

test.each(testedBackends())('%s backend: parts make the bytes of one machine', async (backend) => {
  for (const [x2, options] of [
    [null, { outputs: 'trace', dtype: 'float32', precision: 'mixed' }],
    [null, { outputs: 'full' }],
    [X2, { outputs: 'diagonal' }],
  ] as const) {
    await net.ntk(X, x2, { ...options, backend, out: at('alone.npy') });
    for (const index of [2, 0, 1]) await part(index, 3, { ...options, backend }, x2);
    await mergeNtk(
      [0, 1, 2].map((index) => at(`${index}.part`)),
      { out: at('merged.npy') },
    );
    expect(readFileSync(at('merged.npy')).equals(readFileSync(at('alone.npy')))).toBe(true);
    expect(readdirSync(folder).sort()).toEqual(['0.part', '1.part', '2.part', 'alone.npy', 'merged.npy']);
    for (const file of readdirSync(folder)) rmSync(at(file));
  }
});

test('a part that was cut off, or damaged, goes on behind its last whole tile', async () => {
  const { tiles } = await part(0, 1);
  expect(tiles).toEqual({ computed: 6, reused: 0 });
  const whole = readFileSync(at('0.part'));
  truncateSync(at('0.part'), whole.length - 1000);
  expect((await part(0, 1)).tiles).toEqual({ computed: 1, reused: 5 });
  expect(readFileSync(at('0.part')).equals(whole)).toBe(true);
  const damaged = Buffer.from(whole);
  damaged[whole.indexOf('\n') + 100_000]! ^= 1; // in the first tile
  writeFileSync(at('0.part'), damaged);
  await expect(mergeNtk([at('0.part')], { out: at('K.npy') })).rejects.toThrow(/tile 0 0 with its checksum/);
  expect((await part(0, 1)).tiles).toEqual({ computed: 6, reused: 0 });
  expect(readFileSync(at('0.part')).equals(whole)).toBe(true);
  // What the merge had begun is finished.
  await mergeNtk([at('0.part')], { out: at('K.npy') });
  expect(readdirSync(folder).sort()).toEqual(['0.part', 'K.npy']);
});

test('shards are disjoint, whole together, and alike in work', () => {
  const grid = { inputs: [5000, 5000], tileEdge: 256, symmetric: true } as const;
  const shards = Array.from({ length: 7 }, (_, index) => tilesOfShard(grid, { index, count: 7 }));
  expect(shards.flat()).toEqual(tilesOf(grid));
  const pairs = shards.map((tiles) => tiles.reduce((sum, { rows, columns }) => sum + rows * columns, 0));
  expect(Math.max(...pairs) / Math.min(...pairs)).toBeLessThan(1.2);
  // More parts than tiles: some have nothing to do.
  const many = Array.from({ length: 9 }, (_, index) =>
    tilesOfShard({ ...grid, inputs: [500, 500] }, { index, count: 9 }),
  );
  expect(many.flat()).toHaveLength(3);
});

test('tiles that travel are bounded', () => {
  const shape = (outputs: number) => ({
    network: {
      widths: [784, 300, outputs],
      parameters: new Float64Array(0),
      weightGains: new Float64Array(0),
      biasGains: new Float64Array(0),
      slopes: RELU,
    },
    form: 'full' as const,
    weightTerms: new Float64Array(2).fill(1),
    biasTerms: new Float64Array(2).fill(1),
    precision: 'mixed' as const,
    group: 256,
  });
  expect(sharedTileEdge(shape(1), 30_000, null, 'float32')).toBe(2048);
  expect(sharedTileEdge(shape(10), 30_000, null, 'float64')).toBe(256);
  expect(sharedTileEdge(shape(1), 700, null, 'float32')).toBe(256);
});

test.each([
  [null, 'resident', [0, 2]],
  [null, 'recompute', [0, 2]],
  [null, 'spill', [0, 1]],
  [X2, 'recompute', [1, 3]],
] as const)('progress of a part comes to its own end (X2 %#, %s)', async (x2, features, [index, count]) => {
  const fractions: number[] = [];
  await part(index, count, { features, onProgress: ({ fraction }) => fractions.push(fraction) }, x2);
  expect(fractions.at(-1)).toBeCloseTo(1, 12);
  expect(fractions.slice(0, -1).every((fraction, i) => fraction <= fractions[i + 1]!)).toBe(true);
  expect(fractions.filter((fraction) => fraction === 1).length).toBeLessThan(3); // not before
});

test('a part of other settings is refused as it is: nothing is cut off', async () => {
  await part(0, 2, { dtype: 'float32' });
  const whole = readFileSync(at('0.part'));
  const other = normalInputs(600, 12, 1, 1);
  const calls: [() => Promise<unknown>, RegExp][] = [
    [() => part(0, 2), /0\.part belongs to other settings: dtype "float32", here "float64"/],
    [() => part(0, 2, { dtype: 'float32', outputs: 'full' }), /outputs "trace", here "full"/],
    [() => part(0, 2, { dtype: 'float32' }, X2), /X2 "X", here "/],
    [
      () => net.ntk(other, null, { dtype: 'float32', out: at('0.part'), shard: { index: 0, count: 2 } }),
      /other settings: X "/,
    ],
  ];
  for (const [call, message] of calls) {
    await expect(call()).rejects.toThrow(message);
    expect(readFileSync(at('0.part')).equals(whole)).toBe(true);
  }
  expect((await part(0, 2, { dtype: 'float32' })).tiles.computed).toBe(0);
});

test('a part whose first line was cut off begins anew', async () => {
  await part(0, 2);
  const whole = readFileSync(at('0.part'));
  for (const length of [0, 20, whole.indexOf('\n')]) {
    truncateSync(at('0.part'), length);
    expect((await part(0, 2)).tiles.reused).toBe(0);
    expect(readFileSync(at('0.part')).equals(whole)).toBe(true);
  }
  // Of another part, it is not known to be one.
  truncateSync(at('0.part'), whole.indexOf('\n'));
  await expect(part(0, 2, { dtype: 'float32' })).rejects.toThrow(/expected a part of a kernel/);
  expect(readFileSync(at('0.part')).equals(whole.subarray(0, whole.indexOf('\n')))).toBe(true);
});

test('a small part may promise any number of tiles: they are not listed', async () => {
  await part(0, 2);
  const header = JSON.parse(readFileSync(at('0.part'), 'utf8').split('\n', 1)[0]!) as { settings: object };
  const merge = async (changes: object) => {
    writeFileSync(
      at('0.part'),
      `${JSON.stringify({ ...header, settings: { ...header.settings, ...changes } })}\n`,
    );
    return mergeNtk([at('0.part')], { out: at('K.npy') });
  };
  const shape = [256 * 2 ** 20, 256 * 2 ** 20];
  await expect(merge({ shape })).rejects.toThrow(/549756338176 of 549756338176 tiles are missing/);
  await expect(merge({ shape, symmetric: false })).rejects.toThrow(/1099511627776 tiles are missing/);
  await expect(merge({ tileEdge: 1 })).rejects.toThrow(
    /the settings of a part of a kernel, got damaged ones/,
  );
});

const onLinux = process.platform === 'linux' ? test : test.skip;
onLinux('a merge that the system refuses memory for leaves no file open', async () => {
  await part(0, 1);
  const real = globalThis.SharedArrayBuffer;
  globalThis.SharedArrayBuffer = function refused() {
    throw new RangeError('Array buffer allocation failed');
  } as unknown as typeof real;
  try {
    await expect(mergeNtk([at('0.part')], { out: at('K.npy') })).rejects.toMatchObject({
      code: 'ERR_OUT_OF_MEMORY',
    });
  } finally {
    globalThis.SharedArrayBuffer = real;
  }
  const open = readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)];
    } catch {
      return []; // that of the folder, which has been read
    }
  });
  expect(open.filter((path) => path.startsWith(folder))).toEqual([]);
});

test('what is wrong is one clear error', async () => {
  await part(0, 2);
  const merge = (files: string[], out = 'K.npy') => mergeNtk(files.map(at), { out: at(out) });
  await expect(merge(['0.part'])).rejects.toThrow(/3 of 6 tiles are missing; every shard has to be there/);
  await expect(part(0, 3)).rejects.toThrow(/0\.part belongs to other settings: shard.count 2, here 3/);
  await expect(part(0, 2, { precision: 'mixed' })).rejects.toThrow(/precision "float64", here "mixed"/);
  await part(1, 2, { precision: 'mixed' });
  await expect(merge(['0.part', '1.part'])).rejects.toThrow(
    /1\.part belongs to other settings: precision "mixed", in .*0\.part "float64"/,
  );
  writeFileSync(at('strange.part'), 'strange');
  await expect(merge(['strange.part'])).rejects.toThrow(/expected a part of a kernel .*, got something else/);
  await expect(merge(['missing.part'])).rejects.toThrow(/cannot read .*missing\.part: no such file/);
  await expect(merge(['0.part'], 'K.txt')).rejects.toThrow(/out: expected the path of a \.npy file/);
  await expect(net.ntk(X, null, { out: at('K.npy'), shard: { index: 0, count: 1 } })).rejects.toThrow(
    /out: expected the path of a \.part file/,
  );
  await expect(part(2, 2)).rejects.toThrow(/shard\.index: expected an integer >= 0 and <= 1/);
});
