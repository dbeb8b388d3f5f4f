import { compareWithTraining, createSpec, Mlp } from '../../src/index';
import { normalInputs } from '../support/arbitrary';
import { testedBackends } from '../support/backends';

describe.each(testedBackends())('net and kernel side by side on the %s backend', (backend) => {
  const K = 2;
  const data = { x: normalInputs(6, 4, 1), y: normalInputs(6, K, 2) };
  const testData = { x: normalInputs(3, 4, 3), y: normalInputs(3, K, 4) };
  const at = [0, 5, 40];

  test('a linear net in its last layer alone: the kernel does not move, and the prediction is exact', async () => {
    // Depth 0: f = W x + b is linear in its parameters. Gradient descent in small steps follows the flow.
    const net = Mlp.random(createSpec({ inputDim: 4, depth: 0, outputDim: K }), { seed: 1 });
    const { comparisons } = await compareWithTraining(net, data, {
      learningRate: 1e-4,
      at,
      testData,
      backend,
    });
    for (const { train, test, kernelChange } of comparisons) {
      expect(kernelChange).toBe(0);
      // Steps of 1e-4 of a flow with rates of order 10 err by some 1e-3 of the way.
      expect(train.relativeError).toBeLessThan(1e-3);
      expect(test!.relativeError).toBeLessThan(2e-3);
    }
    expect(comparisons.map(({ step }) => step)).toEqual(at);
  });

  test('wider nets follow their kernel more closely, and their kernels move less', async () => {
    const last = async (width: number) => {
      const spec = createSpec({ inputDim: 4, depth: 1, width, outputDim: K, parametrization: 'ntk' });
      const net = Mlp.random(spec, { seed: 5 });
      const { comparisons } = await compareWithTraining(net, data, {
        learningRate: 0.02,
        at,
        testData,
        backend,
      });
      return comparisons.at(-1)!;
    };
    const [narrow, wide] = [await last(16), await last(2048)];
    expect(wide.train.relativeError).toBeLessThan(narrow.train.relativeError / 3);
    expect(wide.kernelChange).toBeLessThan(narrow.kernelChange / 3);
    // 40 steps of 0.02 are not quite a flow.
    expect(wide.train.predictedLoss / wide.train.netLoss).toBeCloseTo(1, 1);
  });

  test('the mean kernel stands for the full one where outputs do not see one another', async () => {
    const net = Mlp.random(createSpec({ inputDim: 4, depth: 0, outputDim: K }), { seed: 1 });
    const options = { learningRate: 1e-3, at: [10], testData, backend };
    const [full, mean] = await Promise.all([
      compareWithTraining(net, data, options),
      compareWithTraining(net, data, { ...options, kernel: 'mean' }),
    ]);
    const [a, b] = [full.comparisons[0]!.test!.predicted.data, mean.comparisons[0]!.test!.predicted.data];
    a.forEach((value, i) => {
      expect(b[i]).toBeCloseTo(value, 11);
    });
  });

  test('steps that do not ascend are refused', async () => {
    const net = Mlp.random(createSpec({ inputDim: 4, depth: 0, outputDim: K }), { seed: 1 });
    await expect(compareWithTraining(net, data, { learningRate: 1, at: [3, 3] })).rejects.toThrow(
      'ascending steps',
    );
  });
});
