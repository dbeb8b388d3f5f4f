/** At inference a batch normalization is an affine map, so it can be folded into the layer before it. */
import type { LayerArrays } from '../layers';
import type { OnnxNode } from './messages';
import { attributesOf, refusedNode } from './nodes';
import type { Constants } from './values';

/** A layer under construction. */
export interface Layer {
  readonly node: OnnxNode;
  readonly inputs: number;
  readonly outputs: number;
  /** outputs x inputs */
  weights: Float64Array;
  biases: Float64Array | null;
}

export function arraysOf({ inputs, outputs, weights, biases }: Layer): LayerArrays {
  return {
    weights: { data: weights, shape: [outputs, inputs] },
    biases: biases === null ? null : { data: biases, shape: [outputs] },
  };
}

/**
 * Changes the layer W x + b to s (W x + b - mean) / sqrt(variance + epsilon) + shift. Weights are changed in place.
 *
 * @throws DeepntkError `ERR_INVALID_FILE` if the node is for training, or a constant does not have one entry per output
 */
export function foldBatchNorm(node: OnnxNode, layer: Layer, constants: Constants, name: string): void {
  const known = ['epsilon', 'momentum', 'training_mode', 'spatial'] as const;
  const { epsilon, training_mode } = attributesOf(node, known, name);
  if ((training_mode?.int ?? 0) !== 0) throw refusedNode(name, node, 'training_mode 0', '1');
  const names = node.inputs.slice(1);
  if (names.length !== 4) throw refusedNode(name, node, '5 inputs', `${node.inputs.length}`);
  for (const value of names) {
    if (constants.has(value) && constants.shapeOf(value).join() === String(layer.outputs)) continue;
    throw refusedNode(name, node, `4 constants of shape [${layer.outputs}]`, JSON.stringify(value));
  }
  const [scale, shift, mean, variance] = names.map((value) => constants.numbers(value));
  const factors = scale!.map((factor, i) => factor / Math.sqrt(variance![i]! + (epsilon?.float ?? 1e-5)));
  const { weights, biases, inputs } = layer;
  weights.forEach((weight, i) => (weights[i] = weight * factors[Math.floor(i / inputs)]!));
  layer.biases = factors.map((factor, i) => ((biases?.[i] ?? 0) - mean![i]!) * factor + shift![i]!);
}
