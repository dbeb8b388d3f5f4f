import fc from 'fast-check';
import {
  createSpec,
  lossGradient,
  type LossName,
  Mlp,
  type NdArray,
  train,
  type TrainingState,
  type TrainOptions,
} from '../../src/index';
import { normalInputs } from '../support/arbitrary';
import { testedBackends } from '../support/backends';
import { relativeError } from '../support/golden';
import { atDepth } from '../support/depth';

/** n x K positive numbers whose rows sum to 1: targets of either loss. */
function shares(n: number, K: number, seed: number): NdArray<Float64Array> {
  const { data } = normalInputs(n, K, seed, 7);
  for (let i = 0; i < n; i++) {
    const row = data.subarray(i * K, (i + 1) * K);
    row.forEach((value, k) => (row[k] = Math.abs(value)));
    const sum = row.reduce((total, value) => total + value, 0);
    row.forEach((value, k) => (row[k] = value / sum));
  }
  return { data, shape: [n, K] };
}

function digits(
  n: number,
  K: number,
  options: { depth?: number; width?: number; weightVariance?: number } = {},
) {
  const { depth = 3, width = 12, weightVariance = 2 } = options;
  const spec = createSpec({ inputDim: 6, depth, width, outputDim: K, weightVariance, biasVariance: 0.1 });
  return { net: Mlp.random(spec, { seed: 3 }), data: { x: normalInputs(n, 6, 11), y: shares(n, K, 5) } };
}

const problem = fc.record({
  hiddenWidths: fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 4 }),
  outputDim: fc.integer({ min: 1, max: 4 }),
  parametrization: fc.constantFrom('standard' as const, 'ntk' as const),
  biasGradients: fc.boolean(),
  n: fc.integer({ min: 1, max: 6 }),
  seed: fc.integer({ min: 0, max: 1e9 }),
  loss: fc.constantFrom<LossName>('mse', 'cross-entropy'),
});

describe.each(testedBackends())('%s backend', (backend) => {
  test('the gradient is the Jacobian times the derivatives of the loss by the outputs', async () => {
    await fc.assert(
      fc.asyncProperty(problem, async ({ n, seed, loss, ...options }) => {
        const spec = createSpec({ inputDim: 5, biasVariance: 0.3, ...options });
        const net = Mlp.random(spec, { seed });
        const K = spec.outputDim;
        const data = { x: normalInputs(n, 5, seed), y: shares(n, K, seed) };
        const [{ data: f }, jacobian, found] = await Promise.all([
          net.forward(data.x, { backend }),
          // Without bias gradients, a net of the same parameters with them has columns for all parameters.
          Mlp.fromLayers(
            createSpec({ inputDim: 5, biasVariance: 0.3, ...options, biasGradients: true }),
            net.layers,
          ).jacobian(data.x, { backend }),
          lossGradient(net, data, { loss, backend }),
        ]);
        const P = jacobian.shape[2]!;
        const expected = new Float64Array(P);
        for (let i = 0; i < n; i++) {
          const row = Array.from(f.subarray(i * K, (i + 1) * K));
          const total = row.reduce((sum, value) => sum + Math.exp(value), 0);
          row.forEach((value, k) => {
            const prediction = loss === 'mse' ? value : Math.exp(value) / total;
            const weight = (prediction - data.y.data[i * K + k]!) / n;
            for (let p = 0; p < P; p++) expected[p]! += weight * jacobian.data[(i * K + k) * P + p]!;
          });
        }
        if (!spec.biasGradients) freezeBiases(expected, spec.widths);
        // Sums of some tens of float64 products in another order, with cancellation between samples.
        expect(relativeError(found.gradient, expected)).toBeLessThan(1e-10);
      }),
      { numRuns: atDepth(60), seed: 42 },
    );
  });

  test.each<LossName>(['mse', 'cross-entropy'])(
    'the gradient of %s agrees with finite differences',
    async (loss) => {
      const { net, data } = digits(7, 3);
      const { gradient } = await lossGradient(net, data, { loss, backend });
      const step = 1e-6;
      const lossAt = async (p: number, shift: number): Promise<number> => {
        const moved = Mlp.fromLayers(net.spec, net.layers);
        moved.parameters[p]! += shift;
        return (await lossGradient(moved, data, { loss, backend })).loss;
      };
      for (let p = 0; p < gradient.length; p += 17) {
        const difference = ((await lossAt(p, step)) - (await lossAt(p, -step))) / (2 * step);
        // Central differences: step^2 of the third derivative, and 1e-16 / step of rounding, some 1e-9.
        expect(Math.abs(difference - gradient[p]!)).toBeLessThan(1e-7);
      }
    },
  );

  const run = (options: Partial<TrainOptions> = {}, n = 200) => {
    const { net, data } = digits(n, 3);
    return train(net, data, {
      optimizer: 'adam',
      learningRate: 1e-2,
      steps: 12,
      backend,
      ...options,
    });
  };

  test('neither the number of threads nor the cutting of the run into jobs changes a bit', async () => {
    const { net, data } = digits(300, 3, { width: 150, depth: 4 });
    const options = { optimizer: 'momentum', learningRate: 1e-3, steps: 9, backend } as const;
    const one = await train(net, data, { ...options, threads: 1 });
    const two = await train(net, data, {
      ...options,
      threads: 2,
      kernelAt: [1, 2, 5],
      kernelInputs: normalInputs(2, 6, 1),
    });
    expect(two.losses).toEqual(one.losses);
    expect(two.net.parameters).toEqual(one.net.parameters);
  });

  test('mini-batches go through all samples once an epoch, in an order that the seed decides', async () => {
    const once = await run({ batchSize: 64, seed: 5 });
    const again = await run({ batchSize: 64, seed: 5 });
    const other = await run({ batchSize: 64, seed: 6 });
    expect(again.losses).toEqual(once.losses);
    expect(other.losses).not.toEqual(once.losses);
    // At a learning rate of 0 the four batches of an epoch (64 + 64 + 64 + 8 samples) average to the loss on all of them.
    const still = await run({ batchSize: 64, seed: 5, learningRate: 0, steps: 4 });
    const mean = [64, 64, 64, 8].reduce((sum, size, i) => sum + (size * still.losses[i]!) / 200, 0);
    expect(mean).toBeCloseTo(still.evaluations[0]!.loss, 12);
  });

  test('a step on a batch is the step on those samples alone', async () => {
    const { net, data } = digits(100, 3);
    const all = await train(net, data, { learningRate: 0.1, steps: 1, backend, batchSize: 99, seed: 1 });
    const rest = await train(net, data, { learningRate: 0, steps: 1, backend, batchSize: 99, seed: 1 });
    expect(all.losses[0]).toBe(rest.losses[0]);
    const whole = await lossGradient(net, data, { backend });
    expect(all.losses[0]).not.toBe(whole.loss);
  });

  test('training goes on from a checkpoint bit for bit', async () => {
    const options = { batchSize: 50, seed: 9, checkpointEvery: 5 };
    let state: TrainingState | undefined;
    const whole = await run({
      ...options,
      onCheckpoint: (checkpoint) => {
        state ??= checkpoint;
      },
    });
    expect(state!.step).toBe(5);
    const rest = await run({ ...options, resumeFrom: state! });
    expect(rest.losses).toEqual(whole.losses);
    expect(rest.net.parameters).toEqual(whole.net.parameters);
    expect(rest.evaluations).toEqual(whole.evaluations);
  });

  test('a schedule sets the learning rate of each step', async () => {
    const rates = Array.from({ length: 12 }, (_, step) => (step < 6 ? 1e-2 : 0));
    const listed = await run({ learningRate: rates });
    const computed = await run({ learningRate: (step) => (step < 6 ? 1e-2 : 0) });
    const short = await run({ steps: 6 });
    expect(listed.net.parameters).toEqual(short.net.parameters);
    expect(computed.net.parameters).toEqual(short.net.parameters);
  });

  test('biases of a net without bias gradients stay', async () => {
    const { data } = digits(20, 3);
    const spec = createSpec({
      inputDim: 6,
      depth: 2,
      width: 8,
      outputDim: 3,
      biasVariance: 0.5,
      biasGradients: false,
    });
    const net = Mlp.random(spec, { seed: 1 });
    const { net: trained } = await train(net, data, {
      optimizer: 'adam',
      learningRate: 0.01,
      steps: 5,
      backend,
    });
    trained.layers.forEach(({ weights, biases }, l) => {
      expect(biases.data).toEqual(net.layers[l]!.biases.data);
      expect(weights.data).not.toEqual(net.layers[l]!.weights.data);
    });
  });

  test('steps that are too large end in an error that names the step and the learning rate', async () => {
    const attempt = run({ optimizer: 'gd', learningRate: 1e6, steps: 50 });
    await expect(attempt).rejects.toMatchObject({ code: 'ERR_DIVERGED' });
    await expect(attempt).rejects.toThrow(
      /the loss is (NaN|Infinity) after \d+ steps: the steps are too large: the learning rate of the last one was 1000000/,
    );
  });

  test('outputs that overflow before the first step end in an error that says so', async () => {
    const { net, data } = digits(5, 3, { depth: 400, width: 8, weightVariance: 1e3 });
    await expect(train(net, data, { learningRate: 0.1, steps: 3, backend })).rejects.toThrow(
      /after 0 steps: .*overflow at its initial parameters/,
    );
  });

  test('an abort rejects with its reason', async () => {
    const abort = new AbortController();
    const attempt = run({
      steps: 100000,
      signal: abort.signal,
      onProgress: ({ step }) => {
        if (step > 3) abort.abort(new Error('enough'));
      },
    });
    await expect(attempt).rejects.toThrow('enough');
  });

  test('progress counts the steps and tells the loss', async () => {
    const seen: number[] = [];
    const { losses } = await run({
      onProgress: ({ step, steps, loss, fraction }) => {
        seen.push(step);
        expect(fraction).toBeCloseTo(step / steps);
        expect(loss).toBeGreaterThan(0);
      },
    });
    expect(seen.at(-1)).toBe(12);
    expect([...seen].sort((a, b) => a - b)).toEqual(seen);
    expect(losses).toHaveLength(13);
  });

  test('test data and accuracy are measured where asked', async () => {
    const { data } = digits(30, 3);
    const { evaluations, losses } = await run({ testData: data, evaluateAt: [0, 4, 12] });
    expect(evaluations.map(({ step }) => step)).toEqual([0, 4, 12]);
    expect(evaluations[1]!.loss).toBeCloseTo(losses[4]!, 12);
    for (const { accuracy, testLoss, testAccuracy } of evaluations) {
      expect(accuracy).toBeGreaterThanOrEqual(0);
      expect(testLoss).toBeGreaterThan(0);
      expect(testAccuracy).toBeLessThanOrEqual(1);
    }
  });
});

/** Zeros where a flat array of parameters has biases. */
function freezeBiases(gradient: Float64Array, widths: readonly number[]): void {
  let at = 0;
  widths.slice(1).forEach((width, l) => {
    at += width * widths[l]!;
    gradient.fill(0, at, at + width);
    at += width;
  });
}

test.each<[name: string, options: object, message: string]>([
  ['no learning rate', { steps: 1 }, 'train: learningRate: expected a finite number >= 0, got undefined'],
  ['steps below 0', { learningRate: 1, steps: -1 }, 'train: steps: expected an integer >= 0'],
  ['an unknown option', { learningRate: 1, steps: 1, lr: 1 }, 'unknown option "lr"'],
  ['batches without a seed', { learningRate: 1, steps: 1, batchSize: 2 }, 'train: seed'],
  ['a batch larger than the data', { learningRate: 1, steps: 1, batchSize: 99, seed: 1 }, 'train: batchSize'],
  ['a kernel after the last step', { learningRate: 1, steps: 1, kernelAt: [2] }, 'train: kernelAt[0]'],
  [
    'kernel inputs of another width',
    { learningRate: 1, steps: 9, kernelAt: [9], kernelInputs: normalInputs(2, 3, 1) },
    'train: kernelInputs: expected N x 6, got shape [2, 3]: an input has 6 numbers',
  ],
  [
    'a kernel option that is not there',
    { learningRate: 1, steps: 9, kernelAt: [9], kernelOptions: { output: 'full' } },
    'unknown option "output"',
  ],
  [
    'a callback that is none',
    { learningRate: 1, steps: 1, onKernel: 1 },
    'train: onKernel: expected a function',
  ],
  ['too few learning rates', { learningRate: [1], steps: 2 }, 'one number for each of the 2 steps, got 1'],
  [
    'an optimizer that is not there',
    { learningRate: 1, steps: 1, optimizer: 'sgd' },
    'train: optimizer: name',
  ],
  [
    'a number of another optimizer',
    { learningRate: 1, steps: 1, optimizer: { name: 'gd', beta1: 1 } },
    'unknown option "beta1"',
  ],
  [
    'beta1 of 1',
    { learningRate: 1, steps: 1, optimizer: { name: 'adam', beta1: 1 } },
    'train: optimizer: beta1',
  ],
])('%s: refused by name', async (_, options, message) => {
  const { net, data } = digits(5, 2);
  await expect(train(net, data, options as TrainOptions)).rejects.toThrow(message);
  await expect(train(net, data, options as TrainOptions)).rejects.toMatchObject({
    code: 'ERR_INVALID_ARGUMENT',
  });
});

test('targets of another shape, and shares below 0, are refused', async () => {
  const { net, data } = digits(5, 2);
  const options = { learningRate: 1, steps: 1 };
  await expect(train(net, { ...data, y: shares(4, 2, 1) }, options)).rejects.toThrow(
    'train: y: expected 5 x 2, got shape [4, 2]',
  );
  const negative = { data: data.y.data.map((share) => -share), shape: [5, 2] };
  await expect(train(net, { ...data, y: negative }, { ...options, loss: 'cross-entropy' })).rejects.toThrow(
    'a share of a class, >= 0',
  );
});
