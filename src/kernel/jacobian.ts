import { countSelected, largestOf } from '../backend/layers';
import { type ArrayInput, readInputs } from '../array-input';
import { expectOptions } from '../errors';
import { expectFits } from '../memory';
import { type ResultArray, resultArray, sizeOf } from '../ndarray';
import {
  COMPUTE_OPTION_NAMES,
  type ComputeOptions,
  expectFiniteResult,
  PARAMETER_CHOICE_NAMES,
  type ParameterChoice,
  type Provenance,
  readComputation,
  readParameterChoice,
} from './arguments';
import { forwardTask } from './forward';
import type { KernelNetwork } from './ntk';

export interface JacobianOptions extends ComputeOptions, ParameterChoice {}

export interface JacobianResult extends ResultArray, Provenance {
  readonly parameters: 'all' | 'weights' | 'biases';
  /** The layers whose parameters have columns, 1 .. L+1. */
  readonly layers: readonly number[];
}

/** The Jacobian, N x K x P. See `Mlp.jacobian`. */
export async function jacobian(
  network: KernelNetwork,
  X: ArrayInput,
  options: JacobianOptions,
): Promise<JacobianResult> {
  const where = 'jacobian';
  expectOptions(where, options, [...COMPUTE_OPTION_NAMES, ...PARAMETER_CHOICE_NAMES]);
  const computation = readComputation(where, options);
  const trained = readParameterChoice(where, network, network.biasGradients, options);
  const inputs = readInputs(`${where}: X`, X, network.widths[0]!);
  const n = inputs.shape[0]!;
  const { widths } = network;
  const columns = countSelected(widths, trained.weights, trained.biases);
  const outputs = widths.at(-1)!;
  const shape = [n, outputs, columns];
  // The threads of the TypeScript backend write into shared memory, and the result is a copy of it.
  const results = sizeOf(shape) * (computation.backend.name === 'typescript' ? 2 : 1);
  const activations = n * (widths.reduce((sum, width) => sum + width, 0) + 2 * outputs * largestOf(widths));
  expectFits(where, 8 * (results + activations), `a ${shape.join(' x ')} Jacobian`);
  computation.run.signal?.throwIfAborted();
  const task = forwardTask(where, network, inputs, computation);
  const data = await computation.backend.jacobian(
    { ...task, weights: trained.weights, biases: trained.biases },
    computation.run,
  );
  await expectFiniteResult(where, data, computation);
  const { parameters, layers } = trained;
  return resultArray({ data, shape, parameters, layers, ...computation.provenance });
}
