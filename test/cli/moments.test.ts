import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { createSpec, Mlp, moments, writeNpy } from '../../src/index';
import { expectFailure, runInProcess, runJsonInProcess } from './run';

const NET = ['--input-dim', '30', '--depth', '10', '--width', '30'];

describe('moments', () => {
  test('prints the golden values as JSON', async () => {
    const result = await runJsonInProcess(['moments', ...NET, '--sw2', '2']);
    expect(result).toMatchObject({ mean: 22, weights: 11, biases: 11 });
    expect(result['dispersion']).toBeCloseTo(2.240612523, 9);
    expect(result['secondMomentParts']).toEqual({
      weights: expect.closeTo(400.4206988, 7) as number,
      cross: expect.closeTo(234.4589816, 7) as number,
      biases: expect.closeTo(215.1177991, 7) as number,
    });
  });

  test('every flag reaches the library', async () => {
    const flags = ['--input-dim', '7', '--hidden', '20,30', '--outputs', '3', '--sw2', '1.5', '--sb2', '0.2'];
    const result = await runJsonInProcess([
      'moments',
      ...flags,
      '--parametrization',
      'ntk',
      '--no-bias-gradients',
      '--input-norm2',
      '2.5',
      '--assumption',
      'gradient-independence',
    ]);
    const spec = createSpec({
      inputDim: 7,
      hiddenWidths: [20, 30],
      outputDim: 3,
      weightVariance: 1.5,
      biasVariance: 0.2,
      parametrization: 'ntk',
      biasGradients: false,
    });
    const options = { inputNorm2: 2.5, assumption: 'gradient-independence' } as const;
    expect(result).toEqual({ ...moments(spec, options), ...options });
  });

  test('the table shows what the JSON has', async () => {
    const { stdout, stderr, status } = await runInProcess(['moments', ...NET, '--outputs', '3']);
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^mean +66$/m);
    expect(stdout).toMatch(/^dispersion +1\.78378 = /m);
    expect(stdout).toMatch(/^dispersion of one output +2\.24061$/m);
  });

  test('numbers beyond a double are shown by their logarithm', async () => {
    const deep = ['moments', '--input-dim', '30', '--depth', '100000', '--width', '30', '--sw2', '3'];
    expect((await runInProcess(deep)).stdout).toMatch(/^mean +e\^40558$/m);
    const result = await runJsonInProcess(deep);
    expect(result['mean']).toBe('Infinity');
    expect(result['logMean']).toBeCloseTo(40558, -1);
  });

  test.each([
    [['moments'], 'expected --input-dim'],
    [['moments', '--input-dim', '3'], 'expected a net'],
    [['moments', ...NET, '--sw2', '-1'], 'Expected a finite number > 0, got -1'],
    [['moments', ...NET, '--width', '0'], 'Expected a positive integer, got 0'],
    [
      ['moments', ...NET, '--input-norm2', '0', '--no-bias-gradients'],
      'the kernel of a zero input is zero here',
    ],
    [['moments', ...NET, '--assumption', 'none'], 'Allowed choices are exact, gradient-independence'],
  ])('wrong usage %j ends with status 2 and one line', async (args, message) => {
    expectFailure(await runInProcess(args), 2, message);
  });
});

describe('phase of a given net', () => {
  let folder: string;
  const at = (name: string): string => join(folder, name);

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'deepntk-phase-'));
    const spec = createSpec({ inputDim: 20, depth: 8, width: 60, weightVariance: 1.5, biasVariance: 0.1 });
    await Mlp.random(spec, { seed: 1 }).save(at('net.json'));
    const data = Float64Array.from({ length: 600 }, (_, i) => Math.sin(i * i));
    await writeNpy(at('X.npy'), { data, shape: [30, 20] });
  });

  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  test('is measured from its weights and gradients', async () => {
    const result = await runJsonInProcess(['phase', '--net', at('net.json'), '--x', at('X.npy')]);
    expect(result).toMatchObject({ phase: 'ordered', basis: 'weights', inputs: 30 });
    // Eight layers of 3,600 weights: the slope is known to 1 %.
    expect(Math.abs((result['slope'] as number) - 0.75)).toBeLessThan(0.03);
    expect(result['layers']).toHaveLength(9);
    const { stdout } = await runInProcess(['phase', '--net', at('net.json'), '--x', at('X.npy')]);
    expect(stdout).toMatch(/^phase +ordered \(from its weights/m);
    expect(stdout.split('\n').filter((line) => /^\d /.test(line))).toHaveLength(9);
  });

  test('wants both files, and no law beside them', async () => {
    expectFailure(
      await runInProcess(['phase', '--net', at('net.json')]),
      2,
      'expected --net and --x together, got only --net',
    );
    expectFailure(
      await runInProcess(['phase', '--net', at('net.json'), '--x', at('X.npy'), '--sw2', '2']),
      2,
      '--sw2: not to be given with --net',
    );
    expectFailure(
      await runInProcess(['phase', '--net', at('none.json'), '--x', at('X.npy')]),
      1,
      'none.json',
    );
  });
});
