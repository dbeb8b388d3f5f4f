import type { KernelTask } from '../../src/backend/seam';
import { typescriptBackend } from '../../src/backend/typescript/index';
import { forwardTask, goldenNames, goldenNetwork, kernelTask, readGolden, relativeError } from './tasks';

/** Both sides sum at most some hundred products of order one in double precision. */
const TOLERANCE = 1e-12;

const cases = [
  ...goldenNames('empirical_').map((name) => [name, 'standard'] as const),
  ...goldenNames('ntkparam_').map((name) => [name, 'ntk'] as const),
];

const run = { threads: 2 };

describe.each(cases)('%s', (name, parametrization) => {
  const golden = readGolden(name);
  const { network, weightTerms, biasTerms } = goldenNetwork(golden, parametrization);
  const x = Float64Array.from(golden.X.data);
  const x2 = golden.X2 && Float64Array.from(golden.X2.data);
  const task = (options: Partial<KernelTask>): KernelTask =>
    kernelTask(network, x, {
      x2,
      n2: golden.N2,
      weightTerms,
      biasTerms,
      blocks: { rows: 8, gram: 5 },
      ...options,
    });
  const none = new Float64Array(weightTerms.length);

  test('outputs', async () => {
    const outputs = await typescriptBackend.forward(forwardTask(network, x), run);
    expect(relativeError(outputs, golden.f.data)).toBeLessThan(TOLERANCE);
    if (x2 === null) return;
    const outputs2 = await typescriptBackend.forward(forwardTask(network, x2), run);
    expect(relativeError(outputs2, golden.f2!.data)).toBeLessThan(TOLERANCE);
  });

  test('full and trace kernels, with and without bias gradients', async () => {
    const kernels = [
      ['full', biasTerms, golden.ntk_full],
      ['full', none, golden.ntk_full_weights_only],
      ['trace', biasTerms, golden.ntk_trace],
      ['trace', none, golden.ntk_trace_weights_only],
    ] as const;
    for (const [form, terms, expected] of kernels) {
      const { kernel } = await typescriptBackend.kernel(task({ form, biasTerms: terms }), run);
      expect(relativeError(kernel, expected.data)).toBeLessThan(TOLERANCE);
    }
  });

  test('parts of the layers', async () => {
    for (const [form, expected] of [
      ['trace', golden.per_layer_trace],
      ['full', golden.per_layer_full],
    ] as const) {
      if (expected === undefined) continue;
      const { weights, biases } = await typescriptBackend.kernel(task({ form, perLayer: true }), run);
      const largest = (form === 'trace' ? golden.ntk_trace : golden.ntk_full).data.reduce(
        (most, value) => Math.max(most, Math.abs(value)),
        0,
      );
      for (const [l, part] of weights!.entries()) {
        expect(absoluteError(part, expected.weights[l]!.data)).toBeLessThan(TOLERANCE * largest);
      }
      for (const [l, part] of biases!.entries()) {
        expect(absoluteError(part, expected.biases[l]!.data)).toBeLessThan(TOLERANCE * largest);
      }
    }
  });

  test('diagonal and sum-of-logits agree with the full kernel', async () => {
    const outputs = network.widths.at(-1)!;
    const diagonal: number[] = [];
    const sums: number[] = [];
    for (let pair = 0; pair < golden.N1 * golden.N2; pair++) {
      const block = golden.ntk_full.data.slice(pair * outputs ** 2, (pair + 1) * outputs ** 2);
      for (let k = 0; k < outputs; k++) diagonal.push(block[k * (outputs + 1)]!);
      sums.push(block.reduce((sum, value) => sum + value, 0) / outputs);
    }
    const largest = golden.ntk_full.data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const result = await typescriptBackend.kernel(task({ form: 'diagonal' }), run);
    expect(absoluteError(result.kernel, diagonal)).toBeLessThan(TOLERANCE * largest);
    const sumOfLogits = await typescriptBackend.kernel(task({ form: 'sum-of-logits' }), run);
    expect(absoluteError(sumOfLogits.kernel, sums)).toBeLessThan(outputs * TOLERANCE * largest);
  });

  test('the Jacobian, and the full kernel from it', async () => {
    const all = new Array<boolean>(weightTerms.length).fill(true);
    const task = (input: Float64Array) => ({ ...forwardTask(network, input), weights: all, biases: all });
    const first = await typescriptBackend.jacobian(task(x), run);
    if (golden.jacobian) expect(relativeError(first, golden.jacobian.data)).toBeLessThan(TOLERANCE);
    const second = x2 === null ? first : await typescriptBackend.jacobian(task(x2), run);
    if (golden.jacobian_X2) expect(relativeError(second, golden.jacobian_X2.data)).toBeLessThan(TOLERANCE);
    const columns = network.parameters.length;
    const outputs = network.widths.at(-1)!;
    const products = golden.ntk_full.data.map((_, index) => {
      const [i, j] = [
        Math.floor(index / outputs ** 2 / golden.N2),
        Math.floor(index / outputs ** 2) % golden.N2,
      ];
      const [k, m] = [Math.floor(index / outputs) % outputs, index % outputs];
      let sum = 0;
      for (let p = 0; p < columns; p++) {
        sum += first[(i * outputs + k) * columns + p]! * second[(j * outputs + m) * columns + p]!;
      }
      return sum;
    });
    expect(relativeError(products, golden.ntk_full.data)).toBeLessThan(TOLERANCE);
  });
});

function absoluteError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  const largest = Array.from(expected).reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return relativeError(actual, expected) * Math.max(largest, Number.MIN_VALUE);
}
