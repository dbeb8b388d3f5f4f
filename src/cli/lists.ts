/** Reading lists of numbers and shards from the command line. */
import { InvalidArgumentError } from 'commander';

import { describe } from '../errors';
import type { Shard } from '../runs/ranges';

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

/** "i/n", or the index that a Slurm array or an indexed job of Kubernetes gives to each of its tasks. */
export function shardOf(text: string): Shard {
  if (text === 'slurm') return shardOfSlurm();
  const [, which, of] = /^(\d+|slurm|kubernetes)\/(\d+)$/.exec(text) ?? [];
  const variable = { slurm: 'SLURM_ARRAY_TASK_ID', kubernetes: 'JOB_COMPLETION_INDEX' }[which ?? ''];
  const index = variable === undefined ? Number(which) : fromEnvironment(variable);
  const count = Number(of);
  if (index < count) return { index, count };
  const found = variable === undefined ? describe(text) : `${variable} ${index} of ${count}`;
  throw new InvalidArgumentError(
    `Expected i/n with 0 <= i < n, slurm, slurm/n, or kubernetes/n with n the number of all tasks, got ${found}.`,
  );
}

/**
 * A task of `--array=0-7`, or of `--array=0-14:2`. If some tasks are submitted again, the array has their numbers alone, so one
 * that does not begin at 0 does not tell how many shards there are.
 */
function shardOfSlurm(): Shard {
  const [id, first, count] = ['ID', 'MIN', 'COUNT'].map((name) =>
    fromEnvironment(`SLURM_ARRAY_TASK_${name}`),
  );
  const step =
    process.env['SLURM_ARRAY_TASK_STEP'] === undefined ? 1 : fromEnvironment('SLURM_ARRAY_TASK_STEP');
  const index = id! / step;
  if (first === 0 && Number.isSafeInteger(index) && index < count!) return { index, count: count! };
  throw new InvalidArgumentError(
    `Expected a whole Slurm array from 0 on, such as --array=0-7 (or slurm/n with n the number of all tasks), got task ${id!} of ${count!} from ${first!} by ${step}.`,
  );
}

function fromEnvironment(name: string): number {
  const text = process.env[name] ?? '';
  if (/^\d+$/.test(text)) return Number(text);
  throw new InvalidArgumentError(
    `Expected ${name} in the environment, a number, got ${describe(process.env[name])}.`,
  );
}
