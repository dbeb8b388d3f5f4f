/** Checks of arguments that several theories take. */
import { DeepntkError, describeShape, expectNumber, expectOneOf, invalidArgument } from '../errors';
import { isFloatArray, type NdArray } from '../ndarray';
import type { Assumption } from './moment-recursion';

export function expectPositive(where: string, value: unknown): number {
  return expectNumber(where, value, { above: 0, what: 'a finite number > 0' });
}

export function expectNonNegative(where: string, value: unknown): number {
  return expectNumber(where, value, { min: 0, what: 'a finite number >= 0' });
}

export function expectAssumption(where: string, value: unknown): Assumption {
  return expectOneOf(where, value, ['exact', 'gradient-independence']);
}

/** Refuses a result that the range of doubles does not hold. */
export function expectResult(where: string, name: string, value: number): number {
  if (Number.isFinite(value)) return value;
  throw new DeepntkError(
    'ERR_COMPUTATION',
    `${where}: ${name} is ${value}: it, or a number on the way to it, is beyond the range of doubles`,
  );
}

/** The rows of a matrix of inputs, as doubles. */
export function expectInputs(where: string, x: NdArray, inputDim: number): Float64Array[] {
  const given = x as Partial<NdArray> | null | undefined;
  const { data, shape } = given ?? {};
  if (!isFloatArray(data) || !Array.isArray(shape)) {
    throw invalidArgument(where, 'an NdArray { data: Float64Array | Float32Array, shape }', x);
  }
  const [count, columns] = shape as number[];
  if (
    !Number.isSafeInteger(count) ||
    shape.length !== 2 ||
    columns !== inputDim ||
    data.length !== count! * columns
  ) {
    throw new DeepntkError(
      'ERR_INVALID_ARGUMENT',
      `${where}: expected an array of shape [N, ${inputDim}], got shape ${describeShape(shape)} with ${data.length} numbers`,
    );
  }
  const bad = data.findIndex((entry) => !Number.isFinite(entry));
  if (bad >= 0) throw invalidArgument(`${where}: entry ${bad}`, 'a finite number', data[bad]);
  return Array.from({ length: count! }, (_, i) =>
    Float64Array.from(data.subarray(i * columns, (i + 1) * columns)),
  );
}
