/** From numbers to an answer. */
import type { DiagnosisThresholds } from './thresholds';

/** Infinite-width theory describes the net, or does at initialization only, or does not. */
export type VerdictName = 'describes' | 'initialization-only' | 'does-not';

/** Whether infinite-width theory describes the net, and why. */
export interface Verdict {
  readonly answer: VerdictName;
  /** The answer as a sentence. */
  readonly sentence: string;
  /** What it follows from, in this order. */
  readonly criteria: readonly Criterion[];
}

/** One of the numbers that the verdict turns on, and its bound. */
export interface Criterion {
  readonly name: keyof DiagnosisThresholds;
  /** Null where the number could not be computed: then it does not hold. */
  readonly value: number | null;
  readonly limit: number;
  readonly holds: boolean;
  /** The reason in words. */
  readonly sentence: string;
}

export const VERDICT_SENTENCES: Readonly<Record<VerdictName, string>> = {
  describes: 'Infinite-width theory describes this net.',
  'initialization-only': 'Infinite-width theory describes this net at initialization only.',
  'does-not': 'Infinite-width theory does not describe this net.',
};

/** The three numbers that decide. */
export interface Measured {
  readonly spread: number;
  readonly distance: number | null;
  readonly kernelChange: number | null;
}

/**
 * Theory describes a net at initialization if its kernel hardly varies over initializations and this net's is near the one at
 * infinite width; it describes the net in training if the kernel then hardly moves. A criterion holds up to and including its
 * limit.
 */
export function decide(measured: Measured, thresholds: DiagnosisThresholds): Verdict {
  const criteria = (['spread', 'distance', 'kernelChange'] as const).map((name): Criterion => {
    const value = measured[name];
    const limit = thresholds[name];
    const holds = value !== null && value <= limit;
    return { name, value, limit, holds, sentence: reason(name, value, limit, holds) };
  });
  const [spread, distance, kernelChange] = criteria.map(({ holds }) => holds);
  const answer = !(spread! && distance!) ? 'does-not' : kernelChange! ? 'describes' : 'initialization-only';
  return { answer, sentence: VERDICT_SENTENCES[answer], criteria };
}

function reason(name: Criterion['name'], value: number | null, limit: number, holds: boolean): string {
  const bound = `(bound: ${percent(limit)})`;
  if (name === 'spread') {
    const meaning = holds
      ? 'one kernel stands for all nets of this law'
      : 'each draw has a kernel of its own';
    return `The kernel varies by ${percent(value!)} from one initialization to the next ${bound}: ${meaning}.`;
  }
  if (name === 'distance') {
    return value === null
      ? 'On this data the kernel of this net, or the one at infinite width, overflows or vanishes: they cannot be compared.'
      : `On this data the kernel of this net is ${percent(value)} away from the one at infinite width ${bound}.`;
  }
  if (value === null) return 'Training broke off, so that the kernel could not be followed.';
  const meaning = holds
    ? 'it stays what it was, and training is that of a linear model'
    : 'the net learns a kernel of its own';
  return `In the short training run the kernel moves by up to ${percent(value)} ${bound}: ${meaning}.`;
}

/** A share in percent, two digits: 0.85 %, 4.0 %, 41 %, 230 %. */
export function percent(share: number): string {
  const value = 100 * share;
  if (Number.isNaN(value)) return 'an unknown share';
  if (value >= 1e6) return 'over 1,000,000 %';
  if (value >= 100) return `${Math.round(value).toLocaleString('en-US')} %`;
  if (value > 0 && value < 0.01) return 'less than 0.01 %';
  return value === 0 ? '0 %' : `${value.toPrecision(2)} %`;
}
