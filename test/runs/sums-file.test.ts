import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { createSpec, inputsAtCosines, sampleNtk } from '../../src/index';

let mockLongestText = Infinity;
jest.mock('node:buffer', () => ({
  ...jest.requireActual<object>('node:buffer'),
  constants: {
    get MAX_STRING_LENGTH() {
      return mockLongestText;
    },
  },
}));

test('a state that no text holds is not written: one clear error, and the older file stays and is gone on from', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'deepntk-run-file-'));
  try {
    // Kernels of orders of magnitude: exact sums grow with the replicas.
    const spec = createSpec({ inputDim: 8, depth: 100, width: 8 });
    const X = inputsAtCosines([1, 0.5], 8);
    const checkpoint = join(folder, 'run.json');
    const options = { seed: 1, sampler: 'conditional' } as const;
    mockLongestText = 1e6;
    await sampleNtk(spec, X, { ...options, replicas: 5, checkpoint });
    const before = readFileSync(checkpoint, 'utf8');
    mockLongestText = before.length;
    const run = sampleNtk(spec, X, { ...options, replicas: 1000, checkpoint });
    await expect(run).rejects.toMatchObject({
      code: 'ERR_INVALID_FILE',
      message: `${checkpoint}: expected at most ${before.length} bytes of state, a text, got more`,
    });
    expect(readFileSync(checkpoint, 'utf8')).toBe(before);
    expect(readdirSync(folder)).toEqual(['run.json']);
    mockLongestText = 1e6;
    const { mean } = await sampleNtk(spec, X, { ...options, replicas: 1000, checkpoint });
    expect(mean).toEqual((await sampleNtk(spec, X, { ...options, replicas: 1000 })).mean);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
