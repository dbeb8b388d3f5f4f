import { createSpec } from '../../src/network/spec';
import { orderedDispersionLimit } from '../../src/theory/dispersion-limit';
import {
  depthForDispersion,
  weightVarianceForDispersion,
  widthForDispersion,
} from '../../src/theory/inverse';
import { moments } from '../../src/theory/moments';

describe('widthForDispersion', () => {
  it.each([
    [{ inputDim: 784, depth: 20, relativeStandardDeviation: 0.1 }],
    [
      {
        inputDim: 30,
        depth: 5,
        outputDim: 10,
        weightVariance: 1.4,
        biasVariance: 0.1,
        relativeStandardDeviation: 0.3,
      },
    ],
    [
      {
        inputDim: 30,
        depth: 50,
        weightVariance: 3,
        parametrization: 'ntk' as const,
        relativeStandardDeviation: 1,
      },
    ],
  ])('%j: the width found keeps the bound, and one less breaks it', (question) => {
    const { relativeStandardDeviation: bound, ...shape } = question;
    const { width, relativeStandardDeviation } = widthForDispersion(question);
    const at = (w: number): number => moments(createSpec({ ...shape, width: w })).relativeStandardDeviation;
    expect(relativeStandardDeviation).toBe(at(width!));
    expect(at(width!)).toBeLessThanOrEqual(bound);
    expect(at(width! - 1)).toBeGreaterThan(bound);
  });

  it('agrees with trying every width, also where the deviation is not monotone', () => {
    const shape = { inputDim: 3, depth: 6, outputDim: 18, weightVariance: 0.746 };
    const at = (width: number): number => moments(createSpec({ ...shape, width })).relativeStandardDeviation;
    const tried = Array.from({ length: 2000 }, (_, i) => at(i + 1));
    expect(tried.some((value, i) => i > 0 && value > tried[i - 1]!)).toBe(true);
    for (const bound of [0.3, 0.1, 0.06, 0.0505, 0.049]) {
      const first = tried.findIndex((value) => value <= bound);
      const { width } = widthForDispersion({ ...shape, relativeStandardDeviation: bound });
      if (first >= 0) expect(width).toBe(first + 1);
      else expect(width === null || width > 2000).toBe(true);
    }
  });

  it('a bound that no width keeps is answered by null', () => {
    const question = { inputDim: 10, depth: 5, relativeStandardDeviation: 1e-9 };
    expect(widthForDispersion(question)).toEqual({
      width: null,
      relativeStandardDeviation: null,
      ranges: [],
    });
  });
});

describe('depthForDispersion', () => {
  it.each([
    [{ inputDim: 784, width: 300, relativeStandardDeviation: 0.5 }],
    [
      {
        inputDim: 10,
        width: 50,
        outputDim: 4,
        weightVariance: 3,
        biasVariance: 0.1,
        relativeStandardDeviation: 0.9,
      },
    ],
    [{ inputDim: 10, width: 50, weightVariance: 1, biasGradients: false, relativeStandardDeviation: 2 }],
  ])('%j: the depth found keeps the bound, and one more breaks it', (question) => {
    const { relativeStandardDeviation: bound, width, ...shape } = question;
    const { depth, relativeStandardDeviation } = depthForDispersion(question);
    const at = (d: number): number =>
      moments(createSpec({ ...shape, depth: d, width })).relativeStandardDeviation;
    expect(relativeStandardDeviation).toBeCloseTo(at(depth), 13);
    expect(at(depth)).toBeLessThanOrEqual(bound);
    expect(at(depth + 1)).toBeGreaterThan(bound);
  });

  it('is Infinity in the ordered phase where the deviation settles below the bound', () => {
    const answer = depthForDispersion({
      inputDim: 100,
      width: 100,
      weightVariance: 1,
      relativeStandardDeviation: 0.2,
    });
    expect(answer.depth).toBe(Infinity);
    const { relativeStandardDeviation } = orderedDispersionLimit({ weightVariance: 1, width: 100 });
    expect(answer.relativeStandardDeviation).toBeCloseTo(relativeStandardDeviation, 12);
  });

  it('searches a million depths of a very wide net, and says that it ended there', () => {
    const shape = { inputDim: 10, width: 1e9, outputDim: 3, biasVariance: 0.1 };
    const answer = depthForDispersion({ ...shape, relativeStandardDeviation: 0.5 });
    expect(answer).toMatchObject({ depth: 1_000_000, searchEnded: true });
    const exact = moments(createSpec({ ...shape, depth: 1_000_000, width: 1e9 })).relativeStandardDeviation;
    // Sums of a million positive terms: a relative error of about 1e6 * 2^-52.
    expect(Math.abs(answer.relativeStandardDeviation / exact - 1)).toBeLessThan(1e-9);
  });

  it('throws where a variance takes the deviation beyond the range of doubles', () => {
    const question = { inputDim: 3, width: 4, weightVariance: 1e308, relativeStandardDeviation: 1 };
    expect(() => depthForDispersion(question)).toThrow(/relativeStandardDeviation is NaN/);
  });

  it('is 0 where one hidden layer breaks the bound', () => {
    expect(depthForDispersion({ inputDim: 10, width: 10, relativeStandardDeviation: 0.01 }).depth).toBe(0);
  });
});

describe('weightVarianceForDispersion', () => {
  const shape = { inputDim: 784, depth: 20, width: 300 };

  it('finds where the deviation crosses the bound', () => {
    const { weightVariance } = weightVarianceForDispersion({ ...shape, relativeStandardDeviation: 0.3 });
    const at = (sw2: number): number =>
      moments(createSpec({ ...shape, weightVariance: sw2 })).relativeStandardDeviation;
    expect(at(weightVariance!)).toBeLessThanOrEqual(0.3);
    expect(at(weightVariance! * (1 + 1e-11))).toBeGreaterThan(0.3);
  });

  it('is Infinity where every variance keeps the bound, null where none does', () => {
    expect(weightVarianceForDispersion({ ...shape, relativeStandardDeviation: 10 }).weightVariance).toBe(
      Infinity,
    );
    // Weights alone: the deviation does not depend on sigma_w^2 at all.
    const alone = { ...shape, biasGradients: false };
    const deviation = moments(createSpec({ ...alone, weightVariance: 1 })).relativeStandardDeviation;
    expect(
      weightVarianceForDispersion({ ...alone, relativeStandardDeviation: 0.9 * deviation }).weightVariance,
    ).toBeNull();
    expect(
      weightVarianceForDispersion({ ...alone, relativeStandardDeviation: 1.1 * deviation }).weightVariance,
    ).toBe(Infinity);
  });
});

it.each([
  [
    'a bound of 0',
    { inputDim: 3, depth: 2, relativeStandardDeviation: 0 },
    'relativeStandardDeviation: expected a finite number > 0, got 0',
  ],
  [
    'a negative variance',
    { inputDim: 3, depth: 2, weightVariance: -1, relativeStandardDeviation: 1 },
    'weightVariance: expected',
  ],
  [
    'a width beside the depth',
    { inputDim: 3, depth: 2, width: 2, relativeStandardDeviation: 1 },
    'unknown option "width"',
  ],
  [
    'a fractional depth',
    { inputDim: 3, depth: 1.5, relativeStandardDeviation: 1 },
    'depth: expected an integer >= 0',
  ],
])('refuses %s', (_, question, message) => {
  expect(() => widthForDispersion(question)).toThrow(message);
});
