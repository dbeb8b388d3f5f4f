/** The options of Monte Carlo over the kernel of one input, and the job that they describe. */
import { expectInteger, expectNumber, expectOneOf, invalidArgument, mismatch } from '../../errors';
import { type MlpSpec, type NetworkSpec, readSpec } from '../../network/spec';
import { rangeOfShard, type Shard } from '../../runs/ranges';
import { type Moments, moments } from '../../theory/moments';
import type { DispersionSettings } from './dispersion-file';
import { chooseSampler, type Sampler, SAMPLERS } from '../samplers';

/** Which replicas are drawn, and how. */
export interface ReplicaOptions {
  /** 0 .. 2^53 - 1 */
  readonly seed: number;
  /** `auto` by default: the best for the case; the result says which and why. */
  readonly sampler?: Sampler | 'auto';
  /** |x|^2, the squared norm of the input; 1 by default. */
  readonly inputNorm2?: number;
  /** The number of the first replica, if a run is split into ranges; 0 by default. */
  readonly firstReplica?: number;
  /** Draws only part i of n of the replicas. `mergeDispersion` merges the checkpoints of all parts. Needs `replicas`. */
  readonly shard?: Shard;
}

/** Either a number of replicas, or a goal and a limit. */
export type GoalOptions =
  | { readonly replicas: number; readonly relativeError?: never; readonly maxReplicas?: never }
  | {
      /** The relative standard error of the dispersion to stop at. */
      readonly relativeError: number;
      readonly maxReplicas: number;
      readonly replicas?: never;
    };

export const DISPERSION_OPTION_NAMES = [
  'seed',
  'sampler',
  'inputNorm2',
  'firstReplica',
  'shard',
  'replicas',
  'relativeError',
  'maxReplicas',
] as const;

/** Sums over replicas of one net and input. Its units are ranges of replicas. */
export interface DispersionJob {
  readonly settings: DispersionSettings;
  readonly samplerReason: string;
  readonly exact: Moments;
  readonly firstReplica: number;
  /** The number of replicas at which the run ends at the latest. */
  readonly goal: number;
  readonly relativeError: number | null;
}

/** The chain rescales its numbers every few layers: the first ones must leave room for as long. */
const LARGEST_SIGNAL = 1e200;

export function readDispersionJob(
  where: string,
  given: MlpSpec,
  options: ReplicaOptions & GoalOptions,
): DispersionJob {
  const spec = readSpec(where, given);
  const inputNorm2 = readInputNorm2(where, spec, options.inputNorm2 ?? 1);
  const exact = moments(spec, { inputNorm2 });
  const asked = expectOneOf(`${where}: sampler`, options.sampler ?? 'auto', ['auto', ...SAMPLERS]);
  const choice =
    asked === 'auto' ? chooseSampler(spec, exact) : { sampler: asked, reason: 'asked for by name' };
  const isChain = choice.sampler === 'chain' || choice.sampler === 'tilted';
  if (isChain && spec.outputDim > 1) {
    const what = '"conditional" or "direct" for a net of several outputs';
    throw invalidArgument(`${where}: sampler`, what, choice.sampler);
  }
  const signal1 = inputNorm2 * Math.max(1, spec.weightVariance / spec.inputDim);
  if (isChain && signal1 > LARGEST_SIGNAL) {
    throw invalidArgument(
      `${where}: inputNorm2`,
      `a number that times max(1, sigma_w^2 / n_0) is at most ${LARGEST_SIGNAL} (Theta is linear in it where sigma_b^2 = 0)`,
      inputNorm2,
    );
  }
  const settings = {
    spec,
    inputNorm2,
    seed: expectInteger(`${where}: seed`, options.seed, { min: 0 }),
    sampler: choice.sampler,
  };
  const first = expectInteger(`${where}: firstReplica`, options.firstReplica ?? 0, { min: 0 });
  const { goal, relativeError } = readGoal(where, options);
  if (options.shard !== undefined && relativeError !== null) {
    throw mismatch(
      `${where}: shard`,
      'replicas with it (no shard sees the error of the whole)',
      'relativeError',
    );
  }
  const [firstReplica, end] = rangeOfShard(where, [first, first + goal], options.shard);
  return {
    settings,
    samplerReason: choice.reason,
    exact,
    firstReplica,
    goal: end - firstReplica,
    relativeError,
  };
}

/** The options of a goal, as a caller without types may write them. */
interface Goal {
  readonly replicas?: number;
  readonly relativeError?: number;
  readonly maxReplicas?: number;
}

function readGoal(
  where: string,
  { replicas, relativeError, maxReplicas }: Goal,
): Pick<DispersionJob, 'goal' | 'relativeError'> {
  const limits = { min: 2, max: 2 ** 48 };
  if (replicas !== undefined && (relativeError !== undefined || maxReplicas !== undefined)) {
    throw invalidArgument(where, 'either replicas, or relativeError and maxReplicas', 'both');
  }
  if (relativeError === undefined) {
    return { goal: expectInteger(`${where}: replicas`, replicas, limits), relativeError: null };
  }
  return {
    goal: expectInteger(`${where}: maxReplicas`, maxReplicas, limits),
    relativeError: expectNumber(`${where}: relativeError`, relativeError, {
      above: 0,
      what: 'a finite number > 0',
    }),
  };
}

/** The gates of a layer without any signal are all closed, and then there is nothing random left. */
function readInputNorm2(where: string, spec: NetworkSpec, value: unknown): number {
  return spec.biasVariance > 0
    ? expectNumber(`${where}: inputNorm2`, value, { min: 0, what: 'a finite number >= 0' })
    : expectNumber(`${where}: inputNorm2`, value, { above: 0, what: 'a finite number > 0' });
}
