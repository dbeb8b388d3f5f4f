import {
  type Addon,
  type Call,
  type Cancel,
  type Listener,
  loadAddon,
  STATUS,
} from '../../src/backend/native/addon';
import { addonBackend } from '../../src/backend/native';
import type { Backend, KernelSampler, Operation } from '../../src/backend/seam';
import { availableBackends, createSpec } from '../../src/index';
import { planChain } from '../../src/sampling/one-input/chain-plan';
import { withValuesAt } from '../native/support';
import { inputsOf, kernelSampleTask } from './kernel-tasks';

/** The call that the native backend makes of the addon for an operation. */
async function callOf<O extends Operation>(
  addon: Addon,
  operation: O,
  compute: (backend: Backend) => Promise<unknown>,
): Promise<Call<O>> {
  const start = addon[operation] as (call: Call<O>, listener: Listener) => Cancel;
  let seen: Call<O> | undefined;
  const recorder = {
    ...addon,
    [operation]: (call: Call<O>, listener: Listener) => {
      seen = call;
      return start(call, listener);
    },
  };
  await compute(addonBackend('native', recorder, () => ({ blas: null, cuda: null })));
  return seen!;
}

const native = availableBackends().includes('native') ? describe : describe.skip;

native('the addon is handed a chain that is not one', () => {
  const loaded = loadAddon();
  const addon = 'addon' in loaded ? loaded.addon : null!;

  const rightCall = () => {
    const plan = planChain(createSpec({ inputDim: 5, depth: 3, width: 9, biasVariance: 0.1 }), 1, true);
    return callOf(addon, 'sampleChain', (backend) =>
      backend.sampleChain({ plan, seed: 1, first: 0, count: 10 }, { threads: 1 }),
    );
  };

  test.each<[name: string, wrong: Record<string, unknown>, message: RegExp]>([
    [
      'an array over layers that is too short',
      { 'task.plan.weightScale': new Float64Array(2) },
      /another length/,
    ],
    ['an array of another type', { 'task.plan.weightTerms': new Float32Array(5) }, /expected a Float64Array/],
    ['no array', { 'task.plan.gates.keep': 'abc' }, /expected a Float64Array/],
    ['a width without a table', { 'task.plan.widthClass': Int32Array.of(0, 0, 7, 0, 0) }, /names no table/],
    [
      'a gate table beyond its rows',
      { 'task.plan.gates.keep': new Float64Array(3), 'task.plan.gates.other': new Int32Array(3) },
      /out of range/,
    ],
    ['a gate table of negative bits', { 'task.plan.gates.bits': new Int32Array(6).fill(-1) }, /out of range/],
    [
      'numbers of units below 0',
      { 'task.plan.gates.other': new Int32Array(96).fill(-(2 ** 31)) },
      /out of range|do not match/,
    ],
    [
      'paths that start nowhere',
      { 'task.plan.mixture.first.start': new Int32Array(17).fill(-1) },
      /path tables/,
    ],
    [
      'paths to no state',
      { 'task.plan.mixture.second.topState': new Uint8Array(3).fill(255) },
      /path tables/,
    ],
    ['laws that do not exist', { 'task.plan.mixture.first.law': new Uint8Array(0) }, /path tables/],
    ['results that are too short', { 'result.thetas': new Float64Array(9) }, /length 10/],
    ['no layers where there are some', { 'task.plan.depth': -1 }, /depth: expected an integer/],
    ['an endless exponent', { 'task.plan.mixture.inverseMean.exponent': Infinity }, /out of range/],
  ])('%s: it complains, and lives', async (_, wrong, message) => {
    const call = withValuesAt(await rightCall(), wrong);
    expect(() => addon.sampleChain(call, () => undefined)).toThrow(message);
  });

  test('NaN in every table gives replicas in finite time', async () => {
    const right = await rightCall();
    const { gates, mixture } = right.task.plan;
    const call = withValuesAt(right, {
      'task.plan.weightScale': new Float64Array(5).fill(NaN),
      'task.plan.gates.keep': gates.keep.map(() => NaN),
      'task.plan.mixture.first.cumulative': mixture!.first.cumulative.map(() => NaN),
    });
    const status = await new Promise<number>((resolve) => {
      addon.sampleChain(call, (outcome) => {
        if (outcome !== STATUS.progress) resolve(outcome);
      });
    });
    expect(status).toBe(STATUS.done);
  });
});

native('the addon is handed kernel samples that are none', () => {
  const loaded = loadAddon();
  const addon = 'addon' in loaded ? loaded.addon : null!;

  async function rightCall(sampler: KernelSampler) {
    const spec = createSpec({ inputDim: 5, depth: 2, width: 9, outputDim: 2 });
    const task = kernelSampleTask(spec, inputsOf([[1, 2, 3, 4, 5]]), { sampler, form: 'full', count: 3 });
    return callOf(addon, 'sampleKernels', (backend) => backend.sampleKernels(task, { threads: 1 }));
  }

  describe.each(['direct', 'conditional'] as const)('%s', (sampler) => {
    const inputs = sampler === 'direct' ? 'task.x' : 'task.inputGram';

    test.each<[name: string, wrong: Record<string, unknown>, message: RegExp]>([
      ['another sampler', { 'task.sampler': 'both' }, /sampler: expected one of direct, conditional/],
      ['no widths', { 'task.widths': [5] }, /widths: expected at least two/],
      ['other widths', { 'task.widths': [5, 9, 9, 3] }, /expected a Float64Array of length/],
      ['widths beyond BLAS', { 'task.widths': [5, 2 ** 31 - 1, 2 ** 31 - 1, 2] }, /too large/],
      ['terms of another number of layers', { 'task.terms.0.weights': new Float64Array(2) }, /terms.weights/],
      ['no terms', { 'task.terms': [] }, /terms: expected at least one/],
      ['exponents of another type', { 'task.terms.0.biasExponents': new Float64Array(3) }, /biasExponents/],
      ['a result that is too short', { 'result.kernels': new Float64Array(11) }, /kernels/],
      ['too few exponents', { 'result.exponents': new Int32Array(2) }, /exponents/],
      ['too few inputs', { [inputs]: new Float64Array(0) }, new RegExp(`${inputs}: expected`)],
      ['an endless exponent', { 'task.inputExponent': -Infinity }, /inputExponent: out of range/],
      ['no replicas', { 'task.count': 0 }, /count: expected an integer/],
    ])('%s: it complains, and lives', async (_, wrong, message) => {
      const call = withValuesAt(await rightCall(sampler), wrong);
      expect(() => addon.sampleKernels(call, () => undefined)).toThrow(message);
    });

    test('NaN, infinite terms and huge exponents give a result and no crash', async () => {
      const right = await rightCall(sampler);
      const [terms] = right.task.terms;
      const call = withValuesAt(right, {
        [inputs]: new Float64Array(sampler === 'direct' ? 5 : 1).fill(NaN),
        'task.terms.0.weightExponents': terms!.weightExponents.map(() => 2 ** 31 - 1),
        'task.terms.0.biases': terms!.biases.map(() => Infinity),
      });
      const status = await new Promise<number>((resolve) => {
        addon.sampleKernels(call, (outcome) => {
          if (outcome !== STATUS.progress) resolve(outcome);
        });
      });
      expect(status).toBe(STATUS.done);
    });
  });
});
