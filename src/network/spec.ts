import { RELU, type Slopes } from '../backend/seam';
import { DeepntkError, describe, expectOptions, invalidArgument, mismatch } from '../errors';
import { valuesOf } from '../options';
import { LAW_OPTIONS, WIDTH_OPTIONS } from './spec-options';
import { readSpecWidths, sameNumbers } from './spec-widths';

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
  readonly biasVariance?: number | null;
  readonly parametrization?: Parametrization;
  /**
   * Whether biases are parameters that count in gradients. The default is true, even if sigma_b^2 = 0. A list has one entry
   * for each layer 1 .. L+1.
   */
  readonly biasGradients?: boolean | readonly boolean[];
}

/**
 * Hidden layers with one width, or with a width for each layer. `depth: 0` or `hiddenWidths: []` is a linear net. The last
 * form is a spec with changes; see {@link createSpec}.
 */
export type SpecOptions = CommonSpecOptions &
  (
    | {
        readonly depth: number;
        readonly width: number;
        readonly hiddenWidths?: never;
        readonly widths?: never;
      }
    | { readonly depth: 0; readonly width?: never; readonly hiddenWidths?: never; readonly widths?: never }
    | {
        readonly hiddenWidths: readonly number[];
        readonly depth?: never;
        readonly width?: never;
        readonly widths?: never;
      }
    | {
        readonly widths: readonly number[];
        readonly depth?: number;
        readonly width?: number;
        readonly hiddenWidths?: readonly number[];
      }
  );

/** Sizes of a fully connected ReLU net, and which of its biases are trained. */
export interface Architecture {
  readonly inputDim: number;
  /** L, the number of HIDDEN layers. */
  readonly depth: number;
  /** n_1 .. n_L */
  readonly hiddenWidths: readonly number[];
  readonly outputDim: number;
  /** n_0, n_1 .. n_L, n_{L+1} */
  readonly widths: readonly number[];
  readonly parametrization: Parametrization;
  /** Whether biases are trained, for all layers or as a list with one entry for each layer 1 .. L+1. */
  readonly biasGradients: boolean | readonly boolean[];
  /** The slopes of the activation function, ReLU's: 1 and 0. */
  readonly slopes: Slopes;
}

/** The architecture and the law of initialization of a fully connected ReLU net; frozen and validated. */
export interface NetworkSpec extends Architecture {
  readonly weightVariance: number;
  readonly biasVariance: number;
}

/** The spec of a net from a file that does not state its initialization. Both variances are null. */
export interface UnknownLawSpec extends Architecture {
  readonly weightVariance: null;
  readonly biasVariance: null;
}

/** The spec of an `Mlp`. Theory about initializations needs a {@link NetworkSpec} and refuses an unknown law. */
export type MlpSpec = NetworkSpec | UnknownLawSpec;

const OPTION_NAMES = ['widths', ...Object.keys({ ...WIDTH_OPTIONS, ...LAW_OPTIONS }), 'slopes'];
const VARIANCES = { weightVariance: LAW_OPTIONS.weightVariance, biasVariance: LAW_OPTIONS.biasVariance };

/**
 * Describes a fully connected ReLU net with a linear output.
 *
 * A spec with changes is accepted too, also after JSON or `structuredClone`. `widths` has the original sizes, and every other
 * field that differs from them is a change. `width` applies to all hidden layers. `depth` alone needs hidden layers of equal
 * width. `hiddenWidths` cannot be combined with changes of `depth` or `width`.
 *
 * @throws DeepntkError `ERR_INVALID_ARGUMENT` where a size is not a positive integer, a variance is out of range, an
 *   option is unknown, or the hidden layers are given twice or not at all
 * @example createSpec({ inputDim: 784, depth: 20, width: 300, outputDim: 10, weightVariance: 2 })
 * @example createSpec({ ...spec, width: 200 }) // the same depth and law, 200 units in every hidden layer
 */
export function createSpec(options: SpecOptions): NetworkSpec {
  return knownLaw('createSpec', specFrom('createSpec', options));
}

/** @internal {@link createSpec} for a net of unknown law. */
export function unknownLawSpec(options: SpecOptions): MlpSpec {
  return specFrom('createSpec', { ...options, weightVariance: null, biasVariance: null });
}

/** Every result of {@link specFrom}. */
const made = new WeakSet<object>();

/** The spec that options describe. The law is unknown only if the variances are null. */
function specFrom(where: string, options: unknown): MlpSpec {
  if (made.has(options as object)) return options as MlpSpec;
  expectOptions(where, options, OPTION_NAMES);
  const given = options as Readonly<Record<string, unknown>>;
  const widths = readSpecWidths(where, given);
  const hiddenWidths = Object.freeze(widths.slice(1, -1));
  const { parametrization } = valuesOf(where, { parametrization: LAW_OPTIONS.parametrization }, given);
  const spec = Object.freeze({
    inputDim: widths[0]!,
    depth: hiddenWidths.length,
    hiddenWidths,
    outputDim: widths.at(-1)!,
    widths: Object.freeze(widths),
    ...readLaw(where, given, parametrization),
    parametrization,
    biasGradients: readBiasGradients(
      `${where}: biasGradients`,
      given['biasGradients'] ?? true,
      widths.length - 1,
    ),
    slopes: readSlopes(`${where}: slopes`, given['slopes'] === undefined ? RELU : given['slopes']),
  });
  made.add(spec);
  return spec;
}

function readLaw(
  where: string,
  { weightVariance, biasVariance }: Readonly<Record<string, unknown>>,
  parametrization: Parametrization,
):
  | Pick<NetworkSpec, 'weightVariance' | 'biasVariance'>
  | Pick<UnknownLawSpec, 'weightVariance' | 'biasVariance'> {
  if (weightVariance === null) {
    if (typeof biasVariance === 'number') {
      throw invalidArgument(`${where}: weightVariance`, 'a number > 0, because biasVariance is known', null);
    }
    if (parametrization === 'ntk') {
      throw invalidArgument(
        `${where}: weightVariance`,
        'a number > 0 in NTK parametrization, which needs it',
        null,
      );
    }
    return { weightVariance: null, biasVariance: null };
  }
  return valuesOf(where, VARIANCES, { weightVariance, biasVariance: biasVariance ?? undefined });
}

/** One boolean if all layers agree, otherwise a frozen list. */
function readBiasGradients(where: string, value: unknown, layers: number): boolean | readonly boolean[] {
  if (typeof value === 'boolean') return value;
  if (!Array.isArray(value) || value.length !== layers || value.some((entry) => typeof entry !== 'boolean')) {
    throw invalidArgument(where, `true, false, or a list of ${layers} of them, one for each layer`, value);
  }
  const list = value as readonly boolean[];
  return list.every((entry) => entry === list[0]) ? list[0]! : Object.freeze([...list]);
}

/** ReLU's slopes. Results of {@link createSpec} have them, and no other activation is supported. */
function readSlopes(where: string, value: unknown): Slopes {
  const { positive, negative } = Object(value) as Partial<Slopes>;
  if (positive === RELU.positive && negative === RELU.negative) return RELU;
  const got =
    typeof value === 'object'
      ? `positive ${describe(positive)}, negative ${describe(negative)}`
      : describe(value);
  throw mismatch(where, 'positive 1, negative 0, because ReLU is the only supported activation', got);
}

/** @internal Whether biases are trained, one entry for each layer 1 .. L+1. */
export function biasGradientsByLayer({ biasGradients, widths }: Architecture): readonly boolean[] {
  return typeof biasGradients === 'boolean'
    ? new Array<boolean>(widths.length - 1).fill(biasGradients)
    : biasGradients;
}

/** Refuses a spec of unknown law with one clear error. */
function knownLaw(where: string, spec: MlpSpec): NetworkSpec {
  if (spec.weightVariance !== null) return spec;
  throw unknownLaw(where, 'a spec with a weightVariance');
}

/** @internal The error where theory gets the null variance of a net whose file does not state its law. */
export function unknownLaw(where: string, what: string): DeepntkError {
  return new DeepntkError(
    'ERR_INVALID_ARGUMENT',
    `${where}: expected ${what}, got null: the file of this net does not state how it was initialized; ` +
      'state it (Mlp.load(path, { weightVariance }) or createSpec({ ...net.spec, weightVariance })) or estimate it with classifyNetwork',
  );
}

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
export function storedSpec(spec: MlpSpec): SpecOptions {
  return Object.fromEntries(STORED_FIELDS.map((name) => [name, spec[name]])) as unknown as SpecOptions;
}

/**
 * @internal The spec in a file, checked like an argument. Files with a whole spec have fields that follow from others, such as
 * `depth` and `widths`. These must agree, because a file is not a spec with changes.
 *
 * @throws DeepntkError `ERR_INVALID_FILE`: a spec that is wrong is the file's fault and not the caller's
 */
export function specOfFile(path: string, stored: unknown): NetworkSpec {
  const spec = mlpSpecOfFile(path, stored);
  if (spec.weightVariance !== null) return spec;
  throw new DeepntkError(
    'ERR_INVALID_FILE',
    `${path}: spec: weightVariance: expected a number > 0, got null`,
  );
}

/** @internal {@link specOfFile} for the file of a net, whose law may be unknown. */
export function mlpSpecOfFile(path: string, stored: unknown): MlpSpec {
  const refuse = (problem: string, cause?: unknown): DeepntkError =>
    new DeepntkError('ERR_INVALID_FILE', `${path}: spec: ${problem}`, { cause });
  if (typeof stored !== 'object' || stored === null) {
    throw refuse(`expected an object, got ${describe(stored)}`);
  }
  const { depth, widths, ...fields } = stored as Readonly<Record<string, unknown>>;
  const whole = widths !== undefined;
  try {
    const spec = specFrom('createSpec', whole || depth === undefined ? fields : stored);
    if (!whole || (depth === spec.depth && sameNumbers(widths, spec.widths))) return spec;
  } catch (error) {
    if (!(error instanceof DeepntkError)) throw error;
    throw refuse(error.message, error);
  }
  throw refuse('expected the depth and the widths of its layers, got others');
}

/**
 * @internal A spec as an argument. {@link createSpec} made it, in this or another copy of the package, or it came through JSON
 * or `structuredClone`, or it was written by hand with the fields that `createSpec` accepts.
 *
 * @throws DeepntkError `ERR_INVALID_ARGUMENT` if a field is wrong or the law is unknown
 */
export function readSpec(where: string, spec: unknown): NetworkSpec {
  return knownLaw(where, readMlpSpec(where, spec));
}

/** @internal {@link readSpec} for callers that do not need the law. */
export function readMlpSpec(where: string, spec: unknown): MlpSpec {
  if (typeof spec !== 'object' || spec === null || !('inputDim' in spec)) {
    throw invalidArgument(`${where}: spec`, 'a spec made by createSpec, or its fields', spec);
  }
  return specFrom(`${where}: spec`, spec);
}
