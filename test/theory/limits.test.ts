import { createSpec } from '../../src/network/spec';
import { dispersionLimit, orderedDispersionLimit } from '../../src/theory/dispersion-limit';
import { firstStepChange, firstStepLimit } from '../../src/theory/first-step';
import { moments } from '../../src/theory/moments';

describe('limits at L / M = lambda', () => {
  it.each([
    [0.1, 1.458273, 1.18977, 1.268667, 1.449227],
    [0.25, 2.659135, 1.587639, 1.904452, 2.568051],
    [0.5, 7.760316, 2.778398, 4.252806, 6.915608],
    [1, 76.968597, 11.393053, 30.505833, 55.99472],
    [2, 9585.592849, 440.309316, 3008.121364, 4818.520301],
  ])('golden values at lambda = %d', (lambda, F, B, edge, independent) => {
    const limit = (
      weightVariance: number,
      kappa: number,
      assumption: 'exact' | 'gradient-independence' = 'exact',
    ) => dispersionLimit({ lambda, weightVariance, kappa, assumption }).dispersion;
    expect(limit(3, 1)).toBeCloseTo(F, 6);
    expect(limit(2, 1e12)).toBeCloseTo(F, 5);
    expect(limit(2, 1e-12)).toBeCloseTo(B, 5);
    expect(limit(2, 1)).toBeCloseTo(edge, 6);
    expect(limit(3, 1, 'gradient-independence')).toBeCloseTo(independent, 6);
    expect(limit(1, 1)).toBe(1);
  });

  it.each([
    ['edge of chaos', 2, true, 2],
    ['edge of chaos, kappa large in the input', 2, true, 20],
    ['weights alone', 1.2, false, 1],
    ['chaotic', 3, true, 1],
  ])('is approached by finite nets like 1 / M: %s', (_, weightVariance, biasGradients, kappa) => {
    for (const assumption of ['exact', 'gradient-independence'] as const) {
      const lambda = 0.5;
      const limit = dispersionLimit({ lambda, weightVariance, kappa, biasGradients, assumption }).dispersion;
      const gap = (M: number): number => {
        const spec = createSpec({
          inputDim: M / kappa,
          depth: lambda * M,
          width: M,
          weightVariance,
          biasGradients,
        });
        return moments(spec, { assumption }).dispersion - limit;
      };
      // Ten times wider, ten times closer, up to the next order.
      expect(gap(400) / gap(4000)).toBeGreaterThan(9);
      expect(gap(400) / gap(4000)).toBeLessThan(11);
    }
  });

  it('the ordered phase tends to 1 at lambda, and to its own limit at fixed width', () => {
    const at = (width: number, depth: number): number =>
      moments(createSpec({ inputDim: 100, depth, width, weightVariance: 1 })).dispersion;
    expect(orderedDispersionLimit({ weightVariance: 1, width: 100 }).dispersion).toBeCloseTo(1.016949, 6);
    expect(at(100, 500)).toBeCloseTo(
      orderedDispersionLimit({ weightVariance: 1, width: 100 }).dispersion,
      12,
    );
    expect(at(10_000, 5000) - 1).toBeLessThan(2e-4);
    expect(orderedDispersionLimit({ weightVariance: 1.99, width: 100 }).dispersion).toBe(Infinity);
  });

  it('is continuous at small lambda, and finite in logarithm at large', () => {
    // Weights alone: e^{5 lambda} (1/3 + 4/3 (1/2 - lambda + ...)), so R - 1 = (5 - 4/3) lambda + O(lambda^2).
    const { dispersion } = dispersionLimit({ lambda: 1e-6, biasGradients: false });
    expect((dispersion - 1) / ((11 / 3) * 1e-6)).toBeCloseTo(1, 5);
    const { dispersion: large, logDispersion } = dispersionLimit({ lambda: 1e4, biasGradients: false });
    expect(large).toBe(Infinity);
    expect(logDispersion).toBeCloseTo(5e4 - Math.log(3), 3);
  });

  it.each([
    ['lambda = 0', { lambda: 0 }, 'lambda: expected a finite number > 0, got 0'],
    ['negative lambda', { lambda: -1 }, 'lambda: expected a finite number > 0, got -1'],
    ['NaN', { lambda: NaN }, 'lambda: expected a finite number > 0, got NaN'],
    [
      'negative variance',
      { lambda: 1, weightVariance: -2 },
      'weightVariance: expected a finite number > 0, got -2',
    ],
    [
      'the null variance of a net of unknown law',
      { lambda: 1, weightVariance: null as never },
      'dispersionLimit: weightVariance: expected a finite number > 0, got null: the file of this net does not state',
    ],
    ['kappa = 0', { lambda: 1, kappa: 0 }, 'kappa: expected a finite number > 0, got 0'],
    [
      'unknown assumption',
      { lambda: 1, assumption: 'none' as 'exact' },
      'assumption: expected one of "exact"',
    ],
  ])('refuses %s', (_, options, message) => {
    expect(() => dispersionLimit(options)).toThrow(message);
  });

  it('the fixed-width limit refuses other phases and a zero width', () => {
    expect(() => orderedDispersionLimit({ weightVariance: 2, width: 10 })).toThrow('the ordered phase');
    expect(() => orderedDispersionLimit({ weightVariance: 1, width: 0 })).toThrow(
      'width: expected a positive integer',
    );
  });
});

describe('the first step', () => {
  it.each([
    [30, 10, 30, 2.0, 1, 283.3579834],
    [100, 25, 100, 1.6, 1, 0.04736304622],
    [100, 49, 784, 2.2, 3, 34939795.49],
    [300, 20, 784, 2.2, 1, 978.7025584],
    [32, 4, 32, 2, 1, 13.003],
  ])('golden value of width %d, depth %d', (width, depth, inputDim, weightVariance, inputNorm2, drift) => {
    const { frozenGateDrift } = firstStepChange(createSpec({ inputDim, depth, width, weightVariance }), {
      inputNorm2,
    });
    expect(Number(frozenGateDrift.toPrecision(drift === 13.003 ? 5 : 10))).toBe(drift);
  });

  it('agrees with the double sum over layers', () => {
    const widths = [7, 13, 40, 9, 21];
    const [a, depth, beta] = [0.8, 4, 1];
    const product = (from: number, to: number, f: (n: number) => number): number =>
      widths.slice(from, to + 1).reduce((result, n) => result * f(n), 1);
    const p = (n: number): number => 1 + 5 / n;
    let sum = 0;
    for (let l = 2; l <= depth + 1; l++) {
      for (let k = 1; k < l; k++) {
        const X = (a ** (k - 1) * widths[k - 1]!) / widths[0]!;
        const X2 = X * X * product(1, k - 1, p);
        const H = (product(k, l - 1, p) - product(k, l - 1, (n) => 1 - 1 / n)) / 3;
        const D2 = a ** (2 * (depth + 1 - l)) * product(l, depth, p);
        sum += 4 * a ** (2 * (l - k)) * (widths[l - 1]! / widths[k - 1]!) * H * D2 * (X2 + beta * X);
      }
    }
    const spec = createSpec({ inputDim: 7, hiddenWidths: widths.slice(1), weightVariance: 2 * a });
    expect(firstStepChange(spec).frozenGateDrift / sum).toBeCloseTo(1, 13);
  });

  it.each([
    ['ordered', 1, true],
    ['edge of chaos', 2, true],
    ['chaotic', 3, true],
    ['weights alone', 1.5, false],
  ])('limits are approached like 1 / M: %s', (_, weightVariance, biasGradients) => {
    const gap = (M: number): number => {
      const depth = M / 4;
      const spec = createSpec({ inputDim: M / 2, depth, width: M, weightVariance, biasGradients });
      const limit = firstStepLimit({ lambda: 0.25, depth, weightVariance, kappa: 2, biasGradients });
      return (
        Math.exp(
          firstStepChange(spec).logFrozenGateDrift -
            Math.log(firstStepChange(spec).mean) -
            limit.logRelativeDrift,
        ) - 1
      );
    };
    expect(Math.abs(gap(2000))).toBeLessThan(0.02);
    const ratio = gap(400) / gap(2000);
    // Five times wider, five times closer, up to the next order.
    expect(ratio).toBeGreaterThan(4);
    expect(ratio).toBeLessThan(6.5);
  });

  it('at the learning rate 1 / E Theta the kernel changes by a constant share but in the ordered phase', () => {
    const share = (weightVariance: number, M: number): number =>
      firstStepChange(createSpec({ inputDim: M, depth: M / 4, width: M, weightVariance })).driftAtKernelRate;
    expect(share(2, 1000) / share(2, 4000)).toBeCloseTo(1, 1);
    expect(share(2.2, 1000) / share(2.2, 4000)).toBeCloseTo(1, 1);
    expect(share(1, 1000)).toBeLessThan(1e-70);
  });

  it('refuses the null variance of a net of unknown law', () => {
    expect(() => firstStepLimit({ lambda: 1, depth: 3, weightVariance: null as never })).toThrow(
      'firstStepLimit: weightVariance: expected a finite number > 0, got null: the file of this net does not state',
    );
  });

  it('refuses lambda <= 0', () => {
    expect(() => firstStepLimit({ lambda: 0, depth: 3 })).toThrow(
      'lambda: expected a finite number > 0, got 0',
    );
  });
});
