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
