/**
 * The head of every file that keeps long work: `{ format, version, settings, ... }`. The settings are everything that the
 * results depend on, so only files of equal settings can be continued or merged.
 */
import { open } from 'node:fs/promises';

import { invalidFile, reasonOf } from '../data/files';
import { DeepntkError, describe } from '../errors';

/** A format and its version. Another version is refused. */
export interface Format {
  readonly format: string;
  readonly version: number;
}

/** Fields of a JSON object. */
export type Fields = Readonly<Record<string, unknown>>;

/** The format of a file whose first bytes are a head; null if they are not. @throws DeepntkError `ERR_INVALID_FILE` */
export async function readFormat(path: string): Promise<string | null> {
  try {
    const file = await open(path, 'r');
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(100), 0, 100, 0);
      return /^\{"format":"([\w -]+)"/.exec(buffer.toString('latin1', 0, bytesRead))?.[1] ?? null;
    } finally {
      await file.close();
    }
  } catch (cause) {
    throw new DeepntkError('ERR_INVALID_FILE', `cannot read ${path}: ${reasonOf(cause)}`, { cause });
  }
}

/** Parses a JSON object. @throws DeepntkError `ERR_INVALID_FILE` */
export function parseFields(text: string, name: string): Fields {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw invalidFile(name, 'a whole JSON object', `${text.length} characters that are not one`, { cause });
  }
  if (typeof value !== 'object') throw invalidFile(name, 'a whole JSON object', describe(value));
  return (value ?? {}) as Fields;
}

/**
 * Checks the format and version of a head, and returns its settings, which the caller checks.
 *
 * @param name the file in error messages
 * @throws DeepntkError `ERR_INVALID_FILE`
 */
export function readSettings(fields: Fields, { format, version }: Format, name: string): Fields {
  if (fields['format'] !== format)
    throw invalidFile(name, `the format ${format}`, describe(fields['format']));
  if (fields['version'] !== version)
    throw invalidFile(name, `version ${version} of ${format}`, describe(fields['version']));
  const { settings } = fields;
  if (typeof settings !== 'object' || settings === null)
    throw invalidFile(name, 'settings', describe(settings));
  return settings as Fields;
}

/**
 * Refuses a file of other settings, with the first difference.
 *
 * @param there the place of the other settings in the message: `here`, or `in FILE`
 * @throws DeepntkError `ERR_INVALID_FILE`
 */
export function expectSameSettings(path: string, found: unknown, wanted: unknown, there = 'here'): void {
  const difference = firstDifference(plain(found), plain(wanted), []);
  if (difference === null) return;
  const [name, was, is] = difference;
  throw new DeepntkError(
    'ERR_INVALID_FILE',
    `${path} belongs to other settings: ${name} ${short(was)}, ${there} ${short(is)}`,
  );
}

/** As JSON has it. */
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

type Difference = readonly [name: string, found: unknown, wanted: unknown];

function firstDifference(found: unknown, wanted: unknown, path: readonly string[]): Difference | null {
  if (isFields(found) && isFields(wanted)) {
    for (const key of Object.keys({ ...wanted, ...found })) {
      const difference = firstDifference(found[key], wanted[key], [...path, key]);
      if (difference !== null) return difference;
    }
    return null;
  }
  if (JSON.stringify(found) === JSON.stringify(wanted)) return null;
  // The fields of a spec are known by their own names.
  return [path.filter((key) => key !== 'spec').join('.'), found, wanted];
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function short(value: unknown): string {
  const text = JSON.stringify(value ?? null);
  return text.length > 60 ? `${text.slice(0, 60)}...` : text;
}

export function isNatural(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

export function isFiniteNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}

/** Whether a value is a list of finite numbers. */
export function isNumbers(value: unknown): value is number[] {
  return Array.isArray(value) && value.every(isFiniteNumber);
}
