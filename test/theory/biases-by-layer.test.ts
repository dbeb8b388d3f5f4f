/** Biases that are trained in some layers only: theory, samplers, kernels and training against each other. */
import {
  convertKernel,
  createSpec,
  depthForDispersion,
  estimateDispersion,
  firstStepChange,
  infiniteWidthKernels,
  lossGradient,
  Mlp,
  moments,
  momentsByDepth,
  type NetworkSpec,
  pairMoments,
  sampleNtk,
  train,
  widthForDispersion,
} from '../../src/index';
import { testedBackends } from '../support/backends';
import { atDepth } from '../support/depth';

const MASKS = [
  [true, false, false, false],
  [false, true, false, true],
  [false, false, false, true],
  [true, true, false, true],
];
const LAWS = [
  { weightVariance: 2, biasVariance: 0, parametrization: 'standard' },
  { weightVariance: 1.4, biasVariance: 0.3, parametrization: 'ntk' },
] as const;
const net = (law: (typeof LAWS)[number], biasGradients: boolean | readonly boolean[]): NetworkSpec =>
  createSpec({ inputDim: 4, hiddenWidths: [6, 5, 7], ...law, biasGradients });

describe.each(LAWS)('exact moments at $weightVariance, $biasVariance, $parametrization', (law) => {
  test.each(MASKS)('are the sums of the parts of their layers: %p %p %p %p', (...mask) => {
    const single = mask.map(
      (_, layer) =>
        moments(
          net(
            law,
            mask.map((_, i) => i === layer),
          ),
        ).biases,
    );
    const expected = single.reduce((sum, part, layer) => sum + (mask[layer]! ? part : 0), 0);
    const result = moments(net(law, mask));
    // 1e-13: sums of four numbers of one sign.
    expect(Math.abs(result.biases / expected - 1)).toBeLessThan(1e-13);
    expect(result.weights).toBe(moments(net(law, false)).weights);
  });

  test.each(MASKS)('agree with each sampler: %p %p %p %p', async (...mask) => {
    const spec = net(law, mask);
    const exact = moments(spec);
    for (const sampler of ['chain', 'tilted', 'conditional', 'direct'] as const) {
      const replicas = sampler === 'direct' ? atDepth(4000) : atDepth(20_000);
      const { mean, standardErrors } = await estimateDispersion(spec, { replicas, seed: 11, sampler });
      // 5 standard errors; the moments leave out dead layers, which change the mean by less than 2^-5.
      expect(Math.abs(mean - exact.mean)).toBeLessThan(5 * standardErrors.mean + 0.03 * exact.mean);
    }
  });
});

test('numbers that leave the range of doubles between two layers with biases come back', () => {
  const depth = 6000;
  const law = { inputDim: 1, depth, width: 50, weightVariance: 0.5, parametrization: 'standard' } as const;
  const first = Array.from({ length: depth + 1 }, (_, i) => i === 0);
  const both = first.map((trained, i) => trained || i === depth);
  expect(moments(createSpec({ ...law, biasGradients: both })).biases).toBe(1);
  const { weights, biases, logMean } = moments(createSpec({ ...law, biasGradients: first }));
  expect(weights + biases).toBe(0);
  // Layer 1's bias: (1/4)^6000; the weights have the same decay times a polynomial of the depth.
  expect(logMean).toBeGreaterThan(depth * Math.log(0.25));
  const X = { data: Float64Array.of(1), shape: [1, 1] };
  expect(infiniteWidthKernels(createSpec({ ...law, biasGradients: both }), X).ntk.data[0]).toBe(1);
});

describe('infinite width', () => {
  // Theta = sum_l (alpha_l Sigma-ish_l + beta_l) prod_{j > l} sigma_w^2 k'_j, written out layer by layer in NTK parametrization.
  test.each(MASKS)('is the plain sum over layers: %p %p %p %p', (...mask) => {
    const spec = net(LAWS[1], mask);
    const [x, y] = [
      [0.3, -1, 0.5, 2],
      [1, 0.2, -0.4, 0.7],
    ] as const;
    const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, v, i) => sum + v * b[i]!, 0);
    const { weightVariance: w, biasVariance: b } = LAWS[1];
    let [xx, xy, yy] = [dot(x, x), dot(x, y), dot(y, y)].map((v) => (w * v) / 4 + b) as [
      number,
      number,
      number,
    ];
    let theta = xy - b + (mask[0]! ? b : 0);
    for (let l = 1; l <= 3; l++) {
      const angle = Math.acos(xy / Math.sqrt(xx * yy));
      const gates = (Math.PI - angle) / (2 * Math.PI);
      const relu =
        (Math.sqrt(xx * yy) * (Math.sin(angle) + (Math.PI - angle) * Math.cos(angle))) / (2 * Math.PI);
      theta = theta * w * gates + w * relu + (mask[l]! ? b : 0);
      [xx, xy, yy] = [(w * xx) / 2 + b, w * relu + b, (w * yy) / 2 + b];
    }
    const X = { data: Float64Array.from([...x, ...y]), shape: [2, 4] };
    expect(infiniteWidthKernels(spec, X).ntk.data[1]).toBeCloseTo(theta, 12);
  });
});

test('pairs of inputs with one hidden layer: exact moments against draws', async () => {
  for (const biasGradients of [
    [true, false],
    [false, true],
  ]) {
    const spec = createSpec({
      inputDim: 2,
      hiddenWidths: [4],
      outputDim: 2,
      biasVariance: 0.5,
      biasGradients,
    });
    const exact = pairMoments(spec, { cosine: 0 });
    const X = { data: Float64Array.of(1, 0, 0, 1), shape: [2, 2] };
    const { mean, standardError } = await sampleNtk(spec, X, { replicas: atDepth(20_000), seed: 3 });
    expect(Math.abs(mean.data[1]! - exact.mean)).toBeLessThan(5 * standardError.data[1]!);
  }
});

describe.each(testedBackends())('on %s', (backend) => {
  const X = { data: Float64Array.from({ length: 12 }, (_, i) => Math.sin(i + 1)), shape: [3, 4] };

  test.each(MASKS)(
    'the kernel has the parts of the trained layers, and so has the Jacobian: %p %p %p %p',
    async (...mask) => {
      for (const law of LAWS) {
        const whole = Mlp.random(net(law, true), { seed: 5 });
        const some = Mlp.fromLayers(net(law, mask), whole.layers);
        const { perLayer } = await whole.ntk(X, null, { perLayer: true, backend });
        const { data } = await some.ntk(X, null, { backend });
        const J = await some.jacobian(X, { backend });
        const P = J.shape[2]!;
        for (let i = 0; i < 9; i++) {
          const parts = perLayer.weights.map(
            (part, l) => part.data[i]! + (mask[l]! ? perLayer.biases[l]!.data[i]! : 0),
          );
          const expected = parts.reduce((sum, part) => sum + part, 0);
          const [row, column] = [Math.floor(i / 3), i % 3];
          const dot = J.data
            .subarray(row * P, (row + 1) * P)
            .reduce((sum, v, k) => sum + v * J.data[column * P + k]!, 0);
          expect(Math.abs(data[i]! - expected)).toBeLessThan(
            1e-12 * Math.abs(perLayer.weights[0]!.data[0]! + 100),
          );
          expect(Math.abs(dot - expected)).toBeLessThan(1e-10);
        }
      }
    },
  );

  test.each(MASKS)(
    'training moves the trained biases alone, along the gradient of all: %p %p %p %p',
    async (...mask) => {
      const law = LAWS[0];
      const whole = Mlp.random(net(law, true), { seed: 6 });
      const some = Mlp.fromLayers(net(law, mask), whole.layers);
      const data = { x: X, y: { data: Float64Array.of(1, -1, 0.5), shape: [3, 1] } };
      const all = await lossGradient(whole, data, { backend });
      const own = await lossGradient(some, data, { backend });
      const trained = await train(some, data, { steps: 5, learningRate: 0.05, optimizer: 'adam', backend });
      let at = 0;
      whole.layers.forEach(({ weights, biases }, l) => {
        const bias = at + weights.data.length;
        for (let i = at; i < bias; i++) expect(own.gradient[i]).toBeCloseTo(all.gradient[i]!, 13);
        for (let i = bias; i < bias + biases.data.length; i++) {
          expect(own.gradient[i]).toBeCloseTo(mask[l]! ? all.gradient[i]! : 0, 13);
        }
        expect(trained.net.layers[l]!.biases.data.some((value) => value !== 0)).toBe(mask[l]!);
        at = bias + biases.data.length;
      });
    },
  );

  test('frozen biases that are not 0 beside trained ones are refused where they cannot be kept', async () => {
    const spec = net(LAWS[1], MASKS[1]!);
    const data = { x: X, y: { data: new Float64Array(3), shape: [3, 1] } };
    await expect(lossGradient(Mlp.random(spec, { seed: 1 }), data, { backend })).rejects.toThrow(
      'lossGradient: expected biases of 0 in layer 1, because its biases are not trained but those of other layers are, got other values',
    );
  });
});

test('a kernel of some biases converts to what has these, and not to what has more', async () => {
  const spec = createSpec({ inputDim: 3, hiddenWidths: [4], biasGradients: [true, false] });
  const X = { data: Float64Array.of(1, 2, 3), shape: [1, 3] };
  const { perLayer, data } = await Mlp.random(spec, { seed: 1 }).ntk(X, null, { perLayer: true });
  expect(convertKernel(perLayer, { spec, from: {}, to: { outputs: 'mean' } }).data[0]).toBeCloseTo(
    data[0]!,
    12,
  );
  expect(() => convertKernel(perLayer, { spec, from: {}, to: { library: 'scikit-ntk', bias: 1 } })).toThrow(
    'does not count bias gradients',
  );
});

test('the closed form of the first step takes them: one hidden layer, no bias of the output', () => {
  // The output's bias enters neither the drift's weights nor what multiplies them.
  const options = { inputDim: 5, hiddenWidths: [6] };
  const some = firstStepChange(createSpec({ ...options, biasGradients: [true, false] }));
  const all = firstStepChange(createSpec({ ...options, biasGradients: true }));
  const none = firstStepChange(createSpec({ ...options, biasGradients: false }));
  expect(all.mean - some.mean).toBeCloseTo(1, 12);
  expect(some.frozenGateDrift).toBeGreaterThan(none.frozenGateDrift);
  expect(some.frozenGateDrift).toBeLessThanOrEqual(all.frozenGateDrift);
});

test('questions about other depths refuse a list of layers', () => {
  const biasGradients = [true, false, true];
  expect(() => momentsByDepth(createSpec({ inputDim: 2, depth: 2, width: 3, biasGradients }))).toThrow(
    'momentsByDepth: biasGradients: expected true or false, because a list of layers does not apply to nets of other depths',
  );
  expect(() =>
    depthForDispersion({ inputDim: 2, width: 30, relativeStandardDeviation: 0.5, biasGradients }),
  ).toThrow('depthForDispersion: biasGradients');
  const { width } = widthForDispersion({
    inputDim: 9,
    depth: 2,
    relativeStandardDeviation: 0.5,
    biasGradients,
  });
  const at = (n: number) =>
    moments(createSpec({ inputDim: 9, depth: 2, width: n, biasGradients })).relativeStandardDeviation;
  expect(at(width!)).toBeLessThanOrEqual(0.5);
  expect(at(width! - 1)).toBeGreaterThan(0.5);
});
