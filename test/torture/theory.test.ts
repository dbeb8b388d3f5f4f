/** Closed forms at the edges of what doubles hold: right, or an error that says why. */
import {
  createSpec,
  firstStepChange,
  infiniteWidthKernels,
  infiniteWidthRatio,
  moments,
  momentsByDepth,
  pairMoments,
  type SpecOptions,
  widthForDispersion,
} from '../../src/index';

function specOf(options: Partial<SpecOptions> = {}) {
  return createSpec({ inputDim: 3, depth: 3, width: 20, biasGradients: false, ...options });
}

const rows = (scale: number) => ({
  data: Float64Array.from([1, 2, 2, 2, -1, 0.5], (x) => x * scale),
  shape: [2, 3],
});

describe('infinite width', () => {
  test.each([-530, -300, 300, 500])('inputs times 2^%d: kernels scale, angles stay', (power) => {
    for (const depth of [1, 10, 1000]) {
      const spec = specOf({ depth, width: 20 });
      const [plain, scaled] = [rows(1), rows(2 ** power)].map((x) => infiniteWidthKernels(spec, x));
      for (const name of ['nngp', 'ntk'] as const) {
        scaled![name].data.forEach((value, i) => {
          const expected = plain![name].data[i]! * 2 ** power * 2 ** power;
          // Denormal numbers have fewer digits.
          expect(Math.abs(value - expected)).toBeLessThanOrEqual(1e-12 * Math.abs(expected) + 1e-318);
        });
      }
      scaled!.angle.data.forEach((value, i) => {
        expect(value).toBeCloseTo(plain!.angle.data[i]!, 13);
      });
    }
  });

  test('angles stay where the kernels are beyond doubles, on either side', () => {
    const plain = infiniteWidthKernels(specOf(), rows(1)).angle.data;
    for (const scale of [1e-300, 1e-200, 1e200, 1e300]) {
      const { angle, ntk } = infiniteWidthKernels(specOf(), rows(scale));
      angle.data.forEach((value, i) => {
        expect(value).toBeCloseTo(plain[i]!, 13);
      });
      expect(ntk.data).toEqual(new Float64Array(4).fill(scale < 1 ? 0 : Infinity));
    }
  });

  test('tiny inputs with bias gradients: gates of the angle between them', () => {
    const spec = specOf({ biasGradients: true });
    // Theta = sum over layers of the probability that both gates above are open, times 2.
    const [near, far] = [rows(1e-150), rows(1e-250)].map((x) => infiniteWidthKernels(spec, x).ntk.data);
    const weights = infiniteWidthKernels(specOf(), rows(1)).ntk.data;
    const both = infiniteWidthKernels(spec, rows(1)).ntk.data;
    both.forEach((value, i) => {
      expect(near![i]).toBeCloseTo(value - weights[i]!, 11);
      expect(far![i]).toBeCloseTo(value - weights[i]!, 11);
    });
  });

  test('the ratio does not depend on the norm', () => {
    const expected = infiniteWidthRatio(specOf(), { cosine: 0.3 });
    for (const inputNorm2 of [1e-307, 1e-300, 1e300])
      expect(infiniteWidthRatio(specOf(), { cosine: 0.3, inputNorm2 })).toBeCloseTo(expected, 12);
  });
});

describe('finite width', () => {
  test.each([1e-6, 1, 2, 1e6])('sigma_w^2 = %d, 10,000 layers: logarithms scale as they must', (w) => {
    const logOf = (weightVariance: number, inputNorm2: number) =>
      moments(specOf({ depth: 10_000, width: 20, weightVariance }), { inputNorm2 });
    // Without biases Theta is a^L |x|^2 times what it is at sigma_w^2 = 2.
    const at2 = logOf(2, 1);
    for (const norm2 of [1e-300, 1, 1e300]) {
      const found = logOf(w, norm2);
      const expected = at2.logMean + 10_000 * Math.log(w / 2) + Math.log(norm2);
      expect(Math.abs(found.logMean - expected)).toBeLessThan(1e-8);
      expect(Math.abs(found.logDispersion / at2.logDispersion - 1)).toBeLessThan(1e-9);
    }
  });

  test('momentsByDepth ends where moments does; width 1 and 100,000', () => {
    for (const width of [1, 100_000]) {
      const spec = specOf({ depth: 10_000, width, weightVariance: 1e6 });
      const [last] = momentsByDepth(spec, { depths: [10_000] });
      expect(last).toEqual(moments(spec));
    }
  });

  test('firstStepChange scales with |x|^4, beyond doubles by its logarithm', () => {
    const at1 = firstStepChange(specOf());
    for (const inputNorm2 of [1e-300, 1e-100, 1e100, 1e300]) {
      const { logFrozenGateDrift } = firstStepChange(specOf(), { inputNorm2 });
      const expected = at1.logFrozenGateDrift + 2 * Math.log(inputNorm2);
      expect(Math.abs(logFrozenGateDrift - expected)).toBeLessThan(1e-10);
    }
  });

  test('the width for a dispersion does not depend on the norm where nothing has biases', () => {
    const width = (inputNorm2: number) =>
      widthForDispersion({
        inputDim: 10,
        depth: 20,
        relativeStandardDeviation: 0.3,
        biasGradients: false,
        inputNorm2,
      }).width;
    expect(width(1e300)).toBe(width(1));
    expect(width(1e-300)).toBe(width(1));
  });

  test.each([1e-300, 1e-140, 1e140])('pairMoments at |x|^2 = %d: the ones at 1, scaled', (inputNorm2) => {
    const spec = createSpec({ inputDim: 3, depth: 1, width: 20 });
    const gradientsOff = specOf({ depth: 1, width: 20 });
    const plain = pairMoments(gradientsOff, { cosine: 0.5 });
    if (inputNorm2 > 1e-150) {
      const { mean, dispersion } = pairMoments(gradientsOff, { cosine: 0.5, inputNorm2 });
      expect(mean / inputNorm2 / plain.mean).toBeCloseTo(1, 12);
      expect(dispersion).toBeCloseTo(plain.dispersion, 12);
    } else {
      // The second moment is 1e-600: refused. With bias gradients, 1 + 2 / 3, both gates open at 60 degrees.
      expect(() => pairMoments(gradientsOff, { cosine: 0.5, inputNorm2 })).toThrow(/range of doubles/);
      expect(pairMoments(spec, { cosine: 0.5, inputNorm2 }).mean).toBeCloseTo(5 / 3, 12);
    }
  });

  test('what leaves the range within one layer is an error', () => {
    const spec = specOf({ depth: 10, width: 20, weightVariance: 1e300 });
    const refused = expect.objectContaining({ code: 'ERR_COMPUTATION' }) as Error;
    expect(() => moments(spec)).toThrow(refused);
    expect(() => firstStepChange(spec)).toThrow(refused);
    expect(() => pairMoments(specOf({ depth: 1, width: 20 }), { cosine: 1, inputNorm2: 1e300 })).toThrow(
      refused,
    );
  });
});
