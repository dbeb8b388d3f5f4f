/** Every program in examples/, run as its head comment says. (mnist-kernels.js: test/cli/demo.test.ts.) */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { createSpec, Mlp, moments, type NdArray, writeNpy } from '../../src/index';

const root = join(__dirname, '..', '..');
const EXAMPLES = join(root, 'examples');

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'deepntk-examples-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

function run(example: string, args: readonly string[] = []): string {
  const result = spawnSync(process.execPath, [join(EXAMPLES, example), ...args], {
    cwd: folder,
    encoding: 'utf8',
  });
  expect({ status: result.status, stderr: result.stderr }).toEqual({ status: 0, stderr: '' });
  return result.stdout;
}

describe('pytorch-weights.js', () => {
  test('finds the kernel that PyTorch found', () => {
    const output = run('pytorch-weights.js');
    const [, difference] = /largest difference to its kernel: (\S+) of/.exec(output)!;
    // Two float64 computations of products of 13 layers.
    expect(Number(difference)).toBeLessThan(1e-12);
    expect(output).toMatch(/phase {6}(ordered|edge-of-chaos|chaotic): /);
  });

  test('takes files of its user, and compares them', async () => {
    const spec = createSpec({ inputDim: 6, hiddenWidths: [20, 15], outputDim: 3 });
    const net = Mlp.random(spec, { seed: 2 });
    const x: NdArray = { data: Float64Array.from({ length: 24 }, (_, i) => Math.cos(i * i)), shape: [4, 6] };
    const [weights, inputs, kernel] = ['net.safetensors', 'x.npy', 'k.npy'].map((name) => join(folder, name));
    await net.save(weights!);
    await writeNpy(inputs!, x);
    await writeNpy(kernel!, await net.ntk(x));
    expect(run('pytorch-weights.js', [weights!, inputs!, kernel!])).toMatch(
      /6 -> 20 -> 15 -> 3[^]*difference to its kernel: 0\.0e\+0 of/,
    );
    expect(run('pytorch-weights.js', [weights!])).toContain('20 x 20');

    copyFileSync(inputs!, join(folder, 'not-a-net.safetensors'));
    const wrong = spawnSync(
      process.execPath,
      [join(EXAMPLES, 'pytorch-weights.js'), 'not-a-net.safetensors'],
      {
        cwd: folder,
        encoding: 'utf8',
      },
    );
    expect(wrong.status).toBe(1);
    expect(wrong.stderr).toMatch(/^pytorch-weights: not-a-net\.safetensors: expected [^\n]*\n$/);
  });
});

test('dispersion-figure.js writes a table, and the picture of it', () => {
  const output = run('dispersion-figure.js', [folder]);
  const [, inside] = /in (\d+) of 21 intervals/.exec(output)!;
  // Each holds the exact value with probability .99; the seed is fixed.
  expect(Number(inside)).toBeGreaterThanOrEqual(19);
  const [head, ...rows] = readFileSync(join(folder, 'dispersion.csv'), 'utf8').trim().split('\n');
  expect(head).toBe('phase,weightVariance,depth,dispersion,low,high,exact,sampler');
  expect(rows).toHaveLength(21);
  for (const row of rows) {
    const [weightVariance, depth, dispersion, low, high, exact] = row
      .replace(/^".*?",/, '')
      .split(',')
      .map(Number);
    const spec = createSpec({ inputDim: 100, width: 100, depth: depth!, weightVariance: weightVariance! });
    expect(exact).toBe(moments(spec).dispersion);
    expect(low! < dispersion! && dispersion! < high!).toBe(true);
  }
  const svg = readFileSync(join(folder, 'dispersion.svg'), 'utf8');
  for (const label of ['ordered, σ² = 1.6', 'edge of chaos, σ² = 2', 'chaotic, σ² = 2.4'])
    expect(svg).toContain(label);
  expect(readFileSync(join(folder, 'dispersion.png')).subarray(1, 4).toString()).toBe('PNG');
});

describe('express-server.js', () => {
  let server: ChildProcess;
  let address: string;
  let log = '';

  beforeAll(async () => {
    // The slower backend, so that there is time to leave.
    const env = { ...process.env, PORT: '0', DEEPNTK_BACKEND: 'typescript' };
    server = spawn(process.execPath, [join(EXAMPLES, 'express-server.js')], {
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    server.stdout!.setEncoding('utf8').on('data', (text: string) => (log += text));
    await until('the server listens', () => log.includes('listening on '));
    address = /listening on (\S+)/.exec(log)![1]!;
  });

  afterAll(() => {
    server.kill();
  });

  /** Against a hang: the server starts, and ends a computation, within a second or two. */
  async function until(what: string, condition: () => boolean): Promise<void> {
    const end = Date.now() + 40_000;
    while (!condition()) {
      if (Date.now() > end) throw new Error(`waited in vain until ${what}; the server said: ${log}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  function ask(body: unknown, signal: AbortSignal | null = null): Promise<Response> {
    return fetch(`${address}/ntk`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal,
    });
  }

  const net = { inputDim: 3, depth: 5, width: 50 };
  const inputs = [
    [1, 2, 3],
    [0, 1, 0],
  ];
  const long = {
    net: { inputDim: 3, depth: 20, width: 300 },
    inputs: Array.from({ length: 1500 }, (_, i) => [i, 1, Math.sin(i)]),
  };

  test('answers many clients at once, each with its own net', async () => {
    const answers = await Promise.all(
      Array.from(
        { length: 8 },
        async (_, seed) => (await ask({ net, seed, inputs })).json() as Promise<{ data: number[] }>,
      ),
    );
    const X = { data: Float64Array.from(inputs.flat()), shape: [2, 3] };
    for (const [seed, { data }] of answers.entries()) {
      const kernel = await Mlp.random(createSpec(net), { seed }).ntk(X, null, { backend: 'typescript' });
      expect(data).toEqual(Array.from(kernel.data));
    }
  });

  test('stays alive while it computes, and stops computing when the client leaves', async () => {
    const controller = new AbortController();
    const asked = ask(long, controller.signal);
    asked.catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(await (await fetch(`${address}/health`)).json()).toEqual({ ok: true });
    expect(log).not.toContain('the client left');
    controller.abort();
    await expect(asked).rejects.toThrow(/abort/);
    await until('the server tells that the client left', () => log.includes('/ntk: the client left'));
  });

  test.each([
    [{ net: { ...net, width: 0 }, inputs }, 400, 'createSpec: width: expected a positive integer, got 0'],
    [{ net, inputs: [[1, 2]] }, 400, 'inputs: expected rows of 3 numbers'],
    [{ net, inputs: [[1, 2, 'x']] }, 400, 'expected a finite number'],
    [{ net: { ...net, width: 5000 }, inputs }, 413, 'too many parameters'],
    [null, 400, ''],
  ])('refuses %j', async (body, status, message) => {
    const response = await ask(body);
    expect(response.status).toBe(status);
    expect(((await response.json()) as { error: string }).error).toContain(message);
  });
});
