/** The same kernel in the conventions of different programs and papers. */
import { type ArrayInput, readArray } from '../array-input';
import { DeepntkError, expectList, expectOneOf, expectOptions, invalidArgument } from '../errors';
import { type NdArray, type ResultArray, resultArray } from '../ndarray';
import { type MlpSpec, type NetworkSpec, type Parametrization, readSpec } from '../network/spec';
import { expectNonNegative } from './arguments';
import { biasFactor, weightFactor } from './layer-law';

/**
 * How a kernel counts gradients. Each convention is sum_l (A_l W_l + B_l V_l) for factors A_l, B_l of its own, W_l
 * and V_l being the parts of layer l's weights and biases in the standard parametrization, summed over outputs:
 *
 * - `{ parametrization, outputs }`: this package's. Standard A = B = 1; NTK A = sigma_w^2 / n_{l-1}, B = sigma_b^2.
 *   The `trace` over outputs is a sum, `mean` divides by K. Left out: the spec's parametrization, `trace`.
 * - `{ library: 'neural-tangents' }`: `empirical_ntk_fn` with trace_axes = (-1,), and `kernel_fn`: the mean over
 *   outputs.
 * - `{ library: 'scikit-ntk', bias }`: its kernel K = (x.z + bias^2 and the recursion on it) / ((depth + 1) (bias^2
 *   + 1)), whose net has sigma_w^2 = 2, biases that start at 0 and are trained at scale `bias`, and a first layer
 *   of unit variance instead of 2 / n_0: A_l = n_0 / n_{l-1}, B_l = bias^2, both over (L + 1) (bias^2 + 1) K. The
 *   kernel converted is that of a net with sigma_w^2 = 2, sigma_b^2 = 0 on the SAME inputs (W_l scales with |x|^2,
 *   which takes the first layer's variance into account).
 */
export type KernelConvention =
  | {
      readonly parametrization?: Parametrization;
      readonly outputs?: 'trace' | 'mean';
      readonly library?: never;
    }
  | { readonly library: 'neural-tangents'; readonly parametrization?: Parametrization }
  | { readonly library: 'scikit-ntk'; readonly bias: number };

/** A kernel's parts by layer, as `net.ntk(X, X2, { perLayer: true })` returns them in `perLayer`. */
export interface KernelParts {
  /** L + 1 arrays, of one shape. */
  readonly weights: readonly ArrayInput[];
  readonly biases: readonly ArrayInput[];
}

/** From which convention to which, for which net. */
export interface ConvertOptions {
  readonly spec: MlpSpec;
  readonly from: KernelConvention;
  readonly to: KernelConvention;
}

/**
 * Converts a kernel between conventions.
 *
 * A whole kernel converts where both conventions weigh all its parts in one ratio: sum and mean over outputs
 * always; the parametrizations where all fan-ins are equal and biases do not count or sigma_b^2 = sigma_w^2 / n.
 * Everything else needs the parts by layer: pass `perLayer`.
 *
 * @param kernel an array of any shape, or its parts by layer
 * @throws DeepntkError `ERR_INVALID_ARGUMENT` where the parts are needed, or lack what the other convention counts
 * @see docs/theory.md, "Conventions"
 * @example convertKernel(result.perLayer, { spec: net.spec, from: {}, to: { library: 'scikit-ntk', bias: 0.1 } })
 */
export function convertKernel(kernel: ArrayInput | KernelParts, options: ConvertOptions): ResultArray {
  const where = 'convertKernel';
  expectOptions(where, options, ['spec', 'from', 'to']);
  const spec = readSpec(where, options.spec);
  const from = readConvention(`${where}: from`, spec, options.from);
  const to = readConvention(`${where}: to`, spec, options.to);
  if (typeof kernel === 'object' && (kernel as unknown) !== null && 'weights' in kernel)
    return convertParts(where, kernel, from, to);
  const ratios = [...ratiosOf(from.weights, to.weights), ...ratiosOf(from.biases, to.biases)];
  const ratio = ratios[0] ?? 1;
  if (ratios.some((other) => !(Math.abs(other - ratio) <= 1e-14 * ratio))) {
    throw new DeepntkError(
      'ERR_INVALID_ARGUMENT',
      `${where}: these conventions weigh the parts of a kernel differently; pass its parts by layer ({ perLayer: true })`,
    );
  }
  return weightedSum([readArray(`${where}: kernel`, kernel)], [ratio]);
}

interface Factors {
  /** A_l and B_l, l = 1 .. L+1 */
  readonly weights: readonly number[];
  readonly biases: readonly number[];
}

function readConvention(where: string, spec: NetworkSpec, convention: KernelConvention): Factors {
  expectOptions(where, convention, ['parametrization', 'outputs', 'library', 'bias']);
  const { outputDim: outputs } = spec;
  if (convention.library === 'scikit-ntk') {
    if (spec.weightVariance !== 2 || spec.biasVariance !== 0) {
      throw invalidArgument(where, 'a spec with weightVariance 2 and biasVariance 0 for scikit-ntk', spec);
    }
    const bias = expectNonNegative(`${where}: bias`, convention.bias);
    const scale = 1 / ((spec.depth + 1) * (bias * bias + 1) * outputs);
    return factors(
      spec,
      (fanIn) => (spec.inputDim / fanIn) * scale,
      () => bias * bias * scale,
    );
  }
  if (convention.library !== undefined) expectOneOf(`${where}: library`, convention.library, LIBRARIES);
  const parametrization = expectOneOf(
    `${where}: parametrization`,
    convention.parametrization ?? spec.parametrization,
    ['standard', 'ntk'],
  );
  const form = convention.library === undefined ? (convention.outputs ?? 'trace') : 'mean';
  const scale = expectOneOf(`${where}: outputs`, form, ['trace', 'mean']) === 'mean' ? 1 / outputs : 1;
  const law = { ...spec, parametrization };
  return factors(
    spec,
    (fanIn) => weightFactor(law, fanIn) * scale,
    (layer) => biasFactor(law, layer) * scale,
  );
}

const LIBRARIES = ['neural-tangents', 'scikit-ntk'] as const;

function factors(
  spec: NetworkSpec,
  weights: (fanIn: number) => number,
  biases: (layer: number) => number,
): Factors {
  const fanIns = spec.widths.slice(0, -1);
  return { weights: fanIns.map(weights), biases: fanIns.map((_, i) => biases(i + 1)) };
}

/**
 * to / from, part by part, leaving out what neither counts; Infinity where only the new convention counts a part.
 */
function ratiosOf(from: readonly number[], to: readonly number[]): number[] {
  return from
    .map((factor, i) => (factor === 0 && to[i] === 0 ? NaN : to[i]! / factor))
    .filter((r) => !Number.isNaN(r));
}

function convertParts(where: string, given: KernelParts, from: Factors, to: Factors): ResultArray {
  const layers = from.weights.length;
  const read = (name: 'weights' | 'biases'): NdArray[] =>
    expectList(`${where}: kernel.${name}`, given[name], `the parts of ${layers} layers`).map((part, i) =>
      readArray(`${where}: kernel.${name}[${i}]`, part),
    );
  const parts = { weights: read('weights'), biases: read('biases') };
  if (parts.weights.length !== layers || parts.biases.length !== layers) {
    throw invalidArgument(`${where}: kernel`, `the parts of ${layers} layers`, parts.weights);
  }
  const quotient = (fromFactor: number, toFactor: number): number => {
    if (toFactor === 0) return 0;
    if (fromFactor !== 0) return toFactor / fromFactor;
    throw new DeepntkError(
      'ERR_INVALID_ARGUMENT',
      `${where}: the kernel does not count bias gradients (their factor is 0), and the other convention does`,
    );
  };
  return weightedSum(
    [...parts.weights, ...parts.biases],
    [
      ...from.weights.map((factor, i) => quotient(factor, to.weights[i]!)),
      ...from.biases.map((factor, i) => quotient(factor, to.biases[i]!)),
    ],
  );
}

function weightedSum(arrays: readonly NdArray[], coefficients: readonly number[]): ResultArray {
  const first = arrays[0]!;
  const data = new Float64Array(first.data.length);
  arrays.forEach((array, part) => {
    if (array.data.length !== data.length) {
      throw invalidArgument('convertKernel: kernel', `parts of ${data.length} numbers each`, array.data);
    }
    const factor = coefficients[part]!;
    for (let i = 0; i < data.length; i++) data[i] = data[i]! + factor * array.data[i]!;
  });
  return resultArray({ data, shape: [...first.shape] });
}
