import { expectInteger, expectNumber, invalidArgument } from '../../errors';
import { type ResultArray, resultArray } from '../../ndarray';

/**
 * Inputs of norm 1 at exact cosines: input i has cosine c_i with the first axis, and inputs i != j have cosine c_i c_j, for
 * apart from the first axis each has one of its own. A cosine of 1 gives the first axis itself.
 *
 * @returns N x inputDim
 * @throws DeepntkError `ERR_INVALID_ARGUMENT` where inputDim has no room for the axes
 */
export function inputsAtCosines(cosines: readonly number[], inputDim: number): ResultArray {
  const where = 'inputsAtCosines';
  if (!Array.isArray(cosines) || cosines.length === 0) {
    throw invalidArgument(`${where}: cosines`, 'an array of numbers from -1 to 1', cosines);
  }
  const n = cosines.length;
  const data = new Float64Array(n * expectInteger(`${where}: inputDim`, inputDim, { min: n + 1 }));
  (cosines as readonly unknown[]).forEach((value, i) => {
    const what = 'a number from -1 to 1';
    const cosine = expectNumber(`${where}: cosines[${i}]`, value, { min: -1, max: 1, what });
    data[i * inputDim] = cosine;
    data[i * inputDim + i + 1] = Math.sqrt((1 - cosine) * (1 + cosine));
  });
  return resultArray({ data, shape: [n, inputDim] });
}
