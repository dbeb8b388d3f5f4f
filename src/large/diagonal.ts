/** The diagonal of a kernel, without the rest. */
import { featureFlops, featureSlots } from '../backend/features';
import { chainsOf, entriesOf } from '../backend/forms';
import type { FeatureBlock } from '../backend/seam';
import type { ArrayInput } from '../array-input';
import type { KernelNetwork, NtkOutputs } from '../kernel/ntk';
import { resultArray } from '../ndarray';
import { FeatureSource } from './blocks';
import type { ProductOptions } from './operator';
import { GROUP } from './plan';
import { planProducts } from './product-plan';
import { fieldsOf, type ProductResult } from './products';
import { type LargeOptions, ProgressMeter, readLargeInputs } from './inputs';

/** Options of `kernelDiagonal`: the forms of the kernel are those of `net.ntk`. */
export interface KernelDiagonalOptions extends ProductOptions {
  readonly outputs?: NtkOutputs;
}

/** Theta(x, x) of every input. */
export async function kernelDiagonal(
  network: KernelNetwork,
  X: ArrayInput,
  options: KernelDiagonalOptions,
): Promise<ProductResult & { readonly outputs: NtkOutputs }> {
  const { large, inputs } = await readLargeInputs('kernelDiagonal', network, X, options);
  const { request, shape } = large;
  const n = inputs.shape[0]!;
  const entries = entriesOf(shape);
  planProducts('kernelDiagonal', large, Math.min(n, GROUP), 0, 8 * n * entries); // whether it fits
  const result = new Float64Array(n * entries);
  const source = new FeatureSource(request.backend, shape, { X: inputs, X2: null, edge: GROUP }, 1, null);
  const { forward, backward } = featureFlops(shape);
  const meter = new ProgressMeter(n * (forward + backward), 0, large.report);
  for (let first = 0; first < n; first += GROUP) {
    const piece = meter.piece(Math.min(GROUP, n - first) * (forward + backward));
    const block = await source.load(first / GROUP, 0, { ...request.run, onProgress: piece.onProgress });
    piece.finish();
    addDiagonal(large, block, result.subarray(first * entries, (first + block.n) * entries));
  }
  if (request.scale !== 1) result.forEach((entry, i) => (result[i] = entry * request.scale));
  const K = network.widths.at(-1)!;
  const axes = shape.form === 'full' ? [n, K, K] : shape.form === 'diagonal' ? [n, K] : [n];
  return resultArray({ ...fieldsOf(large, result, axes), outputs: request.outputs });
}

/** The blocks of the pairs (x, x) of one group, from its features: N numbers a layer, so that no backend is asked. */
function addDiagonal({ shape }: LargeOptions, block: FeatureBlock, out: Float64Array): void {
  const { network, form, weightTerms, biasTerms } = shape;
  const { slots } = featureSlots(shape);
  const K = network.widths.at(-1)!;
  const chains = chainsOf(shape);
  const entries = entriesOf(shape);
  const dot = (a: number, b: number, length: number): number => {
    let sum = 0;
    for (let j = 0; j < length; j++) sum += block.values[a + j]! * block.values[b + j]!;
    return sum;
  };
  slots.forEach(({ activations, deltas }, l) => {
    if (weightTerms[l] === 0 && biasTerms[l] === 0) return;
    const below = network.widths[l]!;
    const width = network.widths[l + 1]!;
    const activationScale = 4 ** block.exponents[2 * l]!;
    const deltaScale = 4 ** block.exponents[2 * l + 1]!;
    for (let i = 0; i < block.n; i++) {
      const x = block.n * activations + i * below;
      const factor =
        (activations === -1 ? 0 : weightTerms[l]! * activationScale * dot(x, x, below)) + biasTerms[l]!;
      const delta = (k: number, m: number): number => {
        if (deltas === -1) return k === m ? 1 : 0;
        const at = block.n * deltas + i * chains * width;
        return deltaScale * dot(at + k * width, at + m * width, width);
      };
      if (form === 'sum-of-logits') out[i]! += factor * delta(0, 0);
      for (let k = 0; k < K && form !== 'sum-of-logits'; k++) {
        if (form === 'trace') out[i]! += factor * delta(k, k);
        else if (form === 'diagonal') out[i * entries + k]! += factor * delta(k, k);
        else for (let m = 0; m < K; m++) out[i * entries + k * K + m]! += factor * delta(k, m);
      }
    }
  });
}
