import type { KernelTask } from '../../src/backend/seam';
import { typescriptBackend } from '../../src/backend/typescript/index';
import { forwardTask, kernelTask, randomInputs, randomNetwork, relativeError, shared } from './tasks';

const run = { threads: 2 };

async function kernelOf(task: KernelTask): Promise<Float64Array> {
  return (await typescriptBackend.kernel(task, run)).kernel;
}

test('the kernel of X with itself is symmetric to the last bit', async () => {
  const network = randomNetwork([5, 30, 31, 2], 1);
  const n = 23;
  const kernel = await kernelOf(kernelTask(network, randomInputs(n, 5, 2), { blocks: { rows: 7, gram: 6 } }));
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < i; j++) expect(kernel[i * n + j]).toBe(kernel[j * n + i]);
  }
});

test('X2 = X gives the kernel of X with itself', async () => {
  const network = randomNetwork([5, 30, 31, 3], 3);
  const x = randomInputs(11, 5, 4);
  for (const form of ['trace', 'full', 'diagonal', 'sum-of-logits'] as const) {
    const alone = await kernelOf(kernelTask(network, x, { form }));
    const both = await kernelOf(kernelTask(network, x, { form, x2: x.slice(), n2: 11 }));
    expect(both).toEqual(alone); // the same sums in the same order
  }
});

test('units and features that are dead for the whole batch are left out without a trace', async () => {
  const widths = [6, 40, 40, 2];
  const network = randomNetwork(widths, 5);
  const parameters = Float64Array.from(network.parameters);
  // A bias of -1000 kills 30 of the 40 units of the first layer; two features of the inputs are always 0.
  for (let unit = 0; unit < 30; unit++) parameters[6 * 40 + unit] = -1000;
  const x = randomInputs(9, 6, 6).map((value, index) => (index % 6 < 2 ? 0 : value));
  const full = { ...network, parameters: shared(parameters) };
  // The same net with those units and features removed.
  const small: number[] = [];
  for (let unit = 30; unit < 40; unit++) small.push(...parameters.subarray(unit * 6 + 2, unit * 6 + 6));
  small.push(...parameters.subarray(6 * 40 + 30, 7 * 40));
  for (let unit = 0; unit < 40; unit++) {
    small.push(...parameters.subarray(7 * 40 + unit * 40 + 30, 7 * 40 + unit * 40 + 40));
  }
  small.push(...parameters.subarray(7 * 40 + 40 * 40));
  const reduced = { ...network, widths: [4, 10, 40, 2], parameters: shared(small) };
  const smallX = x.filter((_, index) => index % 6 >= 2);
  expect(await kernelOf(kernelTask(full, x))).toEqual(await kernelOf(kernelTask(reduced, smallX)));
});

test('layers without a term take no part, and the others add up', async () => {
  const network = randomNetwork([4, 12, 12, 12, 2], 7);
  const x = randomInputs(6, 4, 8);
  const zeros = new Float64Array(4);
  const only = (layer: number) => zeros.map((_, l) => (l === layer ? 1 : 0));
  const all = await typescriptBackend.kernel(kernelTask(network, x, { perLayer: true }), run);
  for (let l = 0; l < 4; l++) {
    const weights = await kernelOf(kernelTask(network, x, { weightTerms: only(l), biasTerms: zeros }));
    expect(weights).toEqual(all.weights![l]);
    const biases = await kernelOf(kernelTask(network, x, { weightTerms: zeros, biasTerms: only(l) }));
    expect(biases).toEqual(all.biases![l]);
  }
  const frozen = await typescriptBackend.kernel(
    kernelTask(network, x, { weightTerms: zeros, biasTerms: zeros, perLayer: true }),
    run,
  );
  for (const part of [frozen.kernel, ...frozen.weights!, ...frozen.biases!]) {
    expect(part).toEqual(new Float64Array(36));
  }
});

test('a Jacobian of some layers has the columns of the whole one', async () => {
  const network = randomNetwork([3, 8, 7, 2], 9);
  const task = forwardTask(network, randomInputs(4, 3, 10));
  const yes = [true, true, true];
  const whole = await typescriptBackend.jacobian({ ...task, weights: yes, biases: yes }, run);
  const some = await typescriptBackend.jacobian(
    { ...task, weights: [false, true, false], biases: [true, false, true] },
    run,
  );
  const total = network.parameters.length;
  const kept = [
    [24, 32],
    [32, 88],
    [109, 111],
  ] as const;
  const expected: number[] = [];
  for (let row = 0; row < 8; row++) {
    for (const [begin, end] of kept) expected.push(...whole.subarray(row * total + begin, row * total + end));
  }
  expect(Array.from(some)).toEqual(expected);
});

test('a NaN in an input shows in its row and column, and nowhere else', async () => {
  const network = randomNetwork([3, 20, 20, 1], 11);
  const x = randomInputs(5, 3, 12);
  x[2 * 3] = NaN;
  const kernel = await kernelOf(kernelTask(network, x));
  kernel.forEach((value, index) => {
    expect(Number.isNaN(value)).toBe(index % 5 === 2 || Math.floor(index / 5) === 2);
  });
});

describe('mixed precision', () => {
  // Each product of float32 numbers is off by some 2^-24 of itself; errors of a layer add up at random over L layers.
  test.each([
    ['edge of chaos', 2, 30],
    ['ordered: deltas and activations below the smallest float32', 1e-4, 60],
    ['chaotic: activations beyond the largest float32', 1e4, 60],
  ])('%s: agrees with float64 to 1e-5', async (_, weightVariance, depth) => {
    const widths = [10, ...new Array<number>(depth).fill(40), 2];
    const network = randomNetwork(widths, 13, weightVariance);
    const x = randomInputs(12, 10, 14);
    const expected = await kernelOf(kernelTask(network, x));
    const actual = await kernelOf(kernelTask(network, x, { precision: 'mixed' }));
    expect(expected.every(Number.isFinite)).toBe(true);
    const error = relativeError(actual, expected);
    expect(error).toBeLessThan(1e-5);
    expect(error).toBeGreaterThan(0); // it is indeed another precision
  });
});
