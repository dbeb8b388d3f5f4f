import { createSpec, inputsAtCosines, sampleNtk } from '../../src/index';
import { testedBackends } from '../support/backends';
const X = inputsAtCosines([1, 0.9, 0.3], 8);

describe.each(testedBackends())('sampleNtk on the %s backend', (backend) => {
  test.each([1, 2, 4])(
    '10,000 layers at sigma_w^2 = %d neither overflow nor underflow',
    async (weightVariance) => {
      const deep = createSpec({ inputDim: 8, depth: 10_000, width: 30, weightVariance });
      for (const sampler of ['direct', 'conditional'] as const) {
        const options = { replicas: 2, seed: 3, backend, sampler };
        const { exponent, mean, ratio, deadReplicas } = await sampleNtk(deep, X, options);
        expect(deadReplicas).toBe(0);
        // Typical kernels go with (sigma_w^2 / 2)^depth beyond the edge, less the fluctuations; before it the last biases stay.
        if (weightVariance < 2) expect(exponent).toBe(0);
        if (weightVariance > 2) expect(exponent).toBeGreaterThan(8000);
        expect([...mean.data].every((value) => value > 0 && value < 1e300)).toBe(true);
        expect([...ratio.mean.data].every(Number.isFinite)).toBe(true);
      }
    },
  );
});
