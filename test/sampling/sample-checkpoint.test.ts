import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import {
  createSpec,
  inputsAtCosines,
  type MergedNtkSample,
  mergeDispersion,
  mergeNtkSamples,
  type NtkSample,
  sampleNtk,
  type SampleNtkOptions,
} from '../../src/index';
import { testedBackends } from '../support/backends';

const spec = createSpec({ inputDim: 8, depth: 3, width: 20, outputDim: 2 });
const X = inputsAtCosines([1, 0.9, 0.3], 8);

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'deepntk-sample-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});
const at = (name: string): string => join(folder, name);

/** What was computed, without what computed it. */
function numbersOf(sample: NtkSample | MergedNtkSample): object {
  const { backend, core, threads, samplerReason, ranges, ...numbers } = { ranges: null, ...sample };
  expect([backend, core, threads, samplerReason, ranges]).toHaveLength(5);
  return numbers;
}

describe.each(testedBackends())('a run of sampleNtk in pieces on the %s backend', (backend) => {
  const cases = [
    ['conditional', {}],
    ['direct', { outputs: 'full' }],
    ['direct', { weightVariances: [0.5, 3], outputs: 'mean' }],
    ['conditional', { weightVariances: [1, 2, 4], outputs: 'diagonal' }],
  ] as const satisfies (readonly [string, Partial<SampleNtkOptions>])[];

  test.each(cases)(
    '%s %j: ranges merge in any order to the bits of the whole, and a run goes on to them',
    async (sampler, given) => {
      const options = { seed: 4, sampler, backend, ...given };
      const whole = numbersOf(await sampleNtk(spec, X, { ...options, replicas: 60, threads: 2 }));
      const cuts = [0, 17, 20, 60];
      const files = [0, 1, 2].map((i) => at(`range-${i}.json`));
      for (const [i, checkpoint] of files.entries()) {
        const replicas = cuts[i + 1]! - cuts[i]!;
        await sampleNtk(spec, X, { ...options, firstReplica: cuts[i]!, replicas, checkpoint, threads: 1 });
      }
      const [first, second, third] = files as [string, string, string];
      for (const order of [[third, first, second], [second, third, first], files]) {
        const merged = await mergeNtkSamples(order);
        expect(merged.ranges).toEqual([[0, 60]]);
        expect(numbersOf(merged)).toEqual(whole);
      }
      // What was merged merges again, and goes on.
      await mergeNtkSamples([second, first], { out: at('merged.json') });
      expect(numbersOf(await mergeNtkSamples([third, at('merged.json')]))).toEqual(whole);
      const resumed = { ...options, replicas: 60, checkpoint: at('merged.json') };
      expect(numbersOf(await sampleNtk(spec, X, resumed))).toEqual(whole);
      const complete = readFileSync(at('merged.json'));
      expect(numbersOf(await sampleNtk(spec, X, resumed))).toEqual(whole);
      // The file is a function of the replicas alone.
      rmSync(at('merged.json'));
      await sampleNtk(spec, X, resumed);
      expect(readFileSync(at('merged.json'))).toEqual(complete);
    },
  );

  test('dead nets and infinite condition numbers pass through files', async () => {
    const narrow = createSpec({ inputDim: 8, depth: 4, width: 3, biasGradients: false });
    const twice = inputsAtCosines([1, 1, 0.5], 8);
    const options = { seed: 1, backend, sampler: 'conditional' } as const;
    const whole = await sampleNtk(narrow, twice, { ...options, replicas: 50 });
    expect(whole.deadReplicas).toBeGreaterThan(10);
    expect(whole.conditionNumber.mean).toBe(Infinity);
    await sampleNtk(narrow, twice, { ...options, replicas: 20, checkpoint: at('a.json') });
    await sampleNtk(narrow, twice, {
      ...options,
      firstReplica: 20,
      replicas: 30,
      checkpoint: at('b.json'),
    });
    expect(numbersOf(await mergeNtkSamples([at('b.json'), at('a.json')]))).toEqual(numbersOf(whole));
  });

  test('replicas alike to 1e-9 have their variance to the last digits', async () => {
    // Theta = 1 + what is of the order of sigma_w^2.
    const alike = createSpec({ inputDim: 8, depth: 2, width: 20, weightVariance: 1e-9 });
    const { mean, variance, ratio, replicaKernels } = await sampleNtk(alike, X, {
      replicas: 200,
      seed: 1,
      backend,
      keepReplicas: true,
    });
    for (const i of [0, 1, 8]) {
      const off = Array.from({ length: 200 }, (_, r) => replicaKernels!.data[9 * r + i]! - 1); // exact
      const average = off.reduce((sum, value) => sum + value, 0) / 200;
      const expected = off.reduce((sum, value) => sum + (value - average) ** 2, 0) / 199;
      expect(Math.sqrt(expected)).toBeLessThan(2e-9);
      expect(variance.data[i]! / expected).toBeCloseTo(1, 12);
      expect(mean.data[i]! - 1).toBeCloseTo(average, 15);
    }
    expect(ratio.variance.data[1]).toBeGreaterThan(0);
    expect(ratio.variance.data[1]).toBeLessThan(1e-17);
  });
});

describe('a checkpoint', () => {
  const options = { seed: 4, sampler: 'conditional', replicas: 20, weightVariances: [1] } as const;

  test('of other settings is refused with the first difference, and stays as it is', async () => {
    const checkpoint = at('settings.json');
    await sampleNtk(spec, X, { ...options, checkpoint });
    const before = readFileSync(checkpoint, 'utf8');
    const refused = async (
      difference: RegExp,
      changed: Partial<SampleNtkOptions>,
      net = spec,
      inputs = X,
    ): Promise<void> => {
      const run = sampleNtk(net, inputs, { ...options, checkpoint, ...changed } as SampleNtkOptions);
      await expect(run).rejects.toMatchObject({ code: 'ERR_INVALID_FILE' });
      await expect(run).rejects.toThrow(difference);
      await expect(run).rejects.toThrow(checkpoint);
    };
    const other = createSpec({ inputDim: 8, depth: 3, width: 20, outputDim: 2, weightVariance: 1.5 });
    await refused(/settings.json belongs to other settings: weightVariance 2, here 1.5/, {}, other);
    await refused(/inputs.shape \[3,8\], here \[2,8\]/, {}, spec, inputsAtCosines([1, 0.9], 8));
    await refused(/inputs.sha256 "[0-9a-f]+.*, here "/, {}, spec, inputsAtCosines([1, 0.9, 0.2], 8));
    await refused(/seed 4, here 5/, { seed: 5 });
    await refused(/sampler "conditional", here "direct"/, { sampler: 'direct' });
    await refused(/outputs "trace", here "mean"/, { outputs: 'mean' });
    await refused(/weightVariances \[1\], here \[1,2\]/, { weightVariances: [1, 2] });
    await refused(/at most 20 replicas from number 3, got replicas 0:20/, { firstReplica: 3 });
    await refused(/at most 19 replicas from number 0, got replicas 0:20/, { replicas: 19 });
    expect(readFileSync(checkpoint, 'utf8')).toBe(before);
    await sampleNtk(spec, X, { ...options, seed: 5, firstReplica: 20, checkpoint: at('seed.json') });
    await expect(mergeNtkSamples([checkpoint, at('seed.json')])).rejects.toThrow(
      /seed.json belongs to other settings: seed 5, in .*settings.json 4/,
    );
    await expect(mergeNtkSamples([checkpoint, checkpoint])).rejects.toThrow(
      /mergeNtkSamples: expected ranges of replicas that do not overlap, got 0:20, 0:20/,
    );
    await expect(mergeDispersion([checkpoint])).rejects.toThrow(
      /expected the format deepntk-dispersion, got "deepntk-ntk-sample"/,
    );
  });

  test.each([
    ['cut off', (text: string) => text.slice(0, text.length / 2)],
    ['empty', () => ''],
    ['of another format', () => '{"format":"something"}'],
    ['of a later version', (text: string) => text.replace('"version":1', '"version":2')],
    ['with a digit changed', (text: string) => text.replace(/("sums":\[\[[^\]]*?)\d(?=[,\]])/, '$17')],
    ['without a checksum', (text: string) => text.replace(/,"checksum":"\w+"/, '')],
    ['with more behind its checksum', (text: string) => text.replace(/\}\n$/, ',"ranges":[[0,20]]}\n')],
    ['with space behind its checksum', (text: string) => text.replace(/\}\n$/, ' }\n')],
    ['with two checksums', (text: string) => text.replace(/,"checksum":"\w+"/, '$&$&')],
    ['with sums of another count', (text: string) => text.replace('[[0,20]]', '[[0,21]]')],
    ['with a sum less', (text: string) => text.replace(/"squares":\[\[[^\]]*\],/, '"squares":[')],
    ['with a number that is none', (text: string) => text.replace(/"sums":\[\[[^\]]*\]/, '"sums":[[null]')],
    ['with units that are none', (text: string) => text.replace(/"units":\[[^\]]*\]/, '"units":[1e300,0]')],
    ['with inputs that are none', (text: string) => text.replace('"shape":[3,8]', '"shape":[1e9,8]')],
    [
      'with more infinite numbers than replicas',
      (text: string) => text.replace('"infinite":[]', '"infinite":[[0,30,0]]'),
    ],
  ])('that is %s is a clear error', async (_, damage) => {
    const checkpoint = at('damaged.json');
    await sampleNtk(spec, X, { ...options, checkpoint });
    const text = readFileSync(checkpoint, 'utf8');
    const damaged = damage(text);
    expect(damaged).not.toBe(text);
    writeFileSync(checkpoint, damaged);
    for (const run of [
      () => sampleNtk(spec, X, { ...options, replicas: 30, checkpoint }),
      () => mergeNtkSamples([checkpoint]),
    ]) {
      await expect(run()).rejects.toMatchObject({ code: 'ERR_INVALID_FILE' });
      await expect(run()).rejects.toThrow(checkpoint);
    }
    expect(readFileSync(checkpoint, 'utf8')).toBe(damaged);
  });

  test('that cannot be written says so, and leaves nothing behind', async () => {
    const run = sampleNtk(spec, X, { ...options, checkpoint: at('missing/checkpoint.json') });
    await expect(run).rejects.toThrow(/cannot write .*missing\/checkpoint.json: no such file or folder/);
    expect(readdirSync(folder)).toEqual([]);
  });

  test('keeps no replicas: with what needs them it is refused, also by the types', async () => {
    const checkpoint = at('replicas.json');
    const refused = (run: Promise<unknown>, name: string) =>
      expect(run).rejects.toMatchObject({
        code: 'ERR_INVALID_ARGUMENT',
        message: expect.stringMatching(
          new RegExp(`^sampleNtk: checkpoint: expected it without quantiles.*, got ${name} too`),
        ) as string,
      });
    // @ts-expect-error one or the other
    await refused(sampleNtk(spec, X, { ...options, checkpoint, quantiles: [0.5] }), 'quantiles');
    // @ts-expect-error one or the other
    await refused(sampleNtk(spec, X, { ...options, checkpoint, keepReplicas: true }), 'keepReplicas');
    // @ts-expect-error one or the other
    await refused(sampleNtk(spec, X, { ...options, checkpoint, replicasTo: at('x.npy') }), 'replicasTo');
    expect(readdirSync(folder)).toEqual([]);
    const many = { ...options, weightVariances: new Array<number>(200_000).fill(1), checkpoint };
    await expect(sampleNtk(spec, X, many)).rejects.toThrow(
      /checkpoint: expected kernels of at most \d+ numbers/,
    );
    await expect(sampleNtk(spec, X, { ...options, checkpoint: '' })).rejects.toThrow(
      /checkpoint: expected the path of a file/,
    );
  });

  test("is one run's at a time: a second one is refused while the first goes on", async () => {
    const checkpoint = at('shared.json');
    const deep = createSpec({ inputDim: 8, depth: 20, width: 40 });
    const runs = [1000, 2000].map((replicas) => sampleNtk(deep, X, { seed: 1, replicas, checkpoint }));
    const [first, second] = await Promise.allSettled(runs);
    expect([first!.status, second!.status].sort()).toEqual(['fulfilled', 'rejected']);
    const refused = first!.status === 'rejected' ? first : second;
    expect(refused).toMatchObject({
      reason: {
        code: 'ERR_INVALID_FILE',
        message: expect.stringMatching(/shared\.json: this process is writing it/) as string,
      },
    });
    expect(readdirSync(folder)).toEqual(['shared.json']);
  });

  test('of every shard merges to the whole', async () => {
    const whole = numbersOf(await sampleNtk(spec, X, options));
    const files = [0, 1, 2].map((index) => at(`shard-${index}.json`));
    for (const [index, checkpoint] of files.entries()) {
      await sampleNtk(spec, X, { ...options, shard: { index, count: 3 }, checkpoint });
    }
    expect(numbersOf(await mergeNtkSamples(files))).toEqual(whole);
    const many = { ...options, shard: { index: 0, count: 11 } };
    await expect(sampleNtk(spec, X, many)).rejects.toThrow(/shard.count: expected at least 2 units in every/);
  });

  test('may be left out, also by the types', async () => {
    for (const file of [undefined, at('may-be.json')]) {
      await sampleNtk(spec, X, { ...options, ...(file !== undefined && { checkpoint: file }) });
    }
    expect(readdirSync(folder)).toEqual(['may-be.json']);
  });

  test('is no larger for more replicas', async () => {
    const sizes = [];
    for (const replicas of [20, 2000]) {
      const checkpoint = at(`${replicas}.json`);
      await sampleNtk(spec, X, { ...options, replicas, checkpoint });
      sizes.push(readFileSync(checkpoint).length);
    }
    expect(sizes[1]! / sizes[0]!).toBeLessThan(1.3);
  });
});
