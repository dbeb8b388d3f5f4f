/** The memory that writing a kernel to a file takes, measured in a process of its own. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

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

const onLinux = process.platform === 'linux' ? describe : describe.skip;
onLinux.each(testedBackends())('%s backend, in a process of its own', (backend) => {
  // What the CUDA runtime and cuBLAS take of the host's memory when they start is in no plan.
  const testOnHost = backend === 'cuda' ? test.skip : test;
  testOnHost.each(['recompute', 'spill'] as const)('keeps its memory limit (%s)', (features) => {
    const n = backend === 'native' ? 6000 : 2000;
    const options = { backend, out, features, dtype: 'float32', precision: 'mixed', threads: 2 };
    const above = backend === 'native' ? 92 : 126;
    const text = execFileSync(process.execPath, ['-e', kernelProgram(options, n, above)], {
      encoding: 'utf8',
    });
    const { peak, memoryLimit, plan } = JSON.parse(text) as {
      peak: number;
      memoryLimit: number;
      plan: { bytes: { file: number; total: number }; strategy: string };
    };
    expect(plan.strategy).toBe(features);
    expect(plan.bytes.total).toBeLessThanOrEqual(memoryLimit);
    expect(peak).toBeLessThanOrEqual(memoryLimit);
  });
});
