/** Arrays that the compiler accepts and refuses. `npm run typecheck` checks this file; it never runs. */
import {
  type ArrayInput,
  kernelDrift,
  type Mlp,
  type Nested,
  type NdArray,
  oneHot,
  type ResultArray,
  toNdArray,
} from '../../src/index';

export async function arrayTypes(net: Mlp): Promise<unknown[]> {
  await net.ntk([
    [1, 2],
    [3, 4],
  ]);
  await net.ntk([1, 2] as const);
  await net.ntk([Float32Array.of(1), Float32Array.of(2)], new Int32Array(2));
  await net.ntk([Float64Array.of(1), [2]], null);
  const literal: NdArray = { data: new Float64Array(4), shape: [2, 2] };
  await net.forward(literal);
  await net.forward({ data: [1, 2], shape: [1, 2] });
  await net.forward({ data: new Uint8Array(4), shape: [2, 2] } as const);
  oneHot(new BigInt64Array(3));

  const kernel = await net.ntk(literal);
  const array: NdArray<Float64Array> = kernel;
  const result: ResultArray = kernel;
  const nested: Nested = kernel.toNested();
  kernelDrift(kernel, [[1]]);
  const input: ArrayInput = toNdArray(array);
  const again: ArrayInput = result;

  // @ts-expect-error -- text is not a number
  await net.ntk([['1', '2']]);
  // @ts-expect-error -- null is not a number
  await net.ntk([[1, null]]);
  // @ts-expect-error -- a boolean is not a number
  await net.ntk([true]);
  // @ts-expect-error -- no shape
  await net.ntk({ data: new Float64Array(4) });
  // @ts-expect-error -- bare text
  await net.ntk('1, 2');
  // @ts-expect-error -- a DataView has no numbers
  await net.ntk(new DataView(new ArrayBuffer(8)));
  // @ts-expect-error -- a spread is a plain object without methods
  const spread: Pick<ResultArray, 'toNested'> = { ...kernel };
  // @ts-expect-error -- an NdArray of the caller's has no methods
  const methods: Pick<ResultArray, 'toNested'> = array;
  return [result, nested, input, again, spread, methods];
}
