import { largestEigenvalue } from '../../src/diagnosis/measure-kernel';
import {
  classifyPhase,
  createSpec,
  diagnose,
  type DiagnoseOptions,
  type Diagnosis,
  type DiagnosisData,
  diagnosisJson,
  type DiagnosisProgress,
  estimateDispersion,
  firstStepChange,
  infiniteWidthKernels,
  kernelDrift,
  kernelSpectrum,
  Mlp,
  moments,
  type NetworkSpec,
  weightVarianceForDispersion,
  widthForDispersion,
} from '../../src/index';
import { testedBackends } from '../support/backends';
import { smallData, SUBJECTS } from './subjects';

const quick = { quick: true, seed: 1 };

describe.each(testedBackends())('%s', (backend) => {
  test.each(SUBJECTS)('$name: $answer', async ({ spec, answer, holds }) => {
    const { verdict } = await diagnose(spec, smallData(), { ...quick, backend });
    expect(verdict.criteria.map((criterion) => criterion.holds)).toEqual(holds);
    expect(verdict.answer).toBe(answer);
  });
});

describe('the facts are those of the functions they are named for', () => {
  const spec = createSpec({ inputDim: 20, hiddenWidths: [40, 30, 20], outputDim: 3, weightVariance: 1.8 });
  const data = smallData(12);
  let diagnosis: Diagnosis;
  beforeAll(async () => {
    diagnosis = await diagnose(spec, data, { seed: 4, replica: 2, inputs: 12 });
  });

  test('theory: phase, lambda, moments at the mean squared norm, the first step', () => {
    const { phase, lambda, initialization, firstStep, data: facts } = diagnosis;
    const norm2 = Array.from(data.x.data).reduce((sum, entry) => sum + entry * entry, 0) / 12;
    expect(facts.norm2.mean).toBeCloseTo(norm2, 12);
    expect(phase.phase).toBe(classifyPhase({ weightVariance: 1.8 }).phase);
    expect(phase.gradientGrowth).toBeCloseTo(0.9 ** 3, 14);
    expect(lambda).toBeCloseTo(1 / 40 + 1 / 30 + 1 / 20, 14);
    const exact = moments(spec, { inputNorm2: facts.norm2.mean });
    expect(initialization.exact.dispersion).toBe(exact.dispersion);
    expect(initialization.oneOutput.dispersion).toBe(exact.entry.dispersion);
    const { driftAtKernelRate } = firstStepChange(spec, { inputNorm2: facts.norm2.mean });
    expect(firstStep.frozenGateTheory).toBe(-driftAtKernelRate);
  });

  test('Monte Carlo: an exact sampler of the trace kernel, the chain for one output, both near the exact values', async () => {
    const { estimate, oneOutputEstimate } = diagnosis.initialization;
    expect([estimate!.sampler, estimate!.replicas, estimate!.spec.outputDim]).toEqual([
      'conditional',
      300,
      3,
    ]);
    expect([oneOutputEstimate.replicas, oneOutputEstimate.spec.outputDim]).toEqual([20_000, 1]);
    for (const found of [estimate!, oneOutputEstimate]) {
      expect(Math.abs(found.dispersion - found.exact)).toBeLessThan(4 * found.standardError);
    }
    const again = await estimateDispersion(spec, {
      replicas: 300,
      seed: 4,
      inputNorm2: diagnosis.data.norm2.mean,
    });
    expect(estimate!.dispersion).toBe(again.dispersion);
  });

  test('the kernel is that of the net of this seed and replica, beside K times the infinite-width NTK', async () => {
    const { kernel } = diagnosis;
    const drawn = await Mlp.random(spec, { seed: 4, replica: 2 }).ntk(data.x);
    expect(Array.from(kernel.matrix.data)).toEqual(Array.from(drawn.data));
    const infinite = infiniteWidthKernels(spec, data.x).ntk.data.map((entry) => 3 * entry);
    expect(Array.from(kernel.infiniteWidth.data)).toEqual(Array.from(infinite));
    const reference = { data: infinite, shape: [12, 12] };
    expect(kernel.distance).toBe(kernelDrift(reference, drawn).relativeChange);
    expect(kernel.eigenvalues).toEqual(Array.from(kernelSpectrum(drawn).eigenvalues));
  });

  test('training: the largest change is that of the checkpoints, the first step is among them', () => {
    const { training, firstStep, verdict } = diagnosis;
    expect(training.steps).toBe(200);
    expect(training.checkpoints.map(({ step }) => step)).toEqual([1, 2, 4, 10, 20, 40, 100, 200]);
    const changes = training.checkpoints.map(({ kernelChange }) => kernelChange);
    expect(training.largestChange).toBe(Math.max(...changes));
    expect(firstStep.measured).toBe(changes[0]);
    expect(verdict.criteria[2]!.value).toBe(training.largestChange);
    expect(training.checkpoints.at(-1)!.loss).toBeLessThan(training.checkpoints[0]!.loss);
  });

  test('advice: the width of nets of one width with this lambda, and sigma_w^2 at it', () => {
    const { advice } = diagnosis;
    const law = { inputDim: 20, outputDim: 3, depth: 3, inputNorm2: diagnosis.data.norm2.mean };
    const question = { ...law, relativeStandardDeviation: 0.1 };
    expect(advice.width).toEqual({
      present: 28, // 3 / (1/40 + 1/30 + 1/20) = 27.7
      width: widthForDispersion({ ...question, weightVariance: 1.8 }).width,
    });
    expect(advice.weightVariance!.weightVariance).toBe(
      weightVarianceForDispersion({ ...question, width: 28 }).weightVariance,
    );
  });

  test('JSON has every fact but the matrices', () => {
    const json = JSON.parse(JSON.stringify(diagnosisJson(diagnosis))) as Record<string, unknown>;
    expect(Object.keys(json).sort()).toEqual(Object.keys(diagnosis).sort());
    expect(json['kernel']).not.toHaveProperty('matrix');
    expect(json['kernel']).toHaveProperty('distance', diagnosis.kernel.distance);
  });
});

test('the largest eigenvalue is that of the full kernel; of many inputs it is estimated from some', async () => {
  const net = Mlp.random(createSpec({ inputDim: 20, depth: 3, width: 60, outputDim: 3 }), { seed: 2 });
  const { x } = smallData(40);
  const [exact] = kernelSpectrum(await net.ntk(x, null, { outputs: 'full' })).eigenvalues;
  expect((await largestEigenvalue(net, x, {})) / exact!).toBeCloseTo(1, 2);

  const single = Mlp.random(createSpec({ inputDim: 20, depth: 1, width: 20 }), { seed: 2 });
  const all = smallData(300).x; // one row each: all of them are looked at
  const [whole] = kernelSpectrum(await single.ntk(all)).eigenvalues;
  expect((await largestEigenvalue(single, all, {})) / whole!).toBeCloseTo(1, 2);

  const many = smallData(900).x; // 2700 rows: 666 inputs are looked at
  const three = Mlp.random(createSpec({ inputDim: 20, depth: 1, width: 20, outputDim: 3 }), { seed: 2 });
  const some = { data: many.data.slice(0, 666 * 20), shape: [666, 20] };
  const ratio = (await largestEigenvalue(three, many, {})) / (await largestEigenvalue(three, some, {}));
  expect(ratio).toBeGreaterThan((0.9 * 900) / 666);
  expect(ratio).toBeLessThan((1.1 * 900) / 666);
});

describe('a given net', () => {
  const law = { inputDim: 20, depth: 8, width: 120, weightVariance: 1.5, biasVariance: 0.05 };
  const net = Mlp.random(createSpec(law), { seed: 3 });
  const data = { x: smallData().x };

  test('is diagnosed as it is, and stays as it is', async () => {
    const before = Array.from(net.parameters.subarray(0, 100));
    const { net: facts, kernel, phase, warnings } = await diagnose(net, data, quick);
    expect(facts).toMatchObject({ source: 'given', law: 'spec', replica: null, weightVariance: 1.5 });
    expect(phase.measured!.phase).toBe('ordered');
    expect(phase.measured!.slope).toBeCloseTo(0.75, 1);
    expect(warnings).toEqual([]);
    const inputs = kernel.matrix.shape[0]!;
    const first = { data: data.x.data.slice(0, inputs * 20), shape: [inputs, 20] };
    expect(Array.from(kernel.matrix.data)).toEqual(Array.from((await net.ntk(first)).data));
    expect(Array.from(net.parameters.subarray(0, 100))).toEqual(before);
  });

  test('its law can be estimated from its weights', async () => {
    const other = Mlp.fromLayers(createSpec({ inputDim: 20, depth: 8, width: 120 }), net.layers);
    const { net: facts } = await diagnose(other, data, { ...quick, law: 'estimated' });
    expect(facts.law).toBe('estimated');
    // 7 x 120^2 weights: a standard error of 0.5 %; 8 x 120 biases: of 4.6 %.
    expect(facts.weightVariance / 1.5).toBeCloseTo(1, 1);
    expect(Math.abs(facts.weightVariance / 1.5 - 1)).toBeLessThan(0.02);
    expect(Math.abs(facts.biasVariance / 0.05 - 1)).toBeLessThan(0.2);
    expect(facts.assumptions.join(' ')).toContain('layers 2 to 8');
  });

  test('a law that the weights do not have, or a layer of another law, is warned of', async () => {
    const wrong = Mlp.fromLayers(createSpec({ ...law, weightVariance: 2 }), net.layers);
    expect((await diagnose(wrong, data, quick)).warnings.join(' ')).toContain('not 2: the net was trained');
    const [first, ...others] = net.layers;
    const small = {
      weights: { data: first!.weights.data.map((entry) => entry / 2), shape: first!.weights.shape },
      biases: first!.biases,
    };
    const odd = Mlp.fromLayers(net.spec, [small, ...others]);
    expect((await diagnose(odd, data, quick)).warnings.join(' ')).toContain('Layer 1 has');
  });
});

describe('data', () => {
  const spec = (outputDim = 1): NetworkSpec => createSpec({ inputDim: 20, depth: 2, width: 40, outputDim });
  const facts = async (data: DiagnosisData, outputs = 1, options: DiagnoseOptions = {}) =>
    (await diagnose(spec(outputs), data, { ...quick, ...options })).data;

  test('of more inputs than are looked at, the seed says which; their labels go with them', async () => {
    const data = smallData(60);
    const chosen = await facts(data, 3, { inputs: 20 });
    expect([chosen.inputs, chosen.available]).toEqual([20, 60]);
    expect(chosen.labels).toHaveLength(20);
    expect((await facts(data, 3, { inputs: 20 })).labels).toEqual(chosen.labels);
    expect((await facts(data, 3, { inputs: 20, seed: 2 })).norm2).not.toEqual(chosen.norm2);
  });

  test('targets: given, of the classes, of class numbers, or random', async () => {
    const { x, labels } = smallData(9);
    const y = { data: Float64Array.from({ length: 9 }, (_, i) => i), shape: [9, 1] };
    expect((await facts({ x, y })).targets).toBe('given');
    expect((await facts({ x, labels }, 3)).targets).toBe('classes');
    expect((await facts({ x, labels })).targets).toBe('class numbers');
    expect((await facts({ x })).targets).toBe('random');
  });
});

describe('at the ends of what there is', () => {
  test('a net without hidden layers is linear: nothing varies, nothing moves', async () => {
    const { verdict, advice } = await diagnose(
      createSpec({ inputDim: 20, depth: 0, outputDim: 3 }),
      smallData(),
      quick,
    );
    expect(verdict.answer).toBe('describes');
    expect(verdict.criteria.map(({ value }) => value! < 1e-12)).toEqual([true, true, true]);
    expect(advice).toEqual({ spread: 0.1, width: null, weightVariance: null });
  });

  test('one input has no off-diagonal', async () => {
    const { kernel } = await diagnose(createSpec({ inputDim: 20, depth: 2, width: 40 }), smallData(1), quick);
    expect(kernel.offDiagonalRatio).toBeNull();
    expect(kernel.distance).not.toBeNull();
  });

  test('a kernel that overflows has no distance, and theory does not describe it', async () => {
    const spec = createSpec({ inputDim: 20, depth: 400, width: 40, weightVariance: 20 });
    const { verdict, kernel, training, warnings } = await diagnose(spec, smallData(5), quick);
    expect(kernel.distance).toBeNull();
    expect(training.failure).not.toBeNull();
    expect(warnings.join(' ')).toContain('The training run has no result');
    expect(verdict.answer).toBe('does-not');
  });
});

test('thresholds can be set, and turn the verdict', async () => {
  const { spec } = SUBJECTS[0]!;
  const { verdict, thresholds } = await diagnose(spec, smallData(), {
    ...quick,
    thresholds: { kernelChange: 1e-9 },
  });
  expect(thresholds).toEqual({ spread: 0.1, distance: 0.2, kernelChange: 1e-9 });
  expect(verdict.answer).toBe('initialization-only');
});

test('progress goes from 0 to 1 through the stages', async () => {
  const seen: DiagnosisProgress[] = [];
  await diagnose(SUBJECTS[2]!.spec, smallData(), {
    ...quick,
    onProgress: (progress) => {
      seen.push(progress);
    },
  });
  const fractions = seen.map(({ fraction }) => fraction);
  expect([...fractions].sort((a, b) => a - b)).toEqual(fractions);
  expect(fractions.at(-1)).toBeCloseTo(1, 10);
  expect([...new Set(seen.map(({ stage }) => stage))]).toEqual(['kernel', 'initializations', 'training']);
});

test('a diagnosis can be aborted', async () => {
  const controller = new AbortController();
  const promise = diagnose(SUBJECTS[1]!.spec, smallData(), { signal: controller.signal });
  setTimeout(() => {
    controller.abort(new Error('enough'));
  }, 20);
  await expect(promise).rejects.toThrow('enough');
});

const spec = createSpec({ inputDim: 20, depth: 2, width: 40, outputDim: 2 });
const withNaN = smallData(4).x.data.map((entry, i) => (i === 45 ? NaN : entry));

test.each<[string, unknown, unknown, unknown, string]>([
  ['no spec', {}, smallData(), {}, 'diagnose: spec: expected a spec made by createSpec'],
  ['an unknown option', spec, smallData(), { fast: true }, 'unknown option "fast"'],
  ['an unknown threshold', spec, smallData(), { thresholds: { spred: 1 } }, 'unknown option "spred"'],
  ['a threshold of 0', spec, smallData(), { thresholds: { spread: 0 } }, 'thresholds.spread: expected'],
  ['a law of nobody', spec, smallData(), { law: 'estimated' }, 'law: expected "spec" where no net is given'],
  ['no inputs', spec, {}, {}, 'diagnose: x: expected nested arrays of numbers, a typed array or'],
  [
    'inputs of another width',
    spec,
    { x: smallData(4, 7).x },
    {},
    'diagnose: x: expected N x 20, got shape [4, 7]',
  ],
  [
    'NaN',
    spec,
    { x: { data: withNaN, shape: [4, 20] } },
    {},
    'diagnose: x: entry [2, 5]: expected a finite number, got NaN',
  ],
  [
    'zeros',
    spec,
    { x: { data: new Float64Array(40), shape: [2, 20] } },
    {},
    'expected an input that is not zero, got zeros alone',
  ],
  ['labels for others', spec, { ...smallData(), labels: [1] }, {}, 'one label for each of the 30 inputs'],
  [
    'more classes than outputs',
    spec,
    smallData(),
    {},
    'expected classes from 0 to 1, as the net has 2 outputs; got class 2',
  ],
])('%s is one clear error', async (_, net, data, options, message) => {
  await expect(
    diagnose(net as NetworkSpec, data as DiagnosisData, options as DiagnoseOptions),
  ).rejects.toMatchObject({
    code: 'ERR_INVALID_ARGUMENT',
    message: expect.stringContaining(message) as string,
  });
});
