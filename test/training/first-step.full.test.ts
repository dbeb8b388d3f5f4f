import { createSpec, firstStepChange, firstStepStudy, lossGradient, Mlp } from '../../src/index';
import { atDepth } from '../support/depth';

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
    const rows = await firstStepStudy(specs, { replicas: atDepth(4000), seed: 3, rate: 1e-3 });
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
