/** The samplers of kernels at the edges (test/sampling/extremes.test.ts has the chain's): right, or an error that says why. */
import { createSpec, estimateDispersion, Mlp, moments, sampleNtk, train } from '../../src/index';
import { testedBackends } from '../support/backends';

describe.each(testedBackends())('%s backend', (backend) => {
  const cases = (['direct', 'conditional'] as const).flatMap((sampler) =>
    (
      [
        [1e6, 0, 1e300, 3],
        [1e6, 0.1, 1e300, 3],
        [1e-6, 0.1, 1e-300, 3],
        [1e-6, 0, 1e-300, 3],
        [2, 0, 5e-324, 3],
        [2, 0, 1e308, 3],
        [2, 0.1, 0, 3],
        [1e-6, 0.1, 1e300, 300],
      ] as const
    ).map((numbers) => [sampler, ...numbers] as const),
  );
  test.each(cases)(
    '%s, sigma_w^2 = %d, sigma_b^2 = %d, |x|^2 = %d, %d layers: near the exact moments',
    async (sampler, weightVariance, biasVariance, inputNorm2, depth) => {
      const spec = createSpec({ inputDim: 5, depth, width: 30, weightVariance, biasVariance });
      const exact = moments(spec, { inputNorm2 });
      const found = await estimateDispersion(spec, { replicas: 300, seed: 1, inputNorm2, sampler, backend });
      const errors = found.relativeErrors;
      expect(Math.abs(found.logMean - exact.logMean)).toBeLessThan(5 * errors.mean + 1e-7);
      expect(Math.abs(found.logDispersion - exact.logDispersion)).toBeLessThan(5 * errors.dispersion + 1e-7);
    },
  );

  test('100,000 units: the conditional sampler, near the exact mean', async () => {
    const spec = createSpec({ inputDim: 5, depth: 1, width: 100_000 });
    const exact = moments(spec);
    const found = await estimateDispersion(spec, { replicas: 50, seed: 1, sampler: 'conditional', backend });
    expect(Math.abs(found.logMean - exact.logMean)).toBeLessThan(5 * found.relativeErrors.mean);
  });

  test.each(['direct', 'conditional', 'chain'] as const)(
    '%s: 3000 layers of one unit, all dead: an error, not a dispersion of 0',
    async (sampler) => {
      const spec = createSpec({ inputDim: 5, depth: 3000, width: 1 });
      const run = estimateDispersion(spec, { replicas: 300, seed: 1, sampler, backend });
      await expect(run).rejects.toMatchObject({
        code: 'ERR_COMPUTATION',
        message: expect.stringMatching(/does not represent the law/) as string,
      });
    },
  );

  test.each(['direct', 'conditional'] as const)(
    'sampleNtk, %s: inputs times 2^600 scale every replica exactly, beyond the range of doubles',
    async (sampler) => {
      const spec = createSpec({ inputDim: 3, depth: 4, width: 20, biasGradients: false });
      const sample = (scale: number) =>
        sampleNtk(
          spec,
          { data: Float64Array.from([1, 2, 2, 2, -1, 0.5], (x) => x * scale), shape: [2, 3] },
          { replicas: 20, seed: 3, sampler, keepReplicas: true, backend },
        );
      const [plain, scaled] = [await sample(1), await sample(2 ** 600)];
      const shift = scaled.exponent - plain.exponent - 1200;
      expect(scaled.replicaKernels!.data.map((value) => value * 2 ** shift)).toEqual(
        plain.replicaKernels!.data,
      );
    },
  );

  test('training on inputs of norm 1e150 ends with an error that says the loss left the range', async () => {
    const net = Mlp.random(createSpec({ inputDim: 2, depth: 2, width: 8 }), { seed: 1 });
    const data = {
      x: { data: Float64Array.of(1e150, 1e150), shape: [1, 2] },
      y: { data: Float64Array.of(1), shape: [1, 1] },
    };
    await expect(train(net, data, { steps: 5, learningRate: 1, backend })).rejects.toMatchObject({
      code: 'ERR_DIVERGED',
    });
  });
});
