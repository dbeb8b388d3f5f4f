import * as fc from 'fast-check';
import { createSpec, Mlp, type NdArray, type NtkOptions } from '../../src/index';
import { cases, normalInputs } from '../support/arbitrary';
import { testedBackends } from '../support/backends';
import { atDepth } from '../support/depth';
import { relativeError } from '../support/golden';

// Two orders of summation over at most some thousand terms; random nets here have condition numbers near 1.
const TOLERANCE = 1e-12;
const RUNS = { numRuns: atDepth(20), seed: 20261123 };

const backends = testedBackends();

/** sum over parameters of the products of two Jacobians' entries: N x N2 x K x K. */
function gramOfJacobians(J: NdArray, J2: NdArray): Float64Array {
  const [n, K, P] = J.shape as [number, number, number];
  const n2 = J2.shape[0]!;
  const gram = new Float64Array(n * n2 * K * K);
  for (let a = 0; a < n; a++) {
    for (let b = 0; b < n2; b++) {
      for (let k = 0; k < K; k++) {
        for (let j = 0; j < K; j++) {
          let sum = 0;
          for (let p = 0; p < P; p++) sum += J.data[(a * K + k) * P + p]! * J2.data[(b * K + j) * P + p]!;
          gram[((a * n2 + b) * K + k) * K + j] = sum;
        }
      }
    }
  }
  return gram;
}

describe.each(backends)('%s backend', (backend) => {
  test('the full kernel is the Gram matrix of the Jacobian, for any choice of trained parameters', async () => {
    const choices = fc.record({
      parameters: fc.constantFrom('all' as const, 'weights' as const),
      firstLayer: fc.integer({ min: 0, max: 13 }),
      step: fc.integer({ min: 1, max: 3 }),
    });
    await fc.assert(
      fc.asyncProperty(cases(), choices, async ({ net, X, X2 }, { parameters, firstLayer, step }) => {
        const count = net.layers.length;
        const layers = net.layers
          .map((_, i) => i + 1)
          .filter((l) => l > firstLayer % count && (l - firstLayer) % step === 0);
        const options = { parameters, ...(layers.length > 0 ? { layers } : {}), backend };
        const [J, J2] = await Promise.all([net.jacobian(X, options), net.jacobian(X2, options)]);
        const full = await net.ntk(X, X2, { ...options, outputs: 'full' });
        expect(relativeError(full.data, gramOfJacobians(J, J2))).toBeLessThan(TOLERANCE);
        const symmetric = await net.ntk(X, null, { ...options, outputs: 'full' });
        expect(relativeError(symmetric.data, gramOfJacobians(J, J))).toBeLessThan(TOLERANCE);
      }),
      RUNS,
    );
  });

  test('trace, mean, diagonal and sum-of-logits are what they say of the full kernel', async () => {
    await fc.assert(
      fc.asyncProperty(cases(), fc.boolean(), async ({ net, X, X2 }, other) => {
        const second = other ? X2 : null;
        const K = net.spec.outputDim;
        const full = await net.ntk(X, second, { outputs: 'full', backend });
        const pairs = full.data.length / K ** 2;
        const block = (pair: number, k: number, j: number): number => full.data[(pair * K + k) * K + j]!;
        const indices = Array.from({ length: K }, (_, k) => k);
        const sum = (terms: number[]): number => terms.reduce((a, b) => a + b, 0);
        const trace = Array.from({ length: pairs }, (_, p) => sum(indices.map((k) => block(p, k, k))));
        const scale = Math.max(...trace.map(Math.abs), ...full.data.map(Math.abs)) || 1; // a dead net's kernel is 0
        const distance = (actual: Float64Array, expected: number[]): number =>
          Math.max(...expected.map((entry, i) => Math.abs(entry - actual[i]!))) / scale;
        const of = async (outputs: NtkOptions['outputs']): Promise<Float64Array> =>
          (await net.ntk(X, second, { outputs: outputs!, backend })).data;
        expect(distance(await of('trace'), trace)).toBeLessThan(TOLERANCE);
        expect(
          distance(
            await of('mean'),
            trace.map((t) => t / K),
          ),
        ).toBeLessThan(TOLERANCE);
        const diagonal = trace.flatMap((_, p) => indices.map((k) => block(p, k, k)));
        expect(distance(await of('diagonal'), diagonal)).toBeLessThan(TOLERANCE);
        const logits = trace.map(
          (_, p) => sum(indices.flatMap((k) => indices.map((j) => block(p, k, j)))) / K,
        );
        expect(distance(await of('sum-of-logits'), logits)).toBeLessThan(TOLERANCE);
      }),
      RUNS,
    );
  });

  test('the parts per layer sum to the kernel, and a frozen part is zero', async () => {
    await fc.assert(
      fc.asyncProperty(cases(), async ({ net, X }) => {
        const last = net.layers.length;
        const { data, perLayer } = await net.ntk(X, null, { layers: [last], perLayer: true, backend });
        const everything = await net.ntk(X, null, { perLayer: true, backend });
        const sums = new Float64Array(data.length);
        for (const part of [...everything.perLayer.weights, ...everything.perLayer.biases]) {
          part.data.forEach((entry, i) => (sums[i]! += entry));
        }
        expect(relativeError(sums, everything.data)).toBeLessThan(TOLERANCE);
        for (const part of [...perLayer.weights.slice(0, -1), ...perLayer.biases.slice(0, -1)]) {
          expect(part.data.every((entry) => entry === 0)).toBe(true);
        }
        expect(
          relativeError(perLayer.weights[last - 1]!.data, everything.perLayer.weights[last - 1]!.data),
        ).toBeLessThan(TOLERANCE);
      }),
      RUNS,
    );
  });

  test('the kernel of a batch with itself is exactly symmetric, and close to the one with a copy as X2', async () => {
    await fc.assert(
      fc.asyncProperty(cases(), async ({ net, X }) => {
        const n = X.shape[0]!;
        const kernel = await net.ntk(X, null, { backend });
        for (let i = 0; i < n; i++) {
          for (let j = 0; j < i; j++) expect(kernel.data[i * n + j]).toBe(kernel.data[j * n + i]);
        }
        expect(relativeError((await net.ntk(X, X, { backend })).data, kernel.data)).toBeLessThan(TOLERANCE);
      }),
      RUNS,
    );
  });

  test('below a layer that no input activates every part is zero, above it only biases are left', async () => {
    const net = Mlp.random(createSpec({ inputDim: 3, depth: 3, width: 6, outputDim: 2 }), { seed: 1 });
    net.layers[1]!.weights.data.fill(-1); // its inputs are not negative
    const X = normalInputs(4, 3, 1);
    for (const outputs of ['trace', 'full', 'diagonal', 'sum-of-logits'] as const) {
      for (const precision of ['float64', 'mixed'] as const) {
        const { perLayer } = await net.ntk(X, null, { outputs, precision, perLayer: true, backend });
        const nonZero = [...perLayer.weights, ...perLayer.biases].map((part) =>
          part.data.some((entry) => entry !== 0),
        );
        expect(nonZero).toEqual([false, false, false, false, false, false, false, true]);
      }
    }
  });

  // 60 aligned inputs in a deep net leave a fifth of the units of each layer inactive for all of them: compaction runs.
  test.each([
    [24, 120, 60, 1],
    [30, 64, 60, 3],
  ])(
    'depth %i, width %i, %i inputs, %i outputs: the kernel is the Gram matrix of the Jacobian',
    async (depth, width, n, K) => {
      const net = Mlp.random(createSpec({ inputDim: 20, depth, width, outputDim: K }), { seed: 5 });
      const X = normalInputs(n, 20, 1);
      const J = await net.jacobian(X, { backend, layers: [1, 2, depth] });
      const full = await net.ntk(X, null, { outputs: 'full', backend, layers: [1, 2, depth] });
      expect(relativeError(full.data, gramOfJacobians(J, J))).toBeLessThan(TOLERANCE);
    },
  );

  test('a kernel does not depend on the number of threads beyond rounding', async () => {
    const net = Mlp.random(createSpec({ inputDim: 30, depth: 12, width: 90, outputDim: 3 }), { seed: 8 });
    const X = normalInputs(70, 30, 3);
    const one = await net.ntk(X, null, { threads: 1, backend });
    for (const threads of [2, 3, 7]) {
      expect(relativeError((await net.ntk(X, null, { threads, backend })).data, one.data)).toBeLessThan(
        1e-13,
      );
    }
  });
});

const pairOfBackends = backends.length > 1 ? describe : describe.skip;
pairOfBackends('native and TypeScript', () => {
  test('agree on outputs, Jacobians and kernels of random nets', async () => {
    await fc.assert(
      fc.asyncProperty(cases(), fc.boolean(), async ({ net, X, X2 }, other) => {
        const compute = async (backend: 'native' | 'typescript'): Promise<Float64Array[]> => {
          const second = other ? X2 : null;
          const results: NdArray<Float64Array>[] = [
            await net.forward(X, { backend }),
            await net.jacobian(X, { backend }),
            await net.ntk(X, second, { backend }),
            await net.ntk(X, second, { outputs: 'full', backend }),
            await net.ntk(X, second, { outputs: 'sum-of-logits', backend }),
          ];
          return results.map((result) => result.data);
        };
        const [native, typescript] = await Promise.all([compute('native'), compute('typescript')]);
        native.forEach((array, i) => {
          expect(relativeError(array, typescript[i]!)).toBeLessThan(TOLERANCE);
        });
      }),
      RUNS,
    );
  });

  test('agree on which entries are NaN or infinite, where such inputs are let through', async () => {
    const pattern = ({ data }: NdArray): string =>
      Array.from(data, (entry) => (Number.isFinite(entry) ? '.' : String(entry))).join(' ');
    const wrong = fc.constantFrom(NaN, Infinity, -Infinity);
    await fc.assert(
      fc.asyncProperty(cases(), wrong, fc.nat(), async ({ net, X, X2 }, value, at) => {
        X.data[at % X.data.length] = value;
        const compute = async (backend: 'native' | 'typescript'): Promise<string[]> => {
          const options = { backend, allowNonFinite: true };
          return [
            await net.forward(X, options),
            await net.jacobian(X, options),
            await net.ntk(X, X2, options),
            ...(await Promise.all(
              (['trace', 'full', 'diagonal', 'sum-of-logits'] as const).map((outputs) =>
                net.ntk(X, null, { ...options, outputs }),
              ),
            )),
          ].map(pattern);
        };
        expect(await compute('native')).toEqual(await compute('typescript'));
      }),
      RUNS,
    );
  });
});
