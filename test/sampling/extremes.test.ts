/** Samplers at the edges of what doubles hold: right, or an error that says why. */
import { createSpec, estimateDispersion, moments, type Sampler } from '../../src/index';
import { testedBackends } from '../support/backends';

describe.each(testedBackends())('%s backend', (backend) => {
  const cases = (['chain', 'tilted'] as const).flatMap((sampler) =>
    [0, 0.1].flatMap((biasVariance) =>
      [
        [1e6, 1e150],
        [1e-6, 1e-150],
        [2, 1e-300],
      ].map(([weightVariance, inputNorm2]): [Sampler, number, number, number] => [
        sampler,
        weightVariance!,
        biasVariance,
        inputNorm2!,
      ]),
    ),
  );
  test.each(cases)(
    '%s sampler, sigma_w^2 = %d, sigma_b^2 = %d, |x|^2 = %d: near the exact moments',
    async (sampler, weightVariance, biasVariance, inputNorm2) => {
      const spec = createSpec({ inputDim: 5, depth: 3, width: 30, weightVariance, biasVariance });
      const exact = moments(spec, { inputNorm2 });
      const estimate = await estimateDispersion(spec, {
        replicas: 3000,
        seed: 1,
        inputNorm2,
        sampler,
        backend,
      });
      // 1e-9 where nothing is random to rounding.
      expect(Math.abs(estimate.dispersion - exact.dispersion)).toBeLessThan(
        5 * estimate.standardError + 1e-9,
      );
      expect(Math.abs(estimate.logMean - exact.logMean)).toBeLessThan(0.05);
    },
  );

  test('an input whose norm leaves no room is refused, not answered with NaN', async () => {
    const spec = createSpec({ inputDim: 5, depth: 3, width: 30, weightVariance: 1e6 });
    await expect(
      estimateDispersion(spec, { replicas: 100, seed: 1, inputNorm2: 1e300, sampler: 'chain', backend }),
    ).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
  });
});
