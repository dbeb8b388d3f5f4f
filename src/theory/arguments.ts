/** Checks of arguments that several theories take. */
import { type ArrayInput, readInputs } from '../array-input';
import { DeepntkError, expectNumber, invalidArgument } from '../errors';
import { unknownLaw } from '../network/spec';
import { choiceOption, numberOption } from '../options';
import type { Assumption } from './moment-recursion';

export function expectPositive(where: string, value: unknown): number {
  return expectNumber(where, value, { above: 0, what: 'a finite number > 0' });
}

/** sigma_w^2. Null, which the spec of a net of unknown law has, is not a default. */
export function expectWeightVariance(where: string, value: unknown): number {
  if (value === null) throw unknownLaw(where, 'a finite number > 0');
  return expectPositive(where, value);
}

export function expectNonNegative(where: string, value: unknown): number {
  return expectNumber(where, value, { min: 0, what: 'a finite number >= 0' });
}

/** Whether the exact law is meant. */
export const ASSUMPTION_OPTION = {
  assumption: choiceOption<Assumption>({
    default: 'exact',
    choices: ['exact', 'gradient-independence'],
    help: 'gradient-independence is an approximation, for comparison',
  }),
};

/** The input of a net, as far as the kernel of one input depends on it. */
export const INPUT_OPTION = {
  inputNorm2: numberOption({ default: 1, min: 0, help: 'squared norm of the input' }),
};

/** The options of `moments` and related functions. */
export const MOMENTS_OPTIONS = { ...INPUT_OPTION, ...ASSUMPTION_OPTION };

/** Refuses a result that the range of doubles does not hold. */
export function expectResult(where: string, name: string, value: number): number {
  if (Number.isFinite(value)) return value;
  throw new DeepntkError(
    'ERR_COMPUTATION',
    `${where}: ${name} is ${value}: it, or a number on the way to it, is beyond the range of doubles`,
  );
}

/** The inputs of a net as doubles, one row per input. */
export function expectInputs(where: string, x: ArrayInput, inputDim: number): Float64Array[] {
  const { data, shape } = readInputs(where, x, inputDim);
  const bad = data.findIndex((entry) => !Number.isFinite(entry));
  if (bad >= 0) throw invalidArgument(`${where}: entry ${bad}`, 'a finite number', data[bad]);
  return Array.from({ length: shape[0]! }, (_, i) =>
    Float64Array.from(data.subarray(i * inputDim, (i + 1) * inputDim)),
  );
}
