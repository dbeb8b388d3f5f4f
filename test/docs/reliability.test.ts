/** Every row of docs/reliability.md's table of wrong input is true: each is tried here, and a row without a trial fails. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

import { lockFile } from '../../src/runs/lock';
import { writeSafetensors } from '../../src/data/safetensors';
import {
  createSpec,
  DeepntkError,
  estimateDispersion,
  topEigenpairs,
  loadMnist,
  mergeNtk,
  loadData,
  mergeNtkSamples,
  Mlp,
  moments,
  type NdArray,
  readNpy,
  sampleNtk,
} from '../../src/index';
import { computePoint, type Sweep, sweepPoints } from '../../src/sampling/sweep';
import { CSV_HEADER, openSweep } from '../../src/sampling/sweep-file';
import { run } from '../cli/run';

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'deepntk-reliability-'));
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const spec = createSpec({ inputDim: 2, depth: 1, width: 3 });
const net = Mlp.random(spec, { seed: 1 });
const X = { data: Float64Array.of(1, 2), shape: [1, 2] };

const SWEEP: Sweep = {
  weightVariance: [2],
  biasVariance: [0],
  depth: [1],
  width: [3],
  mode: 'grid',
  inputDim: null,
  parametrization: 'standard',
  biasGradients: true,
  inputNorm2: 1,
  seed: 1,
  sampler: 'auto',
  until: { replicas: 10 },
};

const at = (name: string): string => join(folder, name);

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

/** A .npy file of format 1.0 or 2.0 with this header. */
function npy(header: string, data: Uint8Array, version = 1): Buffer {
  const text = Buffer.from(header, 'latin1');
  const length = Buffer.alloc(version === 1 ? 2 : 4);
  if (version === 1) length.writeUInt16LE(text.length);
  else length.writeUInt32LE(text.length);
  return Buffer.concat([Buffer.from([0x93, ...Buffer.from('NUMPY'), version, 0]), length, text, data]);
}

const vector = (n: number) => `{'descr': '<f8', 'fortran_order': False, 'shape': (${n},), }\n`;

type Trial = () => unknown;

/** By the beginning of the row's first cell. */
const TRIALS: Readonly<Record<string, readonly Trial[]>> = {
  'an argument of another type': [
    () => createSpec({ inputDim: 2, depth: -1, width: 3 }),
    () => createSpec({ inputDim: 2, depth: 1, width: 3, wdith: 4 } as never),
    () => net.forward({ data: new Float64Array(3), shape: [1, 3] }),
  ],
  'NaN or infinity': [() => net.forward({ data: Float64Array.of(NaN, 1), shape: [1, 2] })],
  'a value that is not a spec': [
    () => moments({ ...spec, widths: [2] }),
    () => moments({} as never),
    () => moments(null as never),
    () => topEigenpairs({ spec } as never, [[0, 0]], { count: 1 }),
  ],
  'theory about a loaded net': [
    async () => {
      const path = at('unknown.json');
      const stored = { inputDim: 1, hiddenWidths: [], weightVariance: null, biasVariance: null };
      const layer = { weights: { shape: [1, 1], data: [1] }, biases: { shape: [1], data: [0] } };
      writeFileSync(
        path,
        JSON.stringify({ format: 'deepntk-net', version: 1, spec: stored, layers: [layer] }),
      );
      return moments((await Mlp.load(path)).spec);
    },
  ],
  'a saved net with tied layers': [
    async () => {
      const [a, b] = ['0.weight', '2.weight'].map((name): [string, NdArray] => [
        name,
        { data: new Float64Array(4), shape: [2, 2] },
      ]);
      await writeSafetensors(at('tied.safetensors'), new Map([a!, b!]), { '4.weight': '2.weight' });
      return Mlp.load(at('tied.safetensors'));
    },
    async () => {
      await writeSafetensors(
        at('norm.safetensors'),
        new Map([['0.weight', { data: new Float64Array(2), shape: [2] }]]),
      );
      return Mlp.load(at('norm.safetensors'));
    },
  ],
  'a detached or resizable buffer': [
    () => {
      const data = new Float64Array(2);
      structuredClone(data.buffer, { transfer: [data.buffer] });
      return net.forward({ data, shape: [1, 2] });
    },
  ],
  'arrays that would not fit': [
    () => Mlp.random(createSpec({ inputDim: 2, depth: 3, width: 2 ** 22 }), { seed: 1 }),
  ],
  'a file that is truncated': [
    () => readNpy(file('short.npy', npy(vector(2), new Uint8Array(8)))),
    () => readNpy(file('long.npy', npy(vector(2), new Uint8Array(17)))),
    () => Mlp.load(file('other.json', JSON.stringify({ format: 'deepntk-net', version: 99 }))),
  ],
  'a header that promises more': [() => readNpy(file('bomb.npy', npy(vector(2 ** 40), new Uint8Array(8))))],
  'a .npy header of more than': [
    () =>
      readNpy(file('header.npy', npy(`${vector(1).trimEnd()}${' '.repeat(70_000)}\n`, new Uint8Array(8), 2))),
  ],
  'a gzipped IDX file': [
    () => {
      const header = Buffer.from([0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1]);
      const bomb = gzipSync(Buffer.concat([header, Buffer.alloc(1 << 20)]));
      const images = file('images.gz', bomb);
      const labels = file('labels.gz', gzipSync(Buffer.from([0, 0, 8, 1, 0, 0, 0, 1, 0])));
      return loadMnist({ images, labels, perClass: 1 });
    },
  ],
  'JSON, or a .npy header, nested': [
    () => Mlp.load(file('deep.json', '['.repeat(100_000))),
    () => readNpy(file('deep.npy', npy(`${'('.repeat(60_000)}\n`, new Uint8Array(8)))),
  ],
  'a table with more than 100,000 different names': [
    () => {
      const rows = Array.from({ length: 100_001 }, (_, i) => `1,n${i}\n`);
      return loadData(file('labels.csv', `x,label\n${rows.join('')}`), { labelColumn: 'label' });
    },
  ],
  'a checkpoint or a net whose spec': [
    () => {
      const checkpoint = file(
        'run.json',
        JSON.stringify({
          format: 'deepntk-dispersion',
          version: 2,
          settings: { spec: {}, inputNorm2: 1, seed: 1, sampler: 'direct' },
          ranges: [[0, 9]],
        }),
      );
      return estimateDispersion(spec, { replicas: 10, seed: 1, checkpoint });
    },
  ],
  'a checkpoint of another run, or one whose': [
    async () => {
      const checkpoint = join(folder, 'other-run.json');
      await sampleNtk(spec, X, { replicas: 2, seed: 1, checkpoint });
      await sampleNtk(spec, X, { replicas: 2, seed: 2, checkpoint });
    },
    async () => {
      const checkpoint = join(folder, 'changed-run.json');
      await sampleNtk(spec, X, { replicas: 2, seed: 1, checkpoint });
      writeFileSync(
        checkpoint,
        readFileSync(checkpoint, 'utf8').replace(/\d(?=\]\],"squares")/, (digit) => `${9 - Number(digit)}`),
      );
      await mergeNtkSamples([checkpoint]);
    },
  ],
  'a file that another process is writing': [
    async () => {
      const out = join(folder, 'held.npy');
      const lock = await lockFile(out);
      await net.ntk(X, null, { out }).finally(lock.release);
    },
  ],
  'an output file that exists': [
    () => net.ntk(X, null, { out: file('kept.npy', 'mine') }),
    async () => {
      const checkpoint = join(folder, 'to-merge.json');
      await sampleNtk(spec, X, { replicas: 2, seed: 1, checkpoint });
      await mergeNtkSamples([checkpoint], { out: file('kept.json', 'mine') });
    },
  ],
  'a table of a sweep without its journal': [
    () => openSweep(file('no-journal.csv', CSV_HEADER), SWEEP, sweepPoints(SWEEP), {}),
    async () => {
      const path = join(folder, 'changed.csv');
      const [point] = sweepPoints(SWEEP);
      const table = await openSweep(path, SWEEP, [point!], {});
      await table.add(point!, await computePoint(point!, SWEEP, {}));
      await table.close?.();
      writeFileSync(path, readFileSync(path, 'utf8').replace(/\d\n$/, 'x\n').replace(/,\n$/, ';\n'));
      await openSweep(path, SWEEP, [point!], {});
    },
  ],
  'a part of another kernel, or a tile': [
    () => mergeNtk([file('other.part', 'something else\n')], { out: join(folder, 'merged.npy') }),
    async () => {
      const out = join(folder, 'damaged.part');
      await net.ntk(X, null, { out, shard: { index: 0, count: 1 } });
      const bytes = readFileSync(out);
      bytes[bytes.length - 1]! ^= 1;
      writeFileSync(out, bytes);
      await mergeNtk([out], { out: join(folder, 'merged.npy') });
    },
  ],
};

/** Rows that take a machine of their own to try; the test that does. */
const TRIED_ELSEWHERE: Readonly<Record<string, string>> = {
  'memory that the system refuses': 'test/native/little-memory.full.test.ts',
  'Redis that does not answer': 'test/queue/',
};

const rows = readFileSync(join(__dirname, '..', '..', 'docs', 'reliability.md'), 'utf8')
  .split('\n## ')
  .find((section) => section.startsWith('What wrong input gets'))!
  .split('\n')
  .filter((line) => line.startsWith('| '))
  .slice(1)
  .map((line) => line.split('|').map((cell) => cell.trim()))
  .map(([, input, outcome]) => [input!, outcome!] as const)
  .filter(([input]) => !Object.keys(TRIED_ELSEWHERE).some((start) => input.startsWith(start)));

test.each(rows)('%s', async (input, outcome) => {
  const trials = Object.entries(TRIALS).find(([start]) => input.startsWith(start))?.[1];
  expect(trials).toBeDefined();
  const code = /`(ERR_\w+)`/.exec(outcome)![1];
  for (const trial of trials!) {
    const result = await new Promise<unknown>((resolve) => {
      resolve(trial());
    }).catch((error: unknown) => error);
    expect(result).toBeInstanceOf(DeepntkError);
    expect((result as DeepntkError).code).toBe(code);
    expect((result as DeepntkError).message).not.toContain('\n');
  }
});

test('the command says the same in one line, with status 1 for a file and 2 for a flag', () => {
  const path = file('short2.npy', npy(vector(2), new Uint8Array(8)));
  const wrongFile = run(['kernel', '--depth', '1', '--width', '3', '--x', path]);
  expect([wrongFile.status, wrongFile.stdout]).toEqual([1, '']);
  expect(wrongFile.stderr).toMatch(/^deepntk: .*short2\.npy[^\n]*\n$/);
  expect(run(['kernel', '--depth', '-1']).status).toBe(2);
});
