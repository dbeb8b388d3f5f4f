/** The public face of deepntk: re-exports, nothing else. */
export { DeepntkError, type ErrorCode } from './errors';
export type { NdArray } from './ndarray';
export { createSpec, type NetworkSpec, type Parametrization, type SpecOptions } from './network/spec';
export * from './theory';
