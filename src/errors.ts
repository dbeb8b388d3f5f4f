/** Every error that deepntk raises on purpose, and the one place that phrases errors about arguments. */

/**
 * - `ERR_INVALID_ARGUMENT`: an argument is not what the function takes
 * - `ERR_INVALID_FILE`: a file is not what its reader takes (truncated, another format, another dtype)
 * - `ERR_BACKEND_UNAVAILABLE`: the backend asked for cannot be loaded; the message says why
 * - `ERR_OUT_OF_MEMORY`: the arrays of a computation would not fit; nothing was allocated, or all of it was freed
 * - `ERR_COMPUTATION`: a backend failed in the middle of a computation, or a number left the range of doubles
 * - `ERR_MISSING_PACKAGE`: a package that only pictures need is not installed; the message says which, and how to get it
 * - `ERR_QUEUE`: a queue cannot be used (a package is missing, Redis does not answer), or a job in it failed
 * - `ERR_DIVERGED`: training reached a loss that is infinite or not a number
 */
export type ErrorCode =
  | 'ERR_INVALID_ARGUMENT'
  | 'ERR_INVALID_FILE'
  | 'ERR_BACKEND_UNAVAILABLE'
  | 'ERR_OUT_OF_MEMORY'
  | 'ERR_COMPUTATION'
  | 'ERR_MISSING_PACKAGE'
  | 'ERR_QUEUE'
  | 'ERR_DIVERGED';

/** Every error that deepntk raises on purpose; {@link DeepntkError.code} says of which kind. */
export class DeepntkError extends Error {
  override readonly name = 'DeepntkError';
  /** The wrong argument or option, such as `labelColumn`; undefined if the error does not concern a single argument. */
  readonly argument: string | undefined;
  readonly #rest: string;

  /** The argument is read from a message that begins with "function: argument", unless `options` names it. */
  constructor(
    readonly code: ErrorCode,
    message: string,
    options: ErrorOptions & { readonly argument?: string } = {},
  ) {
    const { argument, ...rest } = options;
    super(message, rest);
    const [place, found] = code === 'ERR_INVALID_ARGUMENT' ? (PLACE.exec(message) ?? []) : [];
    this.argument = argument ?? found;
    this.#rest = argument === undefined && place !== undefined ? message.slice(place.length) : `: ${message}`;
  }

  /**
   * The message with another name of the argument. A command writes `--label-column` for `loadData: labelColumn`.
   *
   * @example error.argument === 'labelColumn' ? error.naming('--label-column') : error.message
   */
  naming(name: string): string {
    return `${name}${this.#rest}`;
  }
}

/** Matches "train: steps" in "train: steps: expected ...", and "Mlp.load: x" in "Mlp.load: x.shape[0]: expected ...". */
const PLACE = /^[\w.]+: ([A-Za-z]\w*)(?=[.[:])/;

/** "`where`: expected `what`, got ...", the form of every complaint about an argument. */
export function invalidArgument(where: string, what: string, got: unknown): DeepntkError {
  return new DeepntkError('ERR_INVALID_ARGUMENT', `${where}: expected ${what}, got ${describe(got)}`);
}

/** The error "`where`: expected `what`, got `got`", for cases in which words describe the value better than the value itself. */
export function mismatch(where: string, what: string, got: string): DeepntkError {
  return new DeepntkError('ERR_INVALID_ARGUMENT', `${where}: expected ${what}, got ${got}`);
}

/** Calls `make`, and throws `ERR_OUT_OF_MEMORY` if the system refuses the memory. @param what the name of the memory, e.g. "the parameters of the net" */
export function allocated<T>(what: string, make: () => T): T {
  try {
    return make();
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new DeepntkError('ERR_OUT_OF_MEMORY', `cannot allocate ${what}: the system refuses the memory`, {
      cause,
    });
  }
}

/** A short picture of a value for an error message: `0`, `"abc"`, `an array of length 3`, `undefined`. */
export function describe(value: unknown): string {
  if (typeof value === 'string')
    return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}...` : value);
  if (typeof value === 'bigint') return `${value.toString()}n`;
  if (typeof value === 'function') return 'a function';
  if (Array.isArray(value)) return `an array of length ${value.length}`;
  if (ArrayBuffer.isView(value)) return `${withArticle(value.constructor.name)} of ${value.byteLength} bytes`;
  if (typeof value === 'object' && value !== null) {
    const name = (Object.getPrototypeOf(value) as { constructor?: { name?: string } } | null)?.constructor
      ?.name;
    return name === undefined || name === 'Object' ? 'an object' : withArticle(name);
  }
  return String(value);
}

function withArticle(name: string): string {
  return `${/^[AEIO]/.test(name) ? 'an' : 'a'} ${name}`;
}

export function expectNumber(
  where: string,
  value: unknown,
  { min = -Infinity, above = -Infinity, max = Infinity, what = 'a finite number' } = {},
): number {
  if (typeof value !== 'number' || !Number.isFinite(value) || value < min || value <= above || value > max) {
    throw invalidArgument(where, what, value);
  }
  return value;
}

export function expectInteger(
  where: string,
  value: unknown,
  { min = 1, max = Number.MAX_SAFE_INTEGER } = {},
): number {
  if (!Number.isSafeInteger(value) || (value as number) < min || (value as number) > max) {
    const what = min === 1 ? 'a positive integer' : `an integer >= ${min}`;
    throw invalidArgument(where, max === Number.MAX_SAFE_INTEGER ? what : `${what} and <= ${max}`, value);
  }
  return value as number;
}

export function expectBoolean(where: string, value: unknown): boolean {
  if (typeof value !== 'boolean') throw invalidArgument(where, 'true or false', value);
  return value;
}

export function expectOneOf<T extends string>(where: string, value: unknown, allowed: readonly T[]): T {
  if (!allowed.includes(value as T)) {
    throw invalidArgument(where, `one of ${allowed.map((name) => JSON.stringify(name)).join(', ')}`, value);
  }
  return value as T;
}

/** Refuses anything but a plain options object with known names, so that a misspelt option is not ignored. */
export function expectOptionsObject(where: string, options: unknown): asserts options is object {
  if (
    typeof options !== 'object' ||
    options === null ||
    Array.isArray(options) ||
    ArrayBuffer.isView(options)
  ) {
    throw invalidArgument(where, 'an options object', options);
  }
}

export function expectOptions(where: string, options: unknown, known: readonly string[]): void {
  expectOptionsObject(where, options);
  for (const name of Object.keys(options)) {
    if (!known.includes(name)) {
      throw new DeepntkError(
        'ERR_INVALID_ARGUMENT',
        `${where}: unknown option ${describe(name)}; known are ${known.join(', ')}`,
      );
    }
  }
}

export function expectPath(where: string, path: unknown): string {
  if (typeof path !== 'string' || path === '') throw invalidArgument(where, 'the path of a file', path);
  return path;
}

/** The entries of anything with a length; numbers that a caller says are whole. */
export function expectList(where: string, list: unknown, what: string): unknown[] {
  const length: unknown = (list as { length?: unknown } | null | undefined)?.length;
  if (typeof list !== 'object' || !Number.isSafeInteger(length)) throw invalidArgument(where, what, list);
  return Array.from({ length: length as number }, (_, i) => (list as Record<number, unknown>)[i]);
}

/** A shape for an error message, whatever is in it. */
export function describeShape(shape: unknown): string {
  if (!Array.isArray(shape)) return describe(shape);
  return `[${shape.map((extent: unknown) => describe(extent)).join(', ')}]`;
}

/** `Array.isArray` that leaves the type of what is checked as it was. */
export function isList(value: unknown): boolean {
  return Array.isArray(value);
}
