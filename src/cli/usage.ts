/** Reading the values of options. What is wrong with the command line itself ends the command with status 2. */
import { InvalidArgumentError } from 'commander';

import { DeepntkError, describe } from '../errors';

/** The command line asks for what does not exist or does not fit together. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Where options that `read` takes are not as they should be, the command line is wrong, not the work. */
export function asUsage<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof DeepntkError && error.code === 'ERR_INVALID_ARGUMENT') {
      throw new UsageError(error.message, { cause: error });
    }
    throw error;
  }
}

/** {@link asUsage} of what takes its time. */
export async function asUsageOf<T>(start: () => Promise<T>): Promise<T> {
  try {
    return await start();
  } catch (error) {
    return asUsage(() => {
      throw error;
    });
  }
}

export interface IntegerRange {
  readonly min: number;
  readonly max?: number;
}

export function integer({ min, max = Number.MAX_SAFE_INTEGER }: IntegerRange): (text: string) => number {
  return (text) => {
    const value = /^[+-]?\d+(e\d+)?$/i.test(text.trim()) ? Number(text) : NaN;
    if (!Number.isSafeInteger(value) || value < min || value > max) {
      const limit = max === Number.MAX_SAFE_INTEGER ? '' : ` and <= ${max}`;
      throw new InvalidArgumentError(`Expected an integer >= ${min}${limit}, got ${describe(text)}.`);
    }
    return value;
  };
}

export function real({
  above = -Infinity,
  min = -Infinity,
}: {
  above?: number;
  min?: number;
}): (text: string) => number {
  return (text) => {
    const value = text.trim() === '' ? NaN : Number(text);
    if (!Number.isFinite(value) || value <= above || value < min) {
      const limit = above > -Infinity ? ` > ${above}` : min > -Infinity ? ` >= ${min}` : '';
      throw new InvalidArgumentError(`Expected a finite number${limit}, got ${describe(text)}.`);
    }
    return value;
  };
}

/** "2G", "500M", "64K", "1.5G" or a number of bytes; the letters are powers of 1024. */
export function byteSize(text: string): number {
  const [, number, unit = ''] = /^(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?$/i.exec(text.trim()) ?? [];
  const bytes = Math.floor(Number(number) * 1024 ** ' KMGT'.indexOf(unit === '' ? ' ' : unit.toUpperCase()));
  if (!Number.isSafeInteger(bytes) || bytes <= 0) {
    throw new InvalidArgumentError(`Expected a size such as 2G or 500M, got ${describe(text)}.`);
  }
  return bytes;
}

/** "1,3-5": numbers and ranges of numbers. */
export function rangeList(text: string): number[] {
  return text.split(',').flatMap((part) => {
    const [, first, last] = /^\s*(\d+)\s*(?:-\s*(\d+)\s*)?$/.exec(part) ?? [];
    const from = Number(first);
    const to = last === undefined ? from : Number(last);
    if (!(from >= 1 && to >= from && to - from < 2 ** 24)) {
      throw new InvalidArgumentError(`Expected layer numbers such as 1,3-5, got ${describe(text)}.`);
    }
    return Array.from({ length: to - from + 1 }, (_, i) => from + i);
  });
}
