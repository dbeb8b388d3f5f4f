/** Fully connected nets from ONNX files. */
import { readBytes } from '../files';
import type { LayerArrays } from '../linear-layers';
import { layersOfGraph } from './chain';
import { withExternalData } from './constants';
import { decodeModel } from './messages';

export interface OnnxOptions {
  /** Fold a BatchNormalization into the layer before it, instead of refusing it. */
  readonly foldBatchNorm: boolean;
}

export interface OnnxNet {
  readonly layers: readonly LayerArrays[];
  /** What was changed or assumed, a sentence each. */
  readonly notes: readonly string[];
}

/**
 * Reads a chain of Gemm, MatMul + Add and Relu, with Flatten, Reshape, Identity, Dropout and Cast where they change nothing.
 *
 * @throws DeepntkError `ERR_INVALID_FILE` where the file is damaged or has anything else, named by operator and node
 */
export async function readOnnx(path: string, options: OnnxOptions): Promise<OnnxNet> {
  const model = decodeModel(await readBytes(path), path);
  return layersOfGraph({ ...model, graph: await withExternalData(model.graph, path) }, path, options);
}

/** {@link readOnnx} of bytes, without tensors in other files. */
export function decodeOnnx(bytes: Uint8Array, name: string, options: OnnxOptions): OnnxNet {
  return layersOfGraph(decodeModel(bytes, name), name, options);
}
