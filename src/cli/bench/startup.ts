import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { type BenchCase, type Suite, variantsHere } from './suite';

const DIST = join(__dirname, '..', '..');

/** What a program of its own waits for, from the start of node to its end. */
export const startupSuite: Suite = {
  name: 'startup',
  cases: () => [
    startCase('node alone', ['-e', 'console.log(1)'], 'no backend'),
    startCase(
      "require('deepntk')",
      ['-e', `console.log(Object.keys(require(${JSON.stringify(DIST)})).length)`],
      'no backend',
    ),
    startCase('deepntk phase', [join(DIST, 'cli', 'main.js'), 'phase', '--sw2', '2'], 'no backend'),
    startCase('its first kernel, 2 inputs, L=2 M=8', ['-e', FIRST_KERNEL, DIST], 'every backend'),
  ],
};

const FIRST_KERNEL = `
  const { createSpec, Mlp } = require(process.argv[1]);
  const net = Mlp.random(createSpec({ inputDim: 2, depth: 2, width: 8 }), { seed: 1 });
  net.ntk({ data: Float64Array.of(1, 2, 3, 4), shape: [2, 2] }, null, { threads: 1 }).then(({ data }) => console.log(data[0]));`;

function startCase(
  title: string,
  args: readonly string[],
  backends: 'no backend' | 'every backend',
): BenchCase {
  const variants = variantsHere().filter(({ threads }) => threads === 1);
  return {
    title,
    unit: 'start',
    unitsPerRun: 1,
    flops: null,
    ...(backends === 'every backend' ? { variants } : { variants: variants.slice(0, 1), usesBackend: false }),
    compute: async ({ backend }, signal) => {
      const env = { ...process.env, DEEPNTK_BACKEND: backend };
      const { stdout } = await promisify(execFile)(process.execPath, args, {
        env,
        ...(signal && { signal }),
      });
      return [Number(/-?\d[\d.]*(?:e[-+]?\d+)?/.exec(stdout)?.[0])];
    },
    tolerance: { float64: 1e-10, mixed: 1e-4 },
  };
}
