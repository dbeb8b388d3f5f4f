import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { createSpec, DeepntkError, estimateDispersion, inputsAtCosines, sampleNtk } from '../../src/index';
import { openSweep } from '../../src/sampling/sweep-file';
import {
  settingsOfPoint,
  type Sweep,
  SWEEP_COLUMNS,
  sweepPoints,
  type SweepRow,
} from '../../src/sampling/sweep';

const folder = mkdtempSync(join(tmpdir(), 'deepntk-full-'));
const mounted = mount(folder);
const onFullDisk = mounted ? test : test.skip;
const KiB = 1024;

/** A file system of 64 KiB, which takes root on Linux. */
function mount(at: string): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', at], { stdio: 'pipe' });
    return true;
  } catch (error) {
    console.warn(
      `SKIPPED: no small file system could be mounted (${(error as Error).message.split('\n')[0]})`,
    );
    return false;
  }
}

afterAll(() => {
  if (mounted) execFileSync('umount', [folder]);
  rmSync(folder, { recursive: true });
});

/** Leaves no more than `left` bytes, rounded down to pages, of what is free. */
function fillUp(left: number): string {
  const path = join(folder, 'filler');
  for (let size = 64 * KiB - left; size > 0; size -= 4 * KiB) {
    try {
      writeFileSync(path, new Uint8Array(size));
      return path;
    } catch {
      rmSync(path, { force: true });
    }
  }
  throw new Error('the file system has no room at all');
}

const noSpace = (path: string) => ({
  code: 'ERR_INVALID_FILE',
  message: expect.stringMatching(
    new RegExp(`^cannot write ${path.replaceAll('.', '\\.')}: no space left on the device$`),
  ) as string,
});

const spec = createSpec({ inputDim: 10, depth: 3, width: 20 });

const inputs = inputsAtCosines([1, 0.5, 0], 10);
type Run = (options: { replicas: number; seed: number; checkpoint?: string }) => Promise<{ mean: unknown }>;

onFullDisk.each<[string, Run]>([
  ['estimateDispersion', (options) => estimateDispersion(spec, options)],
  ['sampleNtk', (options) => sampleNtk(spec, inputs, options)],
])(
  'a checkpoint of %s that does not fit: one clear error, the old file whole, and the run goes on from it',
  async (_, compute) => {
    const checkpoint = join(folder, 'run.json');
    const run = (replicas: number) => compute({ replicas, seed: 1, checkpoint });
    await run(2000);
    const before = readFileSync(checkpoint);
    const filler = fillUp(0);
    await expect(run(4000)).rejects.toMatchObject(noSpace(checkpoint));
    await expect(run(4000)).rejects.toBeInstanceOf(DeepntkError);
    expect(readFileSync(checkpoint)).toEqual(before);
    expect(readdirSync(folder).sort()).toEqual(['filler', 'run.json']); // and nothing half written
    rmSync(filler);
    const { mean } = await run(4000);
    expect(mean).toEqual((await compute({ replicas: 4000, seed: 1 })).mean);
    rmSync(checkpoint);
  },
);

onFullDisk.each(['rows.csv', 'rows.jsonl'])(
  'a full disk under a sweep: the rows before are whole: %s',
  async (name) => {
    const path = join(folder, name);
    // Of these, the lock and the journal take a page each.
    const filler = fillUp(20 * KiB);
    const sweep: Sweep = {
      weightVariance: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
      biasVariance: [0],
      depth: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
      width: [9],
      mode: 'grid',
      inputDim: null,
      parametrization: 'standard',
      biasGradients: true,
      inputNorm2: 1,
      seed: 0,
      sampler: 'auto',
      until: { replicas: 10 },
    };
    const points = sweepPoints(sweep);
    const row = (point: number): SweepRow => {
      const results = Object.fromEntries(SWEEP_COLUMNS.map((column) => [column, 0.125]));
      return { ...results, ...settingsOfPoint(points[point]!, sweep) } as SweepRow;
    };
    const table = await openSweep(path, sweep, points, {});
    let written = 0;
    const fill = async (): Promise<void> => {
      for (; written < 100; written++) await table.add(points[written]!, row(written));
    };
    await expect(fill()).rejects.toMatchObject({
      code: 'ERR_INVALID_FILE',
      message: expect.stringMatching(/^cannot write .*: no space left on the device$/) as string,
    });
    await table.close!();
    expect(written).toBeGreaterThan(10);
    rmSync(filler);
    expect(existsSync(path)).toBe(true);
    const again = await openSweep(path, sweep, points, {});
    const [next] = again.missing();
    // The last row may be there without its line in the journal.
    expect([written - 1, written]).toContain(next!.point);
    await again.add(next!, row(next!.point));
    await again.close!();
    const whole = await openSweep(path, sweep, points, {});
    expect([...whole.missing()][0]!.point).toBe(next!.point + 1);
    await whole.close!();
    rmSync(`${path}.meta.jsonl`);
    rmSync(path);
  },
);
