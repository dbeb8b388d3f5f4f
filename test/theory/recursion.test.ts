import fc from 'fast-check';

import { createSpec, type NetworkSpec } from '../../src/network/spec';
import { firstStepChange } from '../../src/theory/first-step';
import { moments } from '../../src/theory/moments';
import { atDepth } from '../support/depth';

/** Any small net: both parametrizations, uneven widths, several outputs, no hidden layer. */
const anySpec = fc
  .record({
    inputDim: fc.integer({ min: 1, max: 30 }),
    hiddenWidths: fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 8 }),
    outputDim: fc.integer({ min: 1, max: 5 }),
    weightVariance: fc.double({ min: 0.01, max: 10, noNaN: true }),
    biasVariance: fc.oneof(fc.constant(0), fc.double({ min: 0.001, max: 5, noNaN: true })),
    parametrization: fc.constantFrom('standard' as const, 'ntk' as const),
    biasGradients: fc.boolean(),
  })
  .map((options) => createSpec(options));

const anyNorm2 = fc.double({ min: 0.01, max: 100, noNaN: true });

// A few hundred positive terms on either side: 1e-12 leaves room for the largest of 200 runs.
const close = (got: number, expected: number): boolean =>
  Math.abs(got - expected) <= 1e-12 * Math.abs(expected);

it('the recursion in excesses agrees with the one in P, R, Q that docs/theory.md derives, for any net', () => {
  fc.assert(
    fc.property(anySpec, anyNorm2, (spec, inputNorm2) => {
      const literal = literalMoments(spec, inputNorm2);
      const result = moments(spec, { inputNorm2 });
      expect(close(result.mean, spec.outputDim * literal.mean)).toBe(true);
      expect(close(result.secondMoment, literal.trace)).toBe(true);
      expect(close(result.entry.secondMoment, literal.entry)).toBe(true);
      if (spec.outputDim > 1) expect(close(result.offDiagonalSecondMoment!, literal.across)).toBe(true);
      expect(close(firstStepChange(spec, { inputNorm2 }).frozenGateDrift, literal.drift)).toBe(true);
    }),
    { numRuns: atDepth(200), seed: 3 },
  );
});

it('the parts add up, and so do mean, variance and second moment', () => {
  fc.assert(
    fc.property(anySpec, anyNorm2, (spec, inputNorm2) => {
      const {
        mean,
        weights,
        biases,
        secondMoment,
        variance,
        secondMomentParts: parts,
        ...rest
      } = moments(spec, {
        inputNorm2,
      });
      expect(close(weights + biases, mean)).toBe(true);
      expect(close(parts.weights + 2 * parts.cross + parts.biases, secondMoment)).toBe(true);
      expect(close(mean * mean + variance, secondMoment)).toBe(true);
      expect(close(1 + rest.relativeVariance, rest.dispersion)).toBe(true);
      expect(close(rest.relativeStandardDeviation ** 2, rest.relativeVariance)).toBe(true);
      expect(rest.logSecondMoment).toBeCloseTo(Math.log(secondMoment), 11);
    }),
    { numRuns: atDepth(200), seed: 4 },
  );
});

/** E Theta and second moments as the pair sums of docs/theory.md, O(L^2), term by term and unscaled. */
function literalMoments(spec: NetworkSpec, inputNorm2: number) {
  const { widths, depth, weightVariance, biasVariance, outputDim: K } = spec;
  const a = weightVariance / 2;
  const s = (l: number): number => weightVariance / widths[l - 1]!;
  const standard = spec.parametrization === 'standard';
  const alpha = (l: number): number => (standard ? 1 : s(l));
  const beta = spec.biasGradients ? (standard ? 1 : biasVariance) : 0;

  // X[l], X2[l]: moments of |x^l|^2. D[l], D2[l], p[l], r[l]: those of deltas, l = 1 .. L+1.
  const [X, X2] = [[inputNorm2], [inputNorm2 ** 2]];
  for (let l = 1; l <= depth; l++) {
    const n = widths[l]!;
    X.push((n / 2) * (s(l) * X[l - 1]! + biasVariance));
    X2.push(
      ((n * (n + 5)) / 4) *
        (s(l) ** 2 * X2[l - 1]! + 2 * s(l) * biasVariance * X[l - 1]! + biasVariance ** 2),
    );
  }
  const ones = (): number[] => new Array<number>(depth + 2).fill(1);
  const [D, D2, p, r] = [ones(), ones(), ones(), ones()];
  r[depth + 1] = 0;
  for (let l = depth; l >= 1; l--) {
    const n = widths[l]!;
    D[l] = a * D[l + 1]!;
    D2[l] = a * a * (1 + 5 / n) * D2[l + 1]!;
    p[l] = s(l + 1) ** 2 * (((n * (n + 1)) / 4) * p[l + 1]! + n * r[l + 1]!);
    r[l] = s(l + 1) ** 2 * ((n / 2) * p[l + 1]! + ((n * (n + 3)) / 4) * r[l + 1]!);
  }

  let mean = 0;
  let drift = 0;
  const sums = { D2: 0, p: 0, r: 0 };
  for (let l = 1; l <= depth + 1; l++) {
    mean += (alpha(l) * X[l - 1]! + beta) * D[l]!;
    const y2 = alpha(l) ** 2 * X2[l - 1]! + 2 * alpha(l) * beta * X[l - 1]! + beta ** 2;
    collect(l, y2);
    if (l > depth) break;
    // E[y w] and E[y], with y = alpha X + beta and w = s X + sigma_b^2 of layer l.
    const n = widths[l]!;
    const yw =
      alpha(l) * s(l) * X2[l - 1]! +
      (alpha(l) * biasVariance + beta * s(l)) * X[l - 1]! +
      beta * biasVariance;
    let [P, R, Q] = [(yw * n * (n + 1)) / 4, (yw * n) / 2, ((alpha(l) * X[l - 1]! + beta) * n) / 2];
    for (let k = l + 1; k <= depth + 1; k++) {
      collect(k, 2 * s(k) * (alpha(k) * P + beta * Q));
      drift += alpha(k) * s(k) * R * (4 * K * D2[k]! + 2 * K * (K - 1) * (p[k]! + r[k]!));
      const m = widths[k]!;
      const common = s(k) ** 2 * P + biasVariance * s(k) * Q;
      [P, R, Q] = [
        ((m * (m + 1)) / 4) * common + m * s(k) ** 2 * R,
        (m / 2) * common + ((m * (m + 3)) / 4) * s(k) ** 2 * R,
        (m / 2) * s(k) * Q,
      ];
    }
  }
  return { mean, entry: sums.D2, trace: K * sums.D2 + K * (K - 1) * sums.p, across: sums.r, drift };

  function collect(k: number, value: number): void {
    sums.D2 += D2[k]! * value;
    sums.p += p[k]! * value;
    sums.r += r[k]! * value;
  }
}
