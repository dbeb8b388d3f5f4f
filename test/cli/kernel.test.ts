import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import {
  availableBackends,
  createSpec,
  Mlp,
  type NdArray,
  readNpy,
  version,
  writeNpy,
} from '../../src/index';
import { expectFailure, runInProcess, runJsonInProcess } from './run';

interface JsonArray {
  shape: number[];
  data: number[];
}
interface TorchNets {
  x: JsonArray;
  nets: Record<string, { ntk_full: JsonArray; ntk_trace: JsonArray }>;
}

const FIXTURES = join(__dirname, '..', 'data', 'fixtures', 'safetensors');
const torch = JSON.parse(readFileSync(join(FIXTURES, 'expected.json'), 'utf8')) as TorchNets;
const toArray = ({ shape, data }: JsonArray): NdArray<Float64Array> => ({
  data: Float64Array.from(data),
  shape,
});

let folder: string;
const X = toArray(torch.x);
const Z = { data: X.data.map((value) => value / 2).slice(0, 12), shape: [3, 4] };
const NET = ['--depth', '2', '--width', '6', '--outputs', '3', '--sw2', '1.5', '--sb2', '0.1', '--seed', '7'];
const spec = createSpec({
  inputDim: 4,
  depth: 2,
  width: 6,
  outputDim: 3,
  weightVariance: 1.5,
  biasVariance: 0.1,
});
const net = Mlp.random(spec, { seed: 7 });

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'deepntk-cli-'));
  await writeNpy(join(folder, 'X.npy'), X);
  await writeNpy(join(folder, 'Z.npy'), Z);
  await net.save(join(folder, 'net.json'));
  copyFileSync(join(FIXTURES, 'sequential.safetensors'), join(folder, 'weights.safetensors'));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** The largest difference of two arrays, relative to the largest entry. */
function difference(a: NdArray, b: NdArray): number {
  expect(a.shape).toEqual(b.shape);
  const largest = Math.max(...Array.from(b.data, Math.abs));
  return Math.max(...Array.from(a.data, (value, i) => Math.abs(value - b.data[i]!))) / largest;
}

const here = () => ({ cwd: folder });
const result = (file: string) => readNpy(join(folder, file));

describe.each(availableBackends())('kernel on the %s backend', (backend) => {
  const base = ['kernel', '--backend', backend, '--x', 'X.npy', '--out', 'K.npy', '--force'];

  test('writes what the library computes, and reports what made it', async () => {
    const report = await runJsonInProcess([...base, ...NET, '--threads', '1'], here());
    const expected = await net.ntk(X, null, { backend, threads: 1 });
    expect((await result('K.npy')).data).toEqual(expected.data);
    expect(report).toMatchObject({
      shape: [5, 5],
      outputs: 'trace',
      parameters: 'all',
      layers: [1, 2, 3],
      precision: 'float64',
      backend,
      threads: 1,
      seed: 7,
      replica: 0,
      net: null,
      file: 'K.npy',
      version,
    });
    const diagonal = [0, 6, 12, 18, 24].reduce((sum, i) => sum + expected.data[i]! / 5, 0);
    expect(report['meanDiagonal']).toBeCloseTo(diagonal, 10);
    expect(report['seconds']).toBeGreaterThan(0);
  });

  test.each(Object.keys(torch.nets).filter((name) => name !== 'autoencoder'))(
    'the kernel of the net in %s.safetensors is that of PyTorch',
    async (name) => {
      const args = [...base, '--net', join(FIXTURES, `${name}.safetensors`), '--outputs-axis', 'full'];
      await runJsonInProcess(args, here());
      // 1e-12: sums of at most a few thousand terms in float64, in another order than PyTorch's.
      expect(difference(await result('K.npy'), toArray(torch.nets[name]!.ntk_full))).toBeLessThan(1e-12);
    },
  );

  test('--order says what names and shapes leave open', async () => {
    const file = join(FIXTURES, 'autoencoder.safetensors');
    expectFailure(await runInProcess([...base, '--net', file], here()), 1, 'more than one order that fits');
    await runJsonInProcess([...base, '--net', file, '--order', 'encoder,decoder'], here());
    expect(difference(await result('K.npy'), toArray(torch.nets['autoencoder']!.ntk_trace))).toBeLessThan(
      1e-12,
    );
  });

  test('--replica is another net of the seed', async () => {
    const report = await runJsonInProcess([...base, ...NET, '--replica', '3', '--threads', '1'], here());
    const other = Mlp.random(spec, { seed: 7, replica: 3 });
    expect((await result('K.npy')).data).toEqual((await other.ntk(X, null, { backend, threads: 1 })).data);
    expect(report).toMatchObject({ seed: 7, replica: 3 });
  });

  test('every choice of the library can be made by flags', async () => {
    const report = await runJsonInProcess(
      [
        ...base,
        ...['--net', 'net.json', '--x2', 'Z.npy', '--outputs-axis', 'diagonal'],
        ...['--parameters', 'weights', '--layers', '1,3', '--precision', 'mixed'],
      ],
      here(),
    );
    const options = {
      outputs: 'diagonal',
      parameters: 'weights',
      layers: [1, 3],
      precision: 'mixed',
      backend,
    } as const;
    const expected = await net.ntk(X, Z, options);
    const { outputs, parameters, layers, precision } = options;
    expect(report).toMatchObject({ outputs, parameters, layers, precision });
    // The same float32 arithmetic, but maybe in other blocks.
    expect(difference(await result('K.npy'), expected)).toBeLessThan(1e-6);
  });

  test('the parts of --per-layer sum to the kernel', async () => {
    const { parts } = (await runJsonInProcess([...base, ...NET, '--per-layer'], here())) as {
      parts: { layer: number; weights: string; biases: string }[];
    };
    expect(parts.map(({ layer }) => layer)).toEqual([1, 2, 3]);
    expect(parts[0]).toEqual({ layer: 1, weights: 'K.layer-1-weights.npy', biases: 'K.layer-1-biases.npy' });
    const kernel = await result('K.npy');
    const sum = new Float64Array(kernel.data.length);
    for (const part of parts) {
      for (const file of [part.weights, part.biases]) {
        (await result(file)).data.forEach((value: number, i: number) => (sum[i] = sum[i]! + value));
      }
    }
    expect(difference({ data: sum, shape: kernel.shape }, kernel)).toBeLessThan(1e-14);
  });
});

describe('what the command prints', () => {
  test('a table of what was computed, without --json', async () => {
    const { status, stdout, stderr } = await runInProcess(['kernel', '--x', 'X.npy', ...NET], here());
    expect([status, stderr]).toEqual([0, 'data: X.npy: 5 rows, 4 features\n']);
    expect(stdout).toMatch(/^kernel +5 x 5, trace, float64\n/);
    for (const name of [
      'mean of the diagonal',
      'off-diagonal / diagonal',
      'seed 7, replica 0',
      'backend',
      'time',
    ]) {
      expect(stdout).toContain(name);
    }
  });

  test('--explain prints the plan and computes nothing', async () => {
    const plan = await runJsonInProcess(
      ['kernel', '--x', 'X.npy', ...NET, '--explain', '--outputs-axis', 'full'],
      here(),
    );
    expect(plan).toMatchObject({ shape: [5, 5, 3, 3], inputs: [5, 5], symmetric: true, net: null, seed: 7 });
    expect((await runInProcess(['kernel', '--x', 'X.npy', ...NET, '--explain'], here())).stdout).toContain(
      'Gram matrices',
    );
  });

  test.each([[['kernel']], [['kernel', '--memory', '1G']], [['eigenvalues', '--count', '1']]])(
    '%j --explain says how the file of the net was understood',
    async (command) => {
      const args = [...command, '--x', 'X.npy', '--net', 'weights.safetensors', '--explain'];
      const { stdout } = await runInProcess(args, here());
      expect(stdout).toMatch(/^net +weights\.safetensors: 4-\d+-\d+-\d+, ReLU, biases: all, law of initi/m);
      expect(stdout).toMatch(/^note +The file does not state the activation/m);
      expect(await runJsonInProcess(args, here())).toMatchObject({
        net: 'weights.safetensors',
        network: { activation: 'relu', weightVariance: null },
        seed: null,
      });
    },
  );

  test('every example of every --help runs', async () => {
    const examples: string[] = [];
    for (const name of ['doctor', 'phase', 'moments', 'kernel']) {
      const { status, stdout } = await runInProcess([name, '--help']);
      expect(status).toBe(0);
      const commands = [...stdout.matchAll(/^ {2}\$ deepntk (.*)$/gm)].map(([, command]) => command!);
      expect(commands.length).toBeGreaterThan(0);
      examples.push(...commands);
    }
    rmSync(join(folder, 'K.npy'), { force: true });
    // Those with a queue need a server: test/queue/kernel.full.test.ts.
    for (const example of examples.filter((command) => !command.includes('redis://'))) {
      expect(await runInProcess(example.split(' '), here())).toMatchObject({
        status: 0,
        stderr: expect.stringMatching(/^(data: [^\n]*\n)*$/) as string,
      });
    }
  });
});

describe('what goes wrong', () => {
  test.each([
    [[], 'expected one of --x and --mnist, got none'],
    [['--x', 'X.npy'], 'expected a net: --depth and --width, or --hidden'],
    [['--x', 'X.npy', '--depth', '3'], 'expected a net: --depth and --width, or --hidden'],
    [['--x', 'X.npy', '--depth', '-1', '--width', '3'], 'Expected an integer >= 0 and <= 16777214, got -1'],
    [['--x', 'X.npy', '--depth', '1.5', '--width', '3'], 'Expected an integer >= 0 and <= 16777214, got 1.5'],
    [['--x', 'X.npy', '--depth', '1', '--width', '0'], 'Expected a positive integer, got 0'],
    [['--x', 'X.npy', '--hidden', '3,x'], 'Entry 2: expected a positive integer, got "x"'],
    [['--x', 'X.npy', '--hidden', '3', '--width', '3'], 'expected either --hidden, or --depth and --width'],
    [['--x', 'X.npy', ...NET, '--layers', '2-1'], 'Expected layer numbers such as 1,3-5, got "2-1"'],
    [['--x', 'X.npy', ...NET, '--layers', '9'], '--layers: expected layers from 1 to 3, got 9'],
    [['--x', 'X.npy', ...NET, '--outputs-axis', 'sum'], 'Allowed choices are trace'],
    [['--x', 'X.npy', ...NET, '--per-layer'], '--per-layer: expected --out'],
    [['--x', 'X.npy', ...NET, '--explain', '--out', 'K.npy'], '--out: not to be given with --explain'],
    [['--x', 'X.npy', ...NET, '--out', 'K.csv'], '--out: expected a .npy file, got "K.csv"'],
    [['--x', 'X.npy', ...NET, '--order', 'a,b'], '--order: only for a .safetensors file with --net'],
    [['--x', 'X.npy', '--net', 'net.pt'], '--net: expected a path that ends in .json, .safetensors or .onnx'],
    [['--x', 'X.npy', '--net', 'net.json', '--seed', '1'], '--seed: not to be given with --net'],
    [
      ['--x', 'X.npy', '--net', 'net.json', '--no-bias-gradients'],
      '--no-bias-gradients: not to be given with a JSON net',
    ],
    [
      ['--x', 'X.npy', '--net', 'weights.safetensors', '--prefix', 'net.'],
      '--prefix: expected a prefix of tensor names in weights.safetensors: 0., 2., 4., got "net."',
    ],
    [
      ['--x', 'X.npy', '--net', 'weights.safetensors', '--order', '0,2'],
      '--order: expected each module of weights.safetensors once: 0, 2, 4, got "0, 2"',
    ],
    [
      ['--x', 'X.npy', '--net', 'weights.safetensors', '--sb2', '1'],
      '--sw2: expected a finite number > 0 with biasVariance (--sb2), got undefined',
    ],
  ])('wrong usage %j ends with status 2', async (args, message) => {
    expectFailure(await runInProcess(['kernel', ...args], here()), 2, message);
    expectFailure(await runInProcess(['kernel', ...args, '--json'], here()), 2, message);
  });

  test.each([
    ['a missing file', ['--x', 'none.npy', ...NET], 'cannot read none.npy: no such file or folder'],
    [
      'a file of another format',
      ['--x', 'net.json', ...NET],
      'net.json: expected a table (CSV, TSV), a .npy, .npz or IDX file, plain or gzipped, got a JSON file',
    ],
    [
      'inputs of another width',
      ['--x', 'X.npy', ...NET, '--input-dim', '9'],
      'X.npy: expected N x 9, got shape',
    ],
    ['a missing net', ['--x', 'X.npy', '--net', 'none.json'], 'cannot read none.json'],
    [
      'a missing folder',
      ['--x', 'X.npy', ...NET, '--out', 'none/K.npy'],
      'cannot write none/K.npy: no such file or folder',
    ],
  ])('%s ends with status 1 and names the file', async (_, args, message) => {
    expectFailure(await runInProcess(['kernel', ...args], here()), 1, message);
  });

  test('NaN in the inputs is an error that names file and entry; --allow-non-finite lets it through', async () => {
    const data = X.data.slice();
    data[5] = NaN;
    await writeNpy(join(folder, 'nan.npy'), { data, shape: X.shape });
    const args = ['kernel', '--x', 'nan.npy', ...NET];
    expectFailure(
      await runInProcess(args, here()),
      1,
      'nan.npy: entry [1, 1]: expected a finite number (allowNonFinite (--allow-non-finite) lets',
    );
    const report = await runJsonInProcess([...args, '--allow-non-finite'], here());
    expect(report['meanDiagonal']).toBe('NaN');
  });
});
