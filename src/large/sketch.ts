/** The kernel estimated from random projections of the Jacobian. */
import type { ArrayInput } from '../array-input';
import { expectInteger, expectOptionsObject, invalidArgument } from '../errors';
import type { KernelNetwork } from '../kernel/ntk';
import { type ResultArray, resultArray } from '../ndarray';
import { fillNormals } from '../random/normal';
import { shared } from './blocks';
import { JacobianOperator, type KernelProductOptions, readProductRequest } from './operator';
import { chosenColumns, eachBatch, fieldsOf, type ProductResult } from './products';
import type { LargeOptions } from './inputs';

/** Options of `sketchNtk`. */
export interface SketchOptions extends KernelProductOptions {
  /** How many random directions; the error falls with the square root of their number. */
  readonly projections: number;
  /** 0 .. 2^53 - 1 */
  readonly seed: number;
}

/** The estimate of `sketchNtk`, and how far off it is. */
export interface SketchResult extends ProductResult {
  /** The random features, N K x r: the kernel is estimated by their inner products. */
  readonly features: ResultArray;
  /** For every entry of the kernel, an estimate of its standard error. */
  readonly standardError: ResultArray;
  readonly projections: number;
  readonly seed: number;
}

/** Streams of the random numbers of sketches: no others use them. */
const SKETCH_STREAM = 0x5ce7c000;

/** See `sketchNtk` of the public face. */
export async function sketchNtk(
  network: KernelNetwork,
  X: ArrayInput,
  options: SketchOptions,
): Promise<SketchResult> {
  const where = 'sketchNtk';
  expectOptionsObject(where, options);
  const { projections, seed, ...rest } = options;
  const r = expectInteger(`${where}: projections`, projections);
  expectInteger(`${where}: seed`, seed, { min: 0 });
  const { large, inputs } = await readProductRequest(where, network, X, rest);
  if (large.request.outputs === 'full') {
    throw invalidArgument(`${where}: outputs`, 'trace, mean or sum-of-logits', large.request.outputs);
  }
  const operator = JacobianOperator.open(where, inputs, large, r);
  const chosen = chosenColumns(large);
  const { inputs: n, outputs: K } = operator;
  const features = new Float64Array(n * K * r);
  await eachBatch(operator, r, async (begin, count, meter) => {
    const columns = shared(count * chosen.length, 'float64') as Float64Array;
    for (let d = 0; d < count; d++) {
      const own = columns.subarray(d * chosen.length, (d + 1) * chosen.length);
      fillNormals(own, { seed, replica: begin + d, stream: SKETCH_STREAM });
      chosen.forEach((isChosen, column) => {
        if (!isChosen) own[column] = 0;
      });
    }
    const rows = await operator.apply(columns, count, meter);
    for (let row = 0; row < n * K; row++) {
      for (let d = 0; d < count; d++) features[row * r + begin + d] = rows[row * count + d]!;
    }
  });
  return resultArray({ ...estimateOf(large, features, n, K, r), projections: r, seed });
}

/**
 * E (J w)_a (J w)_b = K_ab for w ~ N(0, 1); its variance is K_ab^2 + K_aa K_bb (Isserlis), and for the sum over outputs
 * the same with sums over pairs of outputs, which the sample variance over the projections estimates.
 */
function estimateOf(large: LargeOptions, features: Float64Array, n: number, K: number, r: number) {
  const { outputs, scale } = large.request;
  const kernel = new Float64Array(n * n);
  const errors = new Float64Array(n * n);
  const summed = outputs === 'sum-of-logits';
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = 0;
      let squares = 0;
      for (let d = 0; d < r; d++) {
        let value = 0;
        if (summed) {
          let left = 0;
          let right = 0;
          for (let k = 0; k < K; k++) {
            left += features[(i * K + k) * r + d]!;
            right += features[(j * K + k) * r + d]!;
          }
          value = (left * right) / K;
        } else {
          for (let k = 0; k < K; k++)
            value += features[(i * K + k) * r + d]! * features[(j * K + k) * r + d]!;
          value *= scale;
        }
        sum += value;
        squares += value * value;
      }
      const mean = sum / r;
      const variance = Math.max(0, squares / r - mean * mean) / Math.max(1, r - 1);
      kernel[i * n + j] = kernel[j * n + i] = mean;
      errors[i * n + j] = errors[j * n + i] = r > 1 ? Math.sqrt(variance) : Infinity;
    }
  }
  return {
    ...fieldsOf(large, kernel, [n, n]),
    standardError: resultArray({ data: errors, shape: [n, n] }),
    features: resultArray({ data: features, shape: [n * K, r] }),
  };
}
