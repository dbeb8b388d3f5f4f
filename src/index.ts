/**
 * The public face of deepntk: re-exports, nothing else.
 *
 * @module deepntk
 */
export { DeepntkError, type ErrorCode } from './errors';
export {
  type ArrayInput,
  type IntegerArray,
  type NestedNumbers,
  type NumberList,
  toNdArray,
  type ClassLabels,
} from './array-input';
export type { NdArray, Nested, ResultArray } from './ndarray';
export { version } from './version';

export {
  type Architecture,
  createSpec,
  type MlpSpec,
  type NetworkSpec,
  type Parametrization,
  type SpecOptions,
  type UnknownLawSpec,
} from './network/spec';
export { type Layer, Mlp, type RandomOptions } from './network/mlp';
export { parameterCount } from './network/parameters';
export type { LoadOptions } from './network/files';
export type { PlainNet } from './network/plain-net';

export type { ComputeOptions, ParameterChoice, Progress, Provenance } from './kernel/arguments';
export type { ForwardOptions, ForwardResult } from './kernel/forward';
export type { JacobianOptions, JacobianResult } from './kernel/jacobian';
export type { NtkOptions, NtkOutputs, NtkParts, NtkResult, NtkResultPerLayer } from './kernel/ntk';
export { topEigenpairs } from './network/top-eigenpairs';
export type { EigenpairOptions, EigenpairPlan, Eigenpairs } from './large/eigenpairs';
export type { KernelDiagonalOptions } from './large/diagonal';
export type { KernelProductOptions, ProductOptions } from './large/operator';
export type { ProductPlan } from './large/product-plan';
export type { ProductResult } from './large/products';
export type { SketchOptions, SketchResult } from './large/sketch';
export type { NtkFileOptions, NtkFileResult } from './large/ntk-to-file';
export { type MergedKernel, mergeNtk } from './large/parts';
export type { Shard } from './runs/ranges';
export type { Dtype, FeatureStrategy } from './large/options';
export type { LargeKernelPlan } from './large/plan';
export type {
  BackendName,
  BlasDescription,
  CudaDescription,
  KernelBlocks,
  LossName,
  Precision,
  Slopes,
} from './backend/seam';
export type { KernelPlan } from './kernel/plan';
export { type KernelSummary, summarizeKernel } from './kernel/statistics';

export { availableBackends, backendInfo, type BackendInfo, setBackend } from './backend/choose';
export * from './theory';

export {
  type BlockStatistics,
  type ClassBlocks,
  type ClassStructure,
  kernelSpectrum,
  type KernelSpectrum,
  kernelStructure,
  type KernelStructure,
  type StructureOptions,
} from './kernel/structure';
export {
  type DriftOptions,
  type EigenvalueDrift,
  kernelDrift,
  type KernelDrift,
  type KernelWithParts,
  type LayerDrift,
} from './kernel/drift';

export * from './training';

export { type LabelledInputs, loadMnist, type MnistOptions } from './data/mnist';
export { readNpy, writeNpy } from './data/npy';
export { loadData } from './data/load/load';
export type { LoadedData } from './data/load/loaded';
export type { DataSource } from './data/load/source';
export type { ColumnName, Encoding, LoadDataOptions } from './data/load/options';
export { choosePerClass, createScaling, oneHot, type Scaling, takeRows } from './data/classes';
export {
  computeFigure,
  drawFigure,
  type FigureName,
  type FigureOptions,
  type FigurePicture,
  type PictureOptions,
} from './report/figures';
export type { FigureCell, FigureProvenance, FigureRow, FigureTable } from './report/figures/figure';
export type { FigureParameters, FigureParameterValue } from './report/figures/parameters';
export * from './sampling';
export * from './diagnosis';
