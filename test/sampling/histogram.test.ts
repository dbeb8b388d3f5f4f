import { createSpec, estimateHistogram, type HistogramEstimate, streamHistogram } from '../../src/index';
import { testedBackends } from '../support/backends';

const SPEC = createSpec({ inputDim: 20, depth: 10, width: 20 }); // lambda = 1/2, R = 4.7

const sum = (numbers: Iterable<number>): number => [...numbers].reduce((total, x) => total + x, 0);

/** The middle of each bin, as Theta. */
function middles({ histogram: { logEdges } }: HistogramEstimate): number[] {
  return Array.from(logEdges.subarray(1), (edge, i) => Math.exp((edge + logEdges[i]!) / 2));
}

describe.each(testedBackends())('histogram of the kernel on the %s backend', (backend) => {
  test('its shares are shares, and fine bins have the mean and the second moment in them', async () => {
    const result = await estimateHistogram(SPEC, { replicas: 5000, seed: 1, bins: 2000, backend });
    const { probability, meanShare, secondMomentShare, below, above } = result.histogram;
    expect(sum(probability) + below + above).toBeCloseTo(1, 1);
    expect(sum(meanShare)).toBeGreaterThan(0.999);
    expect(sum(secondMomentShare)).toBeGreaterThan(0.99);
    // Bins are .004 wide in ln Theta: a middle stands for its bin to .2 %. Estimates are post-stratified, sums are not.
    const centres = middles(result);
    const mean = sum(centres.map((theta, i) => theta * probability[i]!));
    expect(Math.abs(mean / result.exactMoments.mean - 1)).toBeLessThan(0.05);
    centres.forEach((theta, i) => {
      expect(meanShare[i]!).toBeCloseTo((theta * probability[i]!) / mean, 3);
    });
  });

  test('plain and tilted sampler draw from one law, bin by bin', async () => {
    const common = { seed: 2, bins: 12, logRange: [0, 8], backend } as const;
    const plain = await estimateHistogram(SPEC, { ...common, replicas: 40_000, sampler: 'chain' });
    const tilted = await estimateHistogram(SPEC, { ...common, replicas: 40_000, sampler: 'tilted' });
    expect(plain.histogram.logEdges).toEqual(tilted.histogram.logEdges);
    expect(sum(plain.histogram.probability) + plain.histogram.below + plain.histogram.above).toBeCloseTo(
      1,
      12,
    );
    let compared = 0;
    plain.histogram.probability.forEach((probability, i) => {
      if (probability < 1e-3) return; // too few to have a normal error
      const error = Math.hypot(plain.histogram.standardError[i]!, tilted.histogram.standardError[i]!);
      expect(Math.abs(probability - tilted.histogram.probability[i]!)).toBeLessThan(4.5 * error);
      compared++;
    });
    expect(compared).toBeGreaterThanOrEqual(6);
  });

  test('the default range covers what matters at every dispersion', async () => {
    for (const [depth, weightVariance, biasGradients, width = 20] of [
      [1, 0.5, true],
      [20, 1, true],
      [5, 2, true],
      [60, 2, false],
      [100, 3, true],
      [300, 3, true, 16], // few units a layer: logarithms far from normal
    ] as const) {
      const spec = createSpec({ inputDim: 20, depth, width, weightVariance, biasGradients });
      const { histogram } = await estimateHistogram(spec, { replicas: 4000, seed: 1, backend });
      expect(histogram.below + histogram.above).toBeLessThan(0.02);
      expect(sum(histogram.secondMomentShare)).toBeGreaterThan(0.97);
      // The middle half of the nets lies in more than two bins: there is a shape to see.
      expect(Math.max(...histogram.probability)).toBeLessThan(0.25);
    }
  });

  test('the running histogram ends with the result, whatever the chunks', async () => {
    const options = { replicas: 3000, seed: 4, backend };
    const all: HistogramEstimate[] = [];
    for await (const estimate of streamHistogram(SPEC, options)) all.push(estimate);
    expect(all.length).toBeGreaterThan(1);
    expect(all.at(-1)!.histogram).toEqual(
      (await estimateHistogram(SPEC, { ...options, threads: 1 })).histogram,
    );
  });

  test('a net that is not random has all its mass in the middle', async () => {
    const spec = createSpec({ inputDim: 3, depth: 0 });
    const { histogram } = await estimateHistogram(spec, {
      replicas: 10,
      seed: 1,
      bins: 3,
      sampler: 'chain',
      backend,
    });
    expect([...histogram.probability]).toEqual([0, 1, 0]);
  });
});

test('wrong options are refused', async () => {
  await expect(estimateHistogram(SPEC, { replicas: 10, seed: 1, bins: 0 })).rejects.toThrow('bins: expected');
  for (const logRange of [[1, 1], [2, 1], [0, Infinity], [0], 'all']) {
    await expect(
      estimateHistogram(SPEC, { replicas: 10, seed: 1, logRange: logRange as [number, number] }),
    ).rejects.toThrow('logRange: expected two finite numbers');
  }
  await expect(
    estimateHistogram(SPEC, { replicas: 10, seed: 1, checkpoint: 'file' } as never),
  ).rejects.toThrow('unknown option "checkpoint"');
});
