import { createSpec, moments, momentsByDepth, type SpecOptions } from '../../src/index';

describe('moments by depth', () => {
  test.each<[string, SpecOptions]>([
    ['uneven widths', { inputDim: 7, hiddenWidths: [20, 13, 31, 16] }],
    [
      'NTK parametrization',
      { inputDim: 7, hiddenWidths: [20, 13, 31], parametrization: 'ntk', biasVariance: 0.3 },
    ],
    ['three outputs, biases', { inputDim: 7, depth: 5, width: 20, outputDim: 3, biasVariance: 0.2 }],
    ['a linear net', { inputDim: 7, depth: 0 }],
  ])('are those of the nets that end there: %s', (_, options) => {
    const spec = createSpec({ ...options, weightVariance: 1.7 });
    const all = momentsByDepth(spec, { inputNorm2: 2 });
    expect(all).toHaveLength(spec.depth + 1);
    all.forEach((found, depth) => {
      const { inputDim, outputDim, parametrization, weightVariance, biasVariance } = spec;
      const hiddenWidths = spec.hiddenWidths.slice(0, depth);
      const shorter = createSpec({
        inputDim,
        outputDim,
        parametrization,
        weightVariance,
        biasVariance,
        hiddenWidths,
      });
      expect(found).toEqual(moments(shorter, { inputNorm2: 2 }));
    });
  });

  test('of chosen depths only, from one pass', () => {
    const spec = createSpec({ inputDim: 100, depth: 49, width: 100, weightVariance: 2.2 });
    const depths = [1, 5, 10, 25, 49];
    // Derived independently, checked against sampled nets.
    const expected = [1.018978, 1.126051, 1.307687, 2.268629, 6.294279];
    momentsByDepth(spec, { depths }).forEach(({ dispersion }, i) => {
      expect(dispersion).toBeCloseTo(expected[i]!, 6);
    });
    expect(momentsByDepth(spec, { depths: [] })).toEqual([]);
    const gia = momentsByDepth(spec, { depths: [49], assumption: 'gradient-independence' });
    expect(gia[0]).toEqual(moments(spec, { assumption: 'gradient-independence' }));
  });

  test.each([
    [[50], 'depths[0]: expected an integer >= 0 and <= 49, got 50'],
    [[3, 3], 'depths[1]: expected a number > 3, the one before it, got 3'],
    [[1.5], 'depths[0]: expected an integer'],
  ])('refuses the depths %j', (depths, message) => {
    expect(() => momentsByDepth(createSpec({ inputDim: 3, depth: 49, width: 20 }), { depths })).toThrow(
      message,
    );
  });
});
