/** The options of computations and of kernels, each declared once for the library and for the command. */
import { BACKEND_NAMES, type BackendName, type Precision } from '../backend/seam';
import { expectInteger, invalidArgument } from '../errors';
import { choiceOption, declareOption, integerOption, optional, switchOption } from '../options';

/** Where a computation runs. */
export const RUN_OPTIONS = {
  threads: optional(integerOption, {
    max: 1024,
    help: 'upper bound on threads (default: all of the machine)',
  }),
  backend: optional(choiceOption<BackendName>, {
    choices: BACKEND_NAMES,
    help: 'the backend (default: the fastest that loads)',
  }),
};

/** Whether NaN and infinite numbers pass, in inputs and in results. */
export const FINITE_OPTION = {
  allowNonFinite: switchOption<boolean>({
    default: false,
    help: 'accept NaN and infinite inputs and results',
  }),
};

/** Which parameters are trained; the rest is frozen. */
export const PARAMETER_OPTIONS = {
  parameters: choiceOption<'all' | 'weights' | 'biases'>({
    default: 'all',
    choices: ['all', 'weights', 'biases'],
    help: 'the trained parameters',
  }),
  layers: declareOption<readonly number[] | undefined>(
    'layers',
    { default: undefined, help: 'the trained layers, as in 1,3-5 (default: all)' },
    readLayers,
  ),
};

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

/** The form of a kernel, and the arithmetic. */
export const KERNEL_OPTIONS = {
  outputs: choiceOption<NtkOutputs>({
    default: 'trace',
    choices: NTK_OUTPUTS,
    flag: 'outputs-axis',
    help: 'what is kept of the K x K block of two inputs; trace is the sum over outputs',
  }),
  ...PARAMETER_OPTIONS,
  precision: choiceOption<Precision>({
    default: 'float64',
    choices: ['float64', 'mixed'],
    help: 'arithmetic of the backward pass and the Gram matrices; mixed is float32 with sums in float64',
  }),
};

/** Parts of a kernel. */
export const PARTS_OPTION = {
  perLayer: switchOption<boolean>({
    default: false,
    help: 'also write the parts: OUT.layer-1-weights.npy, OUT.layer-1-biases.npy, ...',
  }),
};

function readLayers(where: string, layers: unknown): readonly number[] {
  if (!Array.isArray(layers)) throw invalidArgument(where, 'an array of layer numbers', layers);
  const numbers = layers.map((layer: unknown, i) => expectInteger(`${where}[${i}]`, layer));
  return [...new Set(numbers)].sort((a, b) => a - b);
}
