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

/** "i/n", or what a Slurm array or an indexed job of Kubernetes tells each of its tasks. */
export function shardOf(text: string): Shard {
  if (text === 'slurm') return shardOfSlurm();
  const [, which, of] = /^(\d+|kubernetes)\/(\d+)$/.exec(text) ?? [];
  const index = which === 'kubernetes' ? fromEnvironment('JOB_COMPLETION_INDEX') : Number(which);
  const count = Number(of);
  if (index < count) return { index, count };
  const found = which === 'kubernetes' ? `JOB_COMPLETION_INDEX ${index} of ${count}` : describe(text);
  throw new InvalidArgumentError(
    `Expected i/n with 0 <= i < n, slurm, or kubernetes/n with n the number of completions, got ${found}.`,
  );
}

/** A task of `--array=0-7`, or of `--array=1-15:2`: the numbers of its array are evenly spaced. */
function shardOfSlurm(): Shard {
  const [id, first, count] = ['ID', 'MIN', 'COUNT'].map((name) =>
    fromEnvironment(`SLURM_ARRAY_TASK_${name}`),
  );
  const step =
    process.env['SLURM_ARRAY_TASK_STEP'] === undefined ? 1 : fromEnvironment('SLURM_ARRAY_TASK_STEP');
  const index = (id! - first!) / step;
  if (Number.isSafeInteger(index) && index >= 0 && index < count!) return { index, count: count! };
  throw new InvalidArgumentError(
    `Expected a Slurm array of evenly spaced numbers, such as --array=0-7, got task ${id!} of ${count!} from ${first!} by ${step}.`,
  );
}

function fromEnvironment(name: string): number {
  const text = process.env[name] ?? '';
  if (/^\d+$/.test(text)) return Number(text);
  throw new InvalidArgumentError(
    `Expected ${name} in the environment, a number, got ${describe(process.env[name])}.`,
  );
}
