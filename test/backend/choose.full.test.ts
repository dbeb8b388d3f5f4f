/** Which backend runs, and what is said where one cannot: in processes of their own, over copies of the package. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeNative } from '../native/support';

const root = join(__dirname, '..', '..');
const ADDON = join('build', 'Release', 'deepntk.node');
let folder: string;

beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'deepntk-choose-'))));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** The package as it is, but with this as its addon; null for none. */
function packageWith(name: string, addon: ((target: string) => void) | null): string {
  const copy = join(folder, name);
  mkdirSync(join(copy, 'build', 'Release'), { recursive: true });
  for (const part of ['dist', 'package.json'])
    cpSync(join(root, part), join(copy, part), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
  addon?.(join(copy, ADDON));
  return copy;
}

interface Answer {
  readonly lines: string[];
  readonly warnings: string[];
}

/** Prints what two kernels ran on, or why they did not, one line each. */
function compute(copy: string, environment: Record<string, string>, prelude = ''): Answer {
  const program = `
    const { createSpec, Mlp, setBackend, backendInfo } = require(${JSON.stringify(copy)});
    (async () => {
      for (let i = 0; i < 2; i++) {
        try {
          ${prelude}
          const net = Mlp.random(createSpec({ inputDim: 2, depth: 1, width: 3 }), { seed: 1 });
          const { backend } = await net.ntk({ data: new Float64Array([1, 2]), shape: [1, 2] });
          console.log(backend + ' ' + backendInfo().chosenBy);
        } catch (error) { console.log(error.code + ' ' + error.message); }
      }
    })();`;
  const { PATH = '' } = process.env;
  const child = spawnSync(process.execPath, ['-e', program], {
    encoding: 'utf8',
    env: { PATH, ...environment },
  });
  expect(child.status).toBe(0);
  return {
    lines: child.stdout.trim().split('\n'),
    warnings: child.stderr.split('\n').filter((line) => line.includes('DeepntkWarning')),
  };
}

describe('without an addon', () => {
  let copy: string;
  beforeAll(() => (copy = packageWith('none', null)));

  test('the TypeScript backend computes, and nothing is said', () => {
    expect(compute(copy, {})).toEqual({ lines: ['typescript auto', 'typescript auto'], warnings: [] });
  });

  test('DEEPNTK_BACKEND=native and setBackend("native") are errors that say why, and what to install', () => {
    const why = /^ERR_BACKEND_UNAVAILABLE the native backend cannot be used: no native addon .*build:native/;
    expect(compute(copy, { DEEPNTK_BACKEND: 'native' }).lines[0]).toMatch(why);
    expect(compute(copy, {}, "setBackend('native');").lines[0]).toMatch(why);
  });
});

test('DEEPNTK_BACKEND chooses, setBackend goes before it, and a name that is none is an error', () => {
  expect(compute(root, { DEEPNTK_BACKEND: 'typescript' }).lines[0]).toBe('typescript DEEPNTK_BACKEND');
  expect(compute(root, { DEEPNTK_BACKEND: 'native' }, "setBackend('typescript');").lines[0]).toBe(
    'typescript setBackend',
  );
  expect(compute(root, { DEEPNTK_BACKEND: 'nonsense' }).lines[0]).toBe(
    'ERR_INVALID_ARGUMENT DEEPNTK_BACKEND: expected one of "cuda", "native", "typescript", got "nonsense"',
  );
});

test('a binary that does not load is said once, and the TypeScript backend computes', () => {
  const copy = packageWith('broken', (target) => {
    writeFileSync(target, 'not a shared library');
  });
  const { lines, warnings } = compute(copy, {});
  expect(lines).toEqual(['typescript auto', 'typescript auto']);
  expect(warnings).toHaveLength(1);
  expect(warnings[0]).toMatch(
    /the native addon was found but does not load .*rebuild it: npm run build:native/,
  );
});

describeNative('an addon of which only a part is there', () => {
  test.each([30, 20_000, -1])('up to byte %i: is said once, and not loaded', (end) => {
    const whole = readFileSync(join(root, ADDON));
    const copy = packageWith(`truncated-${end}`, (target) => {
      writeFileSync(target, whole.subarray(0, end));
    });
    const { lines, warnings } = compute(copy, {});
    expect(lines).toEqual(['typescript auto', 'typescript auto']);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(/found but does not load .*truncated.*rebuild it/);
  });
});

describeNative('an addon of another ABI', () => {
  test('is said once, and is not called', () => {
    const copy = packageWith('stale', (target) => {
      cpSync(join(root, ADDON), target);
    });
    const file = join(copy, 'dist', 'backend', 'native', 'addon.js');
    const source = readFileSync(file, 'utf8');
    writeFileSync(file, source.replace(/exports\.ABI = \d+;/, 'exports.ABI = 9999;'));
    const { lines, warnings } = compute(copy, {});
    expect(lines).toEqual(['typescript auto', 'typescript auto']);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(/built from another version \(ABI \d+, expected 9999\); rebuild it/);
  });
});
