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
export type {
  SampleNtkBaseOptions,
  SampleNtkCheckpointOptions,
  SampleNtkOptions,
  SampleNtkReplicaOptions,
} from './matrix/sample-options';
export { type NtkSample, sampleNtk } from './matrix/sample-ntk';
