import { type ForwardTask, largestOf, type NetworkData } from '../backend/backend';
import { expectOptions } from '../errors';
import { expectFits } from '../memory';
import { type NdArray, sizeOf } from '../ndarray';
import {
  COMPUTE_OPTION_NAMES,
  type Computation,
  type ComputeOptions,
  copyInputs,
  expectInputShape,
  PARAMETER_CHOICE_NAMES,
  type ParameterChoice,
  type Provenance,
  readComputation,
  readParameterChoice,
} from './arguments';
import type { KernelNetwork } from './ntk';

export type ForwardOptions = ComputeOptions;
export type ForwardResult = NdArray<Float64Array> & Provenance;

export interface JacobianOptions extends ComputeOptions, ParameterChoice {}

export interface JacobianResult extends NdArray<Float64Array>, Provenance {
  readonly parameters: 'all' | 'weights' | 'biases';
  /** The layers whose parameters have columns, 1 .. L+1. */
  readonly layers: readonly number[];
}

/** The outputs f(X), N x K. See `Mlp.forward`. */
export async function forward(
  network: NetworkData,
  X: NdArray,
  options: ForwardOptions,
): Promise<ForwardResult> {
  const where = 'forward';
  expectOptions(where, options, COMPUTE_OPTION_NAMES);
  const computation = readComputation(where, options);
  const n = expectInputShape(`${where}: X`, X, network.widths[0]!);
  const outputs = network.widths.at(-1)!;
  const widest = largestOf(network.widths);
  expectFits(where, 8 * n * (network.widths[0]! + 2 * widest + outputs), 'the activations of the net');
  computation.run.signal?.throwIfAborted();
  const data = await computation.backend.forward(
    forwardTask(where, network, X, n, computation),
    computation.run,
  );
  return { data, shape: [n, outputs], ...computation.provenance };
}

/** The Jacobian, N x K x P. See `Mlp.jacobian`. */
export async function jacobian(
  network: KernelNetwork,
  X: NdArray,
  options: JacobianOptions,
): Promise<JacobianResult> {
  const where = 'jacobian';
  expectOptions(where, options, [...COMPUTE_OPTION_NAMES, ...PARAMETER_CHOICE_NAMES]);
  const computation = readComputation(where, options);
  const trained = readParameterChoice(where, network, network.biasGradients, options);
  const n = expectInputShape(`${where}: X`, X, network.widths[0]!);
  const { widths } = network;
  const columns = widths.slice(1).reduce((sum, width, i) => {
    return sum + (trained.weights[i] ? width * widths[i]! : 0) + (trained.biases[i] ? width : 0);
  }, 0);
  const outputs = widths.at(-1)!;
  const shape = [n, outputs, columns];
  // The TypeScript backend's threads write into shared memory, from which the result is copied.
  const results = sizeOf(shape) * (computation.backend.name === 'typescript' ? 2 : 1);
  const activations = n * (widths.reduce((sum, width) => sum + width, 0) + 2 * outputs * largestOf(widths));
  expectFits(where, 8 * (results + activations), `a ${shape.join(' x ')} Jacobian`);
  computation.run.signal?.throwIfAborted();
  const task = forwardTask(where, network, X, n, computation);
  const data = await computation.backend.jacobian(
    { ...task, weights: trained.weights, biases: trained.biases },
    computation.run,
  );
  return { data, shape, parameters: trained.parameters, layers: trained.layers, ...computation.provenance };
}

/** Inputs of one matrix product: enough to fill the cores, few enough to end within some milliseconds. */
const ROW_BLOCK = 64;

function forwardTask(
  where: string,
  network: NetworkData,
  X: NdArray,
  n: number,
  computation: Computation,
): ForwardTask {
  const { data } = copyInputs(`${where}: X`, X, n, computation.allowNonFinite);
  return { network, x: data, n, rowBlock: ROW_BLOCK };
}
