/** Kernels that are written to a file in tiles: the same as those in memory, whatever happens on the way. Kills: ntk-to-file.full.test.ts. */
import type * as FileSystem from 'node:fs';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { createSpec, Mlp, type NtkFileOptions, readNpy } from '../../src/index';
import { ntkToFile } from '../../src/large/ntk-to-file';
import { networkOf } from '../../src/network/computations';
import { normalInputs } from '../support/arbitrary';
import { testedBackends } from '../support/backends';
import { relativeError } from '../support/golden';

const net = Mlp.random(
  createSpec({
    inputDim: 12,
    hiddenWidths: [20, 15, 20],
    outputDim: 2,
    biasVariance: 0.3,
    parametrization: 'ntk',
  }),
  { seed: 1 },
);
const X = normalInputs(560, 12, 1, 1);
const X2 = normalInputs(270, 12, 1, 2);
let folder: string;
let out: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'deepntk-large-'));
  out = join(folder, 'K.npy');
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Three blocks of at most 256 inputs, of which two are in memory: everything is loaded more than once. */
const small = { tileEdge: 256, blocksInMemory: 2 };
const write = (options: Partial<NtkFileOptions>, x2: typeof X | null = null, overrides = small) =>
  ntkToFile(networkOf(net), X, x2, { out, ...options }, overrides);

describe.each(testedBackends())('%s backend', (backend) => {
  test.each([
    ['trace', 'float64'],
    ['mean', 'mixed'],
    ['full', 'float64'],
    ['diagonal', 'mixed'],
    ['sum-of-logits', 'float64'],
  ] as const)('the file holds the kernel that memory would (%s, %s)', async (outputs, precision) => {
    for (const x2 of [null, X2]) {
      const options = { backend, outputs, precision, layers: [1, 3, 4] };
      const expected = await net.ntk(X, x2, options);
      const { shape } = await write({ ...options, features: 'recompute' }, x2);
      const kernel = await readNpy(out);
      expect(shape).toEqual(expected.shape);
      expect(kernel.shape).toEqual(expected.shape);
      expect(relativeError(kernel.data, expected.data)).toBeLessThan(precision === 'mixed' ? 2e-6 : 1e-12);
      rmSync(out);
    }
  });

  test('its bytes depend neither on plan, threads and tiles nor on an interruption', async () => {
    const bytesOf = async (options: Partial<NtkFileOptions>, overrides: Partial<typeof small>) => {
      await ntkToFile(
        networkOf(net),
        X,
        null,
        { out, backend, dtype: 'float32', precision: 'mixed', ...options },
        overrides,
      );
      const bytes = readFileSync(out);
      const { data } = await readNpy(out);
      rmSync(out);
      return { bytes, data };
    };
    const reference = await bytesOf({ threads: 1 }, {});
    // cuBLAS chooses its kernels by the shapes of tiles: on a GPU the last bits may differ.
    const expectSame = ({ bytes, data }: typeof reference): void => {
      if (backend === 'cuda') expect(relativeError(data, reference.data)).toBeLessThan(1e-6);
      else expect(bytes.equals(reference.bytes)).toBe(true);
    };
    expectSame(await bytesOf({ features: 'recompute', threads: 2 }, small));
    expectSame(await bytesOf({ features: 'spill' }, small));

    const controller = new AbortController();
    const interrupted = bytesOf(
      {
        signal: controller.signal,
        onProgress: () => {
          if (
            existsSync(`${out}.meta.jsonl`) &&
            readFileSync(`${out}.meta.jsonl`, 'utf8').split('\n').length > 3
          ) {
            controller.abort();
          }
        },
      },
      small,
    );
    await expect(interrupted).rejects.toThrow('aborted');
    expect(readdirSync(folder).sort()).toEqual(['K.npy.meta.jsonl', 'K.npy.partial']);
    // The tiles are 256 wide, although this plan would choose others.
    expectSame(await bytesOf({}, {}));
    expect(readdirSync(folder)).toEqual([]);
  });

  test('a finished tile is believed only if its checksum holds', async () => {
    await write({ backend });
    const reference = readFileSync(out);
    rmSync(out);
    const controller = new AbortController();
    await expect(
      write({
        backend,
        signal: controller.signal,
        onProgress: ({ fraction }) => {
          if (fraction > 0.8) controller.abort();
        },
      }),
    ).rejects.toThrow('aborted');
    const partial = readFileSync(`${out}.partial`);
    partial.fill(0x55, 4096, 4200); // in tile 0 0
    writeFileSync(`${out}.partial`, partial);
    const { tiles } = await write({ backend });
    expect(tiles.computed + tiles.reused).toBe(6);
    expect(tiles.reused).toBeGreaterThan(0);
    expect(readFileSync(out).equals(reference)).toBe(true);
  });
});

test('the process goes on while the file is brought to the disk', async () => {
  const blocking = jest.spyOn(jest.requireActual<typeof FileSystem>('node:fs'), 'fsyncSync');
  try {
    await write({});
    expect(blocking).toHaveBeenCalledTimes(1); // the map's first line
  } finally {
    blocking.mockRestore();
  }
});

test('each obstacle is one clear error, and nothing is lost', async () => {
  writeFileSync(out, 'precious');
  await expect(write({})).rejects.toThrow(
    /K\.npy: it exists already; choose another name, or force it to be overwritten/,
  );
  expect(readFileSync(out, 'utf8')).toBe('precious');
  rmSync(out);

  await expect(write({ out: join(folder, 'missing', 'K.npy') })).rejects.toThrow(/no such file or folder/);
  await expect(write({ out: join(folder, 'K.txt') })).rejects.toThrow(
    /out: expected the path of a \.npy file/,
  );
  await expect(write({ memoryLimit: 1e6 })).rejects.toThrow(/memoryLimit: expected at least .* got 977 KiB/);
  await expect(write({ perLayer: true as unknown as false })).rejects.toThrow(/perLayer: expected false/);

  writeFileSync(`${out}.partial`, 'somebody else');
  await expect(write({})).rejects.toThrow(/is there without its journal/);
  rmSync(`${out}.partial`);
  expect(readdirSync(folder)).toEqual([]);
});

test('a partial file that is replaced meanwhile is an error', async () => {
  const replaced = write({
    onProgress: ({ fraction }) => {
      if (fraction < 0.5 || !existsSync(`${out}.partial`)) return;
      rmSync(`${out}.partial`);
      writeFileSync(`${out}.partial`, 'other');
    },
  });
  await expect(replaced).rejects.toThrow(/K\.npy: .*K\.npy\.partial has been replaced meanwhile/);
  expect(existsSync(out)).toBe(false);
});

test('--force, or force: true, removes what is there', async () => {
  const { tiles } = await write({});
  expect(tiles.reused).toBe(0);
  writeFileSync(`${out}.partial`, 'somebody else');
  expect((await write({ precision: 'mixed', force: true })).precision).toBe('mixed');
  expect(readdirSync(folder)).toEqual(['K.npy']);
});

test('what other settings have begun is not continued', async () => {
  const controller = new AbortController();
  const begin = write({
    signal: controller.signal,
    onProgress: ({ fraction }) => {
      if (fraction > 0.5) controller.abort();
    },
  });
  await expect(begin).rejects.toThrow('aborted');
  const kept = readFileSync(`${out}.meta.jsonl`, 'utf8');
  await expect(write({ precision: 'mixed', dtype: 'float32' })).rejects.toThrow(
    /K\.npy\.partial belongs to other settings: precision "float64", here "mixed"/,
  );
  const other = normalInputs(560, 12, 2, 1);
  await expect(ntkToFile(networkOf(net), other, null, { out })).rejects.toThrow(/other settings: X "/);
  writeFileSync(`${out}.meta.jsonl`, kept.replace('"version":2', '"version":1'));
  await expect(write({})).rejects.toThrow(/expected version 2 of deepntk-kernel-tiles, got 1/);
  writeFileSync(`${out}.meta.jsonl`, 'no map\n');
  await expect(write({})).rejects.toThrow(/K\.npy\.meta\.jsonl: expected a whole JSON object/);
  // A record without its end, as a kill leaves it, is no record.
  writeFileSync(`${out}.meta.jsonl`, kept.trimEnd().slice(0, -2));
  truncateSync(`${out}.partial`, 100);
  expect((await write({})).tiles).toEqual({ computed: 6, reused: 0 });
});
