/** Monte Carlo over initializations. */
export { type DispersionOptions, estimateDispersion, streamDispersion } from './dispersion';
export type { DispersionEstimate, StandardErrors } from './estimate';
export { mergeDispersion, type MergedDispersion } from './merge';
export type { Sampler } from './sources';
