/** What a diagnosis finds: numbers, without an opinion. */
import type { Provenance } from '../kernel/arguments';
import type { ResultArray } from '../ndarray';
import type { NetworkSpec, Parametrization } from '../network/spec';
import type { DispersionEstimate } from '../sampling/one-input/estimate';
import type { Phase } from '../theory/classify-phase';
import type { NetworkReport } from '../theory/classify-network';
import type { MomentPair } from '../theory/moments';
import type { DiagnosisThresholds } from './thresholds';
import type { Verdict } from './verdict';

export interface Diagnosis extends Provenance {
  readonly verdict: Verdict;
  readonly thresholds: DiagnosisThresholds;
  readonly net: NetFacts;
  readonly data: DataFacts;
  readonly phase: PhaseFacts;
  /** Depth over width: the sum over hidden layers of 1 / width; L / M where all are M wide. */
  readonly lambda: number;
  readonly initialization: InitializationFacts;
  readonly kernel: KernelFacts;
  readonly firstStep: FirstStepFacts;
  readonly training: TrainingFacts;
  readonly advice: Advice;
  /** What makes a number mean less than it seems; empty where nothing does. */
  readonly warnings: readonly string[];
  readonly seed: number;
  readonly quick: boolean;
}

/** The net and its law of initialization. */
export interface NetFacts {
  readonly inputDim: number;
  readonly depth: number;
  readonly hiddenWidths: readonly number[];
  readonly outputDim: number;
  readonly parameters: number;
  readonly weightVariance: number;
  readonly biasVariance: number;
  readonly parametrization: Parametrization;
  readonly biasGradients: boolean | readonly boolean[];
  /** Whether the net was drawn for the diagnosis, or given. */
  readonly source: 'drawn' | 'given';
  /** The replica that was drawn; null for a given net. */
  readonly replica: number | null;
  /** Where the variances come from: the spec, or the given net's weights. */
  readonly law: 'spec' | 'estimated';
  /** What had to be assumed, a sentence each. */
  readonly assumptions: readonly string[];
  /** The law that theory is asked about. */
  readonly spec: NetworkSpec;
}

/** The data that was looked at. */
export interface DataFacts {
  readonly name: string | null;
  /** N, the inputs that were looked at, and how many there are. */
  readonly inputs: number;
  readonly available: number;
  /** |x|^2; theory about one input is asked at the mean. */
  readonly norm2: { readonly mean: number; readonly smallest: number; readonly largest: number };
  /** The class of each input that was looked at; null without labels. */
  readonly labels: readonly number[] | null;
  readonly classes: number | null;
  /** What the net was trained towards. */
  readonly targets: 'given' | 'classes' | 'class numbers' | 'random';
}

/** The phase, and what it does to gradients. */
export interface PhaseFacts {
  readonly phase: Phase;
  /** sigma_w^2 / 2 */
  readonly slope: number;
  readonly critical: boolean;
  /** slope^L: by what squared gradients grow through the net. */
  readonly gradientGrowth: number;
  /** What the given net's weights and signals say; null for a drawn net, and for one without hidden layers. */
  readonly measured: Pick<
    NetworkReport,
    'phase' | 'slope' | 'basis' | 'zScore' | 'weights' | 'gradients'
  > | null;
}

/** How the kernel of one input varies over initializations. */
export interface InitializationFacts {
  /** Exact moments of the trace kernel of one input at the mean squared norm. */
  readonly exact: MomentPair;
  /** The same of one output's kernel. */
  readonly oneOutput: MomentPair;
  /** Monte Carlo of one output. */
  readonly oneOutputEstimate: DispersionEstimate;
  /** Monte Carlo of the trace kernel: for one output the same; null where whole nets would take too long, and with `quick`. */
  readonly estimate: DispersionEstimate | null;
}

/** This net's kernel on the data, beside that of infinite width. */
export interface KernelFacts {
  /** N x N, the trace kernel of this net: the SUM over outputs. */
  readonly matrix: ResultArray;
  /** N x N, what it is at infinite width: K times the NTK of one output. */
  readonly infiniteWidth: ResultArray;
  readonly meanDiagonal: number;
  readonly infiniteWidthMeanDiagonal: number;
  /** Null for one input. */
  readonly offDiagonalRatio: number | null;
  readonly infiniteWidthOffDiagonalRatio: number | null;
  /** |Theta - Theta_infinity| / |Theta_infinity|; null where a kernel is not representable. */
  readonly distance: number | null;
  /** The largest first; null where a kernel is not representable. */
  readonly eigenvalues: readonly number[] | null;
  readonly infiniteWidthEigenvalues: readonly number[] | null;
  readonly effectiveRank: number | null;
  readonly infiniteWidthEffectiveRank: number | null;
  readonly conditionNumber: number | null;
}

/** How far the kernel moves in the first step of gradient descent. */
export interface FirstStepFacts {
  /**
   * The exact expected relative change of Theta(x, x) by a step on one input at the learning rate 1 / E Theta, gates held, to
   * first order: negative.
   */
  readonly frozenGateTheory: number;
  /** |Theta_1 - Theta_0| / |Theta_0| of the kernel matrix after the first step on all inputs; null where training broke off. */
  readonly measured: number | null;
}

/** How far the kernel moves over a short training run. */
export interface TrainingFacts {
  readonly learningRate: number | null;
  readonly steps: number;
  /** The largest eigenvalue of the full kernel (all inputs, all outputs), which scales the learning rate. */
  readonly largestEigenvalue: number | null;
  readonly checkpoints: readonly TrainingCheckpoint[];
  /** The largest kernel change among them; null where training broke off. */
  readonly largestChange: number | null;
  /** Why there are no numbers; null where there are. */
  readonly failure: string | null;
}

/** The kernel and the loss after some steps. */
export interface TrainingCheckpoint {
  readonly step: number;
  /** Learning rate times steps in units of N / (largest eigenvalue). */
  readonly time: number;
  readonly kernelChange: number;
  readonly loss: number;
  /** The loss that the kernel at initialization predicts, were it to stand still. */
  readonly predictedLoss: number;
  /** |f - f_predicted| / |f_predicted - f_0| over the training inputs. */
  readonly predictionError: number;
}

/** What would bring the spread under its threshold. */
export interface Advice {
  /** The threshold asked about. */
  readonly spread: number;
  /** Null for a net without hidden layers, whose kernel does not vary. */
  readonly width: WidthAdvice | null;
  readonly weightVariance: WeightVarianceAdvice | null;
}

/** Which width would make the spread small enough. */
export interface WidthAdvice {
  /** The width that the net has; of a net of several widths their harmonic mean, which has the same lambda. */
  readonly present: number;
  /** The smallest constant width that is enough; null where none is found. */
  readonly width: number | null;
}

/** Which sigma_w^2 would make the spread small enough. */
export interface WeightVarianceAdvice {
  /** The largest sigma_w^2 that is small enough at the present width; null: none; Infinity: every one. */
  readonly weightVariance: number | null;
  /** The off-diagonal ratio of the data at infinite width there: near 1 the net sees all inputs alike. Null where there is none. */
  readonly offDiagonalRatio: number | null;
}
