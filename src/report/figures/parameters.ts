/** What the parameters of a figure may be: each figure declares its own, and the library, the command and CSV files read them alike. */
import {
  DeepntkError,
  expectBoolean,
  expectInteger,
  expectNumber,
  expectOneOf,
  invalidArgument,
} from '../../errors';

/** What a parameter of a figure may be. */
export type FigureParameterValue = number | boolean | string | null | readonly number[];

/** One parameter: its default, and how a value of it is checked. */
export interface Parameter<T extends FigureParameterValue> {
  readonly kind: 'integer' | 'number' | 'integers' | 'numbers' | 'choice' | 'switch' | 'path';
  readonly default: T;
  /** The default where `quick` is asked for. */
  readonly quick: T;
  readonly help: string;
  /** The flag of the command without its dashes; by default the name in kebab case. */
  readonly flag?: string;
  /** Of a choice. */
  readonly choices?: readonly string[];
  readonly read: (where: string, value: unknown) => T;
}

export type ParameterRules = Readonly<Record<string, Parameter<FigureParameterValue>>>;
/** The parameters of a figure by name. */
export type FigureParameters = Readonly<Record<string, FigureParameterValue>>;

/** The values that rules read. */
export type ValuesOf<R> = { readonly [K in keyof R]: R[K] extends Parameter<infer T> ? T : never };

interface Declared<T> {
  readonly default: T;
  readonly quick?: T;
  readonly help: string;
  readonly flag?: string;
}

interface Range {
  readonly min?: number;
  readonly max?: number;
  readonly above?: number;
}

/** A declaration is widened to the kind's type, so that its default is not the only value that it takes. */
function declare<T extends FigureParameterValue>(
  kind: Parameter<T>['kind'],
  declared: Declared<T>,
  read: Parameter<T>['read'],
): Parameter<T> {
  const { default: preset, quick = preset, help, flag } = declared;
  return { kind, default: preset, quick, help, ...(flag !== undefined && { flag }), read };
}

export function integer(declared: Declared<number> & { readonly min?: number }): Parameter<number> {
  const { min = 1 } = declared;
  return declare('integer', declared, (where, value) => expectInteger(where, value, { min }));
}

export function number(declared: Declared<number> & Range): Parameter<number> {
  return declare('number', declared, (where, value) => expectInRange(where, value, declared));
}

export function integers(
  declared: Declared<readonly number[]> & { readonly min?: number },
): Parameter<readonly number[]> {
  const { min = 1 } = declared;
  return declare('integers', declared, (where, value) =>
    expectList(where, value, (place, entry) => expectInteger(place, entry, { min })),
  );
}

export function numbers(declared: Declared<readonly number[]> & Range): Parameter<readonly number[]> {
  return declare('numbers', declared, (where, value) =>
    expectList(where, value, (place, entry) => expectInRange(place, entry, declared)),
  );
}

export function choice<C extends string>(
  declared: Declared<C> & { readonly choices: readonly C[] },
): Parameter<C> {
  const { choices } = declared;
  return {
    ...declare<C>('choice', declared, (where, value) => expectOneOf(where, value, choices)),
    choices,
  };
}

/** True or false. */
export function switched(declared: Declared<boolean>): Parameter<boolean> {
  return declare('switch', declared, expectBoolean);
}

/** A file, or null for what the figure finds by itself. */
export function path(declared: Declared<string | null>): Parameter<string | null> {
  return declare('path', declared, (where, value) => {
    if (value !== null && (typeof value !== 'string' || value === '')) {
      throw invalidArgument(where, 'the path of a file', value);
    }
    return value;
  });
}

function expectInRange(where: string, value: unknown, { min, max, above }: Range): number {
  const lower = above !== undefined ? ` > ${above}` : min !== undefined ? ` >= ${min}` : '';
  const upper = max !== undefined ? `${lower === '' ? '' : ' and'} <= ${max}` : '';
  return expectNumber(where, value, {
    ...(min !== undefined && { min }),
    ...(max !== undefined && { max }),
    ...(above !== undefined && { above }),
    what: `a finite number${lower}${upper}`,
  });
}

/** At least one number; each once, in ascending order: an axis. */
function expectList(
  where: string,
  value: unknown,
  expectEntry: (where: string, entry: unknown) => number,
): readonly number[] {
  if (!Array.isArray(value) || value.length === 0) {
    throw invalidArgument(where, 'an array of at least one number', value);
  }
  const list = value.map((entry: unknown, i) => expectEntry(`${where}[${i}]`, entry));
  return [...new Set(list)].sort((a, b) => a - b);
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
  const names = Object.keys(rules);
  const unknown = Object.keys(given).find((name) => !names.includes(name));
  if (unknown !== undefined) {
    throw new DeepntkError(
      'ERR_INVALID_ARGUMENT',
      `${where}: unknown option ${JSON.stringify(unknown)}; known are ${names.join(', ')}`,
    );
  }
  const values = Object.entries(rules).map(([name, rule]) => {
    const value = given[name];
    return [
      name,
      value === undefined ? (quick ? rule.quick : rule.default) : rule.read(`${where}: ${name}`, value),
    ];
  });
  return Object.fromEntries(values) as ValuesOf<R>;
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
