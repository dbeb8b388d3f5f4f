/** Kernels in a file, over processes: a writer that is killed, a reader in another language. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { createSpec, Mlp, readNpy } from '../../src/index';
import { normalInputs } from '../support/arbitrary';
import { testedBackends } from '../support/backends';
import { kernelProgram } from './own-process';

let folder: string;
let out: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'deepntk-large-'));
  out = join(folder, 'K.npy');
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const hasNumpy = spawnSync('python3', ['-c', 'import numpy']).status === 0;
if (!hasNumpy) process.stderr.write('SKIPPED: numpy reads the file: python3 with numpy is not installed\n');
(hasNumpy ? test : test.skip)('numpy reads the file', async () => {
  const net = Mlp.random(createSpec({ inputDim: 12, hiddenWidths: [20, 15], outputDim: 2 }), { seed: 1 });
  await net.ntk(normalInputs(700, 12, 1, 1), null, { out, dtype: 'float32' });
  const script =
    'import numpy, sys; k = numpy.load(sys.argv[1]); print(k.dtype, k.shape, bool((k == k.T).all()), repr(float(k[3, 699])))';
  const said = execFileSync('python3', ['-c', script, out], { encoding: 'utf8' }).trim();
  const entry = (await readNpy(out)).data[3 * 700 + 699]!;
  expect(said).toBe(`float32 (700, 700) True ${String(entry)}`);
});

const onLinux = process.platform === 'linux' ? describe : describe.skip;
onLinux.each(testedBackends())('%s backend, in a process of its own', (backend) => {
  test('goes on after kill -9, to the same bytes', async () => {
    const n = backend === 'native' ? 4000 : 1500;
    const options = { backend, out, dtype: 'float64', threads: 2 };
    const run = () =>
      execFileSync(process.execPath, ['-e', kernelProgram(options, n, 126)], { encoding: 'utf8' });
    run();
    const reference = readFileSync(out);
    rmSync(out);
    const child = spawn(process.execPath, ['-e', kernelProgram(options, n, 126)], { stdio: 'ignore' });
    const recorded = () =>
      existsSync(`${out}.meta.jsonl`) ? readFileSync(`${out}.meta.jsonl`, 'utf8').split('\n').length - 2 : 0;
    await new Promise<void>((resolve) => {
      const timer = setInterval(() => {
        if (recorded() >= 2 || existsSync(out)) child.kill('SIGKILL');
      }, 5);
      child.on('close', () => {
        clearInterval(timer);
        resolve();
      });
    });
    expect(existsSync(out)).toBe(false);
    const { tiles } = JSON.parse(run()) as { tiles: { computed: number; reused: number } };
    expect(tiles.reused).toBeGreaterThanOrEqual(2);
    expect(tiles.computed).toBeGreaterThan(0);
    expect(readFileSync(out).equals(reference)).toBe(true);
  });
});
