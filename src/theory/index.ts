/** Closed forms about the NTK of ReLU nets: pure functions that need no backend. */
export { correlationMap } from './arc-cosine';
export {
  classifyPhase,
  type CorrelationMap,
  type Phase,
  type PhaseOptions,
  type PhaseReport,
  type VarianceMap,
} from './classify-phase';
export {
  dispersionLimit,
  type DispersionLimit,
  type DispersionLimitOptions,
  orderedDispersionLimit,
} from './dispersion-limit';
export { infiniteWidthKernels, type InfiniteWidthKernels } from './infinite-width';
export type { Assumption } from './moment-recursion';
export { moments, type MomentPair, type Moments, type MomentsOptions } from './moments';
export { momentsByDepth } from './moments-by-depth';
export {
  firstStepChange,
  type FirstStepChange,
  firstStepLimit,
  type FirstStepLimitOptions,
} from './first-step';
export {
  depthForDispersion,
  type DepthAnswer,
  type DepthQuestion,
  type WeightVarianceAnswer,
  weightVarianceForDispersion,
  type WeightVarianceQuestion,
  type WidthAnswer,
  widthForDispersion,
  type WidthQuestion,
} from './inverse';
export {
  infiniteWidthRatio,
  infiniteWidthRatioLimit,
  offDiagonalDispersionBound,
  pairMoments,
  type PairMoments,
  type PairOptions,
  type RatioLimitOptions,
} from './off-diagonal';
export {
  classifyNetwork,
  type Estimate,
  type LayerReport,
  type NetworkReport,
  type SlopeEvidence,
} from './classify-network';
export {
  convertKernel,
  type ConvertOptions,
  type KernelConvention,
  type KernelParts,
} from './convert-kernel';
export type { GivenNetwork } from './probe-network';
