/**
 * The face of the package for browsers: what needs neither Node nor files nor threads. Re-exports alone.
 *
 * @module deepntk/browser
 */
export { DeepntkError, type ErrorCode } from '../errors';
export {
  type ArrayInput,
  type IntegerArray,
  type NestedNumbers,
  type NumberList,
  toNdArray,
} from '../array-input';
export type { NdArray, Nested, ResultArray } from '../ndarray';
export { VERSION as version } from '../version';

export type { Slopes } from '../backend/seam';
export { createSpec, type NetworkSpec, type Parametrization, type SpecOptions } from '../network/spec';
export * from '../theory';

export type { Progress } from '../watch';
export type { Provenance } from '../kernel/arguments';
export type { DispersionEstimate, StandardErrors } from '../sampling/one-input/estimate';
export type { HistogramEstimate, KernelHistogram } from '../sampling/one-input/histogram';
export type { Sampler } from '../sampling/samplers';
export { inputsAtCosines } from '../sampling/matrix/inputs';
export {
  type DispersionOptions,
  estimateDispersion,
  estimateHistogram,
  type KernelHistogramOptions,
  streamDispersion,
  streamHistogram,
} from './sampling';
