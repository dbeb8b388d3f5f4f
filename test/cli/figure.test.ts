import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expectFailure, runInProcess, runJsonInProcess } from './run';

let cwd: string;
beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), 'deepntk-figure-'));
});
afterAll(() => {
  rmSync(cwd, { recursive: true, force: true });
});

const SMALL = ['--sw2', '1,2', '--depths', '1:3:2', '--width', '50'];

describe('figure', () => {
  test('writes three files, and its summary says which and with what', async () => {
    const summary = await runJsonInProcess(['figure', 'phase-diagram', ...SMALL, '--out', 'pictures/'], {
      cwd,
    });
    expect(summary).toMatchObject({
      figure: 'phase-diagram',
      files: { csv: join('pictures', 'phase-diagram.csv') },
      rows: 4,
      parameters: { weightVariances: [1, 2], depths: [1, 3], width: 50, biasGradients: true },
      backend: null,
    });
    expect(readdirSync(join(cwd, 'pictures')).sort()).toEqual(
      ['csv', 'png', 'svg'].map((format) => `phase-diagram.${format}`),
    );
  });

  test('every flag arrives, quick is smaller, and the default name is that of the figure', async () => {
    const flags = [
      '--quick',
      '--replicas',
      '50',
      '--no-bias-gradients',
      '--sampler',
      'chain',
      '--seed',
      '3',
      '--input-norm2',
      '2',
    ];
    const summary = await runJsonInProcess(
      ['figure', 'dispersion-vs-depth', ...flags, '--threads', '1', '--formats', 'csv'],
      { cwd },
    );
    expect(summary).toMatchObject({
      files: { csv: 'dispersion-vs-depth.csv' },
      parameters: {
        replicas: 50,
        biasGradients: false,
        sampler: 'chain',
        seed: 3,
        inputNorm2: 2,
        depths: [1, 5, 10, 25],
        width: 100,
      },
    });
    expect((summary['summary'] as Record<string, number>)['meanSquaredDistance']).toBeLessThan(5);
    expect(existsSync(join(cwd, 'dispersion-vs-depth.svg'))).toBe(false);
  });

  test('draws again from a CSV, the same picture', async () => {
    await runInProcess(['figure', 'phase-diagram', ...SMALL, '--out', 'first'], { cwd });
    const before = readFileSync(join(cwd, 'first.svg'), 'utf8');
    rmSync(join(cwd, 'first.svg'));
    const { status, stdout, stderr } = await runInProcess(
      ['figure', 'phase-diagram', '--from', 'first.csv'],
      { cwd },
    );
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toContain('first.png');
    expect(readFileSync(join(cwd, 'first.svg'), 'utf8')).toBe(before);
  });

  test.each([
    [[], 2, 'expected a figure (dispersion-vs-depth, '],
    [['fase-diagram'], 2, 'got "fase-diagram"'],
    [['phase-diagram', '--backend', 'native'], 2, "unknown option '--backend'"],
    [['phase-diagram', '--sw2', '0'], 2, 'Entry 1: expected a finite number > 0, got 0'],
    [['phase-diagram', '--depths', '1.5'], 2, 'Entry 1: expected a positive integer, got 1.5'],
    [['phase-diagram', '--formats', 'pdf'], 2, 'Expected some of csv,svg,png, got "pdf"'],
    [
      ['first-step', '--from', 'first.csv'],
      1,
      'first.csv: expected a table of the figure first-step, got one of phase-diagram',
    ],
    [['phase-diagram', '--from', 'first.csv', '--width', '3'], 2, '--width: not with --from'],
    [['phase-diagram', '--from', 'nowhere.csv'], 1, 'cannot read nowhere.csv: no such file'],
    [['training-structure', '--quick', '--data', 'nowhere'], 1, 'no such file'],
  ])('%j ends with status %i and one line', async (args, status, message) => {
    expectFailure(await runInProcess(['figure', ...args], { cwd }), status, message);
  });

  test('the help of a figure has all of its flags with their defaults', async () => {
    const { stdout } = await runInProcess(['figure', 'training-structure', '--help']);
    for (const flag of [
      '--sw2',
      '--per-class',
      '--heat-maps-at',
      '--learning-rate',
      '--threads',
      '--from',
      '--json',
    ])
      expect(stdout).toContain(flag);
    expect(stdout).toContain('quick: 4');
  });
});
