/** Reading lists of numbers and shards from the command line. */
import { InvalidArgumentError } from 'commander';

import { describe } from '../errors';
import type { Shard } from '../sampling/sweep';

/** "1,2.5" and ranges "from:to:step", mixed. */
export function numberList(text: string): number[] {
  const values = text.split(',').flatMap((part) => {
    const [from, to, step, ...rest] = part
      .split(':')
      .map((word) => (word.trim() === '' ? NaN : Number(word)));
    if (to === undefined) return [from!];
    if (rest.length > 0 || !(step! > 0) || !(to >= from!) || !((to - from!) / step! < 1e6)) return [NaN];
    // A step's rounding does not cost the last value.
    return Array.from({ length: Math.floor((to - from!) / step! + 1e-9) + 1 }, (_, i) =>
      Number((from! + i * step!).toPrecision(12)),
    );
  });
  if (!values.every(Number.isFinite)) {
    throw new InvalidArgumentError(`Expected numbers such as 1,2.5 or 0.5:3.5:0.25, got ${describe(text)}.`);
  }
  return values;
}

export function wholeNumbers(min: number): (text: string) => number[] {
  return (text) => {
    const values = numberList(text);
    if (values.every((value) => Number.isSafeInteger(value) && value >= min)) return values;
    throw new InvalidArgumentError(`Expected integers >= ${min}, got ${describe(text)}.`);
  };
}

export function shardOf(text: string): Shard {
  const fromEnvironment = (name: string): number => {
    const value = Number(process.env[name] ?? NaN);
    if (Number.isSafeInteger(value) && value >= 0) return value;
    throw new InvalidArgumentError(
      `Expected ${name} in the environment, got ${describe(process.env[name])}.`,
    );
  };
  const [index, count] = ((): [number, number] => {
    if (text === 'slurm') {
      const first = fromEnvironment('SLURM_ARRAY_TASK_MIN');
      return [fromEnvironment('SLURM_ARRAY_TASK_ID') - first, fromEnvironment('SLURM_ARRAY_TASK_COUNT')];
    }
    const [, which, of] = /^(\d+|kubernetes)\/(\d+)$/.exec(text) ?? [];
    return [which === 'kubernetes' ? fromEnvironment('JOB_COMPLETION_INDEX') : Number(which), Number(of)];
  })();
  if (index >= 0 && index < count) return { index, count };
  throw new InvalidArgumentError(
    `Expected i/n with 0 <= i < n, slurm, or kubernetes/n, got ${describe(text)}.`,
  );
}
