/** cmake-js and node-gyp build the same addon from two descriptions of it: it has the same face and the same numbers. */
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeNative } from '../native/support';

const root = join(__dirname, '..', '..');

/** What the package in a folder computes: names, a net and its kernel, on OpenBLAS of one thread. */
const PROGRAM = `
  const { createSpec, Mlp, setBackend } = require(process.cwd());
  setBackend('native');
  const net = Mlp.random(createSpec({ inputDim: 12, depth: 9, width: 40, outputDim: 3, biasVariance: 0.1 }), { seed: 5 });
  const X = { data: Float64Array.from({ length: 240 }, (_, i) => Math.sin(i * i)), shape: [20, 12] };
  const hex = (array) => Buffer.from(array.buffer, array.byteOffset, array.byteLength).toString('hex');
  (async () => {
    const full = await net.ntk(X, null, { outputs: 'full', threads: 1 });
    const mixed = await net.ntk(X, null, { precision: 'mixed', threads: 1 });
    const jacobian = await net.jacobian(X, { threads: 1 });
    console.log([net.parameters, full.data, mixed.data, jacobian.data].map(hex).join(' '));
  })();`;

describeNative('the addon that cmake-js builds', () => {
  let folder: string;
  beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'deepntk-cmake-'))));
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  test('computes, to the last bit, what the one of node-gyp does', () => {
    const build = spawnSync('npm', ['run', '--silent', 'build:cmake'], { cwd: root, encoding: 'utf8' });
    expect({ status: build.status, stderr: build.status === 0 ? '' : build.stderr }).toEqual({
      status: 0,
      stderr: '',
    });
    mkdirSync(join(folder, 'build', 'Release'), { recursive: true });
    for (const part of ['dist', 'package.json'])
      cpSync(join(root, part), join(folder, part), { recursive: true });
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
    const built = join(root, 'build-cmake', 'Release', 'deepntk.node');
    cpSync(built, join(folder, 'build', 'Release', 'deepntk.node'));
    const compute = (cwd: string): string =>
      execFileSync(process.execPath, ['-e', PROGRAM], { cwd, encoding: 'utf8', maxBuffer: 2 ** 28 });
    const expected = compute(root);
    expect(expected.length).toBeGreaterThan(10_000);
    expect(compute(folder) === expected).toBe(true); // not toBe(expected): it has megabytes
  });
});
