import { readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { join } from 'node:path';
import { createContext, runInContext } from 'node:vm';

import { build, type BuildResult } from 'esbuild';

import * as browser from '../../src/browser/index';
import * as node from '../../src/index';

const root = join(__dirname, '..', '..');
const SPEC = browser.createSpec({ inputDim: 20, depth: 10, width: 20 });

/** Bundles what `code` imports as a page would have it; fails where that is not to be had in a browser. */
function bundle(code: string): Promise<BuildResult<{ write: false; metafile: true }>> {
  return build({
    stdin: { contents: code, resolveDir: root },
    bundle: true,
    platform: 'browser',
    format: 'iife',
    write: false,
    metafile: true,
    logLevel: 'silent',
  });
}

describe('deepntk/browser', () => {
  test.each(['import', 'require'])('by %s is bundled without any module of Node', async (by) => {
    const code =
      by === 'import'
        ? `import * as deepntk from 'deepntk/browser'; globalThis.deepntk = deepntk;`
        : `globalThis.deepntk = require('deepntk/browser');`;
    const { metafile } = await bundle(code);
    const imports = Object.values(metafile.inputs).flatMap((input) => input.imports.map(({ path }) => path));
    const builtin = imports.filter((path) => path.startsWith('node:') || builtinModules.includes(path));
    expect(builtin).toEqual([]);
    expect(Object.keys(metafile.inputs)).toContain(`dist/browser/index.${by === 'import' ? 'mjs' : 'js'}`);
  });

  test('the bundler does refuse what is for Node', async () => {
    await expect(bundle(`import * as deepntk from 'deepntk';`)).rejects.toThrow(/node:\w+/);
  });

  test('its ES module is one file without imports', () => {
    const text = readFileSync(join(root, 'dist', 'browser', 'index.mjs'), 'utf8');
    expect(text).not.toMatch(/^\s*import\s|\bimport\(|\brequire\(/m);
  });

  test('computes where there are a clock and timers and nothing else of Node', async () => {
    const { outputFiles } = await bundle(`
      import { createSpec, estimateDispersion, moments } from 'deepntk/browser';
      const spec = createSpec({ inputDim: 20, depth: 10, width: 20 });
      globalThis.result = estimateDispersion(spec, { replicas: 500, seed: 3 }).then(({ dispersion }) => [dispersion, moments(spec).mean]);
    `);
    const globals: { result?: Promise<number[]> } = createContext({ performance, setTimeout });
    runInContext(outputFiles[0]!.text, globals);
    const expected = await node.estimateDispersion(SPEC, { replicas: 500, seed: 3, backend: 'typescript' });
    expect(await globals.result).toEqual([expected.dispersion, node.moments(SPEC).mean]);
  });

  test('has the same functions as the package, where both have one', () => {
    const own = ['estimateDispersion', 'streamDispersion', 'estimateHistogram', 'streamHistogram'];
    for (const [name, value] of Object.entries(browser)) {
      if (own.includes(name)) expect(typeof (node as Record<string, unknown>)[name]).toBe('function');
      else expect(value).toBe((node as Record<string, unknown>)[name]);
    }
  });
});

describe('sampling in slices', () => {
  test.each(['chain', 'tilted'] as const)('gives the bits that Node gives: %s', async (sampler) => {
    const spec = browser.createSpec({ inputDim: 9, hiddenWidths: [30, 20, 25], biasVariance: 0.1 });
    const options = { replicas: 1500, seed: 5, sampler, firstReplica: 7, inputNorm2: 2 };
    const { threads, backend, core, ...inSlices } = await browser.estimateHistogram(spec, options);
    expect([threads, backend, core]).toEqual([1, 'typescript', null]);
    const inNode = await node.estimateHistogram(spec, options);
    expect(inNode).toMatchObject(inSlices);
  });

  test('lets other work in, tells of its progress, and can be ended', async () => {
    let turns = 0;
    const timer = setInterval(() => turns++, 0);
    const fractions: number[] = [];
    const result = await browser.estimateDispersion(SPEC, {
      replicas: 30_000,
      seed: 1,
      sampler: 'tilted',
      onProgress: ({ fraction }) => fractions.push(fraction),
    });
    clearInterval(timer);
    expect(result.replicas).toBe(30_000);
    // Some 100 ms of work on the fastest machine, in slices of 8 ms.
    expect(turns).toBeGreaterThanOrEqual(5);
    expect(fractions.at(-1)).toBe(1);
    expect([...fractions].sort((a, b) => a - b)).toEqual(fractions);

    const controller = new AbortController();
    const endless = browser.estimateDispersion(SPEC, { replicas: 1e9, seed: 1, signal: controller.signal });
    setTimeout(() => {
      controller.abort();
    }, 20);
    await expect(endless).rejects.toThrow(/abort/);
  });

  test.each([
    [
      { outputDim: 3 },
      {},
      'estimateDispersion: expected a net of one output and the sampler "chain" or "tilted"',
    ],
    [{}, { sampler: 'direct' }, 'got "direct"'],
    [{}, { backend: 'typescript' }, 'unknown option "backend"'],
    [{}, { onProgress: 1 }, 'onProgress: expected a function, got 1'],
  ])('refuses %j %j', async (net, options, message) => {
    const spec = browser.createSpec({ inputDim: 3, depth: 2, width: 12, ...net });
    const request = { replicas: 10, seed: 1, ...options } as browser.DispersionOptions;
    await expect(browser.estimateDispersion(spec, request)).rejects.toThrow(message);
  });
});

test('the version is that of package.json', () => {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  expect(browser.version).toBe(version);
});
