/**
 * Declarations of options. One declaration has the name, type, default, check, flag and help of an option. The library uses it
 * to check values, and the command uses it to make the flag.
 */
import {
  expectBoolean,
  expectInteger,
  expectNumber,
  expectOneOf,
  expectOptions,
  invalidArgument,
} from './errors';

/** How a command writes and reads the value of an option. */
export type OptionKind =
  | 'integer'
  | 'number'
  | 'integers'
  | 'numbers'
  | 'sizes'
  | 'bytes'
  | 'layers'
  | 'choice'
  | 'switch'
  | 'path'
  | 'text'
  | 'names';

/** One option: its default, its help and its check. */
export interface OptionRule<T> {
  readonly kind: OptionKind;
  /** The value if the option is not given. */
  readonly default: T;
  readonly help: string;
  /** The flag of the command without its dashes; by default the name in kebab case. */
  readonly flag?: string;
  /** The values of a choice. */
  readonly choices?: readonly string[];
  /** Reads the text of a flag. If it is absent or returns undefined, the kind decides. */
  readonly fromText?: (text: string) => unknown;
  /** Returns a checked value, or throws `ERR_INVALID_ARGUMENT`. */
  readonly read: (where: string, value: unknown) => T;
}

/** The options of a function by name. */
export type OptionRules = Readonly<Record<string, OptionRule<unknown>>>;

/** The values that rules read. */
export type ValuesOf<R> = { readonly [K in keyof R]: R[K] extends OptionRule<infer T> ? T : never };

/** The options that a caller may give. All are optional. */
export type OptionsOf<R> = {
  readonly [K in keyof R]?: R[K] extends OptionRule<infer T> ? Exclude<T, undefined> : never;
};

/** The part of a declaration that the caller of a rule writes. */
export interface Declared<T> {
  readonly default: T;
  readonly help: string;
  readonly flag?: string;
}

/** The bounds of an integer, which is at least 1 by default. */
export interface IntegerRange {
  readonly min?: number;
  readonly max?: number;
}

/** The bounds of a number. */
export interface Range {
  readonly min?: number;
  readonly max?: number;
  readonly above?: number;
}

/** Widens the type of a declaration to that of its kind, so that it does not accept only its default. */
export function declareOption<T>(
  kind: OptionKind,
  { default: preset, help, flag }: Declared<T>,
  read: OptionRule<T>['read'],
): OptionRule<T> {
  return { kind, default: preset, help, ...(flag !== undefined && { flag }), read };
}

/** An option without a default. Its value is undefined if it is not given. */
export function optional<T, D extends Declared<T>>(
  make: (declared: D) => OptionRule<T>,
  declared: Omit<D, 'default'>,
): OptionRule<T | undefined> {
  return make({ ...declared, default: undefined } as unknown as D);
}

export function integerOption(declared: Declared<number> & IntegerRange): OptionRule<number> {
  return declareOption('integer', declared, (where, value) => expectInteger(where, value, declared));
}

export function numberOption(declared: Declared<number> & Range): OptionRule<number> {
  return declareOption('number', declared, (where, value) => expectInRange(where, value, declared));
}

/** At least one integer. The result is distinct and ascending. */
export function integersOption(
  declared: Declared<readonly number[]> & { readonly min?: number },
): OptionRule<readonly number[]> {
  const { min = 1 } = declared;
  return declareOption('integers', declared, (where, value) =>
    expectAxis(where, value, (place, entry) => expectInteger(place, entry, { min })),
  );
}

/** At least one number. The result is distinct and ascending. */
export function numbersOption(declared: Declared<readonly number[]> & Range): OptionRule<readonly number[]> {
  return declareOption('numbers', declared, (where, value) =>
    expectAxis(where, value, (place, entry) => expectInRange(place, entry, declared)),
  );
}

/** One of several names. Null, if it is the default, means none of them. */
export function choiceOption<C extends string | null>(
  declared: Declared<C> & { readonly choices: readonly NonNullable<C>[] },
): OptionRule<C> {
  const { choices } = declared;
  const read = (where: string, value: unknown): C =>
    value === null && declared.default === null ? declared.default : expectOneOf(where, value, choices);
  return { ...declareOption<C>('choice', declared, read), choices };
}

/** True or false. Null, if it is the default, means neither. */
export function switchOption<B extends boolean | null>(declared: Declared<B>): OptionRule<B> {
  return declareOption<B>('switch', declared, (where, value) =>
    value === null && declared.default === null ? declared.default : (expectBoolean(where, value) as B),
  );
}

/** The path of a file, or null for none. */
export function pathOption(declared: Declared<string | null>): OptionRule<string | null> {
  return declareOption('path', declared, (where, value) => {
    if (value !== null && (typeof value !== 'string' || value === '')) {
      throw invalidArgument(where, 'the path of a file', value);
    }
    return value;
  });
}

/**
 * The value of every option, which is the given value or else the default.
 *
 * @throws DeepntkError `ERR_INVALID_ARGUMENT` for a value that its rule refuses, and for an unknown name
 */
export function readOptions<R extends OptionRules>(where: string, rules: R, given: object): ValuesOf<R> {
  expectOptions(where, given, Object.keys(rules));
  return valuesOf(where, rules, given);
}

/** {@link readOptions} for options among others, whose names the caller checks. */
export function valuesOf<R extends OptionRules>(where: string, rules: R, given: object): ValuesOf<R> {
  const values = Object.entries(rules).map(([name, rule]) => {
    const value = (given as Readonly<Record<string, unknown>>)[name];
    return [name, value === undefined ? rule.default : rule.read(`${where}: ${name}`, value)];
  });
  return Object.fromEntries(values) as ValuesOf<R>;
}

/** The flag of an option: `--label-column` for `labelColumn`. */
export function flagOfRule(name: string, { flag }: { readonly flag?: string }): string {
  return `--${flag ?? name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
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

function expectAxis(
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
