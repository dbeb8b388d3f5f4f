/** Products with the kernel and with the Jacobian of a net, neither of which is formed. */
import { describeShape, expectInteger, invalidArgument } from '../errors';
import type { Provenance } from '../kernel/arguments';
import type { KernelNetwork } from '../kernel/ntk';
import { type NdArray, sizeOf } from '../ndarray';
import { shared } from './blocks';
import {
  directionsPerVector,
  JacobianOperator,
  type KernelProductOptions,
  type ProductOptions,
  readProductRequest,
} from './operator';
import { type LargeRequest, ProgressMeter, readLargeInputs } from './request';

/** What a product returns: float64, row-major, with what made it. */
export interface ProductResult extends NdArray<Float64Array>, Provenance {
  readonly precision: 'float64' | 'mixed';
}

/** The kernel of X times V; see `kernelProduct` of the public face. */
export async function kernelProduct(
  network: KernelNetwork,
  X: NdArray,
  V: NdArray,
  options: KernelProductOptions,
): Promise<ProductResult> {
  const where = 'kernelProduct';
  const large = await readProductRequest(where, network, X, options);
  const rows = rowsOfVectors(large, X);
  const { data, r } = vectorsOf(`${where}: V`, V, rows);
  const operator = JacobianOperator.open(where, X, large, r * directionsPerVector(large));
  return resultOf(large, await operator.kernelProduct(data, r, large.report), [...V.shape]);
}

/** The extents of a vector that the kernel is multiplied by. */
export function rowsOfVectors({ request, shape }: LargeRequest, X: NdArray): number[] {
  const n = X.shape[0]!;
  return request.outputs === 'full' ? [n, shape.network.widths.at(-1)!] : [n];
}

/** J v for each of the vectors. */
export async function jacobianVector(
  network: KernelNetwork,
  X: NdArray,
  V: NdArray,
  options: ProductOptions,
): Promise<ProductResult> {
  const where = 'jacobianVector';
  const large = await readLargeInputs(where, network, X, options);
  const chosen = chosenColumns(large);
  const { data, r } = vectorsOf(`${where}: V`, V, [chosen.filter(Boolean).length]);
  const operator = JacobianOperator.open(where, X, large, r);
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
  return resultOf(large, result, V.shape.length === 1 ? axes : [...axes, r]);
}

/** J' u for each of the vectors. */
export async function vectorJacobian(
  network: KernelNetwork,
  X: NdArray,
  U: NdArray,
  options: ProductOptions,
): Promise<ProductResult> {
  const where = 'vectorJacobian';
  const large = await readLargeInputs(where, network, X, options);
  const { data, r } = vectorsOf(`${where}: U`, U, [X.shape[0]!, network.widths.at(-1)!]);
  const operator = JacobianOperator.open(where, X, large, r);
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
  return resultOf(large, result, U.shape.length === 2 ? [P] : [P, r]);
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

export function resultOf({ request }: LargeRequest, data: Float64Array, shape: number[]): ProductResult {
  return { data, shape, precision: request.precision, ...request.provenance };
}

/** The columns that `parameters` and `layers` choose, in the order of all parameters. */
export function chosenColumns({ shape }: LargeRequest): boolean[] {
  const { network, weightTerms, biasTerms } = shape;
  const { widths } = network;
  return widths
    .slice(1)
    .flatMap((width, l) => [
      ...new Array<boolean>(width * widths[l]!).fill(weightTerms[l] !== 0),
      ...new Array<boolean>(width).fill(biasTerms[l] !== 0),
    ]);
}

/** Checks an array of rows x r numbers, or of rows, and gives its numbers as float64 and r. */
function vectorsOf(where: string, V: NdArray, rows: readonly number[]): { data: Float64Array; r: number } {
  const shape: unknown = (V as NdArray | null | undefined)?.shape;
  const what = `an array of shape [${rows.join(', ')}] or [${rows.join(', ')}, r]`;
  if (
    !Array.isArray(shape) ||
    !(V.data instanceof Float64Array || V.data instanceof Float32Array) ||
    rows.some((extent, axis) => shape[axis] !== extent) ||
    shape.length > rows.length + 1 ||
    shape.length < rows.length ||
    V.data.length !== sizeOf(shape as number[])
  ) {
    throw invalidArgument(where, what, Array.isArray(shape) ? `shape ${describeShape(shape)}` : V);
  }
  const at = V.data.findIndex((entry) => !Number.isFinite(entry));
  if (at >= 0) throw invalidArgument(`${where}: entry ${at}`, 'a finite number', V.data[at]);
  const r = shape.length > rows.length ? expectInteger(`${where}.shape[${rows.length}]`, shape.at(-1)) : 1;
  return { data: Float64Array.from(V.data), r };
}
