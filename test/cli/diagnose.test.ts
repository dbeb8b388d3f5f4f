import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { createSpec, Mlp, writeNpy } from '../../src/index';
import { tensorsFromLayers } from '../../src/data/linear-layers';
import { writeSafetensors } from '../../src/data/safetensors';
import { smallData } from '../diagnosis/subjects';
import { expectFailure, runInProcess, runJsonInProcess } from './run';

let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'deepntk-diagnose-'));
  const { x, labels } = smallData();
  await writeNpy(join(folder, 'X.npy'), x);
  await writeNpy(join(folder, 'labels.npy'), { data: Float64Array.from(labels), shape: [30] });
  await writeNpy(join(folder, 'narrow.npy'), smallData(5, 7).x);
  await writeNpy(join(folder, 'empty.npy'), { data: new Float64Array(0), shape: [0, 20] });
  await writeNpy(join(folder, 'vector.npy'), { data: new Float64Array(20), shape: [20] });
  const withNaN = { data: x.data.map((entry, i) => (i === 45 ? NaN : entry)), shape: [30, 20] };
  await writeNpy(join(folder, 'nan.npy'), withNaN);
  const rows = labels.map((label, i) => [...x.data.slice(20 * i, 20 * i + 20), `class ${label}`].join(','));
  const names = Array.from({ length: 20 }, (_, i) => `feature${i}`);
  writeFileSync(join(folder, 'table.csv'), [[...names, 'kind'].join(','), ...rows, ''].join('\n'));
  const net = Mlp.random(createSpec({ inputDim: 20, depth: 4, width: 60, weightVariance: 1.5 }), { seed: 1 });
  await net.save(join(folder, 'net.json'));
  await writeSafetensors(join(folder, 'net.safetensors'), tensorsFromLayers(net.layers));
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const here = () => ({ cwd: folder });
const SMALL = ['--depth', '2', '--width', '30', '--seed', '1', '--quick'];

test('writes the page, prints the verdict, its reasons and the facts; JSON has the same', async () => {
  const args = ['diagnose', '--x', 'X.npy', '--y', 'labels.npy', ...SMALL, '--out', 'report.html', '--force'];
  const { status, stdout, stderr } = await runInProcess(args, here());
  expect([status, stderr]).toEqual([
    0,
    'data: X.npy: 30 rows, 20 features; labels.npy: labels: 3 classes (0, 1, 2)\n',
  ]);
  const json = (await runJsonInProcess(args, here())) as Record<string, never> & {
    verdict: { sentence: string; criteria: { sentence: string }[] };
  };
  expect(stdout.split('\n')[0]).toBe(json.verdict.sentence);
  for (const { sentence } of json.verdict.criteria) expect(stdout).toContain(sentence);
  expect(stdout).toMatch(/^dispersion +\d\.\d+ exact$/m);
  expect(stdout).toMatch(/^page +report\.html$/m);
  expect(json).toMatchObject({
    lambda: 2 / 30,
    phase: { phase: 'edge-of-chaos' },
    net: { inputDim: 20, outputDim: 3, depth: 2, source: 'drawn', replica: 0 },
    data: { inputs: 30, classes: 3, targets: 'classes', name: 'X.npy' },
    quick: true,
    seed: 1,
    run: { out: 'report.html', net: null },
  });
  const page = readFileSync(join(folder, 'report.html'), 'utf8');
  expect(page).toMatch(/^<!doctype html>/);
  expect(page).toContain(json.verdict.sentence);
  expect(page.trimEnd()).toMatch(/<\/html>$/);
  expect(readdirSync(folder).filter((name) => name.includes('.tmp'))).toEqual([]);
});

test('data from a table: its label column says how many outputs there are', async () => {
  const { net, data } = (await runJsonInProcess(
    ['diagnose', '--x', 'table.csv', '--label-column', 'kind', '--inputs', '12', ...SMALL],
    here(),
  )) as Record<string, Record<string, unknown>>;
  expect(net).toMatchObject({ inputDim: 20, outputDim: 3 });
  expect(data).toMatchObject({ inputs: 12, available: 30, targets: 'classes' });
});

test('inputs without labels are trained towards random targets', async () => {
  const { net, data } = (await runJsonInProcess(
    ['diagnose', '--x', 'X.npy', '--scale', 'unit-norm', ...SMALL],
    here(),
  )) as Record<string, Record<string, unknown>>;
  expect(net).toMatchObject({ outputDim: 1 });
  expect(data).toMatchObject({ targets: 'random', classes: null });
  expect((data!['norm2'] as { mean: number }).mean).toBeCloseTo(1, 12);
});

test('a JSON net says its law; that of PyTorch weights is estimated, unless --sw2 says it', async () => {
  const given = await runJsonInProcess(['diagnose', '--net', 'net.json', '--x', 'X.npy', '--quick'], here());
  expect(given).toMatchObject({ net: { source: 'given', law: 'spec', weightVariance: 1.5 } });
  const estimated = await runJsonInProcess(
    ['diagnose', '--net', 'net.safetensors', '--x', 'X.npy', '--quick'],
    here(),
  );
  const facts = estimated['net'] as { law: string; weightVariance: number; assumptions: string[] };
  expect(facts.law).toBe('estimated');
  expect(Math.abs(facts.weightVariance / 1.5 - 1)).toBeLessThan(0.05);
  expect(facts.assumptions).toHaveLength(2);
  const said = await runInProcess(
    ['diagnose', '--net', 'net.safetensors', '--x', 'X.npy', '--quick', '--sw2', '2.5'],
    here(),
  );
  expect(said.stdout).toContain('sigma_w^2 = 2.5');
  expect(said.stderr).toMatch(/^data: .*\ndeepntk: warning: The weights have σ_w² = 1\.\d+, not 2\.5/);
});

test('MNIST: an ordered, an edge and a chaotic net have three different verdicts', async () => {
  const answerOf = async (depth: string, width: string, sw2: string) => {
    const net = ['--depth', depth, '--width', width, '--sw2', sw2, '--seed', '1'];
    const report = await runJsonInProcess(['diagnose', '--mnist', '10', '--quick', ...net]);
    expect(report).toMatchObject({
      net: { inputDim: 784, outputDim: 10 },
      data: { inputs: 10, classes: 10 },
    });
    return [(report['phase'] as { phase: string }).phase, (report['verdict'] as { answer: string }).answer];
  };
  expect(await answerOf('1', '300', '2')).toEqual(['edge-of-chaos', 'describes']);
  expect(await answerOf('10', '200', '1')).toEqual(['ordered', 'initialization-only']);
  expect(await answerOf('3', '20', '2.5')).toEqual(['chaotic', 'does-not']);
});

describe('bad input is one clear error, and writes nothing', () => {
  const out = ['--out', 'never.html'];
  afterEach(() => {
    expect(existsSync(join(folder, 'never.html'))).toBe(false);
    expect(readdirSync(folder).filter((name) => name.includes('.tmp'))).toEqual([]);
  });

  test.each([
    [['--depth', '2', '--width', '30'], 2, 'expected data: --mnist or --x, got none'],
    [['--x', 'X.npy', '--mnist'], 2, 'expected one kind of data, got --mnist and --x'],
    [['--x', 'X.npy'], 2, 'expected a net: --depth and --width, or --hidden (or a file with --net)'],
    [['--mnist', '25', ...SMALL], 2, 'Expected a multiple of 10, got 25'],
    [['--mnist', '20', '--inputs', '7', ...SMALL], 2, '--inputs: not to be given with a count of --mnist'],
    [
      ['--mnist', '--mnist-folder', 'nowhere', ...SMALL],
      1,
      'expected a folder with train-images-idx3-ubyte, got no such file or folder',
    ],
    [['--x', 'none.npy', ...SMALL], 1, 'cannot read none.npy: no such file'],
    [['--x', 'vector.npy', ...SMALL], 1, 'expected inputs, N x n_0, got shape (20)'],
    [['--x', 'empty.npy', ...SMALL], 1, 'empty.npy: expected at least one input, got shape (0, 20)'],
    [['--x', 'nan.npy', ...SMALL], 1, 'nan.npy: entry [2, 5]: expected a finite number, got NaN'],
    [
      ['--x', 'narrow.npy', '--input-dim', '20', ...SMALL],
      1,
      'narrow.npy: expected 20 features an input, --input-dim, got 7',
    ],
    [
      ['--x', 'narrow.npy', '--net', 'net.json'],
      1,
      'narrow.npy: expected 20 features an input, the inputs of net.json, got 7',
    ],
    [
      ['--x', 'X.npy', '--y', 'labels.npy', '--outputs', '2', ...SMALL],
      2,
      '--outputs: expected at least 3, the classes of X.npy, got 2',
    ],
    [['--x', 'table.csv', ...SMALL], 1, 'table.csv: line 2, column "kind": expected a finite number'],
    [
      ['--x', 'X.npy', '--label-column', 'kind', ...SMALL],
      2,
      '--label-column: only for tables (CSV, TSV); X.npy is an array',
    ],
    [['--x', 'X.npy', '--net', 'net.json', '--width', '30'], 2, '--width: not to be given with --net'],
    [
      ['--x', 'X.npy', '--net', 'net.pt'],
      2,
      '--net: expected a path that ends in .json, .safetensors or .onnx',
    ],
  ])('%j', async (args, status, message) => {
    expectFailure(await runInProcess(['diagnose', ...args, ...out], here()), status, message);
  });

  test.each([
    ['report.pdf', 2, '--out: expected an .html file, got "report.pdf"'],
    ['nowhere/report.html', 1, 'cannot write nowhere/report.html: no such file or folder'],
    ['folder.html', 1, 'cannot write folder.html: it is a folder'],
    ['X.npy/report.html', 1, 'cannot write X.npy/report.html'],
    ['/proc/report.html', 1, 'cannot write /proc/report.html'],
  ])('--out %s', async (path, status, message) => {
    mkdirSync(join(folder, 'folder.html'), { recursive: true });
    expectFailure(
      await runInProcess(['diagnose', '--x', 'X.npy', ...SMALL, '--out', path], here()),
      status,
      message,
    );
    expect(readdirSync(join(folder, 'folder.html'))).toEqual([]);
  });
});
