/** Training, and what kernel theory predicts of it. */
export { train, type TrainResult } from './train';
export type { TrainedKernel, TrainOptions, TrainProgress } from './plan';
export type { Evaluation, Fit, LabelledData } from './loss';
export { lossGradient, type LossGradient } from './gradient';
export type { LearningRate, OptimizerOptions } from './options';
export type { TrainingState } from './state';
export {
  kernelRidgeRegression,
  type GradientFlowOptions,
  type GradientFlowPrediction,
  type KernelRidgeOptions,
  type KernelRidgePrediction,
  predictGradientFlow,
  type RegularizationOptions,
} from './predict';
export { compareWithTraining, type ComparedOutputs, type CompareOptions, type Comparison } from './compare';
export { firstStepStudy, type FirstStepOptions, type FirstStepRow, type MeanWithError } from './first-step';
