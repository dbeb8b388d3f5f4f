/** Monte Carlo over initializations. */
export { type DispersionOptions, estimateDispersion, streamDispersion } from './one-input/dispersion';
export type { DispersionEstimate, StandardErrors } from './one-input/estimate';
export type { HistogramEstimate, HistogramOptions, KernelHistogram } from './one-input/histogram';
export {
  estimateHistogram,
  type KernelHistogramOptions,
  streamHistogram,
} from './one-input/kernel-histogram';
export {
  mergeDispersion,
  type MergedDispersion,
  type MergedNtkSample,
  mergeNtkSamples,
  type MergeOptions,
} from './merge';
export type { Sampler } from './samplers';
export type { KernelMoments, MatrixMoments, NumberMoments } from './matrix/kernel-moments';
export { inputsAtCosines } from './matrix/inputs';
export type { KernelQuantile } from './matrix/kernel-quantiles';
export {
  type NtkSample,
  sampleNtk,
  type SampleNtkBaseOptions,
  type SampleNtkCheckpointOptions,
  type SampleNtkOptions,
  type SampleNtkReplicaOptions,
} from './matrix/sample-ntk';
