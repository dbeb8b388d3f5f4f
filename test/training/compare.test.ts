import {
  compareWithTraining,
  createSpec,
  firstStepChange,
  firstStepStudy,
  lossGradient,
  Mlp,
} from '../../src/index';
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

describe('the first step', () => {
  test('frozen gates: measurement and closed form agree within the standard error', async () => {
    const specs = [
      createSpec({ inputDim: 16, depth: 3, width: 16, weightVariance: 2 }),
      createSpec({ inputDim: 16, depth: 4, width: 16, weightVariance: 1.5, biasVariance: 0.2 }),
      createSpec({
        inputDim: 16,
        depth: 2,
        width: 16,
        outputDim: 2,
        parametrization: 'ntk',
        biasVariance: 0.1,
      }),
      createSpec({ inputDim: 16, depth: 3, width: 16, biasGradients: false }),
    ];
    // A small c, so that what the closed form leaves out, of order c^2, is far below the standard error.
    const rows = await firstStepStudy(specs, { replicas: 4000, seed: 3, rate: 1e-3 });
    for (const { frozen, frozenTheory, spec } of rows) {
      expect(frozenTheory).toBeCloseTo(-1e-3 * firstStepChange(spec).driftAtKernelRate, 14);
      // Seeded; the four were within 1.5 standard errors. Frozen-gate changes have a long tail: up to 3.5 are allowed.
      expect(Math.abs(frozen.mean - frozenTheory)).toBeLessThan(3.5 * frozen.standardError);
      expect(frozen.standardError).toBeLessThan(0.15 * Math.abs(frozenTheory));
    }
  });

  test('the real change is that of the kernel of the net that was really moved', async () => {
    const spec = createSpec({
      inputDim: 7,
      depth: 3,
      width: 9,
      outputDim: 2,
      biasVariance: 0.3,
      parametrization: 'ntk',
    });
    const [row] = await firstStepStudy([spec], { replicas: 2, seed: 8, rate: 0.5, inputNorm2: 3 });
    const x = { data: new Float64Array(7).fill(Math.sqrt(3 / 7)), shape: [1, 7] };
    const changes = await Promise.all(
      [0, 1].map(async (replica) => {
        const net = Mlp.random(spec, { seed: 8, replica });
        const { gradient } = await lossGradient(net, { x, y: { data: new Float64Array(2), shape: [1, 2] } });
        const moved = Mlp.fromLayers(spec, net.layers);
        moved.parameters.forEach(
          (value, p) => (moved.parameters[p] = value - row!.learningRate * gradient[p]!),
        );
        return (await moved.ntk(x)).data[0]! - (await net.ntk(x)).data[0]!;
      }),
    );
    const mean = (changes[0]! + changes[1]!) / 2 / firstStepChange(spec, { inputNorm2: 3 }).mean;
    expect(row!.actual.mean / mean).toBeCloseTo(1, 9);
  });

  test('the change goes to 0 with depth in the ordered phase and not in the others', async () => {
    // The typical net: the mean is dominated by the few nets in which the step switches a gate near the output.
    const study = async (weightVariance: number) => {
      const specs = [3, 12].map((depth) => createSpec({ inputDim: 40, depth, width: 40, weightVariance }));
      const [shallow, deep] = await firstStepStudy(specs, { replicas: 200, seed: 1, rate: 0.1 });
      return {
        typical: deep!.actualMedian / shallow!.actualMedian,
        frozen: deep!.frozen.mean / shallow!.frozen.mean,
      };
    };
    const [ordered, edge, chaotic] = [await study(1), await study(2), await study(3)];
    expect(ordered.typical).toBeLessThan(0.01);
    expect(ordered.frozen).toBeLessThan(0.05);
    for (const phase of [edge, chaotic]) {
      expect(phase.typical).toBeGreaterThan(1);
      expect(phase.frozen).toBeGreaterThan(1);
    }
  });

  test('as depth and width grow together, the mean square of the real change goes to 0 in the ordered phase alone', async () => {
    const ratio = async (weightVariance: number): Promise<number> => {
      const specs = [4, 16].map((depth) =>
        createSpec({ inputDim: 4 * depth, depth, width: 4 * depth, weightVariance }),
      );
      const [small, large] = await firstStepStudy(specs, { replicas: 150, seed: 1 });
      return large!.actualRootMeanSquare / small!.actualRootMeanSquare;
    };
    // With 300 nets: 0.29 (ordered), 1.13 (edge of chaos), 1.19 (chaotic).
    expect(await ratio(1)).toBeLessThan(0.5);
    expect(await ratio(2)).toBeGreaterThan(0.7);
    expect(await ratio(2.5)).toBeGreaterThan(0.7);
  });
});
