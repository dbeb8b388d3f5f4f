/**
 * Exact sums over replicas in a file, a JSON object on one line,
 *
 *     { format, version, settings: { ... }, ranges: [[from, to], ...], sums, checksum }
 *
 * The ranges are those of the replicas in the sums, in order and without overlap. The sums are lists of doubles that add up to
 * them exactly (src/numbers/exact-sum.ts); doubles in JSON read back as the same bits. `checksum` is the SHA-256 of all bytes
 * before its comma. Format, version, settings and sums depend on the kind: dispersion-file.ts, ntk-sample-file.ts.
 */
import { constants } from 'node:buffer';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';

import { invalidFile, readBytes, writeFileAtomically } from '../data/files';
import { describe } from '../errors';
import { expectSameSettings, type Fields, type Format, isNatural, parseFields, readSettings } from './head';
import { type Lock, lockFile } from './lock';
import { joinRanges, type Range, rangesInWords } from './ranges';
import { expectTarget } from './target';

/** Exact sums over replicas. */
export interface Sums {
  readonly count: number;
  /** The JSON text of the sums, in pieces. */
  json(): Iterable<string>;
}

/** The content of the files of one kind of job. */
export interface SumsKind<Settings extends object, S extends Sums> extends Format {
  /** @throws DeepntkError `ERR_INVALID_FILE` if no job can have these settings. The caller computes from them unchecked. */
  readSettings(stored: Fields, name: string): Settings;
  /** Whether a value can be the sums over a number of replicas of such a job. */
  isSums(stored: unknown, count: number, settings: Settings): boolean;
  /** The sums over no replicas. */
  noSums(settings: Settings): S;
  /** Adds stored sums, in steps. @param stored a value that {@link isSums} accepts */
  addStored(sums: S, stored: unknown): Iterable<unknown>;
}

/** The replicas that a run asks for. */
export interface SumsTarget<Settings> {
  readonly path: string;
  readonly settings: Settings;
  readonly firstReplica: number;
  /** The number of replicas at which the run ends at the latest. */
  readonly replicas: number;
}

const WRITE_EVERY_MS = 1000;
/** The largest share of the time that writing takes. */
const LARGEST_SHARE = 0.05;

/** The file that a run keeps its sums in. It is locked until it is closed. */
export class SumsFile<Settings extends object, S extends Sums> {
  #written: number;
  #due = performance.now() + WRITE_EVERY_MS;

  private constructor(
    private readonly kind: SumsKind<Settings, S>,
    private readonly target: SumsTarget<Settings>,
    private readonly sums: S,
    private readonly lock: Lock,
  ) {
    this.#written = sums.count;
  }

  /**
   * Locks the file. If it exists, adds its sums to `sums`, which hold nothing yet.
   *
   * @throws DeepntkError `ERR_INVALID_FILE` if another run writes the file, or if it is damaged, belongs to other settings, or
   *   holds other or more replicas
   */
  static async open<Settings extends object, S extends Sums>(
    kind: SumsKind<Settings, S>,
    target: SumsTarget<Settings>,
    sums: S,
    signal: AbortSignal | undefined,
  ): Promise<SumsFile<Settings, S>> {
    const { path, settings, firstReplica, replicas } = target;
    const lock = await lockFile(path, signal);
    try {
      if (existsSync(path)) {
        const saved = await readSums(kind, path);
        expectSameSettings(path, saved.settings, settings);
        const [range, ...others] = saved.ranges;
        if (
          range === undefined ||
          range[0] !== firstReplica ||
          others.length > 0 ||
          range[1] - range[0] > replicas
        ) {
          const wanted = `a run of at most ${replicas} replicas from number ${firstReplica}`;
          throw invalidFile(path, wanted, `replicas ${rangesInWords(saved.ranges)}`);
        }
        await addStoredSums(kind, sums, saved);
      }
      return new SumsFile(kind, target, sums, lock);
    } catch (error) {
      await lock.release();
      throw error;
    }
  }

  /** Writes the sums if `now`, or if the last time is a while ago. They must not change meanwhile. */
  async write(now: boolean): Promise<void> {
    const { kind, target, sums } = this;
    const start = performance.now();
    if (sums.count === this.#written || (!now && start < this.#due)) return;
    const { path, settings, firstReplica } = target;
    await writeSums(kind, path, settings, [[firstReplica, firstReplica + sums.count]], sums);
    this.#written = sums.count;
    const end = performance.now();
    this.#due = Math.max(start + WRITE_EVERY_MS, end + (end - start) / LARGEST_SHARE);
  }

  async close(): Promise<void> {
    await this.lock.release();
  }
}

/** The content of a file. */
export interface SavedSums<Settings> {
  readonly settings: Settings;
  readonly ranges: readonly Range[];
  /** As they are stored. */
  readonly sums: unknown;
}

/**
 * Adds up the sums of several files, in any order: the same bits as of one run over their replicas.
 *
 * @param target the file to write the total to, and whether it may exist
 * @throws DeepntkError `ERR_INVALID_FILE` if a file is damaged or belongs to other settings, `ERR_INVALID_ARGUMENT` if two hold
 *   the same replica
 */
export async function mergeSums<Settings extends object, S extends Sums>(
  where: string,
  kind: SumsKind<Settings, S>,
  paths: readonly [string, ...string[]],
  target: { readonly out?: string; readonly force?: boolean },
): Promise<{ readonly settings: Settings; readonly ranges: readonly Range[]; readonly sums: S }> {
  const { out } = target;
  const lock = out === undefined ? null : await lockFile(out);
  try {
    if (out !== undefined) await expectTarget(out, target.force);
    const { settings, ranges: first, sums: stored } = await readSums(kind, paths[0]);
    const sums = kind.noSums(settings);
    await addStoredSums(kind, sums, { settings, ranges: first, sums: stored });
    let ranges = joinRanges(where, 'replicas', first);
    for (const path of paths.slice(1)) {
      const saved = await readSums(kind, path);
      expectSameSettings(path, saved.settings, settings, `in ${paths[0]}`);
      ranges = joinRanges(where, 'replicas', [...ranges, ...saved.ranges]);
      await addStoredSums(kind, sums, saved);
    }
    if (out !== undefined) await writeSums(kind, out, settings, ranges, sums);
    return { settings, ranges, sums };
  } finally {
    await lock?.release();
  }
}

const CHECKSUM = ',"checksum":"';
/** The end of a file, from the checksum's comma on. */
const ENDING = /^,"checksum":"([0-9a-f]{64})"\}\n?$/;

/**
 * Writes a file. Sums in pieces leave the event loop to others in between; they must not change meanwhile.
 *
 * @throws DeepntkError `ERR_INVALID_FILE` if the file cannot be written, or is too large to be read again; an older file stays
 */
async function writeSums<Settings extends object, S extends Sums>(
  kind: SumsKind<Settings, S>,
  path: string,
  settings: Settings,
  ranges: readonly Range[],
  sums: S,
): Promise<void> {
  await writeFileAtomically(path, readable(path, piecesOf(kind, settings, ranges, sums)));
}

/** The pieces, as long as {@link readText} takes a file of their size. */
function* readable(path: string, pieces: Iterable<Uint8Array>): Iterable<Uint8Array> {
  let bytes = 0;
  for (const piece of pieces) {
    bytes += piece.length;
    expectReadable(path, bytes);
    yield piece;
  }
}

/** A file is read as one text. */
function expectReadable(path: string, bytes: number): void {
  const most = constants.MAX_STRING_LENGTH;
  if (bytes > most) throw invalidFile(path, `at most ${most} bytes of state, a text`, 'more');
}

function* piecesOf(
  { format, version }: Format,
  settings: object,
  ranges: readonly Range[],
  sums: Sums,
): Iterable<Uint8Array> {
  const hash = createHash('sha256');
  const hashed = (text: string): Uint8Array => {
    const piece = Buffer.from(text);
    hash.update(piece);
    return piece;
  };
  const head = JSON.stringify({ format, version, settings, ranges });
  yield hashed(`${head.slice(0, -1)},"sums":`);
  for (const piece of sums.json()) yield hashed(piece);
  yield Buffer.from(`${CHECKSUM}${hash.digest('hex')}"}\n`);
}

/** Adds the sums of a file, and lets other events in if that takes long. */
export async function addStoredSums<Settings extends object, S extends Sums>(
  kind: SumsKind<Settings, S>,
  sums: S,
  { sums: stored }: SavedSums<Settings>,
): Promise<void> {
  const steps = kind.addStored(sums, stored)[Symbol.iterator]();
  while (steps.next().done !== true) await setImmediate();
}

async function readSums<Settings extends object, S extends Sums>(
  kind: SumsKind<Settings, S>,
  path: string,
): Promise<SavedSums<Settings>> {
  return decodeSums(kind, await readText(path), path);
}

async function readText(path: string): Promise<string> {
  const bytes = await readBytes(path);
  expectReadable(path, bytes.length);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8');
}

/**
 * Reads the text of a file.
 *
 * @param name the file in error messages
 * @throws DeepntkError `ERR_INVALID_FILE` if the text is not what a run writes
 */
export function decodeSums<Settings extends object, S extends Sums>(
  kind: SumsKind<Settings, S>,
  text: string,
  name: string,
): SavedSums<Settings> {
  const fields = parseFields(text, name);
  const stored = readSettings(fields, kind, name);
  const { ranges, sums } = fields;
  if (!isRanges(ranges)) throw invalidFile(name, 'ranges of replicas', describe(ranges));
  const settings = kind.readSettings(stored, name);
  const count = ranges.reduce((sum, [from, to]) => sum + to - from, 0);
  if (!kind.isSums(sums, count, settings)) throw invalidFile(name, `sums over ${count} replicas`, 'others');
  expectChecksum(text, name);
  return { settings, ranges, sums };
}

/** Compares the checksum with the text before it. Nothing but the object's end follows it. */
function expectChecksum(text: string, name: string): void {
  const at = text.lastIndexOf(CHECKSUM);
  const told = ENDING.exec(text.slice(Math.max(0, at)))?.[1];
  if (told === undefined) throw invalidFile(name, 'a checksum of its content at the end', 'none');
  const computed = createHash('sha256').update(text.slice(0, at)).digest('hex');
  if (told !== computed) throw invalidFile(name, `the checksum ${computed} of its content`, describe(told));
}

function isRanges(value: unknown): value is Range[] {
  return (
    Array.isArray(value) &&
    value.length > 0 &&
    value.every((range: unknown, i) => {
      if (!Array.isArray(range) || range.length !== 2) return false;
      const [from, to] = range as unknown[];
      const before = i === 0 ? 0 : ((value[i - 1] as unknown[])[1] as number);
      return isNatural(from) && isNatural(to) && before <= from && from < to;
    })
  );
}
