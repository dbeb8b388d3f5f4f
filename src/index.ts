/** The public face of deepntk: re-exports, nothing else. */
export { DeepntkError, type ErrorCode } from './errors';
export type { NdArray } from './ndarray';
export { VERSION as version } from './version';

export { createSpec, type NetworkSpec, type Parametrization, type SpecOptions } from './network/spec';
export { type Layer, Mlp, type RandomOptions } from './network/mlp';
export { parameterCount } from './network/parameters';
export type { LoadOptions } from './network/files';

export type { ComputeOptions, ParameterChoice, Progress, Provenance } from './kernel/arguments';
export type { ForwardOptions, ForwardResult, JacobianOptions, JacobianResult } from './kernel/jacobian';
export type { NtkOptions, NtkOutputs, NtkParts, NtkResult, NtkResultPerLayer } from './kernel/ntk';
export type { KernelPlan } from './kernel/plan';

export { availableBackends, backendInfo, type BackendInfo, setBackend } from './backend/choose';
export type { BackendName, BlasDescription, LossName, Precision } from './backend/backend';
export * from './theory';

export {
  classBlocks,
  type BlockOptions,
  type BlockStatistics,
  type ClassBlocks,
  kernelSpectrum,
  type KernelSpectrum,
  kernelStructure,
  type KernelStructure,
} from './kernel/structure';
export {
  type DriftOptions,
  type EigenvalueDrift,
  kernelDrift,
  type KernelDrift,
  type KernelWithParts,
  type LayerDrift,
} from './kernel/drift';

export {
  train,
  type Evaluation,
  type TrainedKernel,
  type TrainOptions,
  type TrainProgress,
  type TrainResult,
} from './training/train';
export type { Fit, LabelledData } from './training/loss';
export { lossGradient, type LossGradient } from './training/gradient';
export type { LearningRate, OptimizerOptions } from './training/options';
export type { TrainingState } from './training/state';
export {
  kernelRidgeRegression,
  type GradientFlowOptions,
  type GradientFlowPrediction,
  type KernelRidgeOptions,
  type KernelRidgePrediction,
  predictGradientFlow,
  type RegularizationOptions,
} from './training/predict';
