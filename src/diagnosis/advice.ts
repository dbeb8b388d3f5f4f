/** Which width, or which sigma_w^2, would bring the spread under its threshold. */
import { summarizeKernel } from '../kernel/statistics';
import type { NdArray } from '../ndarray';
import { createSpec, type NetworkSpec } from '../network/spec';
import { infiniteWidthKernels } from '../theory/infinite-width';
import { weightVarianceForDispersion, widthForDispersion } from '../theory/inverse';
import type { Advice, WeightVarianceAdvice } from './facts';

export function advise(spec: NetworkSpec, inputNorm2: number, spread: number, x: NdArray): Advice {
  const { inputDim, outputDim, depth, weightVariance, biasVariance, parametrization, biasGradients } = spec;
  if (depth === 0) return { spread, width: null, weightVariance: null };
  const law = { inputDim, outputDim, depth, biasVariance, parametrization, biasGradients, inputNorm2 };
  const question = { ...law, relativeStandardDeviation: spread };
  const present = harmonicMean(spec.hiddenWidths);
  const { width } = widthForDispersion({ ...question, weightVariance });
  const answer = weightVarianceForDispersion({ ...question, width: present }).weightVariance;
  return {
    spread,
    width: { present, width },
    weightVariance: { weightVariance: answer, offDiagonalRatio: ratioAt(spec, answer, x) },
  };
}

/** Of the whole number nearest to it, so that a net of one width has that width. */
export function harmonicMean(widths: readonly number[]): number {
  return Math.round(widths.length / widths.reduce((sum, width) => sum + 1 / width, 0));
}

function ratioAt(
  spec: NetworkSpec,
  weightVariance: number | null,
  x: NdArray,
): WeightVarianceAdvice['offDiagonalRatio'] {
  if (weightVariance === null || weightVariance === Infinity || x.shape[0]! < 2) return null;
  const { inputDim, outputDim, hiddenWidths, biasVariance, parametrization, biasGradients } = spec;
  const other = createSpec({
    ...{ inputDim, outputDim, hiddenWidths, biasVariance, parametrization, biasGradients },
    weightVariance,
  });
  const { offDiagonalRatio } = summarizeKernel(infiniteWidthKernels(other, x).ntk);
  return Number.isFinite(offDiagonalRatio) ? offDiagonalRatio : null;
}
