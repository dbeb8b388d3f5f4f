/**
 * The state of a run in a file: format "deepntk-dispersion", version 1, a JSON object
 *
 *     { format, version, settings: { spec, inputNorm2, seed, sampler }, ranges: [[from, to], ...], sums }
 *
 * with the replicas that it has, `from` <= number < `to`, in order and without overlap, and the sums over them as lists of
 * doubles that add up to them exactly (src/sampling/exact-sum.ts). Doubles in JSON read back as the same bits.
 */
import { invalidFile, readBytes, writeFileAtomically } from '../data/files';
import { DeepntkError, describe } from '../errors';
import { type NetworkSpec, specOfFile } from '../network/spec';
import { Accumulator, type AccumulatorJson } from './accumulator';
import { type Sampler, SAMPLERS } from './samplers';
import { existsSync } from 'node:fs';

const FORMAT = 'deepntk-dispersion';
const FORMAT_VERSION = 1;
const WRITE_EVERY_MS = 1000;

/** What makes a run: replicas of equal settings are replicas of one run. */
export interface RunSettings {
  readonly spec: NetworkSpec;
  readonly inputNorm2: number;
  readonly seed: number;
  readonly sampler: Sampler;
  readonly firstReplica: number;
}

export type Range = readonly [from: number, to: number];

/** A run's state as it is read from a file. */
export interface SavedRun {
  readonly settings: Omit<RunSettings, 'firstReplica'>;
  readonly ranges: readonly Range[];
  readonly sums: AccumulatorJson;
}

export interface CheckpointWriter {
  /** Writes the state if `now`, or if the last time is a while ago. */
  write(sums: Accumulator, now: boolean): Promise<void>;
}

/**
 * Prepares a run to be kept in a file. Where the file exists, its sums are taken over into `sums`.
 *
 * @throws DeepntkError `ERR_INVALID_FILE` where it is damaged, or of a run with other settings, or of more replicas
 */
export async function openCheckpoint(
  path: string,
  settings: RunSettings,
  goal: number,
  sums: Accumulator,
): Promise<CheckpointWriter> {
  const { firstReplica } = settings;
  if (existsSync(path)) {
    const saved = await readRun(path);
    expectSameSettings(path, saved.settings, settings);
    const [range, ...others] = saved.ranges;
    if (range === undefined || range[0] !== firstReplica || others.length > 0 || range[1] - range[0] > goal) {
      const wanted = `a run of at most ${goal} replicas from number ${firstReplica}`;
      throw invalidFile(path, wanted, `replicas ${rangesInWords(saved.ranges)}`);
    }
    sums.merge(new Accumulator(sums.scale, saved.sums));
  }
  let written = sums.count;
  let time = performance.now();
  return {
    async write(current, now) {
      if (current.count === written || (!now && performance.now() - time < WRITE_EVERY_MS)) return;
      await writeRun(path, {
        settings,
        ranges: [[firstReplica, firstReplica + current.count]],
        sums: current.toJSON(),
      });
      written = current.count;
      time = performance.now();
    },
  };
}

export async function writeRun(path: string, { settings, ranges, sums }: SavedRun): Promise<void> {
  const { spec, inputNorm2, seed, sampler } = settings;
  const content = {
    format: FORMAT,
    version: FORMAT_VERSION,
    settings: { spec, inputNorm2, seed, sampler },
    ranges,
    sums,
  };
  await writeFileAtomically(path, [Buffer.from(`${JSON.stringify(content)}\n`)]);
}

/** @throws DeepntkError `ERR_INVALID_FILE` where the file is not one of {@link writeRun}'s */
export async function readRun(path: string): Promise<SavedRun> {
  return decodeRun(Buffer.from(await readBytes(path)).toString('utf8'), path);
}

/**
 * {@link readRun} of a text that is already in memory.
 *
 * @param name what error messages call it
 */
export function decodeRun(text: string, name: string): SavedRun {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (cause) {
    throw invalidFile(name, 'a whole JSON object', `${text.length} characters that are none`, { cause });
  }
  const { format, version, settings, ranges, sums } = (content ?? {}) as Record<string, unknown>;
  if (format !== FORMAT) throw invalidFile(name, `the format ${FORMAT}`, describe(format));
  if (version !== FORMAT_VERSION) throw invalidFile(name, `version ${FORMAT_VERSION}`, describe(version));
  if (!isRanges(ranges)) throw invalidFile(name, 'ranges of replicas', describe(ranges));
  const count = ranges.reduce((sum, [from, to]) => sum + to - from, 0);
  if (!isSums(sums, count)) throw invalidFile(name, `sums over ${count} replicas`, 'others');
  return { settings: readSettings(settings, name), ranges, sums };
}

/** Settings as a run can have them: whatever is computed from them has been checked. */
function readSettings(settings: unknown, name: string): SavedRun['settings'] {
  if (typeof settings !== 'object' || settings === null) {
    throw invalidFile(name, 'settings', describe(settings));
  }
  const { spec, inputNorm2, seed, sampler } = settings as Readonly<Record<string, unknown>>;
  const known = SAMPLERS.find((one) => one === sampler);
  if (known === undefined) throw invalidFile(`${name}: sampler`, SAMPLERS.join(', '), describe(sampler));
  if (!isFinite(inputNorm2) || inputNorm2 < 0) {
    throw invalidFile(`${name}: inputNorm2`, 'a finite number >= 0', describe(inputNorm2));
  }
  if (!isNatural(seed)) throw invalidFile(`${name}: seed`, 'an integer >= 0', describe(seed));
  return { spec: specOfFile(name, spec), inputNorm2, seed, sampler: known };
}

/** Refuses to put together what does not belong together, and names the first difference. */
export function expectSameSettings(
  path: string,
  found: Omit<RunSettings, 'firstReplica'>,
  wanted: Omit<RunSettings, 'firstReplica'>,
): void {
  const flat = ({ spec, inputNorm2, seed, sampler }: Omit<RunSettings, 'firstReplica'>) =>
    ({ ...spec, inputNorm2, seed, sampler }) as Readonly<Record<string, unknown>>;
  const [ours, theirs] = [flat(wanted), flat(found)];
  for (const name of Object.keys(ours)) {
    const [want, got] = [JSON.stringify(ours[name]), JSON.stringify(theirs[name] ?? null)];
    if (want !== got) {
      throw invalidFile(path, `a run with ${name} ${short(want)}`, short(got));
    }
  }
}

/**
 * The union of ranges, neighbours joined.
 *
 * @throws DeepntkError `ERR_INVALID_ARGUMENT` where two overlap: a replica must not count twice
 */
export function joinRanges(ranges: readonly Range[]): Range[] {
  const joined: [number, number][] = [];
  for (const [from, to] of [...ranges].sort((a, b) => a[0] - b[0])) {
    const last = joined.at(-1);
    if (last !== undefined && from < last[1]) {
      throw new DeepntkError(
        'ERR_INVALID_ARGUMENT',
        `mergeDispersion: expected ranges of replicas that do not overlap, got ${rangesInWords(ranges)}`,
      );
    }
    if (last !== undefined && from === last[1]) last[1] = to;
    else joined.push([from, to]);
  }
  return joined;
}

export function rangesInWords(ranges: readonly Range[]): string {
  return ranges.map(([from, to]) => `${from}:${to}`).join(', ');
}

function short(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}...` : text;
}

function isRanges(value: unknown): value is Range[] {
  return (
    Array.isArray(value) &&
    value.length > 0 &&
    value.every((range: unknown) => {
      if (!Array.isArray(range) || range.length !== 2) return false;
      const [from, to] = range as unknown[];
      return isNatural(from) && isNatural(to) && from < to;
    })
  );
}

function isSums(value: unknown, count: number): value is AccumulatorJson {
  const { largest, parts } = (value ?? {}) as { largest?: unknown; parts?: unknown };
  if (!isFinite(largest) || !Array.isArray(parts) || parts.length !== 3) return false;
  let total = 0;
  for (const entry of parts as unknown[]) {
    const part = (entry ?? {}) as Record<string, unknown>;
    if (!isNatural(part['count'])) return false;
    total += part['count'];
    for (const name of ['x', 'y', 'xx', 'yy', 'xy']) {
      const list = part[name];
      if (!Array.isArray(list) || !list.every(isFinite)) return false;
    }
  }
  return total === count;
}

function isNatural(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isFinite(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}
