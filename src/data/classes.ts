/** Data with classes: targets of labels, choice of samples, scaling of features. */
import { type ArrayInput, readArray, readIntegers, readRows } from '../array-input';
import { DeepntkError, expectInteger, expectOneOf, expectOptions, invalidArgument } from '../errors';
import { binaryExponent, scaleByPower } from '../numbers/powers';
import { type NdArray, type ResultArray, resultArray } from '../ndarray';
import { ORDER_PURPOSE, permutation } from '../random/permutation';
import { streamOf } from '../random/streams';

/**
 * One row a label: 1 in the column of its class, else 0.
 *
 * @param labels whole numbers from 0 to `classes` - 1
 * @param classes how many there are; one more than the largest label by default
 * @returns N x classes
 * @throws DeepntkError `ERR_INVALID_ARGUMENT` where a label is out of range, naming its position
 */
export function oneHot(labels: ArrayInput, classes?: number): ResultArray {
  const list = readLabels('oneHot', labels, classes);
  const count = classes ?? countClasses(list);
  const data = new Float64Array(list.length * count);
  list.forEach((label, row) => {
    data[row * count + label] = 1;
  });
  return resultArray({ data, shape: [list.length, count] });
}

/**
 * Chooses `perClass` samples of every class at random, class 0 first: the same for the same seed, and the first m of a class
 * are the same for every `perClass` >= m.
 *
 * @returns row numbers
 * @throws DeepntkError `ERR_INVALID_ARGUMENT` where a class has fewer samples, or none
 */
export function choosePerClass(
  labels: ArrayInput,
  perClass: number,
  options: { readonly seed: number; readonly classes?: number },
): number[] {
  const where = 'choosePerClass';
  expectOptions(where, options, ['seed', 'classes']);
  const { seed, classes } = options;
  expectInteger(`${where}: perClass`, perClass);
  expectInteger(`${where}: seed`, seed, { min: 0 });
  const list = readLabels(where, labels, classes);
  const count = classes ?? countClasses(list);
  const rows = Array.from({ length: count }, (): number[] => []);
  list.forEach((label, row) => rows[label]!.push(row));
  return rows.flatMap((ofClass, label) => {
    if (ofClass.length < perClass) {
      const found = ofClass.length === 0 ? 'none' : `${ofClass.length}`;
      throw new DeepntkError(
        'ERR_INVALID_ARGUMENT',
        `${where}: expected at least ${perClass} samples of class ${label}, got ${found}`,
      );
    }
    const order = permutation(ofClass.length, {
      seed,
      replica: label,
      stream: streamOf(ORDER_PURPOSE, CHOICE),
    });
    return Array.from(order.subarray(0, perClass), (position) => ofClass[position]!);
  });
}

/** The stream of orders (src/random/permutation.ts) that choices draw from; 0 is that of batches. */
const CHOICE = 1;

function readLabels(where: string, labels: ArrayInput, classes: number | undefined): number[] {
  if (classes !== undefined) expectInteger(`${where}: classes`, classes);
  const list = readIntegers(`${where}: labels`, labels, {
    what: 'whole numbers, one a sample',
    min: 0,
    ...(classes !== undefined && { max: classes - 1 }),
  });
  if (list.length === 0) throw invalidArgument(`${where}: labels`, 'at least one label', list);
  return list;
}

function countClasses(labels: readonly number[]): number {
  return labels.reduce((count, label) => Math.max(count, label + 1), 0);
}

/** Rows of an array, in the order given. */
export function takeRows(array: ArrayInput, rows: ArrayInput): ResultArray {
  const { data, shape } = readArray('takeRows: array', array);
  const [n = 0, columns = 1] = shape;
  const list = readIntegers('takeRows: rows', rows, { what: 'row numbers', min: 0, max: n - 1 });
  if (shape.length > 2)
    throw invalidArgument('takeRows: array', 'at most two axes', `shape [${shape.join(', ')}]`);
  const taken = new Float64Array(list.length * columns);
  list.forEach((row, i) => {
    taken.set(data.subarray(row * columns, (row + 1) * columns), i * columns);
  });
  return resultArray({ data: taken, shape: [list.length, columns] });
}

/**
 * - `none`: as they are
 * - `unit-norm`: every input divided by its norm; an input of zeros stays
 * - `standard`: every feature minus its mean, over its standard deviation; a constant feature becomes 0
 */
export const SCALINGS = ['none', 'unit-norm', 'standard'] as const;
/** `none`: as they are; `unit-norm`: every input has norm 1; `standard`: every feature has mean 0 and variance 1. */
export type Scaling = (typeof SCALINGS)[number];

/**
 * How inputs are scaled: with the means and deviations of these inputs, also where other ones (test data) are scaled.
 *
 * @param reference N x n_0
 * @example const scale = createScaling('standard', train.x); const x = scale(train.x), testX = scale(test.x);
 */
export function createScaling(scaling: Scaling, reference: ArrayInput): (x: ArrayInput) => ResultArray {
  expectOneOf('createScaling: scaling', scaling, SCALINGS);
  const given = readRows('createScaling: reference', reference);
  const columns = given.shape[1]!;
  const { means, deviations } = moments(given, columns);
  // The mean of equal numbers is theirs only to rounding.
  const isConstant = (j: number): boolean => deviations[j]! <= 1e-12 * Math.abs(means[j]!);
  return (x) => {
    const { data, shape } = readRows('scaling: x', x);
    if (shape[1] !== columns) throw invalidArgument('scaling: x', `${columns} features`, shape[1]);
    const scaled = Float64Array.from(data);
    for (let begin = 0; begin < scaled.length; begin += columns) {
      const row = scaled.subarray(begin, begin + columns);
      if (scaling === 'unit-norm') divideByNorm(row);
      if (scaling !== 'standard') continue;
      row.forEach((entry, j) => {
        row[j] = isConstant(j) ? 0 : (entry - means[j]!) / deviations[j]!;
      });
    }
    return resultArray({ data: scaled, shape });
  };
}

/** Brought to a largest entry near 1 first: squares of the entries themselves may be out of range. */
function divideByNorm(row: Float64Array): void {
  const exponent = -binaryExponent(row.reduce((largest, entry) => Math.max(largest, Math.abs(entry)), 0));
  let norm2 = 0;
  row.forEach((entry, j) => {
    row[j] = scaleByPower(entry, exponent);
    norm2 += row[j] ** 2;
  });
  const norm = Math.sqrt(norm2);
  if (norm > 0) row.forEach((entry, j) => (row[j] = entry / norm));
}

function moments({ data, shape }: NdArray, columns: number) {
  const rows = shape[0]!;
  const means = new Float64Array(columns);
  const variances = new Float64Array(columns);
  data.forEach((entry, at) => (means[at % columns]! += entry / rows));
  data.forEach((entry, at) => (variances[at % columns]! += (entry - means[at % columns]!) ** 2 / rows));
  return { means, deviations: variances.map(Math.sqrt) };
}
