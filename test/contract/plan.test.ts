/** What `explainNtk` promises. (That the memory is what it says is measured by memory.test.ts.) */
import { createSpec, Mlp } from '../../src/index';
import { normalInputs } from '../support/arbitrary';
import { testedBackends } from '../support/backends';

const net = Mlp.random(createSpec({ inputDim: 7, hiddenWidths: [5, 4], outputDim: 3 }), { seed: 1 });

describe.each(testedBackends())('%s backend: the plan of a kernel', (backend) => {
  test('counts the operations of the dense algorithm', () => {
    const { flops, shape, symmetric, lowestLayer } = net.explainNtk(10, null, { backend });
    // 10 inputs through 7 -> 5 -> 4, 30 deltas through 4 -> 5, and inner products of all pairs: one triangle of each.
    expect(flops.forward).toBe(2 * 10 * (7 * 5 + 5 * 4));
    expect(flops.backward).toBe(2 * 30 * 4 * 5);
    expect(flops.grams).toBe(100 * (7 + 5 + 4 + 3 * (5 + 4)));
    expect(flops.total).toBe(flops.forward + flops.backward + flops.grams);
    expect([shape, symmetric, lowestLayer]).toEqual([[10, 10], true, 1]);
  });

  test('knows what frozen layers, other inputs and other outputs change', () => {
    const top = net.explainNtk(10, null, { backend, layers: [3] });
    expect([top.lowestLayer, top.flops.backward, top.flops.grams]).toEqual([3, 0, 100 * 4]);
    const other = net.explainNtk(10, 2, { backend, outputs: 'full' });
    expect([other.shape, other.symmetric]).toEqual([[10, 2, 3, 3], false]);
    expect(other.flops.grams).toBe(2 * 20 * (7 + 5 + 4 + 9 * (5 + 4)));
    const logits = net.explainNtk(10, null, { backend, outputs: 'sum-of-logits' });
    expect(logits.flops.backward).toBe(2 * 10 * 4 * 5);
  });

  test('is the same for inputs as for their number', () => {
    const X = normalInputs(6, 7, 1);
    const X2 = normalInputs(2, 7, 2);
    expect(net.explainNtk(X, X2, { backend })).toEqual(net.explainNtk(6, 2, { backend }));
  });

  test('is of the arrays that are asked for: parts and precision', () => {
    const plain = net.explainNtk(1000, null, { backend }).bytes;
    const parts = net.explainNtk(1000, null, { backend, perLayer: true }).bytes;
    expect(parts.result).toBe(7 * plain.result);
    expect(net.explainNtk(1000, null, { backend, precision: 'mixed' }).bytes.deltas).toBe(plain.deltas / 2);
    expect(plain.total).toBe(plain.inputs + plain.activations + plain.deltas + plain.scratch + plain.result);
  });

  test('keeps the tiles of a full kernel small, however many outputs there are', () => {
    const many = Mlp.random(createSpec({ inputDim: 3, depth: 1, width: 8, outputDim: 300 }), { seed: 1 });
    const { bytes } = many.explainNtk(30, null, { backend, outputs: 'full' });
    // A GPU's result comes in blocks of pinned memory, three at once.
    expect(bytes.scratch).toBeLessThan((backend === 'cuda' ? 3.1 : 0.1) * bytes.result);
  });

  test('refuses what ntk refuses', () => {
    expect(() => net.explainNtk(0, null, { backend })).toThrow('explainNtk: X: expected a positive integer');
    expect(() => net.explainNtk(normalInputs(3, 6, 1), null, { backend })).toThrow(
      'explainNtk: X: expected N x 7, got shape [3, 6]: an input has 7 numbers',
    );
    expect(() => net.explainNtk(3, null, { backend, outputs: 'sum' as never })).toThrow(
      'explainNtk: outputs',
    );
  });
});
