/** Training, and what kernel theory predicts of it. */
export { train, type TrainResult } from './train';
export type { TrainedKernel, TrainOptions, TrainProgress } from './plan';
export type { Evaluation, Fit, LabelledData } from './loss';
export { lossGradient, type LossGradient } from './gradient';
export type { LearningRate, OptimizerOptions } from './options';
export type { TrainingState } from './state';
export { type GradientFlowOptions, type GradientFlowPrediction, predictGradientFlow } from './gradient-flow';
export { type KernelRidgeOptions, type KernelRidgePrediction, kernelRidgeRegression } from './kernel-ridge';
export type { RegularizationOptions } from './kernel-regression';
export { compareWithTraining, type ComparedOutputs, type CompareOptions, type Comparison } from './compare';
export { firstStepStudy, type FirstStepOptions, type FirstStepRow, type MeanWithError } from './first-step';
