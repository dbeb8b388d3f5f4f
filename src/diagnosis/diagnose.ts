/** Does infinite-width theory describe a net? Theory, Monte Carlo, its kernel on data and a short training run together. */
import { expectBoolean, expectInteger, expectOneOf, expectOptions, invalidArgument } from '../errors';
import { type ComputeOptions, type Progress, readComputation } from '../kernel/arguments';
import { Mlp, readNet } from '../network/mlp';
import { parameterCount } from '../network/parameters';
import { createSpec, type MlpSpec, type NetworkSpec, readSpec } from '../network/spec';
import { estimateDispersion } from '../sampling/one-input/dispersion';
import { classifyPhase } from '../theory/classify-phase';
import { firstStepChange } from '../theory/first-step';
import { moments } from '../theory/moments';
import { advise } from './advice';
import { chooseData, type DiagnosisData } from './data';
import type { Diagnosis, InitializationFacts, PhaseFacts } from './facts';
import { type Law, lawOf } from './law';
import { type Compute, measureKernel } from './measure-kernel';
import { measureTraining } from './measure-training';
import {
  type DiagnosisEffort,
  type DiagnosisThresholds,
  FEWEST_WHOLE_NETS,
  FULL_EFFORT,
  QUICK_EFFORT,
  readThresholds,
  WHOLE_NET_ENTRIES,
} from './thresholds';
import { decide } from './verdict';

export interface DiagnoseOptions extends Omit<ComputeOptions, 'onProgress' | 'allowNonFinite'> {
  /** Of the net that is drawn, of Monte Carlo and of the choice of inputs; 0 by default. */
  readonly seed?: number;
  /** Which net of the seed is drawn; 0 by default. */
  readonly replica?: number;
  /** Fewer inputs, fewer replicas, longer steps: a first look, in seconds. */
  readonly quick?: boolean;
  /** The most inputs that are looked at; 100 by default, 50 with `quick`. */
  readonly inputs?: number;
  /**
   * For a given net: take the variances from its `spec`, or estimate them from its weights. The default is the spec if it has
   * variances.
   */
  readonly law?: 'spec' | 'estimated';
  /** Bounds of the verdict in place of {@link DIAGNOSIS_THRESHOLDS}. */
  readonly thresholds?: Partial<DiagnosisThresholds>;
  /** Called on the event loop as the work goes on. */
  readonly onProgress?: (progress: DiagnosisProgress) => void;
}

export type DiagnosisStage = 'kernel' | 'initializations' | 'training';

export interface DiagnosisProgress extends Progress {
  readonly stage: DiagnosisStage;
}

/**
 * Diagnoses a net on data: its phase, the exact spread of its kernel over initializations and a Monte Carlo check of it, its
 * kernel on the data beside the one at infinite width, how far that kernel moves in a short training run, and a verdict with
 * its reasons.
 *
 * A given net is not changed. The verdict follows from three numbers and their thresholds alone (docs/diagnose.md). Cost: a
 * kernel with all pairs of outputs, whole nets that are drawn (of several outputs), and 200 steps of training (100 with
 * `quick`): some ten seconds for 2 million parameters and 100 inputs.
 *
 * @param net a spec, of which a net is drawn; or a net
 * @param data inputs N x n_0, with labels or targets or neither
 * @throws DeepntkError `ERR_INVALID_ARGUMENT`; `ERR_OUT_OF_MEMORY`; the signal's reason on abort
 * @see docs/diagnose.md
 * @example (await diagnose(createSpec({ inputDim: 784, depth: 20, width: 300 }), { x })).verdict.sentence
 */
export async function diagnose(
  net: Mlp | MlpSpec,
  data: DiagnosisData,
  options: DiagnoseOptions = {},
): Promise<Diagnosis> {
  const request = readRequest(net, data, options);
  const { chosen, law, effort, seed, compute, thresholds, provenance } = request;
  const { spec } = law;
  const norm2 = chosen.facts.norm2.mean;
  const stages = stageReporter(options.onProgress);

  stages.begin('kernel', 0, 0.1);
  const subject = request.given ?? Mlp.random(spec, { seed, replica: request.replica });
  const kernel = await measureKernel(subject, spec, chosen.x, compute);
  stages.begin('initializations', 0.1, 0.4);
  const initialization = await measureInitializations(spec, norm2, effort, seed, {
    ...compute,
    onProgress: stages.report,
  });
  stages.begin('training', 0.4, 1);
  const training = await measureTraining(subject, chosen.x, chosen.y, effort.rate, {
    ...compute,
    onProgress: stages.report,
  });

  const verdict = decide(
    {
      spread: initialization.exact.relativeStandardDeviation,
      distance: kernel.distance,
      kernelChange: training.largestChange,
    },
    thresholds,
  );
  return {
    verdict,
    thresholds,
    net: {
      inputDim: spec.inputDim,
      depth: spec.depth,
      hiddenWidths: spec.hiddenWidths,
      outputDim: spec.outputDim,
      parameters: parameterCount(spec),
      weightVariance: spec.weightVariance,
      biasVariance: spec.biasVariance,
      parametrization: spec.parametrization,
      biasGradients: spec.biasGradients,
      source: request.given === null ? 'drawn' : 'given',
      replica: request.given === null ? request.replica : null,
      law: request.estimated ? 'estimated' : 'spec',
      assumptions: law.assumptions,
      spec,
    },
    data: chosen.facts,
    phase: phaseFacts(law),
    lambda: spec.hiddenWidths.reduce((sum, width) => sum + 1 / width, 0),
    initialization,
    kernel,
    firstStep: {
      frozenGateTheory: -firstStepChange(spec, { inputNorm2: norm2 }).driftAtKernelRate,
      measured: training.checkpoints[0]?.kernelChange ?? null,
    },
    training,
    advice: advise(spec, norm2, thresholds.spread, chosen.x),
    warnings: [
      ...law.warnings,
      ...(initialization.estimate ?? initialization.oneOutputEstimate).warnings,
      ...(training.failure === null ? [] : [`The training run has no result: ${training.failure}.`]),
    ],
    seed,
    quick: effort.rate === QUICK_EFFORT.rate,
    ...provenance,
  };
}

interface Request {
  /** Null: to be drawn. */
  readonly given: Mlp | null;
  readonly law: Law;
  readonly estimated: boolean;
  readonly chosen: ReturnType<typeof chooseData>;
  readonly effort: DiagnosisEffort;
  readonly seed: number;
  readonly replica: number;
  readonly compute: Compute;
  readonly thresholds: DiagnosisThresholds;
  readonly provenance: ReturnType<typeof readComputation>['provenance'];
}

const OPTION_NAMES = [
  ...['seed', 'replica', 'quick', 'inputs', 'law', 'thresholds'],
  ...['signal', 'onProgress', 'threads', 'backend'],
];

function readRequest(net: Mlp | MlpSpec, data: DiagnosisData, options: DiagnoseOptions): Request {
  const where = 'diagnose';
  const given = isNet(net) ? readNet(where, net) : null;
  const ofNet = given === null ? readSpec(where, net) : given.spec;
  expectOptions(where, options, OPTION_NAMES);
  const seed = expectInteger(`${where}: seed`, options.seed ?? 0, { min: 0 });
  const replica = expectInteger(`${where}: replica`, options.replica ?? 0, { min: 0 });
  const quick = expectBoolean(`${where}: quick`, options.quick ?? false);
  const inputs =
    options.inputs === undefined ? {} : { inputs: expectInteger(`${where}: inputs`, options.inputs) };
  const effort = { ...(quick ? QUICK_EFFORT : FULL_EFFORT), ...inputs };
  const usual = ofNet.weightVariance === null ? 'estimated' : 'spec';
  const estimated = expectOneOf(`${where}: law`, options.law ?? usual, ['spec', 'estimated']) === 'estimated';
  const thresholds = readThresholds(`${where}: thresholds`, options.thresholds);
  if (options.onProgress !== undefined && typeof options.onProgress !== 'function') {
    throw invalidArgument(`${where}: onProgress`, 'a function', options.onProgress);
  }
  if (given === null && estimated) {
    throw invalidArgument(`${where}: law`, '"spec" where no net is given', options.law);
  }
  const { signal, threads, backend } = options;
  const compute = {
    ...(signal !== undefined && { signal }),
    ...(threads !== undefined && { threads }),
    ...(backend !== undefined && { backend }),
  };
  const { provenance } = readComputation(where, compute);
  const chosen = chooseData(where, data, ofNet, effort.inputs, seed);
  const law =
    given === null
      ? { spec: readSpec(where, ofNet), report: null, assumptions: [], warnings: [] }
      : lawOf(where, given, chosen.x, estimated);
  return { given, law, estimated, chosen, effort, seed, replica, compute, thresholds, provenance };
}

/** Recognises nets by their layers, because a net may come from another copy of the package. */
function isNet(value: unknown): value is Mlp {
  return value instanceof Mlp || (typeof value === 'object' && value !== null && 'layers' in value);
}

function phaseFacts({ spec, report }: Law): PhaseFacts {
  const { weightVariance, biasVariance, depth } = spec;
  const { phase, slope, critical } = classifyPhase({ weightVariance, biasVariance });
  const measured = report && {
    phase: report.phase,
    slope: report.slope,
    basis: report.basis,
    zScore: report.zScore,
    weights: report.weights,
    gradients: report.gradients,
  };
  return { phase, slope, critical, gradientGrowth: slope ** depth, measured };
}

async function measureInitializations(
  spec: NetworkSpec,
  inputNorm2: number,
  { replicas, wholeNets }: DiagnosisEffort,
  seed: number,
  options: Compute & { readonly onProgress: (progress: Progress) => void },
): Promise<InitializationFacts> {
  const { outputDim, inputDim, hiddenWidths, weightVariance, biasVariance, parametrization, biasGradients } =
    spec;
  const one = createSpec({
    ...{ inputDim, hiddenWidths, weightVariance, biasVariance, parametrization, biasGradients },
  });
  const exact = moments(spec, { inputNorm2 });
  // Few replicas at once would show progress that is no progress.
  const { onProgress, ...compute } = options;
  const oneOutputEstimate = await estimateDispersion(one, { ...compute, replicas, seed, inputNorm2 });
  const affordable = Math.min(wholeNets, Math.floor(WHOLE_NET_ENTRIES / parameterCount(spec)));
  const estimate =
    outputDim === 1
      ? oneOutputEstimate
      : affordable < FEWEST_WHOLE_NETS
        ? null
        : await estimateDispersion(spec, { ...compute, onProgress, replicas: affordable, seed, inputNorm2 });
  return { exact, oneOutput: exact.entry, oneOutputEstimate, estimate };
}

/** One progress of stages that each have a share of the whole. */
function stageReporter(onProgress: DiagnoseOptions['onProgress']) {
  const start = performance.now();
  let stage: DiagnosisStage = 'kernel';
  let [from, to] = [0, 0];
  const tell = (share: number): void => {
    const fraction = from + (to - from) * share;
    const elapsedSeconds = (performance.now() - start) / 1000;
    const remainingSeconds = fraction > 0 ? (elapsedSeconds * (1 - fraction)) / fraction : null;
    onProgress?.({ stage, fraction, elapsedSeconds, remainingSeconds });
  };
  return {
    begin: (next: DiagnosisStage, begin: number, end: number): void => {
      [stage, from, to] = [next, begin, end];
      tell(0);
    },
    report: ({ fraction }: Progress): void => {
      tell(fraction);
    },
  };
}
