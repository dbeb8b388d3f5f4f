/** A net in training beside what its initial kernel predicts of it. */
import { expectOneOf, expectOptions, invalidArgument } from '../errors';
import { COMPUTE_OPTION_NAMES, type ComputeOptions, type Provenance } from '../kernel/arguments';
import { kernelDrift } from '../kernel/drift';
import { type NdArray, type ResultArray, resultArray } from '../ndarray';
import { type Mlp, readNet } from '../network/mlp';
import { fitOf, type LabelledData, readLabelledData } from './loss';
import { predictGradientFlow } from './gradient-flow';
import { train } from './train';

/** How {@link compareWithTraining} trains, and when it compares. */
export interface CompareOptions extends Omit<ComputeOptions, 'allowNonFinite'> {
  /** Of plain gradient descent, the same at every step. */
  readonly learningRate: number;
  /** Compare after so many steps, ascending; 0 is before the first. */
  readonly at: readonly number[];
  /**
   * `full` (the default): the kernel of all pairs of outputs, N K x N K. `mean`: its mean over outputs, N x N, as if outputs
   * did not see one another: exact at infinite width, and K^3 times cheaper.
   */
  readonly kernel?: 'full' | 'mean';
  readonly testData?: LabelledData;
}

/** Outputs and losses of the net and of the prediction after the same steps. */
export interface Comparison {
  readonly step: number;
  readonly train: ComparedOutputs;
  /** Null without `testData`. */
  readonly test: ComparedOutputs | null;
  /** How far the trace kernel on the training inputs has moved from what it was: |Theta_t - Theta_0| / |Theta_0|. */
  readonly kernelChange: number;
}

/** Outputs of the net beside those that its initial kernel predicts. */
export interface ComparedOutputs {
  /** N x K */
  readonly net: ResultArray;
  readonly predicted: ResultArray;
  /** mse: sum over outputs of (f - y)^2, halved, mean over samples. */
  readonly netLoss: number;
  readonly predictedLoss: number;
  /** |f_net - f_predicted| / |f_predicted - f_0|: the error of the prediction over how far it went; 0 at step 0. */
  readonly relativeError: number;
}

/**
 * Trains a copy of the net by full-batch gradient descent under the squared loss, and predicts the same outputs by gradient
 * flow under its kernel at initialization. Where they part, the kernel has moved or the steps were too large for the flow.
 *
 * @throws DeepntkError as {@link train} and `predictGradientFlow` do
 * @example (await compareWithTraining(net, { x, y }, { learningRate: 0.01, at: [0, 10, 100] })).comparisons
 */
export async function compareWithTraining(
  given: Mlp,
  data: LabelledData,
  options: CompareOptions,
): Promise<{ readonly comparisons: readonly Comparison[]; readonly net: Mlp } & Provenance> {
  const where = 'compareWithTraining';
  expectOptions(where, options, [...COMPUTE_OPTION_NAMES, 'learningRate', 'at', 'kernel', 'testData']);
  const net = readNet(where, given);
  const { learningRate, at, kernel, testData: givenTestData, onProgress, ...compute } = options;
  const { x, y } = readLabelledData(`${where}: `, data, net.spec);
  const testData =
    givenTestData === undefined
      ? undefined
      : readLabelledData(`${where}: testData.`, givenTestData, net.spec);
  if (!isAscending(at)) throw invalidArgument(`${where}: at`, 'ascending steps', at);
  const outputs = expectOneOf(`${where}: kernel`, kernel ?? 'full', ['full', 'mean']);
  const outputsAt: Outputs[] = [];
  const steps = at.at(-1)!;
  const result = await train(
    net,
    { x, y },
    {
      ...compute,
      learningRate,
      steps,
      kernelAt: [...new Set([0, ...at])],
      ...(onProgress && { onProgress }),
      onNet: async (trained, step) => {
        if (step === 0 || at.includes(step))
          outputsAt.push(await outputsOf(trained, x, testData?.x, compute));
      },
    },
  );
  const first = outputsAt[0]!;
  const [kernelAtStart, testKernel] = await Promise.all([
    net.ntk(x, null, { outputs, ...compute }),
    testData && net.ntk(testData.x, x, { outputs, ...compute }),
  ]);
  const prediction = predictGradientFlow(kernelAtStart, y, {
    learningRate,
    times: at,
    meanOver: 'samples',
    f0: first.train,
    ...(testKernel && { testKernel, f0Test: first.test! }),
  });
  const shift = at[0] === 0 ? 0 : 1;
  const comparisons = at.map((step, i): Comparison => {
    const now = outputsAt[i + shift]!;
    return {
      step,
      train: compared(step, now.train, prediction.train[i]!, first.train, y),
      test: testData ? compared(step, now.test!, prediction.test![i]!, first.test!, testData.y) : null,
      kernelChange: kernelDrift(result.kernels[0]!, result.kernels[i + shift]!).relativeChange,
    };
  });
  const { backend, core, threads, version } = result;
  return { comparisons, net: result.net, backend, core, threads, version };
}

function isAscending(steps: readonly number[]): boolean {
  return (
    Array.isArray(steps) &&
    steps.length > 0 &&
    steps.every((step, i) => Number.isSafeInteger(step) && step >= 0 && (i === 0 || step > steps[i - 1]!))
  );
}

interface Outputs {
  readonly train: ResultArray;
  readonly test: ResultArray | null;
}

async function outputsOf(
  net: Mlp,
  x: NdArray,
  testX: NdArray | undefined,
  compute: Pick<CompareOptions, 'signal' | 'threads' | 'backend'>,
): Promise<Outputs> {
  const plain = ({ data, shape }: NdArray<Float64Array>) => resultArray({ data, shape });
  return {
    train: plain(await net.forward(x, compute)),
    test: testX ? plain(await net.forward(testX, compute)) : null,
  };
}

function compared(
  step: number,
  net: ResultArray,
  predicted: ResultArray,
  first: NdArray<Float64Array>,
  y: NdArray,
): ComparedOutputs {
  const K = y.shape[1]!;
  const way = distance(predicted.data, first.data);
  const error = distance(net.data, predicted.data);
  return {
    net,
    predicted,
    netLoss: fitOf(net.data, y.data, K, 'mse').loss,
    predictedLoss: fitOf(predicted.data, y.data, K, 'mse').loss,
    relativeError: step === 0 ? 0 : error / way,
  };
}

function distance(a: Float64Array, b: Float64Array): number {
  return Math.sqrt(a.reduce((sum, entry, i) => sum + (entry - b[i]!) ** 2, 0));
}
