/** Monte Carlo estimates of how the kernel of one input varies over initializations. */
import { expectInteger, expectNumber, expectOneOf, expectOptions, invalidArgument } from '../errors';
import { type Computation, type ComputeOptions, readComputation } from '../kernel/arguments';
import { expectSpec, type NetworkSpec } from '../network/spec';
import { moments } from '../theory/moments';
import { Accumulator } from './accumulator';
import { type CheckpointWriter, openCheckpoint, type RunSettings } from './checkpoint';
import { type DispersionEstimate, type EstimateContext, makeEstimate, scaleOf } from './estimate';
import { chooseSampler, replicaSource, type Sampler, SAMPLERS } from './sources';

interface CommonOptions extends Omit<ComputeOptions, 'allowNonFinite'> {
  /** 0 .. 2^53 - 1 */
  readonly seed: number;
  /** `auto` by default: the best for the case; the result says which and why. */
  readonly sampler?: Sampler | 'auto';
  /** |x|^2, the squared norm of the input; 1 by default. */
  readonly inputNorm2?: number;
  /** The number of the first replica, where a run is split into ranges; 0 by default. */
  readonly firstReplica?: number;
  /**
   * A file that the state of the run is kept in, written every second and at the end, whole or not at all. Where it
   * exists the run goes on from it, and ends with the bits of a run that was never interrupted.
   */
  readonly checkpoint?: string;
}

/** Either a number of replicas, or a goal and a limit. */
export type DispersionOptions = CommonOptions &
  (
    | { readonly replicas: number; readonly relativeError?: never; readonly maxReplicas?: never }
    | {
        /** The relative standard error of the dispersion to stop at. */
        readonly relativeError: number;
        readonly maxReplicas: number;
        readonly replicas?: never;
      }
  );

const OPTION_NAMES = [
  'seed',
  'sampler',
  'inputNorm2',
  'firstReplica',
  'checkpoint',
  'replicas',
  'relativeError',
  'maxReplicas',
  'signal',
  'onProgress',
  'threads',
  'backend',
];

/** The chain rescales its numbers every few layers: the first ones must leave room for as long. */
const LARGEST_SIGNAL = 1e200;

/** A goal is looked at after these many replicas, and then each time when there are a quarter more: never in between. */
const FIRST_LOOK = 1000;
const NEXT_LOOK = 1.25;

/**
 * Estimates mean, second moment and dispersion of Theta(x, x) over random initializations.
 *
 * A replica is a function of spec, inputNorm2, seed and its number alone, and sums are exact: the result is the same, bit
 * for bit, for any number of threads, on every backend, and whether or not the run was interrupted or split.
 *
 * @throws DeepntkError `ERR_INVALID_ARGUMENT`; `ERR_INVALID_FILE` where the checkpoint is damaged or of another run; the
 *   signal's reason
 * @see docs/sampling.md
 * @example await estimateDispersion(createSpec({ inputDim: 100, depth: 50, width: 100 }), { replicas: 10000, seed: 1 })
 */
export async function estimateDispersion(
  spec: NetworkSpec,
  options: DispersionOptions,
): Promise<DispersionEstimate> {
  let last: DispersionEstimate | undefined;
  for await (const estimate of run('estimateDispersion', spec, options)) last = estimate;
  return last!;
}

/**
 * As {@link estimateDispersion}, but yields the running estimate every few tenths of a second; the last one is the result.
 * How often it yields depends on the machine; what it yields after n replicas does not.
 *
 * @example for await (const { dispersion, standardError } of streamDispersion(spec, { replicas: 1e6, seed: 1 })) { ... }
 */
export function streamDispersion(
  spec: NetworkSpec,
  options: DispersionOptions,
): AsyncGenerator<DispersionEstimate, void, void> {
  return run('streamDispersion', spec, options);
}

async function* run(
  where: string,
  spec: NetworkSpec,
  options: DispersionOptions,
): AsyncGenerator<DispersionEstimate, void, void> {
  const request = readRequest(where, spec, options);
  const { settings, goal, computation, context } = request;
  const source = replicaSource(
    settings.sampler,
    spec,
    settings.inputNorm2,
    settings.seed,
    computation.backend,
  );
  const sums = new Accumulator(scaleOf(context.exact));
  const checkpoint = await request.openCheckpoint(sums);
  const full = { ...context, shares: source.shares };
  const { signal, onProgress, threads } = computation.run;
  let done = sums.count;
  if (done > 0) yield makeEstimate(sums, full);
  while (done < goal && !(isLook(done) && reached(sums, full))) {
    signal?.throwIfAborted();
    const count = Math.min(source.chunk, goal - done, nextLook(done) - done);
    const before = done;
    const replicas = await source.sample(settings.firstReplica + done, count, {
      threads,
      signal,
      onProgress:
        onProgress &&
        ((fraction) => {
          onProgress((before + fraction * count) / goal);
        }),
    });
    sums.add(replicas, count);
    done += count;
    await checkpoint?.write(sums, done === goal);
    if (sums.count > 1) yield makeEstimate(sums, full);
  }
  await checkpoint?.write(sums, true);
}

function reached(sums: Accumulator, context: EstimateContext): boolean {
  return context.relativeError !== null && makeEstimate(sums, context).targetReached === true;
}

/** 1000, 1250, 1563, ...: the numbers of replicas after which a goal is looked at. */
function nextLook(done: number): number {
  let look = FIRST_LOOK;
  while (look <= done) look = Math.ceil(look * NEXT_LOOK);
  return look;
}

function isLook(done: number): boolean {
  let look = FIRST_LOOK;
  while (look < done) look = Math.ceil(look * NEXT_LOOK);
  return look === done;
}

interface Request {
  readonly settings: RunSettings;
  /** The number of replicas at which the run ends at the latest. */
  readonly goal: number;
  readonly computation: Computation;
  readonly context: Omit<EstimateContext, 'shares'>;
  readonly openCheckpoint: (sums: Accumulator) => Promise<CheckpointWriter | null>;
}

function readRequest(where: string, spec: NetworkSpec, options: DispersionOptions): Request {
  expectSpec(where, spec);
  expectOptions(where, options, OPTION_NAMES);
  const { signal, onProgress, threads, backend, checkpoint } = options;
  const common = { signal, onProgress, threads, backend };
  const given = Object.fromEntries(Object.entries(common).filter(([, value]) => value !== undefined));
  const computation = readComputation(where, given);
  const inputNorm2 = readInputNorm2(where, spec, options.inputNorm2 ?? 1);
  const exact = moments(spec, { inputNorm2 });
  const asked = expectOneOf(`${where}: sampler`, options.sampler ?? 'auto', ['auto', ...SAMPLERS]);
  const choice =
    asked === 'auto' ? chooseSampler(spec, exact) : { sampler: asked, reason: 'asked for by name' };
  if (choice.sampler !== 'direct' && spec.outputDim > 1) {
    throw invalidArgument(`${where}: sampler`, '"direct" for a net of several outputs', choice.sampler);
  }
  const signal1 = inputNorm2 * Math.max(1, spec.weightVariance / spec.inputDim);
  if (choice.sampler !== 'direct' && signal1 > LARGEST_SIGNAL) {
    throw invalidArgument(
      `${where}: inputNorm2`,
      `a number that times max(1, sigma_w^2 / n_0) is at most ${LARGEST_SIGNAL} (Theta is linear in it where sigma_b^2 = 0)`,
      inputNorm2,
    );
  }
  const settings: RunSettings = {
    spec,
    inputNorm2,
    seed: expectInteger(`${where}: seed`, options.seed, { min: 0 }),
    sampler: choice.sampler,
    firstReplica: expectInteger(`${where}: firstReplica`, options.firstReplica ?? 0, { min: 0 }),
  };
  if (checkpoint !== undefined && (typeof checkpoint !== 'string' || checkpoint === '')) {
    throw invalidArgument(`${where}: checkpoint`, 'the path of a file', checkpoint);
  }
  const { goal, relativeError } = readGoal(where, options);
  const { provenance } = computation;
  const context = { ...settings, samplerReason: choice.reason, exact, relativeError, provenance };
  return {
    settings,
    goal,
    computation,
    context,
    openCheckpoint: async (sums) =>
      checkpoint === undefined ? null : openCheckpoint(checkpoint, settings, goal, sums),
  };
}

/** What a caller without types may have written. */
interface Goal {
  readonly replicas?: number;
  readonly relativeError?: number;
  readonly maxReplicas?: number;
}

function readGoal(
  where: string,
  { replicas, relativeError, maxReplicas }: Goal,
): { goal: number; relativeError: number | null } {
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
