import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { createSpec, DeepntkError, estimateDispersion, inputsAtCosines, sampleNtk } from '../../src/index';
import { openRows } from '../../src/sampling/sweep-file';
import { SETTING_COLUMNS, SWEEP_COLUMNS, type SweepRow } from '../../src/sampling/sweep';

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
    const filler = fillUp(8 * KiB);
    const settings = new Set<string>(SETTING_COLUMNS);
    const row = (point: number) =>
      Object.fromEntries(
        SWEEP_COLUMNS.map((column) => [
          column,
          column === 'point' ? point : settings.has(column) ? 'x' : 0.125,
        ]),
      ) as unknown as SweepRow;
    const { writer } = await openRows(path);
    let written = 0;
    const fill = async (): Promise<void> => {
      for (; written < 1000; written++) await writer.append(row(written));
    };
    await expect(fill()).rejects.toMatchObject(noSpace(path));
    await writer.close();
    expect(written).toBeGreaterThan(10);
    rmSync(filler);
    expect(existsSync(path)).toBe(true);
    const again = await openRows(path);
    expect(again.rows.map(({ point }) => point)).toEqual(Array.from({ length: written }, (_, i) => i));
    await again.writer.append(row(written));
    await again.writer.close();
    const whole = await openRows(path);
    await whole.writer.close();
    expect(whole.rows).toHaveLength(written + 1);
    rmSync(path);
  },
);
