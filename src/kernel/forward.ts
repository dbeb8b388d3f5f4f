import { largestOf } from '../backend/layers';
import type { ForwardTask, NetworkData } from '../backend/seam';
import { type ArrayInput, readInputs } from '../array-input';
import { expectOptions } from '../errors';
import { expectFits } from '../memory';
import { type NdArray, type ResultArray, resultArray } from '../ndarray';
import {
  COMPUTE_OPTION_NAMES,
  type Computation,
  type ComputeOptions,
  copyInputs,
  expectFiniteResult,
  type Provenance,
  readComputation,
} from './arguments';

/** The options of `Mlp.forward`. */
export type ForwardOptions = ComputeOptions;
/** Outputs, N x K, and how they were computed. */
export type ForwardResult = ResultArray & Provenance;

/** The outputs f(X), N x K. See `Mlp.forward`. */
export async function forward(
  network: NetworkData,
  X: ArrayInput,
  options: ForwardOptions,
): Promise<ForwardResult> {
  const where = 'forward';
  expectOptions(where, options, COMPUTE_OPTION_NAMES);
  const computation = readComputation(where, options);
  const inputs = readInputs(`${where}: X`, X, network.widths[0]!);
  const n = inputs.shape[0]!;
  const outputs = network.widths.at(-1)!;
  const widest = largestOf(network.widths);
  expectFits(where, 8 * n * (network.widths[0]! + 2 * widest + outputs), 'the activations of the net');
  computation.run.signal?.throwIfAborted();
  const data = await computation.backend.forward(
    forwardTask(where, network, inputs, computation),
    computation.run,
  );
  await expectFiniteResult(where, data, computation);
  return resultArray({ data, shape: [n, outputs], ...computation.provenance });
}

/** Inputs of one matrix product: enough to use all cores, few enough to end within some milliseconds. */
const ROW_BLOCK = 64;

/** The task of a pass through the net, with a copy of the inputs. */
export function forwardTask(
  where: string,
  network: NetworkData,
  X: NdArray,
  computation: Computation,
): ForwardTask {
  const x = copyInputs(`${where}: X`, X, computation.allowNonFinite);
  return { network, x, n: X.shape[0]!, rowBlock: ROW_BLOCK };
}
