import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import {
  createSpec,
  type DispersionEstimate,
  estimateDispersion,
  mergeDispersion,
  type SpecOptions,
  streamDispersion,
} from '../../src/index';
import { testedBackends } from '../support/backends';

const SPEC = createSpec({ inputDim: 30, depth: 10, width: 30 });

/** What was computed, without what computed it. */
function numbersOf({ backend, core, threads, ...numbers }: DispersionEstimate): object {
  expect([typeof backend, typeof core, typeof threads]).toContain('string');
  return numbers;
}

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'deepntk-sampling-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe('the heavy tail', () => {
  const spec = createSpec({ inputDim: 50, depth: 50, width: 50 }); // lambda = 1

  test('is warned of wherever plain sampling meets it', async () => {
    let outside = 0;
    for (let seed = 0; seed < 20; seed++) {
      const { warnings, confidenceInterval, exact } = await estimateDispersion(spec, {
        replicas: 2000,
        seed,
        sampler: 'chain',
      });
      expect(warnings.join()).toMatch(/heavy tail/);
      if (exact < confidenceInterval[0] || exact > confidenceInterval[1]) outside++;
    }
    expect(outside).toBeGreaterThan(5); // the warning is about something
  });

  test('is left to the tilted sampler by auto, which has nothing to warn of', async () => {
    const estimate = await estimateDispersion(spec, { replicas: 20_000, seed: 1 });
    expect(estimate).toMatchObject({ sampler: 'tilted', warnings: [] });
    expect(estimate.samplerReason).toMatch(/rare replicas/);
    expect(estimate.relativeErrors.dispersion).toBeLessThan(0.012);
    expect(Math.abs(estimate.dispersion - estimate.exact)).toBeLessThan(4 * estimate.standardError);
  });
});

test.each([0.01, 0.1, 0.5, 1, 2, 5])(
  '100,000 tilted replicas give the dispersion to 1 %% at lambda = %d, in every phase',
  async (lambda) => {
    const replicas = 4000; // errors go with the root of the number: sqrt(25) = 5 times those of 100,000
    for (const weightVariance of [1, 1.8, 2, 3]) {
      const depth = 100 * lambda;
      const spec = createSpec({ inputDim: 100, depth, width: 100, weightVariance });
      const { relativeErrors } = await estimateDispersion(spec, { replicas, seed: 3, sampler: 'tilted' });
      expect(relativeErrors.dispersion / 5).toBeLessThan(0.01);
    }
  },
);

describe.each(testedBackends())('an estimate on the %s backend', (backend) => {
  const samplers = ['direct', 'conditional', 'chain', 'tilted'] as const;
  test.each(samplers.flatMap((sampler) => [0, 0.2].map((biasVariance) => ({ sampler, biasVariance }))))(
    '$sampler, sigma_b^2 = $biasVariance: the same for 1, 2 and 7 threads, and on every backend',
    async ({ sampler, biasVariance }) => {
      const spec = createSpec({ inputDim: 8, depth: 4, width: 12, biasVariance });
      const options = { replicas: sampler === 'direct' ? 301 : 3001, seed: 5, sampler };
      const one = numbersOf(await estimateDispersion(spec, { ...options, backend, threads: 1 }));
      for (const threads of [2, 7]) {
        const several = await estimateDispersion(spec, { ...options, backend, threads });
        expect(numbersOf(several)).toEqual(one);
      }
      const typescript = await estimateDispersion(spec, { ...options, backend: 'typescript' });
      if (sampler !== 'direct') expect(numbersOf(typescript)).toEqual(one);
      // Matrix products of nets are rounded in another order.
      const { dispersion } = one as DispersionEstimate;
      expect(Math.abs(typescript.dispersion / dispersion - 1)).toBeLessThan(1e-12);
    },
  );

  test.each(['direct', 'conditional'] as const)(
    '%s agrees with the exact one, also with several outputs',
    async (sampler) => {
      for (const outputDim of [1, 3]) {
        const spec = createSpec({ inputDim: 6, depth: 2, width: 20, outputDim });
        const estimate = await estimateDispersion(spec, {
          replicas: 1500,
          seed: 2,
          sampler,
          backend,
        });
        expect(Math.abs(estimate.mean - estimate.exactMoments.mean)).toBeLessThan(
          4 * estimate.standardErrors.mean,
        );
        expect(Math.abs(estimate.dispersion - estimate.exact)).toBeLessThan(4 * estimate.standardError);
      }
    },
  );

  test('conditional: the same bits on every backend, with several outputs and for every number of threads', async () => {
    const spec = createSpec({ inputDim: 6, depth: 4, width: 20, outputDim: 3, biasVariance: 0.1 });
    const options = { replicas: 300, seed: 2 };
    const one = await estimateDispersion(spec, { ...options, backend, threads: 1 });
    expect(one.sampler).toBe('conditional'); // what auto takes
    expect(one.samplerReason).toMatch(/one output, and there are 3; 1 input x 3 outputs are few/);
    expect(numbersOf(await estimateDispersion(spec, { ...options, backend, threads: 3 }))).toEqual(
      numbersOf(one),
    );
    expect(numbersOf(await estimateDispersion(spec, { ...options, backend: 'typescript' }))).toEqual(
      numbersOf(one),
    );
  });

  test('stops with the signal, and hands on what onProgress throws', async () => {
    const spec = createSpec({ inputDim: 100, depth: 1000, width: 100 });
    const controller = new AbortController();
    const reason = new Error('enough');
    setTimeout(() => {
      controller.abort(reason);
    }, 100);
    const run = estimateDispersion(spec, { replicas: 1e9, seed: 1, backend, signal: controller.signal });
    await expect(run).rejects.toBe(reason);
    const onProgress = () => {
      throw reason;
    };
    await expect(estimateDispersion(spec, { replicas: 1e9, seed: 1, backend, onProgress })).rejects.toBe(
      reason,
    );
  });

  test('tells its progress up to the end', async () => {
    const fractions: number[] = [];
    const onProgress = ({ fraction }: { fraction: number }): void => void fractions.push(fraction);
    const spec = createSpec({ inputDim: 100, depth: 300, width: 100 });
    await estimateDispersion(spec, { replicas: 20_000, seed: 1, backend, onProgress });
    expect(fractions.at(-1)).toBe(1);
    expect([...fractions].sort((a, b) => a - b)).toEqual(fractions);
  });
});

test('a running estimate passes through what shorter runs end with', async () => {
  const seen = new Map<number, DispersionEstimate>();
  const options = { replicas: 2500, seed: 9 };
  for await (const estimate of streamDispersion(SPEC, options)) seen.set(estimate.replicas, estimate);
  expect([...seen.keys()]).toEqual([1000, 2000, 2500]);
  expect(await estimateDispersion(SPEC, { ...options, replicas: 2000 })).toEqual(seen.get(2000));
});

test('a goal ends the run when it is reached, and the result says when it was not', async () => {
  const goal = await estimateDispersion(SPEC, { relativeError: 0.02, maxReplicas: 1e6, seed: 1 });
  expect(goal.targetReached).toBe(true);
  expect(goal.relativeErrors.dispersion).toBeLessThanOrEqual(0.02);
  expect(goal.replicas).toBeLessThan(1e5);
  const missed = await estimateDispersion(SPEC, { relativeError: 1e-5, maxReplicas: 2000, seed: 1 });
  expect(missed).toMatchObject({ targetReached: false, replicas: 2000 });
  expect(missed.warnings.join()).toMatch(/was not reached/);
});

describe('a run in pieces', () => {
  const options = { seed: 4, sampler: 'tilted' } as const;
  const path = (name: string): string => join(folder, name);

  test('that was interrupted goes on to the bits of one that was not', async () => {
    const whole = await estimateDispersion(SPEC, { ...options, replicas: 5000 });
    const checkpoint = path('resumed.json');
    const reason = new Error('interrupted');
    const controller = new AbortController();
    const interrupted = streamDispersion(SPEC, {
      ...options,
      replicas: 1700,
      checkpoint,
      signal: controller.signal,
    });
    for await (const { replicas } of interrupted) expect(replicas).toBeLessThanOrEqual(1700);
    controller.abort(reason);
    expect(await estimateDispersion(SPEC, { ...options, replicas: 5000, checkpoint })).toEqual(whole);
    // And a run that is complete is not run again.
    expect(await estimateDispersion(SPEC, { ...options, replicas: 5000, checkpoint })).toEqual(whole);
  });

  test('merges to the bits of the whole, in any order', async () => {
    const whole = await estimateDispersion(SPEC, { ...options, replicas: 5000 });
    const cuts = [0, 1234, 1240, 5000];
    const files = [0, 1, 2].map((i) => path(`range-${i}.json`));
    for (const [i, checkpoint] of files.entries()) {
      const replicas = cuts[i + 1]! - cuts[i]!;
      await estimateDispersion(SPEC, { ...options, firstReplica: cuts[i]!, replicas, checkpoint });
    }
    const out = path('merged.json');
    const { ranges, samplerReason, ...merged } = await mergeDispersion([files[2]!, files[0]!, files[1]!], {
      out,
    });
    expect(ranges).toEqual([[0, 5000]]);
    expect({ ...merged, samplerReason: whole.samplerReason }).toEqual(whole);
    expect(samplerReason).toMatch(/merged/);
    expect((await mergeDispersion([out])).dispersion).toBe(whole.dispersion);
    await expect(mergeDispersion([out, files[1]!])).rejects.toThrow(/do not overlap/);
  });

  test("is one run's at a time, and free again when the caller leaves early", async () => {
    const checkpoint = path('shared.json');
    const first = streamDispersion(SPEC, { ...options, replicas: 5000, checkpoint });
    await first.next();
    await expect(estimateDispersion(SPEC, { ...options, replicas: 5000, checkpoint })).rejects.toThrow(
      /shared\.json: this process is writing it/,
    );
    await first.return();
    await estimateDispersion(SPEC, { ...options, replicas: 5000, checkpoint });
    const complete = streamDispersion(SPEC, { ...options, replicas: 5000, checkpoint });
    await complete.next();
    await complete.return();
    expect(existsSync(`${checkpoint}.lock`)).toBe(false);
  });

  test('in shards merges to the bits of the whole', async () => {
    const whole = await estimateDispersion(SPEC, { ...options, replicas: 1000 });
    const files = [0, 1, 2].map((index) => path(`shard-${index}.json`));
    for (const [index, checkpoint] of files.entries()) {
      await estimateDispersion(SPEC, { ...options, replicas: 1000, shard: { index, count: 3 }, checkpoint });
    }
    const { ranges, samplerReason, ...merged } = await mergeDispersion(files);
    expect(ranges).toEqual([[0, 1000]]);
    expect({ ...merged, samplerReason: whole.samplerReason }).toEqual(whole);
    expect(samplerReason).toMatch(/merged/);
    const shard = { index: 0, count: 2 };
    await expect(
      estimateDispersion(SPEC, { ...options, relativeError: 0.1, maxReplicas: 1000, shard }),
    ).rejects.toThrow(/shard: expected replicas with it .*, got relativeError/);
    await expect(mergeDispersion(files, { out: files[0]! })).rejects.toThrow(/it exists already/);
    await mergeDispersion(files, { out: files[0]!, force: true });
    expect((await mergeDispersion([files[0]!])).replicas).toBe(1000);
  });

  test('of other settings is refused, with the difference', async () => {
    const checkpoint = path('settings.json');
    await estimateDispersion(SPEC, { ...options, replicas: 100, checkpoint });
    const before = readFileSync(checkpoint, 'utf8');
    const other = createSpec({ inputDim: 30, depth: 10, width: 30, weightVariance: 1.9 });
    const rejects = (run: Promise<unknown>) => expect(run).rejects;
    await rejects(estimateDispersion(other, { ...options, replicas: 100, checkpoint })).toThrow(
      /weightVariance 2, here 1.9/,
    );
    await rejects(estimateDispersion(SPEC, { ...options, seed: 5, replicas: 100, checkpoint })).toThrow(
      /seed 4, here 5/,
    );
    await rejects(estimateDispersion(SPEC, { ...options, replicas: 50, checkpoint })).toThrow(
      /at most 50 replicas/,
    );
    expect(readFileSync(checkpoint, 'utf8')).toBe(before);
  });

  test.each([
    ['cut off', (text: string) => text.slice(0, text.length / 2)],
    ['empty', () => ''],
    ['of another format', () => '{"format":"something"}'],
    ['of an earlier version', (text: string) => text.replace('"version":2', '"version":1')],
    ['of a later version', (text: string) => text.replace('"version":2', '"version":3')],
    ['with a digit changed', (text: string) => text.replace(/("x":\[[^\]]*?)\d(?=[,\]])/, '$17')],
    ['with sums of another count', (text: string) => text.replace('[[0,100]]', '[[0,101]]')],
    ['with a number that is none', (text: string) => text.replace(/"x":\[[^\]]*\]/, '"x":[null]')],
  ])('with a checkpoint that is %s is a clear error', async (name, damage) => {
    const checkpoint = path(`damaged-${name}.json`);
    await estimateDispersion(SPEC, { ...options, replicas: 100, checkpoint });
    writeFileSync(checkpoint, damage(readFileSync(checkpoint, 'utf8')));
    const run = estimateDispersion(SPEC, { ...options, replicas: 200, checkpoint });
    await expect(run).rejects.toMatchObject({ code: 'ERR_INVALID_FILE' });
    await expect(run).rejects.toThrow(checkpoint);
  });

  test('that cannot be written says so, and leaves nothing behind', async () => {
    const checkpoint = path('missing/checkpoint.json');
    const run = estimateDispersion(SPEC, { ...options, replicas: 100, checkpoint });
    await expect(run).rejects.toMatchObject({ code: 'ERR_INVALID_FILE' });
    expect(existsSync(path('missing'))).toBe(false);
    const full = estimateDispersion(SPEC, { ...options, replicas: 100, checkpoint: '/dev/full/x' });
    await expect(full).rejects.toMatchObject({ code: 'ERR_INVALID_FILE' });
  });
});

test('arguments are checked, and complaints name them', async () => {
  const bad = (options: object) => expect(estimateDispersion(SPEC, { seed: 1, replicas: 10, ...options }));
  await bad({ replicas: 1 }).rejects.toThrow(/replicas: expected an integer >= 2/);
  await bad({ relativeError: 0.1 }).rejects.toThrow(/either replicas, or relativeError/);
  await bad({ seed: -1 }).rejects.toThrow(/seed/);
  await bad({ sampler: 'quick' }).rejects.toThrow(/sampler/);
  await bad({ inputNorm2: 0 }).rejects.toThrow(/inputNorm2: expected a finite number > 0/);
  await bad({ replica: 3 }).rejects.toThrow(/unknown option "replica"/);
  await bad({ checkpoint: 3 }).rejects.toThrow(/checkpoint/);
  const options: SpecOptions = { inputDim: 3, depth: 2, width: 9, outputDim: 2 };
  const several = estimateDispersion(createSpec(options), { seed: 1, replicas: 10, sampler: 'chain' });
  await expect(several).rejects.toThrow(/"conditional" or "direct" for a net of several outputs/);
});
