import { createSpec, type NetworkSpec } from '../../src/network/spec';
import { moments } from '../../src/theory/moments';
import { pairMoments } from '../../src/theory/off-diagonal';
import { accumulate, sampleKernels, samplePairs } from './direct-sampling';
import { atDepth } from '../support/depth';

// Direct sampling is independent of every formula here. Seeds are fixed, so that a run is the same every time; 4
// standard errors leave a chance of 6e-5 a comparison for a seed to be unlucky.
const AGREES = 4;

describe('exact moments agree with direct sampling of real nets', () => {
  const cases: { name: string; spec: NetworkSpec; inputNorm2: number }[] = [
    {
      name: 'K = 3, standard, no bias',
      spec: createSpec({ inputDim: 5, hiddenWidths: [14, 16, 12], outputDim: 3 }),
      inputNorm2: 1.3,
    },
    {
      name: 'K = 3, standard, biases',
      spec: createSpec({
        inputDim: 5,
        hiddenWidths: [14, 12, 16],
        outputDim: 3,
        weightVariance: 1.5,
        biasVariance: 0.4,
      }),
      inputNorm2: 1.3,
    },
    {
      name: 'K = 3, NTK parametrization, biases',
      spec: createSpec({
        inputDim: 5,
        hiddenWidths: [14, 12, 16],
        outputDim: 3,
        weightVariance: 2.2,
        biasVariance: 0.3,
        parametrization: 'ntk',
      }),
      inputNorm2: 1.3,
    },
    {
      name: 'K = 1, standard, biases that are not trained',
      spec: createSpec({
        inputDim: 6,
        hiddenWidths: [12, 20, 14],
        weightVariance: 1.2,
        biasVariance: 0.3,
        biasGradients: false,
      }),
      inputNorm2: 0.7,
    },
    {
      name: 'K = 1, NTK parametrization, no bias, chaotic',
      spec: createSpec({
        inputDim: 6,
        hiddenWidths: [16, 12, 18],
        weightVariance: 2.6,
        parametrization: 'ntk',
      }),
      inputNorm2: 1,
    },
  ];

  it.each(cases)('$name', ({ spec, inputNorm2 }) => {
    const exact = moments(spec, { inputNorm2 });
    const names = ['mean', 'entry', 'second', 'entrySecond', 'ww', 'wb', 'bb', 'across'] as const;
    const seen = Object.fromEntries(names.map((name) => [name, accumulate()]));
    const K = spec.outputDim;
    sampleKernels(spec, { inputNorm2, replicas: atDepth(60_000), seed: 20 }, ({ weights, biases }) => {
      let [w, b] = [0, 0];
      for (let k = 0; k < K; k++) {
        w += weights[k * (K + 1)]!;
        b += biases[k * (K + 1)]!;
      }
      const entry = weights[0]! + biases[0]!;
      seen['mean']!.add(w + b);
      seen['entry']!.add(entry);
      seen['second']!.add((w + b) ** 2);
      seen['entrySecond']!.add(entry * entry);
      seen['ww']!.add(w * w);
      seen['wb']!.add(w * b);
      seen['bb']!.add(b * b);
      if (K > 1) seen['across']!.add((weights[1]! + biases[1]!) ** 2);
    });
    const zScores: Record<string, number> = {
      mean: seen['mean']!.zScore(exact.mean),
      entry: seen['entry']!.zScore(exact.entry.mean),
      second: seen['second']!.zScore(exact.secondMoment),
      entrySecond: seen['entrySecond']!.zScore(exact.entry.secondMoment),
      ww: seen['ww']!.zScore(exact.secondMomentParts.weights),
    };
    if (spec.biasGradients && (spec.biasVariance > 0 || spec.parametrization === 'standard')) {
      zScores['wb'] = seen['wb']!.zScore(exact.secondMomentParts.cross);
      zScores['bb'] = seen['bb']!.zScore(exact.secondMomentParts.biases);
    } else {
      expect([exact.biases, exact.secondMomentParts.cross, exact.secondMomentParts.biases]).toEqual([
        0, 0, 0,
      ]);
    }
    if (K > 1) zScores['across'] = seen['across']!.zScore(exact.offDiagonalSecondMoment!);
    expect(Object.entries(zScores).filter(([, z]) => !(Math.abs(z) < AGREES))).toEqual([]);
  });
});

describe('moments of two inputs, where they close, agree with direct sampling', () => {
  const x = Float64Array.of(1, 0.5, -0.2, 0);
  it.each([
    [
      'one hidden layer, biases',
      createSpec({ inputDim: 4, hiddenWidths: [12], biasVariance: 0.3 }),
      [0.3, -0.8, 0.5, 1],
    ],
    [
      'one hidden layer, three outputs, NTK parametrization',
      createSpec({ inputDim: 4, hiddenWidths: [9], outputDim: 3, biasVariance: 0.2, parametrization: 'ntk' }),
      [-1, 0.5, 0.5, 0.4],
    ],
    [
      'one hidden layer, nearly antiparallel',
      createSpec({ inputDim: 4, hiddenWidths: [10] }),
      [-2, -1, 0, 0.3],
    ],
    [
      'parallel, deep',
      createSpec({ inputDim: 4, hiddenWidths: [12, 15, 12], weightVariance: 1.4 }),
      [2, 1, -0.4, 0],
    ],
  ] as const)('%s', (_, spec, entries) => {
    const y = Float64Array.from(entries);
    const [norm2, otherNorm2, product] = [
      [x, x],
      [y, y],
      [x, y],
    ].map(([a, b]) => a!.reduce((sum, value, i) => sum + value * b![i]!, 0)) as [number, number, number];
    const cosine = Math.max(-1, Math.min(1, product / Math.sqrt(norm2 * otherNorm2)));
    const exact = pairMoments(spec, {
      inputNorm2: norm2,
      otherNorm2,
      cosine: Math.abs(cosine) > 1 - 1e-12 ? Math.sign(cosine) : cosine,
    });
    const [first, second] = [accumulate(), accumulate()];
    samplePairs(spec, [x, y], { replicas: atDepth(100_000), seed: 11 }, (kernel) => {
      first.add(kernel);
      second.add(kernel * kernel);
    });
    expect(Math.abs(first.zScore(exact.mean))).toBeLessThan(AGREES);
    expect(Math.abs(second.zScore(exact.secondMoment))).toBeLessThan(AGREES);
  });
});
