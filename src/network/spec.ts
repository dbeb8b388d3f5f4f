import {
  DeepntkError,
  describe,
  expectBoolean,
  expectInteger,
  expectNumber,
  expectOneOf,
  expectOptions,
  invalidArgument,
} from '../errors';

/**
 * - `standard`: h = W x + b with W_ij ~ N(0, sigma_w^2 / fan-in), b ~ N(0, sigma_b^2); gradients by W and b themselves
 * - `ntk`: h = sqrt(sigma_w^2 / fan-in) W x + sqrt(sigma_b^2) b with W, b ~ N(0, 1); gradients by the raw W and b
 */
export type Parametrization = 'standard' | 'ntk';

interface CommonSpecOptions {
  /** n_0, the number of input features. */
  readonly inputDim: number;
  /** K, the number of outputs; 1 by default. */
  readonly outputDim?: number;
  /** sigma_w^2 > 0; 2, the edge of chaos, by default. */
  readonly weightVariance?: number;
  /** sigma_b^2 >= 0; 0 by default. */
  readonly biasVariance?: number;
  readonly parametrization?: Parametrization;
  /** Whether biases are parameters, counted in gradients; true by default, also where sigma_b^2 = 0. */
  readonly biasGradients?: boolean;
}

/** Hidden layers of one width, or each of its own; `depth: 0` or `hiddenWidths: []` is a linear net. */
export type SpecOptions = CommonSpecOptions &
  (
    | { readonly depth: number; readonly width: number; readonly hiddenWidths?: never }
    | { readonly depth: 0; readonly width?: never; readonly hiddenWidths?: never }
    | { readonly hiddenWidths: readonly number[]; readonly depth?: never; readonly width?: never }
  );

/** The architecture and the law of initialization of a fully connected ReLU net; frozen and validated. */
export interface NetworkSpec {
  readonly inputDim: number;
  /** L, the number of HIDDEN layers. */
  readonly depth: number;
  /** n_1 .. n_L */
  readonly hiddenWidths: readonly number[];
  readonly outputDim: number;
  /** n_0, n_1 .. n_L, n_{L+1} */
  readonly widths: readonly number[];
  readonly weightVariance: number;
  readonly biasVariance: number;
  readonly parametrization: Parametrization;
  readonly biasGradients: boolean;
}

const OPTION_NAMES = [
  'inputDim',
  'depth',
  'width',
  'hiddenWidths',
  'outputDim',
  'weightVariance',
  'biasVariance',
  'parametrization',
  'biasGradients',
] as const;

/** The largest depth: a layer's number takes 24 bits of a random stream's address. */
const MAX_DEPTH = 2 ** 24 - 2;

/**
 * Describes a fully connected ReLU net with a linear output.
 *
 * @throws DeepntkError `ERR_INVALID_ARGUMENT` where a size is not a positive integer, a variance is out of range, an
 *   option is unknown, or the hidden layers are given twice or not at all
 * @example createSpec({ inputDim: 784, depth: 20, width: 300, outputDim: 10, weightVariance: 2 })
 */
export function createSpec(options: SpecOptions): NetworkSpec {
  const where = 'createSpec';
  expectOptions(where, options, OPTION_NAMES);
  const hiddenWidths = Object.freeze(readHiddenWidths(where, options));
  const inputDim = expectInteger(`${where}: inputDim`, options.inputDim);
  const outputDim = expectInteger(`${where}: outputDim`, options.outputDim ?? 1);
  const spec = Object.freeze({
    inputDim,
    depth: hiddenWidths.length,
    hiddenWidths,
    outputDim,
    widths: Object.freeze([inputDim, ...hiddenWidths, outputDim]),
    weightVariance: expectNumber(`${where}: weightVariance`, options.weightVariance ?? 2, {
      above: 0,
      what: 'a finite number > 0',
    }),
    biasVariance: expectNumber(`${where}: biasVariance`, options.biasVariance ?? 0, {
      min: 0,
      what: 'a finite number >= 0',
    }),
    parametrization: expectOneOf(`${where}: parametrization`, options.parametrization ?? 'standard', [
      'standard',
      'ntk',
    ]),
    biasGradients: expectBoolean(`${where}: biasGradients`, options.biasGradients ?? true),
  });
  made.add(spec);
  return spec;
}

/** All that {@link createSpec} returned. */
const made = new WeakSet<object>();

/** What files say of a spec: the fields that are not made from others. */
const STORED_FIELDS = [
  'inputDim',
  'hiddenWidths',
  'outputDim',
  'weightVariance',
  'biasVariance',
  'parametrization',
  'biasGradients',
] as const;

/** @internal A spec as it is written to files: what {@link specOfFile} reads, and {@link createSpec} takes. */
export function storedSpec(spec: NetworkSpec): SpecOptions {
  return Object.fromEntries(STORED_FIELDS.map((name) => [name, spec[name]])) as unknown as SpecOptions;
}

/**
 * @internal The spec that a file holds, checked as if it were given by hand; what follows from its other fields
 * (`depth` and `widths`, in files that hold a whole spec) has to be what follows.
 *
 * @throws DeepntkError `ERR_INVALID_FILE`: a spec that is wrong is the file's fault and not the caller's
 */
export function specOfFile(path: string, stored: unknown): NetworkSpec {
  const refuse = (problem: string, cause?: unknown): DeepntkError =>
    new DeepntkError('ERR_INVALID_FILE', `${path}: spec: ${problem}`, { cause });
  if (typeof stored !== 'object' || stored === null) {
    throw refuse(`expected an object, got ${describe(stored)}`);
  }
  const { depth, widths, ...fields } = stored as Readonly<Record<string, unknown>>;
  const whole = widths !== undefined;
  const sameWidths = (spec: NetworkSpec): boolean =>
    Array.isArray(widths) &&
    widths.length === spec.widths.length &&
    spec.widths.every((width, i) => width === widths[i]);
  try {
    const spec = createSpec((whole || depth === undefined ? fields : stored) as SpecOptions);
    if (!whole || (depth === spec.depth && sameWidths(spec))) return spec;
  } catch (error) {
    if (!(error instanceof DeepntkError)) throw error;
    throw refuse(error.message, error);
  }
  throw refuse('expected the depth and the widths of its layers, got others');
}

/** @internal Refuses anything but what {@link createSpec} returned, which has been validated and cannot have changed. */
export function expectSpec(where: string, spec: unknown): asserts spec is NetworkSpec {
  if (typeof spec !== 'object' || spec === null || !made.has(spec)) {
    throw invalidArgument(`${where}: spec`, 'a spec made by createSpec', spec);
  }
}

function readHiddenWidths(
  where: string,
  options: { readonly hiddenWidths?: unknown; readonly depth?: unknown; readonly width?: unknown },
): number[] {
  if (options.hiddenWidths !== undefined) {
    if (options.depth !== undefined || options.width !== undefined) {
      throw invalidArgument(where, 'either hiddenWidths, or depth and width', 'both');
    }
    if (!Array.isArray(options.hiddenWidths)) {
      throw invalidArgument(`${where}: hiddenWidths`, 'an array of positive integers', options.hiddenWidths);
    }
    return Array.from(options.hiddenWidths as readonly unknown[], (width, i) =>
      expectInteger(`${where}: hiddenWidths[${i}]`, width),
    );
  }
  const depth = expectInteger(`${where}: depth`, options.depth, { min: 0, max: MAX_DEPTH });
  if (depth === 0 && options.width === undefined) return [];
  return new Array<number>(depth).fill(expectInteger(`${where}: width`, options.width));
}
