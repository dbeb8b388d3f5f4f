import { resolveBackend } from '../../src/backend/choose';
import type { KernelReplicas, KernelSampler } from '../../src/backend/seam';
import { availableBackends, createSpec, inputsAtCosines, Mlp, type SpecOptions } from '../../src/index';
import { testedBackends } from '../support/backends';
import { relativeError } from '../support/golden';
import { FORMS, inputsOf, kernelSampleTask } from './kernel-tasks';

const SAMPLERS: readonly KernelSampler[] = ['direct', 'conditional'];

const nets: readonly [name: string, options: SpecOptions, cosines: number[]][] = [
  ['uneven', { inputDim: 8, hiddenWidths: [20, 13, 17] }, [1, 0.9, 0.3]],
  [
    'biases and outputs, NTK parametrization',
    { inputDim: 9, depth: 4, width: 21, outputDim: 3, biasVariance: 0.3, parametrization: 'ntk' },
    [1, 0.9, 0.3, 0.1, 0],
  ],
  ['narrow, with dead layers', { inputDim: 4, hiddenWidths: [5, 1, 2, 6], outputDim: 2 }, [1, 0.4]],
  ['narrow with biases', { inputDim: 4, depth: 5, width: 3, biasVariance: 0.2 }, [1, 0.4]],
  ['one input, no bias gradients', { inputDim: 4, depth: 2, width: 33, biasGradients: false }, [0.4]],
  ['linear', { inputDim: 4, depth: 0, outputDim: 2 }, [1, 0.5]],
];

describe.each(testedBackends())('kernels sampled on the %s backend', (backend) => {
  const sample = (task: ReturnType<typeof kernelSampleTask>, threads = 2): Promise<KernelReplicas> =>
    resolveBackend(backend).sampleKernels(task, { threads });

  describe.each(nets)('%s', (_, options, cosines) => {
    const spec = createSpec(options);
    const X = inputsAtCosines(cosines, spec.inputDim);

    test.each(FORMS)('direct: the kernels of the nets of the seed, %s', async (form) => {
      const task = kernelSampleTask(spec, X, { sampler: 'direct', form, count: 3 });
      const { kernels, exponents } = await sample(task);
      const length = kernels.length / 3;
      for (let r = 0; r < 3; r++) {
        const net = Mlp.random(spec, { seed: task.seed, replica: task.first + r });
        const { data } = await net.ntk(X, null, { outputs: form, backend });
        const largest = Math.max(...data.map(Math.abs));
        data.forEach((value, i) => {
          const own = kernels[r * length + i]! * 2 ** exponents[r]!;
          // Sums of some tens of products a layer, in another order.
          expect(Math.abs(own - value)).toBeLessThanOrEqual(1e-13 * largest);
        });
      }
    });

    test.each(FORMS)('conditional: the bits of the TypeScript backend, %s', async (form) => {
      const task = kernelSampleTask(spec, X, { form });
      expect(await sample(task)).toEqual(
        await resolveBackend('typescript').sampleKernels(task, { threads: 1 }),
      );
    });

    test.each(SAMPLERS)('%s: neither threads nor where the run is cut change a bit', async (sampler) => {
      const task = kernelSampleTask(spec, X, { sampler, form: 'full' });
      const whole = await sample(task, 1);
      expect(whole.kernels.some((value) => value !== 0)).toBe(true);
      for (const threads of [2, 7]) expect(await sample(task, threads)).toEqual(whole);
      const tail = await sample({ ...task, first: task.first + 5, count: 16 });
      const expected = whole.kernels.slice((5 * whole.kernels.length) / 21);
      expect(tail.exponents).toEqual(whole.exponents.slice(5));
      // cuBLAS may choose other kernels for another number of nets: their last bits may differ.
      if (backend === 'cuda' && sampler === 'direct')
        expect(relativeError(tail.kernels, expected)).toBeLessThan(1e-12);
      else expect(tail.kernels).toEqual(expected);
    });

    test.each(SAMPLERS)('%s: all forms are parts of the full kernel', async (sampler) => {
      const K = spec.outputDim;
      const [full, trace, diagonal, sum] = await Promise.all(
        (['full', 'trace', 'diagonal', 'sum-of-logits'] as const).map(async (form) => {
          const { kernels, exponents } = await sample(kernelSampleTask(spec, X, { sampler, form }));
          const length = kernels.length / 21;
          return kernels.map((value, i) => value * 2 ** exponents[Math.floor(i / length)]!);
        }),
      );
      const rounding = 1e-12 * Math.max(...full!.map(Math.abs));
      for (let pair = 0; pair < trace!.length; pair++) {
        const block = full!.subarray(pair * K * K, (pair + 1) * K * K);
        const own = Array.from({ length: K }, (_unused, k) => block[k * K + k]!);
        const close = (a: number, b: number): void => {
          expect(Math.abs(a - b)).toBeLessThan(rounding);
        };
        close(
          trace![pair]!,
          own.reduce((a, b) => a + b, 0),
        );
        own.forEach((value, k) => {
          close(diagonal![pair * K + k]!, value);
        });
        // The conditional sampler draws one column of derivatives for the sum of logits: other random numbers.
        if (sampler === 'direct') {
          close(sum![pair]!, block.reduce((a, b) => a + b, 0) / K);
        }
      }
    });
  });

  test.each(SAMPLERS)('%s: inputs far from 1 only scale the kernel', async (sampler) => {
    const spec = createSpec({ inputDim: 6, depth: 3, width: 15, biasGradients: false });
    const X = inputsAtCosines([1, 0.3], 6);
    const plain = await sample(kernelSampleTask(spec, X, { sampler }));
    for (const exponent of [-900, 700]) {
      const x = X.data.map((value) => value * 2 ** exponent);
      const far = await sample({ ...kernelSampleTask(spec, X, { sampler }), x });
      expect(far.kernels).toEqual(plain.kernels);
      expect(far.exponents).toEqual(plain.exponents.map((e) => e + 2 * exponent));
    }
  });

  describe.each([0, 0.3])(
    'conditional, inputs that depend on one another, sigma_b^2 = %s',
    (biasVariance) => {
      const spec = createSpec({ inputDim: 4, depth: 6, width: 19, biasVariance, outputDim: 2 });
      const a = [0.6, -0.2, 0.3, 0.1];
      const b = [0.1, 0.5, -0.4, 0.2];
      const zero = [0, 0, 0, 0];
      const sum = a.map((value, i) => value + b[i]!);

      test('equal inputs have equal rows, and zero is the bias alone', async () => {
        const { kernels, exponents } = await sample(
          kernelSampleTask(spec, inputsOf([a, b, a, zero, b, sum])),
        );
        for (let r = 0; r < 21; r++) {
          const row = (i: number): Float64Array => kernels.subarray((r * 6 + i) * 6, (r * 6 + i + 1) * 6);
          const difference = (i: number, j: number): number =>
            Math.max(...row(i).map((value, k) => Math.abs(value - row(j)[k]!))) / row(0)[0]!;
          // What is the same by mathematics is so up to rounding over the smallest pivot that counts, a 3,000,000th.
          expect(difference(2, 0)).toBeLessThan(1e-8);
          expect(difference(4, 1)).toBeLessThan(1e-8);
          expect(difference(5, 0)).toBeGreaterThan(1e-3);
          if (biasVariance === 0) expect(row(3)).toEqual(new Float64Array(6).fill(2 / 2 ** exponents[r]!)); // the outputs' biases
        }
      });

      test('without biases twice an input has twice its kernel', async () => {
        const plain = createSpec({ inputDim: 4, depth: 6, width: 19, biasGradients: false });
        const X = inputsOf([a, a.map((value) => 2 * value)]);
        const { kernels } = await sample(kernelSampleTask(plain, X));
        for (let r = 0; r < 21; r++) {
          const [one, two, , four] = kernels.subarray(4 * r, 4 * r + 4);
          expect(two! / one!).toBeCloseTo(2, 13);
          expect(four! / one!).toBeCloseTo(4, 13);
        }
      });

      test('an input a millionth away has nearly the same kernel, a ten-billionth away the same one', async () => {
        const beside = (by: number): number[] => a.map((value, i) => value + by * b[i]!);
        const { kernels } = await sample(kernelSampleTask(spec, inputsOf([a, beside(1e-5), beside(1e-10)])));
        let different = 0;
        for (let r = 0; r < 21; r++) {
          const [same, near, next] = kernels.subarray(9 * r, 9 * r + 3);
          if (near !== same) different++;
          expect(Math.abs(near! / same! - 1)).toBeLessThan(0.3); // a gate may differ, of 100
          expect(Math.abs(next! / same! - 1)).toBeLessThan(1e-8);
        }
        expect(different).toBe(21);
      });
    },
  );

  test('stops with the signal, tells its progress, and leaves the event loop free', async () => {
    const spec = createSpec({ inputDim: 30, depth: 40, width: 120 });
    const X = inputsAtCosines([1, 0.9, 0.5], 30);
    for (const sampler of SAMPLERS) {
      const controller = new AbortController();
      const seen: number[] = [];
      const reason = new Error('enough');
      let ticks = 0;
      const timer = setInterval(() => ticks++, 5);
      const onProgress = (fraction: number): void => {
        seen.push(fraction);
        if (seen.length === 4) controller.abort(reason);
      };
      const run = { threads: 2, signal: controller.signal, onProgress };
      const task = kernelSampleTask(spec, X, { sampler, count: 40_000 });
      await expect(resolveBackend(backend).sampleKernels(task, run)).rejects.toBe(reason);
      clearInterval(timer);
      expect(ticks).toBeGreaterThan(3);
      expect(seen).toEqual([...seen].sort((p, q) => p - q));
      expect(seen[3]).toBeLessThan(1);
    }
  });
});

test('the two samplers draw different random numbers', async () => {
  const spec = createSpec({ inputDim: 4, depth: 1, width: 9 });
  const X = inputsAtCosines([1], 4);
  const backend = resolveBackend(availableBackends()[0]);
  const [direct, conditional] = await Promise.all(
    SAMPLERS.map((sampler) => backend.sampleKernels(kernelSampleTask(spec, X, { sampler }), { threads: 1 })),
  );
  expect(direct!.kernels).not.toEqual(conditional!.kernels);
});
