/** The bounds that the verdict turns on, and the sizes of a diagnosis; docs/diagnose.md has the reasons for each number. */
import { expectNumber, expectOptions } from '../errors';

/** What is still called "as infinite-width theory says". */
export interface DiagnosisThresholds {
  /** The largest sqrt(Var Theta(x, x)) / E Theta(x, x) over initializations. */
  readonly spread: number;
  /** The largest |Theta - Theta_infinity| / |Theta_infinity| of this net's kernel matrix, in the Frobenius norm. */
  readonly distance: number;
  /** The largest |Theta_t - Theta_0| / |Theta_0| in the short training run, its first step included. */
  readonly kernelChange: number;
}

/** The bounds that are taken unless others are given. */
export const DIAGNOSIS_THRESHOLDS: DiagnosisThresholds = Object.freeze({
  spread: 0.1,
  // A kernel whose spread is at its bound is within two of its standard deviations of the mean in 19 cases of 20.
  distance: 0.2,
  // What moves less than initializations differ from one another cannot be told from a kernel that stands still.
  kernelChange: 0.1,
});

/** How much work a diagnosis does. */
export interface DiagnosisEffort {
  /** The most inputs that are looked at. */
  readonly inputs: number;
  /** Replicas of the scalar chain: one output of the net. */
  readonly replicas: number;
  /** Replicas of whole nets, for nets of several outputs; 0: none. Fewer where the net is large. */
  readonly wholeNets: number;
  /** The learning rate in units of N / (largest eigenvalue of the full kernel), the gradient descent of that mode alone being stable below 2. */
  readonly rate: number;
}

export const FULL_EFFORT: DiagnosisEffort = Object.freeze({
  inputs: 100,
  replicas: 20_000,
  wholeNets: 300,
  rate: 0.5,
});
export const QUICK_EFFORT: DiagnosisEffort = Object.freeze({
  inputs: 50,
  replicas: 4_000,
  wholeNets: 0,
  rate: 1,
});

/**
 * The length of the short training run, as learning rate times steps in the same units: so long that what belongs to
 * eigenvalues of a hundredth of the largest has been learnt up to a factor of 1/e.
 */
export const TRAINING_TIME = 100;

/** Times at which the kernel is looked at. */
export const TRAINING_CHECKPOINTS: readonly number[] = Object.freeze([1, 2, 5, 10, 20, 50, TRAINING_TIME]);

/** Entries that whole nets may have together: some seconds of work. */
export const WHOLE_NET_ENTRIES = 6e8;
/** A standard error of fewer nets would be a guess. */
export const FEWEST_WHOLE_NETS = 30;

/** Rows of the full kernel whose largest eigenvalue is computed; of a larger one, that of some of its inputs is scaled. */
export const LARGEST_FULL_KERNEL = 2000;

/** Relative difference between the given sigma_w^2 and the one that the weights have, and its size in standard errors, above which a warning is due. */
export const LAW_TOLERANCE = 0.1;
export const LAW_ERRORS = 4;

export function readThresholds(
  where: string,
  given: Partial<DiagnosisThresholds> | undefined,
): DiagnosisThresholds {
  if (given === undefined) return DIAGNOSIS_THRESHOLDS;
  expectOptions(where, given, Object.keys(DIAGNOSIS_THRESHOLDS));
  const read = (name: keyof DiagnosisThresholds): number =>
    expectNumber(`${where}.${name}`, given[name] ?? DIAGNOSIS_THRESHOLDS[name], {
      above: 0,
      what: 'a finite number > 0',
    });
  return { spread: read('spread'), distance: read('distance'), kernelChange: read('kernelChange') };
}
