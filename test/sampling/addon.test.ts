import type { Addon, ChainArguments, KernelSamplesArguments } from '../../src/backend/native/addon';
import { loadAddon, STATUS } from '../../src/backend/native/addon';
import type { KernelSampler } from '../../src/backend/seam';
import { resolveBackend } from '../../src/backend/choose';
import { availableBackends, createSpec } from '../../src/index';
import { planChain } from '../../src/sampling/one-input/chain-plan';
import { inputsOf, kernelSampleTask } from './kernel-tasks';

/** The arguments of a run that is right, as the native backend makes them. */
async function rightArguments(addon: Addon): Promise<ChainArguments> {
  let seen: ChainArguments | undefined;
  const startChain = addon.startChain.bind(addon);
  addon.startChain = (task, listener) => {
    seen = task;
    return startChain(task, listener);
  };
  try {
    const plan = planChain(createSpec({ inputDim: 5, depth: 3, width: 9, biasVariance: 0.1 }), 1, true);
    await resolveBackend('native').sampleChain({ plan, seed: 1, first: 0, count: 10 }, { threads: 1 });
  } finally {
    addon.startChain = startChain;
  }
  return seen!;
}

const native = availableBackends().includes('native') ? describe : describe.skip;

native('the addon is handed a chain that is not one', () => {
  const loaded = loadAddon();
  const addon = 'addon' in loaded ? loaded.addon : null!;

  test.each<[name: string, wrong: object, message: RegExp]>([
    ['an array over layers that is too short', { weightScale: new Float64Array(2) }, /another length/],
    ['an array of another type', { weightTerms: new Float32Array(5) }, /expected a Float64Array/],
    ['no array', { gateKeep: 'abc' }, /expected a Float64Array/],
    ['a width without a table', { widthClass: Int32Array.of(0, 0, 7, 0, 0) }, /names no table/],
    [
      'a gate table beyond its rows',
      { gateKeep: new Float64Array(3), gateOther: new Int32Array(3) },
      /out of range/,
    ],
    ['a gate table of negative bits', { gateBits: new Int32Array(6).fill(-1) }, /out of range/],
    [
      'numbers of units below 0',
      { gateOther: new Int32Array(96).fill(-(2 ** 31)) },
      /out of range|do not match/,
    ],
    ['paths that start nowhere', { firstStart: new Int32Array(17).fill(-1) }, /path tables/],
    ['paths to no state', { secondTopState: new Uint8Array(3).fill(255) }, /path tables/],
    ['laws that do not exist', { firstLaw: new Uint8Array(0) }, /path tables/],
    ['results that are too short', { thetas: new Float64Array(9) }, /length 10/],
    ['no layers where there are some', { depth: -1 }, /depth: expected an integer/],
    ['an endless exponent', { inverseMeanExponent: Infinity }, /out of range/],
  ])('%s: it complains, and lives', async (_, wrong, message) => {
    const task = { ...(await rightArguments(addon)), ...wrong };
    let thrown: unknown;
    try {
      addon.startChain(task, () => undefined);
    } catch (error) {
      thrown = error;
    }
    expect((thrown as Error).message).toMatch(message);
  });

  test('numbers that are none give replicas that are none, in finite time', async () => {
    const right = await rightArguments(addon);
    const wrong = {
      weightScale: new Float64Array(5).fill(NaN),
      gateKeep: (right['gateKeep'] as Float64Array).map(() => NaN),
      firstCumulative: (right['firstCumulative'] as Float64Array).map(() => NaN),
    };
    const status = await new Promise<number>((resolve) => {
      addon.startChain({ ...right, ...wrong }, (outcome) => {
        resolve(outcome);
      });
    });
    expect(status).toBeGreaterThanOrEqual(0);
  });
});

native('the addon is handed kernel samples that are none', () => {
  const loaded = loadAddon();
  const addon = 'addon' in loaded ? loaded.addon : null!;

  async function rightArgumentsOf(sampler: KernelSampler): Promise<KernelSamplesArguments> {
    const start = jest.spyOn(addon, 'startKernelSamples');
    const spec = createSpec({ inputDim: 5, depth: 2, width: 9, outputDim: 2 });
    const task = kernelSampleTask(spec, inputsOf([[1, 2, 3, 4, 5]]), { sampler, form: 'full', count: 3 });
    await resolveBackend('native').sampleKernels(task, { threads: 1 });
    const [seen] = start.mock.calls[0]!;
    start.mockRestore();
    return seen;
  }

  describe.each(['direct', 'conditional'] as const)('%s', (sampler) => {
    test.each<[name: string, wrong: object, message: RegExp]>([
      ['another sampler', { sampler: 2 }, /sampler: expected an integer from 0 to 1/],
      ['no widths', { widths: [5] }, /widths: expected at least two/],
      ['other widths', { widths: [5, 9, 9, 3] }, /expected a Float64Array of length|another length|length/],
      ['widths beyond BLAS', { widths: [5, 2 ** 31 - 1, 2 ** 31 - 1, 2] }, /too large/],
      ['terms of another number of layers', { weightTerms: new Float64Array(2) }, /weightTerms/],
      ['more sets than there are terms', { sets: 2 }, /weightTerms/],
      ['exponents of another type', { biasExponents: new Float64Array(3) }, /biasExponents/],
      ['a result that is too short', { kernels: new Float64Array(11) }, /kernels/],
      ['exponents of results that are too few', { exponents: new Int32Array(2) }, /exponents/],
      ['inputs that are too few', { inputs: new Float64Array(0) }, /inputs/],
      ['an endless exponent', { inputExponent: -Infinity }, /inputExponent: out of range/],
      ['no replicas', { count: 0 }, /count: expected an integer/],
    ])('%s: it complains, and lives', async (_, wrong, message) => {
      const task = { ...(await rightArgumentsOf(sampler)), ...wrong };
      expect(() => addon.startKernelSamples(task, () => undefined)).toThrow(message);
    });

    test('numbers that are none give numbers that are none, and no crash', async () => {
      const task = await rightArgumentsOf(sampler);
      const strange = {
        ...task,
        inputs: task.inputs.map(() => NaN),
        weightExponents: task.weightExponents.map(() => 2 ** 31 - 1),
        biasTerms: task.biasTerms.map(() => Infinity),
      };
      const status = await new Promise<number>((resolve) => {
        addon.startKernelSamples(strange, (outcome) => {
          if (outcome !== STATUS.progress) resolve(outcome);
        });
      });
      expect(status).toBe(STATUS.done);
    });
  });
});
