/** Monte Carlo over initializations. */
export { type DispersionOptions, estimateDispersion, streamDispersion } from './dispersion';
export type { DispersionEstimate, StandardErrors } from './estimate';
export { mergeDispersion, type MergedDispersion } from './merge';
export type { Sampler } from './sources';
export type { KernelMoments, MatrixMoments, NumberMoments } from './kernel-moments';
export { inputsAtCosines } from './inputs';
export type { KernelQuantile } from './kernel-quantiles';
export { type NtkSample, sampleNtk, type SampleNtkOptions } from './sample-ntk';
