/** Products with the kernel and with the Jacobian of a net, neither of which is formed. */
import { type ArrayInput, readArray } from '../array-input';
import { describeShape, invalidArgument, mismatch } from '../errors';
import type { Provenance } from '../kernel/arguments';
import type { KernelNetwork } from '../kernel/ntk';
import { type NdArray, type ResultArray, resultArray } from '../ndarray';
import { shared } from './blocks';
import {
  directionsPerVector,
  JacobianOperator,
  type KernelProductOptions,
  type ProductOptions,
  readProductRequest,
} from './operator';
import { type LargeOptions, ProgressMeter, readLargeInputs } from './inputs';

/** What a product returns: float64, row-major, with what made it. */
export interface ProductResult extends ResultArray, Provenance {
  readonly precision: 'float64' | 'mixed';
}

/** The kernel of X times V; see `kernelProduct` of the public face. */
export async function kernelProduct(
  network: KernelNetwork,
  X: ArrayInput,
  V: ArrayInput,
  options: KernelProductOptions,
): Promise<ProductResult> {
  const where = 'kernelProduct';
  const { large, inputs } = await readProductRequest(where, network, X, options);
  const { data, shape, r } = vectorsOf(`${where}: V`, V, rowsOfVectors(large, inputs));
  const operator = JacobianOperator.open(where, inputs, large, r * directionsPerVector(large));
  return resultArray(fieldsOf(large, await operator.kernelProduct(data, r, large.report), shape));
}

/** The extents of a vector that the kernel is multiplied by. */
export function rowsOfVectors({ request, shape }: LargeOptions, X: NdArray): number[] {
  const n = X.shape[0]!;
  return request.outputs === 'full' ? [n, shape.network.widths.at(-1)!] : [n];
}

/** J v for each of the vectors. */
export async function jacobianVector(
  network: KernelNetwork,
  X: ArrayInput,
  V: ArrayInput,
  options: ProductOptions,
): Promise<ProductResult> {
  const where = 'jacobianVector';
  const { large, inputs } = await readLargeInputs(where, network, X, options);
  const chosen = chosenColumns(large);
  const { data, shape, r } = vectorsOf(`${where}: V`, V, [chosen.filter(Boolean).length]);
  const operator = JacobianOperator.open(where, inputs, large, r);
  const rows = operator.inputs * operator.outputs;
  const result = new Float64Array(rows * r);
  await eachBatch(operator, r, async (begin, count, meter) => {
    const columns = shared(count * chosen.length, 'float64') as Float64Array;
    let from = 0;
    chosen.forEach((isChosen, column) => {
      if (!isChosen) return;
      for (let d = 0; d < count; d++) columns[d * chosen.length + column] = data[from * r + begin + d]!;
      from++;
    });
    const products = await operator.apply(columns, count, meter);
    for (let row = 0; row < rows; row++) {
      for (let d = 0; d < count; d++) result[row * r + begin + d] = products[row * count + d]!;
    }
  });
  const axes = [operator.inputs, operator.outputs];
  return resultArray(fieldsOf(large, result, shape.length === 1 ? axes : [...axes, r]));
}

/** J' u for each of the vectors. */
export async function vectorJacobian(
  network: KernelNetwork,
  X: ArrayInput,
  U: ArrayInput,
  options: ProductOptions,
): Promise<ProductResult> {
  const where = 'vectorJacobian';
  const { large, inputs } = await readLargeInputs(where, network, X, options);
  const { data, shape, r } = vectorsOf(`${where}: U`, U, [inputs.shape[0]!, network.widths.at(-1)!]);
  const operator = JacobianOperator.open(where, inputs, large, r);
  const chosen = chosenColumns(large);
  const P = chosen.filter(Boolean).length;
  const result = new Float64Array(P * r);
  await eachBatch(operator, r, async (begin, count, meter) => {
    const rows = new Float64Array(operator.inputs * operator.outputs * count);
    for (let row = 0; row * count < rows.length; row++) {
      for (let d = 0; d < count; d++) rows[row * count + d] = data[row * r + begin + d]!;
    }
    const columns = await operator.transposed(rows, count, meter);
    let to = 0;
    chosen.forEach((isChosen, column) => {
      if (!isChosen) return;
      for (let d = 0; d < count; d++) result[to * r + begin + d] = columns[d * chosen.length + column]!;
      to++;
    });
  });
  return resultArray(fieldsOf(large, result, shape.length === 2 ? [P] : [P, r]));
}

/** Calls `multiply` for as many directions at a time as the operator takes, of `r` altogether, with their progress. */
export async function eachBatch(
  operator: JacobianOperator,
  r: number,
  multiply: (begin: number, count: number, meter: ProgressMeter | null) => Promise<void>,
): Promise<void> {
  const { report } = operator.large;
  for (let begin = 0; begin < r; begin += operator.batch) {
    const count = Math.min(operator.batch, r - begin);
    const perDirection = operator.passFlops(count, begin === 0) / count;
    const meter =
      report === undefined ? null : new ProgressMeter(perDirection * r, perDirection * begin, report);
    await multiply(begin, count, meter);
  }
}

/** The fields of a result of products. */
export function fieldsOf({ request }: LargeOptions, data: Float64Array, shape: readonly number[]) {
  return { data, shape, precision: request.precision, ...request.provenance };
}

/** The columns that `parameters` and `layers` choose, in the order of all parameters. */
export function chosenColumns({ shape }: LargeOptions): boolean[] {
  const { network, weightTerms, biasTerms } = shape;
  const { widths } = network;
  return widths
    .slice(1)
    .flatMap((width, l) => [
      ...new Array<boolean>(width * widths[l]!).fill(weightTerms[l] !== 0),
      ...new Array<boolean>(width).fill(biasTerms[l] !== 0),
    ]);
}

/** Reads an array of shape rows x r, or rows. Returns its numbers as float64, its shape and r. */
function vectorsOf(where: string, V: ArrayInput, rows: readonly number[]) {
  const { data, shape } = readArray(where, V);
  const r = shape[rows.length] ?? 1;
  if (
    rows.some((extent, axis) => shape[axis] !== extent) ||
    shape.length > rows.length + 1 ||
    shape.length < rows.length ||
    r === 0
  ) {
    const what = `an array of shape [${rows.join(', ')}] or [${rows.join(', ')}, r]`;
    throw mismatch(where, what, `shape ${describeShape(shape)}`);
  }
  const at = data.findIndex((entry) => !Number.isFinite(entry));
  if (at >= 0) throw invalidArgument(`${where}: entry ${at}`, 'a finite number', data[at]);
  return { data: Float64Array.from(data), shape, r };
}
