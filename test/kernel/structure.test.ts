import fc from 'fast-check';
import { createSpec, kernelDrift, kernelSpectrum, kernelStructure, Mlp, type NdArray } from '../../src/index';
import { normalInputs } from '../support/arbitrary';
import { relativeError } from '../support/golden';
import { atDepth } from '../support/depth';

/** G G' of n x rank normals: positive semidefinite, of that rank. */
function randomKernel(n: number, rank: number, seed: number): NdArray<Float64Array> {
  const { data: g } = normalInputs(n, rank, seed);
  const data = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      for (let p = 0; p < rank; p++) data[i * n + j]! += g[i * rank + p]! * g[j * rank + p]!;
    }
  }
  return { data, shape: [n, n] };
}

const square = (data: number[]): NdArray<Float64Array> => {
  const n = Math.sqrt(data.length);
  return { data: Float64Array.from(data), shape: [n, n] };
};

const identity = (n: number): NdArray<Float64Array> =>
  square(Array.from({ length: n * n }, (_, at) => Number(at % (n + 1) === 0)));

describe('class blocks', () => {
  test('means and deviations of a kernel that can be done in the head', () => {
    // Classes {0, 1} and {2}; the mean of the diagonal is 4.
    const kernel = square([4, 2, 1, 2, 4, 3, 1, 3, 4]);
    const { diagonalMean, sameClass, otherClass } = kernelStructure(kernel, [0, 0, 1]);
    expect(diagonalMean).toBe(4);
    expect(sameClass).toEqual({
      mean: 0.8,
      standardDeviation: expect.closeTo(Math.sqrt(0.06), 14) as number,
      pairs: 5,
    });
    expect(otherClass).toEqual({ mean: 0.5, standardDeviation: 0.25, pairs: 4 });
    expect(kernelStructure(kernel, [0, 0, 1], { diagonal: false }).sameClass).toEqual({
      mean: 0.5,
      standardDeviation: 0,
      pairs: 2,
    });
  });

  test('they do not depend on the scale of the kernel or on the order of the inputs', () => {
    const kernel = randomKernel(6, 3, 1);
    const labels = [0, 1, 2, 0, 1, 2];
    const reversed = {
      ...kernel,
      data: Float64Array.from(kernel.data)
        .reverse()
        .map((entry) => 1e200 * entry),
    };
    const [a, b] = [kernelStructure(kernel, labels), kernelStructure(reversed, [...labels].reverse())];
    expect(b.sameClass!.mean).toBeCloseTo(a.sameClass!.mean, 12);
    expect(b.otherClass!.standardDeviation).toBeCloseTo(a.otherClass!.standardDeviation, 12);
  });

  test('a class that nobody else is in has no other pairs', () => {
    expect(kernelStructure(identity(3), [7, 7, 7]).otherClass).toBeNull();
    expect(kernelStructure(identity(2), [0, 1], { diagonal: false }).sameClass).toBeNull();
  });
});

test('without the spectrum, the class structure is the same', () => {
  const kernel = randomKernel(6, 3, 1);
  const { eigenvalues, effectiveRank, participationRatio, conditionNumber, ...classes } = kernelStructure(
    kernel,
    [0, 0, 1, 1, 2, 2],
  );
  expect([eigenvalues.length, effectiveRank, participationRatio, conditionNumber]).not.toContain(undefined);
  expect(kernelStructure(kernel, [0, 0, 1, 1, 2, 2], { spectrum: false })).toEqual(classes);
});

describe('alignment and spectrum', () => {
  test('the class kernel itself is aligned with its classes, its complement is not', () => {
    const blocks = square([1, 1, 0, 0, 1, 1, 0, 0, 0, 0, 1, 1, 0, 0, 1, 1]);
    const aligned = kernelStructure(blocks, [0, 0, 1, 1]);
    expect(aligned.targetAlignment).toBeCloseTo(1, 14);
    expect(aligned.centeredTargetAlignment).toBeCloseTo(1, 14);
    const crossed = kernelStructure(blocks, [0, 1, 0, 1]);
    expect(crossed.targetAlignment).toBeCloseTo(0.5, 14);
    expect(crossed.centeredTargetAlignment).toBeCloseTo(0, 14);
  });

  test('a constant kernel has rank one and no centered alignment', () => {
    const { eigenvalues, effectiveRank, participationRatio, conditionNumber, centeredTargetAlignment } =
      kernelStructure(square(new Array<number>(9).fill(2)), [0, 1, 1]);
    expect(eigenvalues[0]).toBeCloseTo(6, 12);
    expect(effectiveRank).toBeCloseTo(1, 10);
    expect(participationRatio).toBeCloseTo(1, 12);
    expect(conditionNumber).toBe(Infinity);
    expect(centeredTargetAlignment).toBeNull();
  });

  test('the identity has full rank and the condition number 1', () => {
    const spectrum = kernelSpectrum(identity(5));
    expect(spectrum.effectiveRank).toBeCloseTo(5, 12);
    expect(spectrum.participationRatio).toBeCloseTo(5, 12);
    expect(spectrum.conditionNumber).toBe(1);
  });

  test('eigenvalues sum to the trace, their squares to the squared norm, and are sorted', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 25 }), fc.integer({ min: 1, max: 30 }), (n, seed) => {
        const kernel = randomKernel(n, n, seed);
        const { eigenvalues } = kernelSpectrum(kernel);
        const trace = Array.from({ length: n }, (_, i) => kernel.data[i * n + i]!).reduce((a, b) => a + b);
        const norm = kernel.data.reduce((sum, entry) => sum + entry * entry, 0);
        expect(eigenvalues.reduce((a, b) => a + b) / trace).toBeCloseTo(1, 11);
        expect(eigenvalues.reduce((sum, value) => sum + value * value, 0) / norm).toBeCloseTo(1, 11);
        expect([...eigenvalues].sort((a, b) => b - a)).toEqual([...eigenvalues]);
      }),
      { numRuns: atDepth(30), seed: 1 },
    );
  });

  test('a kernel of rank r has r eigenvalues above rounding, and an effective rank of at most r', () => {
    const spectrum = kernelSpectrum(randomKernel(12, 4, 3));
    expect(spectrum.eigenvalues.filter((value) => value > 1e-10)).toHaveLength(4);
    expect(spectrum.effectiveRank).toBeLessThanOrEqual(4 + 1e-9);
    expect(spectrum.conditionNumber).toBe(Infinity);
  });

  test('a full kernel has N K eigenvalues, those of the Jacobian times its transpose', async () => {
    const net = Mlp.random(createSpec({ inputDim: 3, depth: 1, width: 6, outputDim: 2 }), { seed: 4 });
    const X = normalInputs(3, 3, 8);
    const { data: J, shape } = await net.jacobian(X);
    const columns = shape[2]!;
    const gram = new Float64Array(36);
    for (let a = 0; a < 6; a++) {
      for (let b = 0; b < 6; b++) {
        for (let p = 0; p < columns; p++) gram[a * 6 + b]! += J[a * columns + p]! * J[b * columns + p]!;
      }
    }
    const expected = kernelSpectrum({ data: gram, shape: [6, 6] }).eigenvalues;
    const { eigenvalues } = kernelSpectrum(await net.ntk(X, null, { outputs: 'full' }));
    expect(relativeError(eigenvalues, expected)).toBeLessThan(1e-12);
  });
});

describe('drift', () => {
  test('a kernel that grew by a tenth has moved by a tenth, in the same direction', () => {
    const kernel = randomKernel(5, 5, 2);
    const grown = { ...kernel, data: kernel.data.map((entry) => 1.1 * entry) };
    const drift = kernelDrift(kernel, grown, { eigenvalues: true });
    expect(drift.relativeChange).toBeCloseTo(0.1, 13);
    expect(drift.cosine).toBeCloseTo(1, 13);
    expect(drift.eigenvalues!.relativeChange).toBeCloseTo(0.1, 12);
    expect(drift.perLayer).toBeNull();
  });

  test('sorted eigenvalues move no further than the kernel (Hoffman and Wielandt)', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 12 }), fc.integer({ min: 1, max: 99 }), (n, seed) => {
        const drift = kernelDrift(randomKernel(n, n, seed), randomKernel(n, 2 * n, seed + 1), {
          eigenvalues: true,
        });
        expect(drift.eigenvalues!.relativeChange).toBeLessThanOrEqual(drift.relativeChange * (1 + 1e-12));
      }),
      { numRuns: atDepth(30), seed: 3 },
    );
  });

  test('parts of layers: the layer that moved is named, a frozen one has no relative change', async () => {
    const spec = createSpec({ inputDim: 3, depth: 2, width: 8 });
    const net = Mlp.random(spec, { seed: 2 });
    const moved = Mlp.fromLayers(spec, net.layers);
    moved.layers[2]!.weights.data.forEach((weight, i, all) => (all[i] = 2 * weight));
    const X = normalInputs(4, 3, 1);
    const options = { perLayer: true, layers: [2, 3] } as const;
    const [before, after] = await Promise.all([net.ntk(X, null, options), moved.ntk(X, null, options)]);
    const { perLayer, relativeChange } = kernelDrift(before, after);
    // Layer 3's part is made of activations below it, which did not move; layer 2's has the square of its weights.
    expect(perLayer!.layers[0]).toBeNull();
    expect(perLayer!.layers[1]).toBeCloseTo(3, 12);
    expect(perLayer!.layers[2]).toBeCloseTo(0, 12);
    expect(relativeChange).toBeGreaterThan(0);
  });

  test('it does not overflow where squares would', () => {
    const huge = square([1e300, 0, 0, 1e300]);
    expect(kernelDrift(huge, square([2e300, 0, 0, 2e300])).relativeChange).toBeCloseTo(1, 14);
  });
});

test.each<[name: string, action: () => unknown, message: string]>([
  [
    'a kernel that is not square',
    () => kernelSpectrum({ data: new Float64Array(6), shape: [2, 3] }),
    'shape [N, N]',
  ],
  ['one that is not symmetric', () => kernelSpectrum(square([1, 2, 3, 4])), 'a symmetric matrix'],
  ['one with NaN', () => kernelSpectrum(square([NaN])), 'entry 0: expected a finite number'],
  ['too few labels', () => kernelStructure(identity(3), [0, 1]), 'one label for each of the 3 inputs, got 2'],
  ['a label below 0', () => kernelStructure(identity(2), [0, -1]), 'labels[1]: expected an integer >= 0'],
  ['kernels of two shapes', () => kernelDrift(identity(2), identity(3)), 'expected kernels of one shape'],
  [
    'data that do not fill the shape',
    () => kernelStructure({ data: new Float64Array(3), shape: [2, 2] }, [0, 1]),
    'expected 4 entries',
  ],
])('%s: refused', (_, action, message) => {
  expect(action).toThrow(message);
});
