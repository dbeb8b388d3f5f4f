import { createSpec, unknownLawSpec } from '../../src/network/spec';
import { classifyNetwork } from '../../src/theory/classify-network';
import { classifyPhase } from '../../src/theory/classify-phase';
import type { GivenNetwork } from '../../src/theory/probe-network';
import { fillNormals } from '../../src/random/normal';
import { PURPOSE, streamOf } from '../../src/random/streams';

describe('classifyPhase', () => {
  it('the edge of chaos', () => {
    expect(classifyPhase({ weightVariance: 2 })).toMatchObject({
      phase: 'edge-of-chaos',
      slope: 1,
      critical: true,
      varianceMap: { fixedPoint: null, growth: 'constant', depthScale: Infinity },
      correlationMap: { fixedPoint: 1, slope: 1, approach: 'algebraic', depthScale: Infinity },
    });
    expect(classifyPhase({ weightVariance: Math.sqrt(2) ** 2 }).phase).toBe('edge-of-chaos');
  });

  it('a spec has the phase of its variances, and one of unknown law is refused', () => {
    const spec = createSpec({ inputDim: 3, depth: 2, width: 4, weightVariance: 1.4, biasVariance: 0.3 });
    const { phase, varianceMap } = classifyPhase({ weightVariance: 1.4, biasVariance: 0.3 });
    for (const same of [spec, JSON.parse(JSON.stringify(spec)) as typeof spec])
      expect(classifyPhase(same)).toMatchObject({ phase, varianceMap });
    const unknown = unknownLawSpec({ inputDim: 3, depth: 2, width: 4 }) as unknown as typeof spec;
    expect(() => classifyPhase(unknown)).toThrow(
      'classifyPhase: expected a spec with a weightVariance, got null',
    );
    expect(() => classifyPhase({ weightVariance: 1, depth: 2 })).toThrow('unknown option "depth"');
  });

  it('sigma_w^2 = 2 with biases is the edge by its slope, and not critical: the variance grows linearly', () => {
    const report = classifyPhase({ weightVariance: 2, biasVariance: 0.1 });
    expect(report).toMatchObject({ phase: 'edge-of-chaos', critical: false });
    expect(report.varianceMap).toMatchObject({ fixedPoint: Infinity, growth: 'linear' });
  });

  it('the chaotic phase', () => {
    const report = classifyPhase({ weightVariance: 3, biasVariance: 0.1 });
    expect(report).toMatchObject({ phase: 'chaotic', slope: 1.5 });
    expect(report.varianceMap).toMatchObject({ fixedPoint: Infinity, growth: 'exponential' });
    expect(report.gradientDepthScale).toBeCloseTo(1 / Math.log(1.5), 14);
  });

  it('iterating the maps leads to the stated fixed points at the stated rates', () => {
    const { slope, varianceMap, correlationMap } = classifyPhase({ weightVariance: 1.4, biasVariance: 0.3 });
    let q = 5;
    let c = -0.7;
    const distances: [number, number][] = [];
    for (let l = 0; l < 40; l++) {
      q = slope * q + 0.3;
      c = correlationMap.step(c);
      distances.push([Math.abs(q - varianceMap.fixedPoint!), 1 - c]);
    }
    expect(q).toBeCloseTo(1, 4);
    const [before, after] = [distances[29]!, distances[39]!];
    expect(Math.log(before[0] / after[0])).toBeCloseTo(10 / varianceMap.depthScale, 6);
    // The correlation's rate is reached up to the square root of its distance from 1.
    expect(Math.log(before[1] / after[1]) / (10 / correlationMap.depthScale)).toBeCloseTo(1, 2);
  });

  it('without biases 1 - c closes like 9 pi^2 / (2 l^2)', () => {
    const { correlationMap } = classifyPhase({ weightVariance: 1.4 });
    let c = 0;
    for (let l = 0; l < 10_000; l++) c = correlationMap.step(c);
    expect((1 - c) / ((9 * Math.PI ** 2) / 2 / 10_000 ** 2)).toBeCloseTo(1, 1);
  });

  it.each([
    ['zero weight variance', { weightVariance: 0 }, 'weightVariance: expected a finite number > 0, got 0'],
    [
      'negative bias variance',
      { weightVariance: 1, biasVariance: -1 },
      'biasVariance: expected a finite number >= 0',
    ],
    ['NaN', { weightVariance: NaN }, 'weightVariance: expected a finite number > 0, got NaN'],
    [
      'the null variance of a net of unknown law',
      { weightVariance: null as never },
      'classifyPhase: weightVariance: expected a finite number > 0, got null: the file of this net does not state',
    ],
    ['a misspelt option', { weightVariance: 1, sb2: 1 }, 'unknown option "sb2"'],
  ])('refuses %s', (_, options, message) => {
    expect(() => classifyPhase(options)).toThrow(message);
  });
});

describe('classifyNetwork', () => {
  const X = normals(24 * 10, 77);
  const inputs = { data: X, shape: [24, 10] };

  it.each([
    [1, 0, 'standard', 'ordered'],
    [2, 0, 'standard', 'edge-of-chaos'],
    [2.6, 0.2, 'standard', 'chaotic'],
    [1.3, 0.4, 'ntk', 'ordered'],
  ] as const)(
    'sigma_w^2 = %d, sigma_b^2 = %d, %s: a fresh net shows its law',
    (weightVariance, biasVariance, parametrization, phase) => {
      const net = randomNet({ weightVariance, biasVariance, parametrization }, 5);
      const report = classifyNetwork(net, inputs);
      expect(report).toMatchObject({ phase, basis: 'weights' });
      // 4 of the report's own standard errors: a test of the errors as well as of the values.
      const slope = weightVariance / 2;
      for (const evidence of [report.weights, report.gradients!]) {
        expect(Math.abs(evidence.logSlope - Math.log(slope))).toBeLessThan(4 * evidence.standardError);
      }
      for (const layer of report.layers) {
        expect(Math.abs(layer.weightVariance.value - weightVariance)).toBeLessThan(
          4 * layer.weightVariance.standardError,
        );
        expect(Math.abs(layer.biasVariance.value - biasVariance)).toBeLessThanOrEqual(
          layer.layer > 10 ? Infinity : 4 * layer.biasVariance.standardError,
        );
      }
      const angles = report.layers.slice(0, -1).map((layer) => layer.angle!.value);
      expect(angles.at(-1)!).toBeLessThan(0.5 * report.inputAngle!.value);
    },
  );

  it('standard errors are honest: z-scores of the slope over many nets have variance near 1', () => {
    const zScores = { weights: 0, gradients: 0 };
    const nets = 60;
    for (let seed = 0; seed < nets; seed++) {
      const { weights, gradients } = classifyNetwork(randomNet({ weightVariance: 2 }, 100 + seed), inputs);
      zScores.weights += weights.zScore ** 2 / nets;
      zScores.gradients += gradients!.zScore ** 2 / nets;
    }
    // Mean of 60 squares of near-normal z: 1 +- 0.18. Errors are the larger of two estimates, hence on the safe
    // side.
    for (const variance of Object.values(zScores)) {
      expect(variance).toBeGreaterThan(0.15);
      expect(variance).toBeLessThan(1.8);
    }
  });

  it('a net whose weights have structure is judged by its gradients', () => {
    // Identity layers: every unit passes on what it gets, so the slope is 1 where the weights’ variance says 1/2.
    const spec = createSpec({ inputDim: 10, depth: 10, width: 40 });
    const identity = Float64Array.from({ length: 1600 }, (_, i) => (i % 41 === 0 ? 1 : 0));
    const layers = randomNet({}, 3).layers.map((layer, l) =>
      l > 0 && l < 10 ? { ...layer, weights: { data: identity, shape: [40, 40] } } : layer,
    );
    const report = classifyNetwork({ spec, layers }, inputs);
    expect(report.basis).toBe('gradients');
    expect(report.weights.slope).toBeCloseTo(0.5, 10);
    expect(report.activations!.slope).toBeCloseTo(1, 0);
  });

  it('a layer of zeros is ordered with certainty', () => {
    const net = randomNet({}, 3);
    const layers = net.layers.map((layer, l) =>
      l === 4 ? { ...layer, weights: { data: new Float64Array(1600), shape: [40, 40] } } : layer,
    );
    expect(classifyNetwork({ spec: net.spec, layers }, inputs)).toMatchObject({ phase: 'ordered', slope: 0 });
  });

  it('refuses what is no net', () => {
    const net = randomNet({}, 3);
    expect(() => classifyNetwork({} as GivenNetwork, inputs)).toThrow('expected a net');
    expect(() => classifyNetwork({ ...net, layers: net.layers.slice(1) }, inputs)).toThrow(
      'expected 11 layers',
    );
    expect(() => classifyNetwork(net, { data: X, shape: [10, 24] })).toThrow(
      'X: expected N x 10, got shape [10, 24]',
    );
    const linear = createSpec({ inputDim: 10, hiddenWidths: [] });
    const layer = {
      weights: { data: new Float64Array(10), shape: [1, 10] },
      biases: { data: new Float64Array(1), shape: [1] },
    };
    expect(() => classifyNetwork({ spec: linear, layers: [layer] }, inputs)).toThrow(
      'a net with a hidden layer',
    );
  });
});

/** 10 -> 40 x 10 -> 1, drawn from its law. */
function randomNet(
  law: { weightVariance?: number; biasVariance?: number; parametrization?: 'standard' | 'ntk' },
  seed: number,
): GivenNetwork {
  const spec = createSpec({ inputDim: 10, depth: 10, width: 40, ...law });
  const standard = spec.parametrization === 'standard';
  const layers = spec.widths.slice(1).map((rows, l) => {
    const fanIn = spec.widths[l]!;
    const weights = new Float64Array(rows * fanIn);
    const biases = new Float64Array(rows);
    const key = { seed, replica: 0 };
    fillNormals(
      weights,
      { ...key, stream: streamOf(PURPOSE.weights, l + 1) },
      standard ? Math.sqrt(spec.weightVariance / fanIn) : 1,
    );
    fillNormals(
      biases,
      { ...key, stream: streamOf(PURPOSE.biases, l + 1) },
      standard ? Math.sqrt(spec.biasVariance) : 1,
    );
    return { weights: { data: weights, shape: [rows, fanIn] }, biases: { data: biases, shape: [rows] } };
  });
  return { spec, layers };
}

function normals(count: number, seed: number): Float64Array {
  const data = new Float64Array(count);
  fillNormals(data, { seed, replica: 0, stream: 9 });
  return data;
}
