/** The outputs of a net as a job for a team of threads. */
import { ProductBuffers } from '../../linalg/product';
import { layerSlots } from '../layers';
import type { ForwardTask } from '../seam';
import { forwardOutputs } from './forward';
import type { Program } from './program';
import { type Activations, createActivations } from './workspace';

interface ForwardJob {
  readonly activations: Activations;
  /** n x K */
  readonly outputs: Float64Array;
}

export const forwardProgram: Program<ForwardTask, ForwardJob, Float64Array> = {
  // Before compaction.
  flops: ({ network, n }) =>
    layerSlots(network.widths).reduce((sum, { inputs, outputs }) => sum + 2 * n * inputs * outputs, 0),
  create: ({ network, x, n, rowBlock }, memory) => ({
    activations: createActivations(network, { x, n, x2: null, n2: n }, rowBlock, 'outputs-only', memory),
    outputs: memory.float64(n * network.widths.at(-1)!),
  }),
  run: (team, { activations, outputs }) => {
    forwardOutputs(team, activations, outputs, new ProductBuffers());
  },
  result: ({ outputs }, own) => own(outputs),
};
