/** Monte Carlo over initializations. */
export { type DispersionOptions, estimateDispersion, streamDispersion } from './dispersion';
export type { DispersionEstimate, StandardErrors } from './estimate';
export type { HistogramEstimate, HistogramOptions, KernelHistogram } from './histogram';
export { estimateHistogram, type KernelHistogramOptions, streamHistogram } from './kernel-histogram';
export {
  mergeDispersion,
  type MergedDispersion,
  type MergedNtkSample,
  mergeNtkSamples,
  type MergeOptions,
} from './merge';
export type { Sampler } from './samplers';
export type { KernelMoments, MatrixMoments, NumberMoments } from './kernel-moments';
export { inputsAtCosines } from './inputs';
export type { KernelQuantile } from './kernel-quantiles';
export {
  type NtkSample,
  sampleNtk,
  type SampleNtkBaseOptions,
  type SampleNtkCheckpointOptions,
  type SampleNtkOptions,
  type SampleNtkReplicaOptions,
} from './sample-ntk';
