import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { availableBackends, readNpy } from '../../src/index';

const DEMO = join(__dirname, '..', '..', 'examples', 'mnist-kernels.js');

let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'deepntk-demo-'));
});
afterAll(() => {
  rmSync(root, { recursive: true, force: true });
});

test.each(availableBackends())(
  'the demo draws three kernels of 100 digits on the %s backend',
  async (backend) => {
    const folder = join(root, backend);
    const { status, stdout, stderr } = spawnSync(process.execPath, [DEMO, folder], {
      env: { ...process.env, DEEPNTK_BACKEND: backend },
      encoding: 'utf8',
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(readdirSync(folder).sort()).toEqual([
      'kernel-sw2-1.npy',
      'kernel-sw2-2.2.npy',
      'kernel-sw2-2.npy',
      'kernels.png',
      'kernels.svg',
    ]);

    const ratios = [...stdout.matchAll(/off-diagonal \/ diagonal (\d\.\d+)/g)].map(([, ratio]) =>
      Number(ratio),
    );
    expect(stdout).toContain(`backend ${backend}`);
    expect(ratios).toHaveLength(3);
    // The ordered net sees all digits nearly alike; the others tell them apart.
    expect(ratios[0]).toBeGreaterThan(0.8);
    expect(Math.max(ratios[1]!, ratios[2]!)).toBeLessThan(0.5);
    const svg = readFileSync(join(folder, 'kernels.svg'), 'utf8');
    for (const ratio of ratios) expect(svg).toContain(`= ${ratio.toFixed(3)}`);

    for (const sw2 of ['1', '2', '2.2']) {
      const { data, shape } = await readNpy(join(folder, `kernel-sw2-${sw2}.npy`));
      expect(shape).toEqual([100, 100]);
      for (let i = 0; i < 100; i++) {
        for (let j = 0; j < i; j++) {
          if (data[100 * i + j] !== data[100 * j + i]) throw new Error(`not symmetric at ${i}, ${j}`);
        }
      }
    }
  },
);

test('the backends agree on the kernels of the demo', async () => {
  const [first, ...others] = availableBackends();
  for (const sw2 of ['1', '2', '2.2']) {
    const read = async (backend: string) =>
      (await readNpy(join(root, backend, `kernel-sw2-${sw2}.npy`))).data;
    const expected = await read(first!);
    const largest = Math.max(...Array.from(expected, Math.abs));
    for (const other of others) {
      const data = await read(other);
      // 1e-12 of the largest entry, the package's promise for float64.
      expect(Math.max(...Array.from(data, (value, i) => Math.abs(value - expected[i]!)))).toBeLessThan(
        1e-12 * largest,
      );
    }
  }
});
