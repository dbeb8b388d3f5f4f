/** The memory of a kernel computation is what its plan says, measured in a process of its own. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { createSpec, Mlp } from '../../src/index';
import { testedBackends } from '../support/backends';

const root = join(__dirname, '..', '..');
const MIB = 2 ** 20;

// Besides its arrays a computation takes packing buffers of OpenBLAS or heaps of worker threads, and what the garbage
// collector has not yet taken back: 20 MiB on two threads.
const OVERHEAD = 40 * MIB;

const SIZE = {
  native: { n: 900, depth: 40, width: 400 },
  typescript: { n: 500, depth: 20, width: 250 },
} as const;

/** Peak resident memory of `net.ntk` over what the process held before, and the plan's bound; in bytes. */
function measure(backend: keyof typeof SIZE, options: object): { peak: number; planned: number } {
  const { n, depth, width } = SIZE[backend];
  const script = `
    const { readFileSync, writeFileSync } = require('node:fs');
    const { createSpec, Mlp } = require(${JSON.stringify(join(root, 'dist'))});
    const status = (field) => 1024 * Number(new RegExp(field + ':\\\\s+(\\\\d+)').exec(readFileSync('/proc/self/status', 'utf8'))[1]);
    const net = Mlp.random(createSpec({ inputDim: 200, depth: ${depth}, width: ${width}, outputDim: 2 }), { seed: 1 });
    const inputs = (n) => ({ data: Float64Array.from({ length: n * 200 }, (_, i) => Math.sin(i * i)), shape: [n, 200] });
    const options = ${JSON.stringify({ backend, threads: 2, ...options })};
    (async () => {
      await net.ntk(inputs(4), null, options);
      const X = inputs(${n});
      const planned = net.explainNtk(X, null, options).bytes.total;
      gc();
      writeFileSync('/proc/self/clear_refs', '5'); // the peak starts anew
      const before = status('VmRSS');
      await net.ntk(X, null, options);
      console.log(JSON.stringify({ peak: status('VmHWM') - before, planned }));
    })();`;
  return JSON.parse(execFileSync(process.execPath, ['--expose-gc', '-e', script], { encoding: 'utf8' })) as {
    peak: number;
    planned: number;
  };
}

const onLinux = process.platform === 'linux' ? describe : describe.skip;
// On a GPU most of it is not the process's.
const onTheHost = testedBackends().filter((backend) => backend !== 'cuda');
onLinux.each(onTheHost)('%s backend', (backend) => {
  test.each([{ precision: 'float64' }, { precision: 'mixed' }, { outputs: 'full' }, { perLayer: true }])(
    'the peak of %j is bounded by the plan, and not by a plan far too large',
    (options) => {
      const { peak, planned } = measure(backend, options);
      expect(peak).toBeLessThan(planned + OVERHEAD);
      expect(peak).toBeGreaterThan(0.6 * planned);
    },
  );
});

describe('work that would not fit is refused before anything is allocated', () => {
  /** How much the resident memory grows; a call that allocated first would take gigabytes. */
  const growth = async (call: () => unknown): Promise<number> => {
    const before = process.memoryUsage.rss();
    await expect(
      new Promise((resolve) => {
        resolve(call());
      }),
    ).rejects.toMatchObject({ code: 'ERR_OUT_OF_MEMORY' });
    return process.memoryUsage.rss() - before;
  };

  test('a net', async () => {
    const huge = createSpec({ inputDim: 10, depth: 1000, width: 1_000_000 });
    expect(await growth(() => Mlp.random(huge, { seed: 1 }))).toBeLessThan(50e6);
  });

  test.each(onTheHost)('a kernel and a Jacobian on the %s backend', async (backend) => {
    const wide = Mlp.random(createSpec({ inputDim: 1, depth: 0, outputDim: 3000 }), { seed: 1 });
    const X = { data: new Float64Array(3000), shape: [3000, 1] };
    const many = { data: new Float64Array(9e5), shape: [9e5, 1] };
    expect(await growth(() => wide.ntk(X, null, { outputs: 'full', backend }))).toBeLessThan(100e6);
    expect(await growth(() => wide.jacobian(many, { backend }))).toBeLessThan(100e6);
  });
});
