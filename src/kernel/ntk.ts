import type { KernelForm } from '../backend/forms';
import type { BackendName, KernelArrays, KernelTask, NetworkData, Precision } from '../backend/seam';
import { type KernelPlan, planKernel } from './plan';
import { type ArrayInput, readInputs } from '../array-input';
import { DeepntkError, expectBoolean, expectInteger, expectOneOf, expectOptions } from '../errors';
import { expectFits } from '../memory';
import { type ResultArray, resultArray } from '../ndarray';
import {
  COMPUTE_OPTION_NAMES,
  type Computation,
  type ComputeOptions,
  copyInputs,
  expectFiniteResult,
  PARAMETER_CHOICE_NAMES,
  type ParameterChoice,
  type Provenance,
  readComputation,
  readParameterChoice,
} from './arguments';

/**
 * What is kept of the K x K block that belongs to a pair of inputs (x, x'):
 *
 * - `trace`: the SUM over outputs of its diagonal (not the mean); N x N'
 * - `mean`: the trace divided by K; N x N'
 * - `full`: all of it; N x N' x K x K, the first K belonging to x, the second to x'
 * - `diagonal`: its diagonal; N x N' x K
 * - `sum-of-logits`: the kernel of the one function sum_k f_k / sqrt(K), i.e. the sum of ALL its entries divided by K;
 *   N x N' (the pseudo-NTK of Mohamadi, Bae and Sutherland, ICML 2023)
 */
export type NtkOutputs = 'trace' | 'mean' | 'full' | 'diagonal' | 'sum-of-logits';

export const NTK_OUTPUTS: readonly NtkOutputs[] = ['trace', 'mean', 'full', 'diagonal', 'sum-of-logits'];

export interface NtkOptions extends ComputeOptions, ParameterChoice {
  /** `trace`, the SUM over outputs, by default. */
  readonly outputs?: NtkOutputs;
  /** Also return the part of each layer's weights and of each layer's biases. */
  readonly perLayer?: boolean;
  /**
   * `float64` (the default), or `mixed`: the forward pass in float64, so that no gate flips, the backward pass and the
   * Gram matrices in float32 summed in float64; entries within about 1e-6 of the largest.
   */
  readonly precision?: Precision;
}

export interface NtkResult extends ResultArray, Provenance {
  readonly outputs: NtkOutputs;
  readonly parameters: 'all' | 'weights' | 'biases';
  /** The trained layers, 1 .. L+1. */
  readonly layers: readonly number[];
  readonly precision: Precision;
}

/** The parts of a kernel; they sum to it. Position l - 1 belongs to layer l; a part without trained parameters is zero. */
export interface NtkParts {
  readonly weights: readonly ResultArray[];
  readonly biases: readonly ResultArray[];
}

export interface NtkResultPerLayer extends NtkResult {
  readonly perLayer: NtkParts;
}

/** A net, and whether its biases are parameters, one entry for each layer 1 .. L+1. */
export interface KernelNetwork extends NetworkData {
  readonly biasGradients: readonly boolean[];
}

const NTK_OPTION_NAMES = [
  ...COMPUTE_OPTION_NAMES,
  ...PARAMETER_CHOICE_NAMES,
  'outputs',
  'perLayer',
  'precision',
];

/**
 * The empirical neural tangent kernel in its structured form: a Gram matrix of activations times, entry by entry, a Gram
 * matrix of derivatives for every layer; the Jacobian is never formed. See `Mlp.ntk`.
 */
export async function ntk(
  network: KernelNetwork,
  X: ArrayInput,
  X2: ArrayInput | null,
  options: NtkOptions,
): Promise<NtkResult | NtkResultPerLayer> {
  const where = 'ntk';
  const settings = readKernelSettings(where, network, options);
  const rows = readInputs(`${where}: X`, X, network.widths[0]!);
  const columns = X2 === null ? null : readInputs(`${where}: X2`, X2, network.widths[0]!);
  const n = rows.shape[0]!;
  const n2 = columns === null ? null : columns.shape[0]!;
  const plan = planOf(network, settings, n, n2);
  expectFits(where, plan.bytes.total, `the arrays of a ${plan.shape.join(' x ')} kernel`);
  settings.run.signal?.throwIfAborted();
  const task: KernelTask = {
    network,
    x: copyInputs(`${where}: X`, rows, settings.allowNonFinite),
    n,
    x2: columns === null ? null : copyInputs(`${where}: X2`, columns, settings.allowNonFinite),
    n2: n2 ?? n,
    form: settings.form,
    weightTerms: settings.weightTerms,
    biasTerms: settings.biasTerms,
    perLayer: settings.perLayer,
    precision: settings.precision,
    blocks: plan.blocks,
  };
  const arrays = await settings.backend.kernel(task, settings.run);
  await expectFiniteResult(where, arrays.kernel, settings);
  return assemble(arrays, settings, plan);
}

/** The plan of a kernel computation; nothing is computed. See `Mlp.explainNtk`. */
export function explainNtk(
  network: KernelNetwork,
  X: ArrayInput | number,
  X2: ArrayInput | number | null,
  options: NtkOptions,
): KernelPlan {
  const where = 'explainNtk';
  const settings = readKernelSettings(where, network, options);
  const inputDim = network.widths[0]!;
  const n = countInputs(`${where}: X`, X, inputDim);
  return planOf(network, settings, n, X2 === null ? null : countInputs(`${where}: X2`, X2, inputDim));
}

/** The number of inputs, given as a number or as the inputs themselves. */
export function countInputs(where: string, X: ArrayInput | number, inputDim: number): number {
  return typeof X === 'number' ? expectInteger(where, X) : readInputs(where, X, inputDim).shape[0]!;
}

/** The options of a kernel, checked and with their defaults. */
export interface KernelSettings extends Computation {
  readonly outputs: NtkOutputs;
  readonly form: KernelForm;
  readonly parameters: 'all' | 'weights' | 'biases';
  readonly layers: readonly number[];
  readonly weightTerms: Float64Array;
  readonly biasTerms: Float64Array;
  readonly perLayer: boolean;
  readonly precision: Precision;
  /** 1/K for the mean over outputs, else 1. */
  readonly scale: number;
}

/** @internal */
export function readKernelSettings(
  where: string,
  network: KernelNetwork,
  options: NtkOptions,
  otherOptions: readonly string[] = [],
): KernelSettings {
  expectOptions(where, options, [...NTK_OPTION_NAMES, ...otherOptions]);
  const outputs = expectOneOf(`${where}: outputs`, options.outputs ?? 'trace', NTK_OUTPUTS);
  const trained = readParameterChoice(where, network, network.biasGradients, options);
  const K = network.widths.at(-1)!;
  return {
    ...readComputation(where, options),
    outputs,
    form: outputs === 'mean' ? 'trace' : outputs,
    parameters: trained.parameters,
    layers: trained.layers,
    weightTerms: network.weightGains.map((gain, i) => (trained.weights[i] ? gain * gain : 0)),
    biasTerms: network.biasGains.map((gain, i) => (trained.biases[i] ? gain * gain : 0)),
    perLayer: expectBoolean(`${where}: perLayer`, options.perLayer ?? false),
    precision: expectOneOf(`${where}: precision`, options.precision ?? 'float64', ['float64', 'mixed']),
    scale: outputs === 'mean' ? 1 / K : 1,
  };
}

function planOf(network: KernelNetwork, settings: KernelSettings, n: number, n2: number | null): KernelPlan {
  const { form, weightTerms, biasTerms, perLayer, precision } = settings;
  const backend: BackendName = settings.backend.name;
  const threads = settings.run.threads;
  return planKernel({ network, n, n2, form, weightTerms, biasTerms, perLayer, precision, threads, backend });
}

function assemble(
  arrays: KernelArrays,
  settings: KernelSettings,
  plan: KernelPlan,
): NtkResult | NtkResultPerLayer {
  const { scale, outputs, parameters, layers, precision } = settings;
  const finish = (data: Float64Array) => {
    if (scale !== 1) data.forEach((entry, i) => (data[i] = entry * scale));
    return { data, shape: [...plan.shape] };
  };
  const result = {
    ...finish(arrays.kernel),
    outputs,
    parameters,
    layers,
    precision,
    ...settings.provenance,
  };
  if (!settings.perLayer) return resultArray(result);
  if (arrays.weights === null || arrays.biases === null) {
    throw new DeepntkError('ERR_COMPUTATION', 'ntk: the backend returned no parts per layer');
  }
  const parts = (layers: readonly Float64Array[]) => layers.map((data) => resultArray(finish(data)));
  const perLayer = { weights: parts(arrays.weights), biases: parts(arrays.biases) };
  return resultArray({ ...result, perLayer });
}
