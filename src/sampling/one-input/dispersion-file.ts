/**
 * The file of a run of `estimateDispersion` (src/runs/sums-file.ts): format "deepntk-dispersion", version 2, with
 *
 *     settings: { spec, inputNorm2, seed, sampler },
 *     sums: { largest, parts: [{ count, x, y, xx, yy, xy }, ...] }
 */
import { invalidFile } from '../../data/files';
import { describe } from '../../errors';
import { type NetworkSpec, specOfFile } from '../../network/spec';
import { moments } from '../../theory/moments';
import { Accumulator, type AccumulatorJson, SUM_NAMES } from './accumulator';
import { scaleOf } from './estimate';
import { isFiniteNumber, isNatural, isNumbers } from '../../runs/head';
import type { SumsKind } from '../../runs/sums-file';
import { type Sampler, SAMPLERS } from '../samplers';

/** Replicas of equal settings are replicas of one job. */
export interface DispersionSettings {
  readonly spec: NetworkSpec;
  readonly inputNorm2: number;
  readonly seed: number;
  readonly sampler: Sampler;
}

export const DISPERSION_SUMS: SumsKind<DispersionSettings, Accumulator> = {
  format: 'deepntk-dispersion',
  version: 2,
  readSettings({ spec, inputNorm2, seed, sampler }, name) {
    const known = SAMPLERS.find((one) => one === sampler);
    if (known === undefined) throw invalidFile(`${name}: sampler`, SAMPLERS.join(', '), describe(sampler));
    if (!isFiniteNumber(inputNorm2) || inputNorm2 < 0) {
      throw invalidFile(`${name}: inputNorm2`, 'a finite number >= 0', describe(inputNorm2));
    }
    if (!isNatural(seed)) throw invalidFile(`${name}: seed`, 'an integer >= 0', describe(seed));
    return { spec: specOfFile(name, spec), inputNorm2, seed, sampler: known };
  },
  isSums(stored, count) {
    const { largest, parts } = (stored ?? {}) as { largest?: unknown; parts?: unknown };
    if (!isFiniteNumber(largest) || !Array.isArray(parts) || parts.length !== 3) return false;
    let total = 0;
    for (const entry of parts as unknown[]) {
      const part = (entry ?? {}) as Record<string, unknown>;
      if (!isNatural(part['count'])) return false;
      total += part['count'];
      if (!SUM_NAMES.every((name) => isNumbers(part[name]))) return false;
    }
    return total === count;
  },
  noSums: ({ spec, inputNorm2 }) => new Accumulator(scaleOf(moments(spec, { inputNorm2 }))),
  addStored(sums, stored) {
    sums.merge(new Accumulator(sums.scale, stored as AccumulatorJson));
    return [];
  },
};
