/** What the parameters of a figure may be: each figure declares its own, and the library, the command and CSV files read them alike. */
import {
  choiceOption,
  type Declared,
  integerOption,
  integersOption,
  numberOption,
  numbersOption,
  type OptionRule,
  pathOption,
  type Range,
  readOptions,
  switchOption,
  type ValuesOf,
} from '../../options';

/** What a parameter of a figure may be. */
export type FigureParameterValue = number | boolean | string | null | readonly number[];

/** One parameter of a figure: an option with a second default. */
export interface Parameter<T extends FigureParameterValue> extends OptionRule<T> {
  /** The default where `quick` is asked for. */
  readonly quick: T;
}

export type ParameterRules = Readonly<Record<string, Parameter<FigureParameterValue>>>;
/** The parameters of a figure by name. */
export type FigureParameters = Readonly<Record<string, FigureParameterValue>>;
export type { ValuesOf };

type Declaration<T> = Declared<T> & { readonly quick?: T };

const withQuick = <T extends FigureParameterValue>(
  rule: OptionRule<T>,
  { quick }: Declaration<T>,
): Parameter<T> => ({
  ...rule,
  quick: quick ?? rule.default,
});

export function integer(declared: Declaration<number> & { readonly min?: number }): Parameter<number> {
  return withQuick(integerOption(declared), declared);
}

export function number(declared: Declaration<number> & Range): Parameter<number> {
  return withQuick(numberOption(declared), declared);
}

/** An axis: at least one number, distinct and ascending. */
export function integers(
  declared: Declaration<readonly number[]> & { readonly min?: number },
): Parameter<readonly number[]> {
  return withQuick(integersOption(declared), declared);
}

export function numbers(declared: Declaration<readonly number[]> & Range): Parameter<readonly number[]> {
  return withQuick(numbersOption(declared), declared);
}

export function choice<C extends string>(
  declared: Declaration<C> & { readonly choices: readonly NonNullable<C>[] },
): Parameter<C> {
  return withQuick(choiceOption(declared), declared);
}

/** True or false. */
export function switched(declared: Declaration<boolean>): Parameter<boolean> {
  return withQuick(switchOption<boolean>(declared), declared);
}

/** A file, or null for what the figure finds by itself. */
export function path(declared: Declaration<string | null>): Parameter<string | null> {
  return withQuick(pathOption(declared), declared);
}

/**
 * The value of every parameter: what is given, else the default.
 *
 * @throws DeepntkError `ERR_INVALID_ARGUMENT` where a value is not as its rule says, or a name is unknown
 */
export function readParameters<R extends ParameterRules>(
  where: string,
  rules: R,
  given: Readonly<Record<string, unknown>>,
  quick: boolean,
): ValuesOf<R> {
  const presets = Object.entries(rules).map(([name, rule]) => [
    name,
    { ...rule, default: quick ? rule.quick : rule.default },
  ]);
  return readOptions(where, Object.fromEntries(presets) as R, given);
}

/** from, from + step, ..., to */
export function range(from: number, to: number, step = 1): number[] {
  return Array.from({ length: Math.floor((to - from) / step + 1e-9) + 1 }, (_, i) =>
    Number((from + i * step).toPrecision(12)),
  );
}

/** Parameters that several figures have. */
export const common = {
  width: (preset: number) => integer({ default: preset, help: 'units of each hidden layer, M' }),
  inputDim: (preset = 100) => integer({ default: preset, help: 'inputs of the nets, n_0' }),
  inputNorm2: () => number({ default: 1, above: 0, help: 'squared norm of the input, |x|^2' }),
  seed: () => integer({ default: 1, min: 0, help: 'seed of the random numbers' }),
  replicas: (preset: number, quick: number) =>
    integer({ default: preset, quick, min: 2, help: 'random initializations of each point' }),
  biasGradients: (preset: boolean) => switched({ default: preset, help: 'count biases as parameters' }),
  weightVariance: () => number({ default: 2, above: 0, flag: 'sw2', help: 'sigma_w^2' }),
  weightVariances: (preset: readonly number[], quick: readonly number[] = preset) =>
    numbers({ default: preset, quick, above: 0, flag: 'sw2', help: 'values of sigma_w^2' }),
} as const;

/** A net at one value of sigma_w^2, and the input that it sees. */
export function netParameters(preset: { width: number; inputDim?: number; biasGradients: boolean }) {
  return {
    width: common.width(preset.width),
    inputDim: common.inputDim(preset.inputDim),
    inputNorm2: common.inputNorm2(),
    weightVariance: common.weightVariance(),
    biasGradients: common.biasGradients(preset.biasGradients),
  } as const;
}
