/**
 * The state of a run over replicas in a file, a JSON object on one line,
 *
 *     { format, version, settings: { ... }, ranges: [[from, to], ...], sums, checksum }
 *
 * with what makes the run, the replicas that it has, `from` <= number < `to`, in order and without overlap, and the sums over
 * them as lists of doubles that add up to them exactly (src/numbers/exact-sum.ts). Doubles in JSON read back as the same
 * bits. `checksum` is the SHA-256 of all bytes before its comma. What settings and sums are depends on the kind of run:
 * dispersion-file.ts, ntk-sample-file.ts.
 */
import { constants } from 'node:buffer';
import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';

import { invalidFile, readBytes, writeFileAtomically } from '../data/files';
import { describe } from '../errors';
import type { Range } from '../runs/ranges';

/** Sums over replicas, exact ones. */
export interface RunSums {
  readonly count: number;
  /** The JSON text of the sums, in pieces. */
  json(): Iterable<string>;
}

/** What files of a kind of run have in them. */
export interface RunKind<Settings, Sums extends RunSums> {
  readonly format: string;
  readonly version: number;
  /** As they are written to the file. */
  storedSettings(settings: Settings): object;
  /** @throws DeepntkError `ERR_INVALID_FILE` where no run can have them: whatever is computed from settings has been checked */
  readSettings(stored: Readonly<Record<string, unknown>>, name: string): Settings;
  /** All that two runs must have in common, by the names that errors call them. */
  facts(settings: Settings): Readonly<Record<string, unknown>>;
  /** Whether these can be sums over so many replicas of such a run. */
  isSums(stored: unknown, count: number, settings: Settings): boolean;
  /** Over no replicas yet. */
  noSums(settings: Settings): Sums;
  /**
   * Adds what is stored, in steps.
   *
   * @param stored as {@link isSums} found it right
   */
  addStored(sums: Sums, stored: unknown): Iterable<unknown>;
}

/** A run's state as it is read from a file. */
export interface SavedRun<Settings> {
  readonly settings: Settings;
  readonly ranges: readonly Range[];
  /** As they are stored. */
  readonly sums: unknown;
}

const CHECKSUM = ',"checksum":"';
/** What a file ends with, from the checksum's comma on. */
const ENDING = /^,"checksum":"([0-9a-f]{64})"\}\n?$/;

/**
 * Sums in pieces leave the event loop to others in between; they must not change meanwhile.
 *
 * @throws DeepntkError `ERR_INVALID_FILE` where it cannot be written, or not be read again for its size; an older file stays
 */
export async function writeRun<Settings, Sums extends RunSums>(
  kind: RunKind<Settings, Sums>,
  path: string,
  settings: Settings,
  ranges: readonly Range[],
  sums: Sums,
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

function* piecesOf<Settings, Sums extends RunSums>(
  kind: RunKind<Settings, Sums>,
  settings: Settings,
  ranges: readonly Range[],
  sums: Sums,
): Iterable<Uint8Array> {
  const hash = createHash('sha256');
  const hashed = (text: string): Uint8Array => {
    const piece = Buffer.from(text);
    hash.update(piece);
    return piece;
  };
  const { format, version } = kind;
  const head = JSON.stringify({ format, version, settings: kind.storedSettings(settings), ranges });
  yield hashed(`${head.slice(0, -1)},"sums":`);
  for (const piece of sums.json()) yield hashed(piece);
  yield Buffer.from(`${CHECKSUM}${hash.digest('hex')}"}\n`);
}

/** @throws DeepntkError `ERR_INVALID_FILE` where the file is not one of {@link writeRun}'s */
export async function readRun<Settings, Sums extends RunSums>(
  kind: RunKind<Settings, Sums>,
  path: string,
): Promise<SavedRun<Settings>> {
  return decodeRun(kind, await readText(path), path);
}

/** Adds the sums of a file; other events are let in where that takes long. */
export async function addStoredSums<Settings, Sums extends RunSums>(
  kind: RunKind<Settings, Sums>,
  sums: Sums,
  { sums: stored }: SavedRun<Settings>,
): Promise<void> {
  const steps = kind.addStored(sums, stored)[Symbol.iterator]();
  while (steps.next().done !== true) await setImmediate();
}

/** A file of whatever kind, parsed and not yet checked. */
export interface ParsedRun {
  readonly text: string;
  readonly content: Readonly<Record<string, unknown>>;
}

/** @throws DeepntkError `ERR_INVALID_FILE` where it is not JSON */
export async function parseRun(path: string): Promise<ParsedRun> {
  return parse(await readText(path), path);
}

async function readText(path: string): Promise<string> {
  const bytes = await readBytes(path);
  expectReadable(path, bytes.length);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8');
}

function parse(text: string, name: string): ParsedRun {
  try {
    return { text, content: (JSON.parse(text) ?? {}) as Record<string, unknown> };
  } catch (cause) {
    throw invalidFile(name, 'a whole JSON object', `${text.length} characters that are none`, { cause });
  }
}

/**
 * {@link readRun} of a text that is already in memory.
 *
 * @param name what error messages call it
 */
export function decodeRun<Settings, Sums extends RunSums>(
  kind: RunKind<Settings, Sums>,
  text: string,
  name: string,
): SavedRun<Settings> {
  return checkRun(kind, parse(text, name), name);
}

/** {@link readRun} of a file that is parsed already. */
export function checkRun<Settings, Sums extends RunSums>(
  kind: RunKind<Settings, Sums>,
  { text, content }: ParsedRun,
  name: string,
): SavedRun<Settings> {
  const { format, version, settings: stored, ranges, sums } = content;
  if (format !== kind.format) throw invalidFile(name, `the format ${kind.format}`, describe(format));
  if (version !== kind.version) throw invalidFile(name, `version ${kind.version}`, describe(version));
  if (!isRanges(ranges)) throw invalidFile(name, 'ranges of replicas', describe(ranges));
  if (typeof stored !== 'object' || stored === null) throw invalidFile(name, 'settings', describe(stored));
  const settings = kind.readSettings(stored as Record<string, unknown>, name);
  const count = ranges.reduce((sum, [from, to]) => sum + to - from, 0);
  if (!kind.isSums(sums, count, settings)) throw invalidFile(name, `sums over ${count} replicas`, 'others');
  expectChecksum(text, name);
  return { settings, ranges, sums };
}

/** That of all that is before it, and nothing but the object's end behind it. */
function expectChecksum(text: string, name: string): void {
  const at = text.lastIndexOf(CHECKSUM);
  const told = ENDING.exec(text.slice(Math.max(0, at)))?.[1];
  if (told === undefined) throw invalidFile(name, 'a checksum of its content at the end', 'none');
  const computed = createHash('sha256').update(text.slice(0, at)).digest('hex');
  if (told !== computed) throw invalidFile(name, `the checksum ${computed} of its content`, describe(told));
}

/**
 * Refuses to put together what does not belong together, and names the first difference.
 *
 * @throws DeepntkError `ERR_INVALID_FILE`
 */
export function expectSameSettings<Settings, Sums extends RunSums>(
  kind: RunKind<Settings, Sums>,
  path: string,
  found: Settings,
  wanted: Settings,
): void {
  const [ours, theirs] = [kind.facts(wanted), kind.facts(found)];
  for (const name of Object.keys(ours)) {
    const [want, got] = [ours[name], theirs[name]].map((fact) => JSON.stringify(fact ?? null)) as [
      string,
      string,
    ];
    if (want !== got) throw invalidFile(path, `a run with ${name} ${short(want)}`, short(got));
  }
}

function short(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}...` : text;
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

export function isNatural(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

export function isFiniteNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}

/** Whether it is a list of doubles. */
export function isNumbers(value: unknown): value is number[] {
  return Array.isArray(value) && value.every(isFiniteNumber);
}
