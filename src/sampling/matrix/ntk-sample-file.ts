/**
 * The file of a run of `sampleNtk` (src/runs/sums-file.ts): format "deepntk-ntk-sample", version 1, with
 *
 *     settings: { spec, inputs: { shape, sha256 }, seed, sampler, outputs, weightVariances, units },
 *     sums: { sets: [{ count, dead, entries, ratios, largestEigenvalue, conditionNumber }, ...] }
 *
 * a set for the kernel itself and one for each of weightVariances, in units of 2^units; entries, ratios, ... are
 * { sums, squares, infinite } (exact-moments.ts), a list of numbers each.
 */
import { createHash } from 'node:crypto';

import { KERNEL_SAMPLERS, type KernelSampler } from '../../backend/seam';
import { invalidFile, shown } from '../../data/files';
import { describe } from '../../errors';
import { NTK_OUTPUTS, type NtkOutputs } from '../../kernel/ntk';
import { type NetworkSpec, specOfFile } from '../../network/spec';
import {
  KernelAccumulator,
  type KernelAccumulatorJson,
  type KernelLayout,
  layoutOf,
  lengthOf,
} from './kernel-moments';
import { isFiniteNumber, isNatural, isNumbers } from '../../runs/head';
import type { Sums, SumsKind } from '../../runs/sums-file';

/** Replicas of equal settings are replicas of one job. */
export interface NtkSampleSettings {
  readonly spec: NetworkSpec;
  readonly inputs: InputsDigest;
  readonly seed: number;
  readonly sampler: KernelSampler;
  readonly outputs: NtkOutputs;
  readonly weightVariances: readonly number[];
  /** Of the kernel itself and at each of the weight variances. */
  readonly units: readonly number[];
}

export interface InputsDigest {
  /** N x n_0 */
  readonly shape: readonly number[];
  /** Of the numbers as little-endian doubles, row after row. */
  readonly sha256: string;
}

export function digestOf(inputs: Float64Array, n: number): InputsDigest {
  const sha256 = createHash('sha256').update(inputs).digest('hex');
  return { shape: [n, inputs.length / n], sha256 };
}

function layoutOfSettings({ spec, inputs, outputs }: NtkSampleSettings): KernelLayout {
  return layoutOf(inputs.shape[0]!, outputs, spec);
}

/** The sums over replicas of the kernel itself and of the kernels at further weight variances. */
export class NtkSampleSums implements Sums {
  constructor(readonly sets: readonly KernelAccumulator[]) {}

  get count(): number {
    return this.sets[0]!.count;
  }

  *json(): Iterable<string> {
    yield '{"sets":[';
    for (const [i, set] of this.sets.entries()) {
      if (i > 0) yield ',';
      yield* set.json();
    }
    yield ']}';
  }
}

export const NTK_SAMPLE_SUMS: SumsKind<NtkSampleSettings, NtkSampleSums> = {
  format: 'deepntk-ntk-sample',
  version: 1,
  readSettings({ spec: storedSpec, inputs, seed, sampler, outputs, weightVariances, units }, name) {
    const expectOne = <T extends string>(what: string, value: unknown, allowed: readonly T[]): T => {
      const known = allowed.find((one) => one === value);
      if (known === undefined) throw invalidFile(`${name}: ${what}`, allowed.join(', '), describe(value));
      return known;
    };
    if (!isNatural(seed)) throw invalidFile(`${name}: seed`, 'an integer >= 0', describe(seed));
    const isPositive = (value: unknown): boolean => isFiniteNumber(value) && value > 0;
    if (!isNumbers(weightVariances) || !weightVariances.every(isPositive)) {
      throw invalidFile(`${name}: weightVariances`, 'finite numbers > 0', shown(weightVariances));
    }
    const sets = 1 + weightVariances.length;
    if (!isNumbers(units) || units.length !== sets || !units.every((unit) => unit === (unit | 0))) {
      throw invalidFile(`${name}: units`, `${sets} integers of 32 bits`, shown(units));
    }
    const spec = specOfFile(name, storedSpec);
    return {
      spec,
      inputs: readDigest(inputs, spec, name),
      seed,
      sampler: expectOne('sampler', sampler, KERNEL_SAMPLERS),
      outputs: expectOne('outputs', outputs, NTK_OUTPUTS),
      weightVariances,
      units,
    };
  },
  isSums(stored, count, settings) {
    const { sets } = (stored ?? {}) as { sets?: unknown };
    const length = lengthOf(layoutOfSettings(settings));
    return (
      Array.isArray(sets) &&
      sets.length === settings.units.length &&
      sets.every((set) => isSet(set, count, length))
    );
  },
  noSums(settings) {
    const layout = layoutOfSettings(settings);
    return new NtkSampleSums(settings.units.map((unit) => new KernelAccumulator(layout, unit)));
  },
  *addStored(sums, stored) {
    const { sets } = stored as { readonly sets: readonly KernelAccumulatorJson[] };
    for (const [i, set] of sums.sets.entries()) {
      set.addSaved(sets[i]!);
      yield;
    }
  },
};

function readDigest(stored: unknown, { inputDim }: NetworkSpec, name: string): InputsDigest {
  const { shape, sha256 } = (stored ?? {}) as { readonly shape?: unknown; readonly sha256?: unknown };
  const isShape = isNumbers(shape) && shape.length === 2 && isNatural(shape[0]) && shape[0] > 0;
  if (!isShape || shape[1] !== inputDim) {
    throw invalidFile(`${name}: inputs: shape`, `[N, ${inputDim}]`, shown(shape));
  }
  if (typeof sha256 !== 'string' || !/^[0-9a-f]{64}$/.test(sha256)) {
    throw invalidFile(`${name}: inputs: sha256`, '64 hexadecimal digits', describe(sha256));
  }
  return { shape, sha256 };
}

function isSet(stored: unknown, count: number, length: number): boolean {
  const set = (stored ?? {}) as Record<string, unknown>;
  const { dead } = set;
  return (
    set['count'] === count &&
    isNatural(dead) &&
    dead <= count &&
    isMoments(set['entries'], count, length) &&
    isMoments(set['ratios'], count - dead, length) &&
    isMoments(set['largestEigenvalue'], count, 1) &&
    isMoments(set['conditionNumber'], count - dead, 1)
  );
}

function isMoments(stored: unknown, count: number, length: number): boolean {
  const { sums, squares, infinite } = (stored ?? {}) as Record<string, unknown>;
  const isLists = (value: unknown): boolean =>
    Array.isArray(value) && value.length === length && value.every(isNumbers);
  return isLists(sums) && isLists(squares) && isInfinite(infinite, count, length);
}

/** [index, positive, negative], ..., in the order of the indices. */
function isInfinite(stored: unknown, count: number, length: number): boolean {
  let next = 0;
  return (
    Array.isArray(stored) &&
    stored.every((entry: unknown) => {
      if (!Array.isArray(entry) || entry.length !== 3 || !entry.every(isNatural)) return false;
      const [i, positive, negative] = entry as [number, number, number];
      const fits = i >= next && i < length && positive + negative >= 1 && positive + negative <= count;
      next = i + 1;
      return fits;
    })
  );
}
