/** `deepntk diagnose` in processes of its own, and on more digits. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { writeNpy } from '../../src/index';
import { smallData } from '../diagnosis/subjects';
import { testedBackends } from '../support/backends';
import { expectFailure, MAIN, runJsonInProcess } from './run';

let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'deepntk-diagnose-'));
  await writeNpy(join(folder, 'X.npy'), smallData().x);
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const SMALL = ['--depth', '2', '--width', '30', '--seed', '1', '--quick'];

test.each(testedBackends())(
  'MNIST: three nets have three different verdicts on the %s backend',
  async (backend) => {
    const answerOf = async (depth: string, width: string, sw2: string) => {
      const net = ['--depth', depth, '--width', width, '--sw2', sw2, '--seed', '1'];
      const report = await runJsonInProcess([
        'diagnose',
        '--mnist',
        '20',
        '--quick',
        '--backend',
        backend,
        ...net,
      ]);
      expect(report).toMatchObject({
        net: { inputDim: 784, outputDim: 10 },
        data: { inputs: 20, classes: 10 },
      });
      return [(report['phase'] as { phase: string }).phase, (report['verdict'] as { answer: string }).answer];
    };
    expect(await answerOf('1', '600', '2')).toEqual(['edge-of-chaos', 'describes']);
    expect(await answerOf('10', '200', '1')).toEqual(['ordered', 'initialization-only']);
    expect(await answerOf('10', '100', '2.5')).toEqual(['chaotic', 'does-not']);
  },
);

test('without vega the page is refused at once, with what to install; the facts are there all the same', () => {
  const hook = join(folder, 'without-vega.cjs');
  writeFileSync(
    hook,
    `const Module = require('node:module');
     const resolve = Module._resolveFilename;
     Module._resolveFilename = function (name, ...rest) {
       if (name === 'vega') throw Object.assign(new Error("Cannot find module 'vega'"), { code: 'MODULE_NOT_FOUND' });
       return resolve.call(this, name, ...rest);
     };`,
  );
  const withoutVega = (args: readonly string[]) =>
    spawnSync(process.execPath, ['--require', hook, MAIN, 'diagnose', '--x', 'X.npy', ...SMALL, ...args], {
      cwd: folder,
      encoding: 'utf8',
    });
  expectFailure(
    withoutVega(['--out', 'never.html']),
    1,
    'pictures are drawn with the package vega, which is not installed; npm install vega adds it',
  );
  expect(existsSync(join(folder, 'never.html'))).toBe(false);
  const { status, stdout, stderr } = withoutVega(['--json']);
  expect([status, stderr]).toEqual([0, '']);
  expect(JSON.parse(stdout)).toHaveProperty('verdict.answer');
});

test('without --out nothing that draws is loaded', () => {
  const hook = join(folder, 'loaded.cjs');
  writeFileSync(
    hook,
    "process.on('exit', () => { require('node:fs').writeFileSync('loaded.json', JSON.stringify(Object.keys(require.cache))); });",
  );
  const args = ['--require', hook, MAIN, 'diagnose', '--x', 'X.npy', ...SMALL];
  expect(spawnSync(process.execPath, args, { cwd: folder }).status).toBe(0);
  const loaded = JSON.parse(readFileSync(join(folder, 'loaded.json'), 'utf8')) as string[];
  expect(loaded.length).toBeGreaterThan(10);
  expect(loaded.filter((file) => /node_modules.(vega|pngjs|@resvg)/.test(file))).toEqual([]);
});
