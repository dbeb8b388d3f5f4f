/** The affine layers of a net as readers of files produce them. */
import type { NdArray } from '../ndarray';

/** One affine map x -> W x + b. */
export interface LayerArrays {
  /** n_out x n_in */
  readonly weights: NdArray<Float64Array>;
  /** n_out; null if the layer has no biases. */
  readonly biases: NdArray<Float64Array> | null;
}

export interface NamedLayer extends LayerArrays {
  /** The module's name: `0`, `fc1`, `net.4`; empty for a lone `nn.Linear`. */
  readonly name: string;
}

export function outputsOf(layer: NamedLayer): number {
  return layer.weights.shape[0]!;
}

export function inputsOf(layer: NamedLayer): number {
  return layer.weights.shape[1]!;
}
