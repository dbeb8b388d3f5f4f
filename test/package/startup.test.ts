/** How long a program waits for deepntk before it can begin: nothing large is loaded before it is needed. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { makeFolder, removeFolder, root } from './stranger';

/** Packages of one or two files, a few milliseconds each. */
const SMALL = ['node-gyp-build', 'ml-matrix', 'csv-parse', 'yauzl', 'pend'];

const REPORT = `
  process.on('exit', () => {
    const { user, system } = process.cpuUsage();
    console.error(JSON.stringify({ loaded: Object.keys(require.cache), cpu: (user + system) / 1000 }));
  });`;

let folder: string;

beforeAll(() => {
  folder = makeFolder();
  writeFileSync(join(folder, 'report.cjs'), REPORT);
});

afterAll(() => {
  removeFolder(folder);
});

/** Runs node with these arguments; gives the files that it loaded, and the CPU time of all of it in ms. */
function load(args: readonly string[]): { loaded: string[]; cpu: number } {
  const report = join(folder, 'report.cjs');
  const { stderr, status } = spawnSync(process.execPath, ['--require', report, ...args], {
    encoding: 'utf8',
  });
  expect(status).toBe(0);
  const { loaded, cpu } = JSON.parse(stderr) as { loaded: string[]; cpu: number };
  return { loaded: loaded.filter((file) => file !== report), cpu };
}
const REQUIRE = ['-e', `require(${JSON.stringify(root)})`];
const PHASE = [join(root, 'dist', 'cli', 'main.js'), 'phase', '--sw2', '2', '--json'];

function packagesOf(files: readonly string[]): string[] {
  const names = files.flatMap((file) => /node_modules[\\/]((?:@[^\\/]+[\\/])?[^\\/]+)/.exec(file)?.[1] ?? []);
  return [...new Set(names)];
}

test('require loads the face alone, and an export its own files and small packages, neither the addon nor anything heavy', () => {
  expect(load(REQUIRE).loaded).toEqual([join(root, 'dist', 'index.js')]);
  const { loaded } = load(['-e', `Object.values(require(${JSON.stringify(root)}))`]);
  expect(SMALL).toEqual(expect.arrayContaining(packagesOf(loaded)));
  expect(loaded.some((file) => file.endsWith('.node'))).toBe(false);
});

test('a command loads its own files: neither other commands, nor backends, nor anything heavy', () => {
  const { loaded } = load(PHASE);
  expect(packagesOf(loaded)).toEqual(['commander']);
  expect(loaded.filter((file) => /[\\/](kernel|native|typescript)[\\/]|doctor/.test(file))).toEqual([]);
});
