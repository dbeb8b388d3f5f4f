import { resolveBackend } from '../../src/backend/choose';
import type { KernelReplicas, KernelSampler } from '../../src/backend/seam';
import { createSpec, inputsAtCosines } from '../../src/index';
import { termsOf } from '../../src/sampling/matrix/kernel-source';
import { testedBackends } from '../support/backends';
import { kernelSampleTask } from './kernel-tasks';

const SAMPLERS: readonly KernelSampler[] = ['direct', 'conditional'];

describe.each(testedBackends())('kernels sampled on the %s backend', (backend) => {
  const sample = (task: ReturnType<typeof kernelSampleTask>, threads = 2): Promise<KernelReplicas> =>
    resolveBackend(backend).sampleKernels(task, { threads });

  test.each(SAMPLERS)(
    '%s: 10,000 layers in any phase are in range, and weights scale exactly',
    async (sampler) => {
      const X = inputsAtCosines([1, 0.5], 12);
      for (const [weightVariance, power] of [
        [1, -1],
        [4, 1],
      ] as const) {
        const spec = createSpec({ inputDim: 12, depth: 10_000, width: 24, biasGradients: false });
        const task = kernelSampleTask(spec, X, {
          sampler,
          count: 1,
          terms: [termsOf(spec), termsOf(spec, weightVariance)],
        });
        const { kernels, exponents } = await sample(task);
        // The exponent is that of the largest of 10,001 terms.
        expect(kernels.every((value) => value > 0 && value < 40_000)).toBe(true);
        expect(kernels.subarray(4)).toEqual(kernels.subarray(0, 4));
        // (sigma_w^2 / 2)^L
        expect(exponents[1]! - exponents[0]!).toBe(10_000 * power);
        // A net drawn at that variance: the same gates, the same kernel.
        const other = createSpec({
          inputDim: 12,
          depth: 10_000,
          width: 24,
          biasGradients: false,
          weightVariance,
        });
        const drawn = await sample(kernelSampleTask(other, X, { sampler, count: 1 }));
        const ratio = (drawn.kernels[0]! / kernels[4]!) * 2 ** (drawn.exponents[0]! - exponents[1]!);
        expect(ratio).toBeCloseTo(1, 6); // a rounding a layer
      }
    },
  );
});
