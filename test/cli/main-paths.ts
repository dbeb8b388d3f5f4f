/** The main path of every subcommand: arguments for a small run, and a check of what it computes. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import {
  availableBackends,
  type BackendName,
  createSpec,
  estimateDispersion,
  kernelSpectrum,
  Mlp,
  moments,
  readNpy,
  train,
  version,
  writeNpy,
} from '../../src/index';
import { readFigure } from '../../src/report';
import { relativeError } from '../support/golden';
import { expectFailure, jsonOf, type Outcome } from './run';

export interface MainPath {
  readonly args: readonly string[];
  /** Fails unless the command, run in `folder` with this backend in DEEPNTK_BACKEND, did what it is for. */
  readonly check: (outcome: Outcome, backend: BackendName, folder: string) => void | Promise<void>;
}

const data = Float64Array.from({ length: 24 }, (_, i) => Math.sin(i * i));
const x = { data, shape: [6, 4] };
const labels = [0, 1, 2, 0, 1, 2];
const y = {
  data: Float64Array.from(labels.flatMap((label) => [0, 1, 2].map((k) => Number(k === label)))),
  shape: [6, 3],
};

const NET = ['--depth', '2', '--width', '12', '--outputs', '3', '--seed', '5'];
const net = Mlp.random(createSpec({ inputDim: 4, depth: 2, width: 12, outputDim: 3 }), { seed: 5 });

const ONE_OUTPUT = ['--input-dim', '30', '--depth', '10', '--width', '30'];
const oneOutput = createSpec({ inputDim: 30, depth: 10, width: 30 });
/** The exact dispersion of {@link oneOutput}, from the golden values. */
const DISPERSION = 2.240612523;

/** Writes the files that the main paths read. */
export async function writeInputs(folder: string): Promise<void> {
  await writeNpy(join(folder, 'X.npy'), x);
  await writeNpy(join(folder, 'labels.npy'), { data: Float64Array.from(labels), shape: [6] });
  for (const [file, firstReplica] of [
    ['a.json', 0],
    ['b.json', 100],
  ] as const) {
    await estimateDispersion(oneOutput, {
      seed: 0,
      replicas: 100,
      firstReplica,
      checkpoint: join(folder, file),
    });
  }
}

export const MAIN_PATHS: Readonly<Record<string, MainPath>> = {
  doctor: {
    args: ['doctor', '--json'],
    check: (outcome, backend) => {
      expect(jsonOf(outcome)).toMatchObject({ backend, chosenBy: 'DEEPNTK_BACKEND', node: process.version });
    },
  },
  phase: {
    args: ['phase', '--sw2', '2.2', '--json'],
    check: (outcome) => {
      expect(jsonOf(outcome)).toMatchObject({ phase: 'chaotic', slope: 1.1 });
    },
  },
  moments: {
    args: ['moments', ...ONE_OUTPUT, '--json'],
    check: (outcome) => {
      const result = jsonOf(outcome);
      expect(result['mean']).toBe(22);
      expect(result['dispersion']).toBeCloseTo(DISPERSION, 9);
    },
  },
  dispersion: {
    args: ['dispersion', ...ONE_OUTPUT, '--replicas', '1000', '--json'],
    check: (outcome, backend) => {
      const report = jsonOf(outcome) as { dispersion: number; standardError: number };
      expect(report).toMatchObject({ replicas: 1000, backend });
      expect(Math.abs(report.dispersion - DISPERSION)).toBeLessThan(5 * report.standardError);
    },
  },
  sweep: {
    args: ['sweep', '--sw2', '1,2', '--depth', '10', '--width', '30', '--replicas', '1000', '--json'],
    check: (outcome) => {
      const { rows } = jsonOf(outcome) as {
        rows: { exact: number; dispersion: number; standardError: number }[];
      };
      expect(rows).toHaveLength(2);
      expect(rows[1]!.exact).toBeCloseTo(DISPERSION, 9);
      for (const { exact, dispersion, standardError } of rows) {
        expect(Math.abs(dispersion - exact)).toBeLessThan(5 * standardError);
      }
    },
  },
  merge: {
    args: ['merge', 'a.json', 'b.json', '--json'],
    check: async (outcome) => {
      const { dispersion, mean } = await estimateDispersion(oneOutput, { seed: 0, replicas: 200 });
      expect(jsonOf(outcome)).toMatchObject({ ranges: [[0, 200]], dispersion, mean });
    },
  },
  worker: {
    // Nothing listens on port 1. Workers with a server: test/queue.
    args: ['worker', '--queue', 'ntk', '--redis', 'redis://127.0.0.1:1'],
    check: (outcome) => {
      expectFailure(outcome, 1, 'cannot reach Redis at');
    },
  },
  kernel: {
    args: ['kernel', '--x', 'X.npy', ...NET, '--out', 'K.npy', '--json'],
    check: async (outcome, backend, folder) => {
      expect(jsonOf(outcome)).toMatchObject({ shape: [6, 6], backend, file: 'K.npy' });
      const expected = await net.ntk(x, null, { backend: 'typescript' });
      const kernel = await readNpy(join(folder, 'K.npy'));
      // The package's promise for float64, which on CUDA is the larger one.
      expect(relativeError(kernel.data, expected.data)).toBeLessThan(backend === 'cuda' ? 1e-11 : 1e-12);
    },
  },
  eigenvalues: {
    args: ['eigenvalues', '--x', 'X.npy', ...NET, '--count', '2', '--json'],
    check: async (outcome, backend) => {
      const { eigenvalues, converged } = jsonOf(outcome);
      const kernel = await net.ntk(x, null, { backend });
      expect(converged).toBe(true);
      expect(
        relativeError(eigenvalues as number[], kernelSpectrum(kernel).eigenvalues.slice(0, 2)),
      ).toBeLessThan(1e-9);
    },
  },
  diagonal: {
    args: ['diagonal', '--x', 'X.npy', ...NET, '--out', 'diagonal.npy', '--json'],
    check: async (outcome, backend, folder) => {
      expect(jsonOf(outcome)).toMatchObject({ shape: [6], backend });
      const { data } = await net.ntk(x, null, { backend });
      const expected = Array.from({ length: 6 }, (_, i) => data[7 * i]!);
      expect(relativeError((await readNpy(join(folder, 'diagonal.npy'))).data, expected)).toBeLessThan(1e-12);
    },
  },
  train: {
    args: [
      ...['train', '--x', 'X.npy', '--y', 'labels.npy', ...NET],
      ...['--steps', '5', '--learning-rate', '0.01', '--out', 'run', '--json'],
    ],
    check: async (outcome, backend, folder) => {
      const { losses } = await train(net, { x, y }, { steps: 5, learningRate: 0.01, backend });
      expect(losses[5]).toBeLessThan(losses[0]!);
      expect(jsonOf(outcome)).toMatchObject({ backend, initialLoss: losses[0], finalLoss: losses[5] });
      expect(existsSync(join(folder, 'run', 'net.safetensors'))).toBe(true);
    },
  },
  diagnose: {
    args: ['diagnose', '--x', 'X.npy', '--y', 'labels.npy', ...NET, '--quick', '--json'],
    check: (outcome) => {
      const report = jsonOf(outcome);
      expect(report).toMatchObject({ lambda: 2 / 12, phase: { phase: 'edge-of-chaos' } });
      // Twelve units a layer are far from infinitely many.
      expect(report).toHaveProperty('verdict.answer', 'does-not');
    },
  },
  explore: {
    args: ['explore', '--depth', '33', '--width', '44', '--json'],
    check: (outcome) => {
      const { path, url } = jsonOf(outcome) as { path: string; url: string };
      expect(existsSync(path)).toBe(true);
      expect(fileURLToPath(url.replace(/#.*/, ''))).toBe(path);
      expect(url).toContain('depth=33&width=44');
    },
  },
  figure: {
    args: [
      ...[
        'figure',
        'dispersion-vs-depth',
        '--sw2',
        '2',
        '--depths',
        '1,10',
        '--width',
        '30',
        '--input-dim',
        '30',
      ],
      ...['--replicas', '500', '--formats', 'csv', '--json'],
    ],
    check: async (outcome, backend, folder) => {
      expect(jsonOf(outcome)).toMatchObject({ figure: 'dispersion-vs-depth', rows: 2, backend });
      const { rows } = await readFigure(join(folder, 'dispersion-vs-depth.csv'), 'dispersion-vs-depth');
      expect(rows.map(({ exact }) => exact)).toEqual(
        [1, 10].map((depth) => moments(createSpec({ inputDim: 30, depth, width: 30 }), {}).dispersion),
      );
    },
  },
  bench: {
    args: ['bench', '--json'],
    check: (outcome) => {
      const { version: said, results } = jsonOf(outcome) as {
        version: string;
        results: {
          suite: string;
          backend: BackendName | null;
          precision: string;
          seconds: number;
          error: number;
        }[];
      };
      expect(said).toBe(version);
      for (const suite of ['kernel', 'jacobian', 'sampling', 'training', 'startup']) {
        const backends = results
          .filter((result) => result.suite === suite && result.backend !== null)
          .map((result) => result.backend);
        expect([...new Set(backends)].sort()).toEqual(availableBackends().sort());
      }
      for (const { seconds, error, precision } of results) {
        expect(seconds).toBeGreaterThan(0);
        expect(error).toBeLessThan(precision === 'mixed' ? 1e-4 : 1e-8);
      }
    },
  },
  help: {
    args: ['help', 'kernel'],
    check: ({ status, stdout, stderr }) => {
      expect([status, stderr]).toEqual([0, '']);
      expect(stdout).toMatch(/^Usage: deepntk kernel \[options\]\n/);
    },
  },
};

/** The subcommands, as `deepntk --help` lists them. */
export function commandsOf({ stdout }: Outcome): string[] {
  const names = [...stdout.matchAll(/^ {2}(\w+) (?:\[|<)/gm)].map(([, name]) => name!);
  return [...new Set(names)];
}
