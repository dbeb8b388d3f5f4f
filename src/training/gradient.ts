import { LOSS_NAMES, type LossName } from '../backend/seam';
import { expectOneOf, expectOptions } from '../errors';
import {
  COMPUTE_OPTION_NAMES,
  type ComputeOptions,
  type Provenance,
  readComputation,
} from '../kernel/arguments';
import { Mlp, readNet } from '../network/mlp';
import { type LabelledData, readLabelledData } from './loss';
import { createTask, createWorkspace } from './task';

export interface LossGradient extends Provenance {
  /** Mean over samples. */
  readonly loss: number;
  /** The derivative by every parameter, in the order of `net.parameters`; 0 for biases of a net without bias gradients. */
  readonly gradient: Float64Array;
}

/**
 * The loss of a net on some data, and its gradient: the direction of the first step of {@link train}.
 *
 * `mse`, the default: sum over outputs of (f - y)^2, halved; `cross-entropy`: -sum_k y_k log softmax(f)_k; both the mean
 * over samples.
 *
 * @throws DeepntkError `ERR_INVALID_ARGUMENT` for wrong shapes, entries that are not finite, or shares below 0
 */
export async function lossGradient(
  net: Mlp,
  data: LabelledData,
  options: ComputeOptions & { readonly loss?: LossName } = {},
): Promise<LossGradient> {
  const where = 'lossGradient';
  expectOptions(where, options, [...COMPUTE_OPTION_NAMES, 'loss']);
  const { spec, layers } = readNet(where, net);
  const arrays = readLabelledData(`${where}: `, data, spec);
  const loss = expectOneOf(`${where}: loss`, options.loss ?? 'mse', LOSS_NAMES);
  const { backend, run, provenance } = readComputation(where, options);
  const copy = Mlp.fromLayers(spec, layers);
  // One step of momentum at the learning rate 0 moves nothing and leaves the gradient in the velocity.
  const optimizer = { name: 'momentum', beta1: 0, beta2: 0, epsilon: 0 } as const;
  const workspace = createWorkspace(where, spec, arrays, copy.parameters, loss, optimizer, null);
  const task = createTask(workspace, { stepsBefore: 0, learningRates: [0], batchRows: null });
  await backend.train(task, run);
  return { loss: task.losses[0]!, gradient: Float64Array.from(workspace.moments[0]), ...provenance };
}
