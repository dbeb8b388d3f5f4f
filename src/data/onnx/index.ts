/** Fully connected nets from ONNX files. */
import { readBytes } from '../files';
import { layersOfGraph, type OnnxNet, type OnnxOptions } from './chain';
import { withExternalData } from './constants';
import { decodeModel } from './messages';

/**
 * Reads a chain of Gemm, MatMul + Add and Relu, with Flatten, Reshape, Identity, Dropout and Cast if they change no number.
 *
 * @throws DeepntkError `ERR_INVALID_FILE` if the file is damaged or has anything else; it names the operator and the node
 */
export async function readOnnx(path: string, options: OnnxOptions): Promise<OnnxNet> {
  const model = decodeModel(await readBytes(path), path);
  return layersOfGraph({ ...model, graph: await withExternalData(model.graph, path) }, path, options);
}

/** {@link readOnnx} for bytes, without external tensors. */
export function decodeOnnx(bytes: Uint8Array, name: string, options: OnnxOptions): OnnxNet {
  return layersOfGraph(decodeModel(bytes, name), name, options);
}
