import { kernelDrift, Mlp, type OptimizerOptions, predictGradientFlow, train } from '../../src/index';
import { testedBackends } from '../support/backends';
import {
  type EmpiricalRecord,
  type GoldenArray,
  goldenNet,
  readGolden,
  relativeError,
  toNdArray,
} from '../support/golden';

interface TrainingRecord extends EmpiricalRecord {
  readonly y: GoldenArray;
  readonly f_initial: GoldenArray;
  readonly ntk_full_before: GoldenArray;
  readonly ntk_trace_before: GoldenArray;
  readonly runs: Record<'sgd_momentum' | 'adam', TrainingRun>;
}

interface TrainingRun {
  readonly learning_rate: number;
  readonly losses: number[];
  readonly W_final: GoldenArray[];
  readonly b_final: GoldenArray[];
  readonly f_final: GoldenArray;
  readonly ntk_full_after: GoldenArray;
  readonly ntk_trace_after: GoldenArray;
  readonly relative_frobenius_change_full: number;
  readonly relative_frobenius_change_trace: number;
}

// The vectors are PyTorch's in float64; five steps of small nets lose some digits more than one kernel does.
const TOLERANCE = 1e-10;
const files = ['training_0.json', 'training_1.json', 'training_2.json'];

const cases = testedBackends().flatMap((backend) =>
  files.flatMap((file) =>
    (
      [
        ['sgd_momentum', 'momentum'],
        ['adam', 'adam'],
      ] as const
    ).map(([run, optimizer]) => ({ backend, file, run, optimizer })),
  ),
);

describe.each(cases)('$file, $run on the $backend backend', ({ backend, file, run, optimizer }) => {
  const record = readGolden(file) as TrainingRecord;
  const golden = record.runs[run];
  const net = goldenNet(record, 'standard');
  const data = { x: toNdArray(record.X), y: toNdArray(record.y) };
  const options = {
    optimizer: optimizer as OptimizerOptions,
    learningRate: golden.learning_rate,
    steps: 5,
    kernelAt: [0, 5],
    backend,
  };

  test('losses, outputs and parameters', async () => {
    const { losses, net: trained } = await train(net, data, options);
    expect(relativeError(losses, golden.losses)).toBeLessThan(TOLERANCE);
    const { data: outputs } = await trained.forward(data.x, { backend });
    expect(relativeError(outputs, golden.f_final.data)).toBeLessThan(TOLERANCE);
    trained.layers.forEach(({ weights, biases }, l) => {
      expect(relativeError(weights.data, golden.W_final[l]!.data)).toBeLessThan(TOLERANCE);
      expect(relativeError(biases.data, golden.b_final[l]!.data)).toBeLessThan(TOLERANCE);
    });
  });

  test.each(['full', 'trace'] as const)('the %s kernel and its relative change', async (outputs) => {
    const { kernels } = await train(net, data, { ...options, kernelOptions: { outputs } });
    const [before, after] = kernels;
    expect(kernels.map(({ step }) => step)).toEqual([0, 5]);
    expect(relativeError(before!.data, record[`ntk_${outputs}_before`].data)).toBeLessThan(TOLERANCE);
    expect(relativeError(after!.data, golden[`ntk_${outputs}_after`].data)).toBeLessThan(TOLERANCE);
    const change = kernelDrift(before!, after!).relativeChange;
    const expected = golden[`relative_frobenius_change_${outputs}`];
    expect(Math.abs(change / expected - 1)).toBeLessThan(TOLERANCE);
  });

  test('the net that was given is as it was', async () => {
    const before = Float64Array.from(net.parameters);
    const { net: trained } = await train(net, data, options);
    expect(net.parameters).toEqual(before);
    expect(trained).toBeInstanceOf(Mlp);
    expect(trained.parameters).not.toEqual(before);
  });
});

interface PredictRecord {
  readonly learning_rate: number;
  readonly k_train_train: GoldenArray;
  readonly k_test_train: GoldenArray;
  readonly y_train: GoldenArray;
  readonly f0_train: GoldenArray;
  readonly f0_test: GoldenArray;
  readonly records: {
    readonly t: number | 'inf';
    readonly initial_outputs: string;
    readonly train: GoldenArray;
    readonly test: GoldenArray;
  }[];
}

describe.each(['predict_0.json', 'predict_1.json', 'predict_2.json'])('%s', (file) => {
  const record = readGolden(file) as PredictRecord;

  test.each(record.records.map((one) => [one.t, one.initial_outputs, one] as const))(
    'outputs at time %s from initial outputs %s',
    (t, initial, { train: trainOutputs, test: testOutputs }) => {
      const prediction = predictGradientFlow(toNdArray(record.k_train_train), toNdArray(record.y_train), {
        learningRate: record.learning_rate,
        times: [t === 'inf' ? Infinity : t],
        testKernel: toNdArray(record.k_test_train),
        ...(initial === 'zero' ? {} : { f0: toNdArray(record.f0_train), f0Test: toNdArray(record.f0_test) }),
      });
      // neural-tangents solves by Cholesky in float64: condition numbers up to 51 leave 1e-14 or better.
      expect(prediction.train[0]!.shape).toEqual(trainOutputs.shape);
      expect(relativeError(prediction.train[0]!.data, trainOutputs.data)).toBeLessThan(1e-11);
      expect(prediction.test![0]!.shape).toEqual(testOutputs.shape);
      expect(relativeError(prediction.test![0]!.data, testOutputs.data)).toBeLessThan(1e-11);
    },
  );
});
