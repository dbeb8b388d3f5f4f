/** A short training run, and how far the kernel moves in it. */
import { DeepntkError } from '../errors';
import type { Progress } from '../kernel/arguments';
import type { NdArray } from '../ndarray';
import type { Mlp } from '../network/mlp';
import { compareWithTraining } from '../training/compare';
import type { TrainingFacts } from './facts';
import { type Compute, largestEigenvalue } from './measure-kernel';
import { TRAINING_CHECKPOINTS, TRAINING_TIME } from './thresholds';

/**
 * Full-batch gradient descent on the mean over inputs of |f - y|^2 / 2 at the learning rate c N / lambda, lambda the largest
 * eigenvalue of the full kernel: the mode of lambda shrinks by 1 - c a step, and is stable below c = 2.
 *
 * @param rate c
 */
export async function measureTraining(
  net: Mlp,
  x: NdArray,
  y: NdArray,
  rate: number,
  options: Compute & { readonly onProgress?: (progress: Progress) => void },
): Promise<TrainingFacts> {
  const { onProgress, ...compute } = options;
  const steps = Math.round(TRAINING_TIME / rate);
  const eigenvalue = await largestEigenvalue(net, x, compute);
  const learningRate = (rate * x.shape[0]!) / eigenvalue;
  if (!(learningRate > 0 && Number.isFinite(learningRate))) {
    return failed('the kernel on this data overflows or vanishes, so that no learning rate fits', steps);
  }
  const after = (time: number): number => Math.max(1, Math.round(time / rate));
  // The first step is looked at whatever its length.
  const at = [...new Set([1, ...TRAINING_CHECKPOINTS.map(after)])].sort((a, b) => a - b);
  try {
    const { comparisons } = await compareWithTraining(
      net,
      { x, y },
      { ...compute, learningRate, at, kernel: 'mean', ...(onProgress && { onProgress }) },
    );
    const checkpoints = comparisons.map(({ step, kernelChange, train }) => ({
      step,
      time: step * rate,
      kernelChange,
      loss: train.netLoss,
      predictedLoss: train.predictedLoss,
      predictionError: train.relativeError,
    }));
    return {
      learningRate,
      steps,
      largestEigenvalue: eigenvalue,
      checkpoints,
      largestChange: Math.max(...checkpoints.map(({ kernelChange }) => kernelChange)),
      failure: null,
    };
  } catch (error) {
    const broke =
      error instanceof DeepntkError && ['ERR_DIVERGED', 'ERR_INVALID_ARGUMENT'].includes(error.code);
    if (!broke) throw error;
    return { ...failed(error.message, steps), learningRate, largestEigenvalue: eigenvalue };
  }
}

function failed(failure: string, steps: number): TrainingFacts {
  return {
    learningRate: null,
    steps,
    largestEigenvalue: null,
    checkpoints: [],
    largestChange: null,
    failure,
  };
}
