/** Decides between classes and numbers, with one rule for every format. */
import type { DeepntkError } from '../../errors';
import { invalidFile } from '../files';
import type { Answers, DistinctAnswer } from './answers';
import { written } from './options';

export interface DecisionRequest {
  /**
   * Where the answers are. A label column and a vector of N entries are classes unless their values show otherwise. A matrix
   * N x 1 is numbers unless its values show otherwise.
   */
  readonly origin: 'label column' | 'vector' | 'matrix';
  readonly targetsAre: 'classes' | 'numbers' | null;
  /** All classes if they are known, from the training data or from the caller. */
  readonly classes: readonly string[] | null;
  /** The name of the source of `classes` in messages. */
  readonly classesOf: string;
}

export type Decision =
  | { readonly kind: 'numbers' }
  | {
      readonly kind: 'classes';
      readonly labels: number[];
      readonly classes: string[];
      /** Whether the name of class k is the number k. */
      readonly plain: boolean;
      /** Classes without a row. */
      readonly missing: readonly string[];
    };

/** @throws DeepntkError `ERR_INVALID_FILE` for answers that can mean either, and for an unknown class */
export function decide(answers: Answers, request: DecisionRequest): Decision {
  if (kindOf(answers, request) === 'numbers') return { kind: 'numbers' };
  if (answers.distinct === null) throw tooMany(answers, 'more than 100000');
  if (request.targetsAre === null && request.classes === null) expectNoMissing(answers, answers.distinct);
  if (answers.firstName === null) expectTellable(answers.distinct);
  const names = answers.firstName === null ? namesByValue(answers.distinct) : namesByText(answers.distinct);
  if (request.classes !== null) return amongKnown(answers, names, request.classes, request.classesOf);
  const rows = answers.values.length;
  const count = new Set(names).size;
  if (request.targetsAre === null && count > FEW_CLASSES && 2 * count > rows)
    throw tooMany(answers, String(count));
  const classes = [...new Set(names)].sort(answers.firstName === null ? byValue : undefined);
  return { ...numbered(answers, names, classes), missing: [] };
}

/** Up to this number of classes, a class may have a single row. */
const FEW_CLASSES = 10;

function kindOf(
  { firstName, firstFraction, name }: Answers,
  { origin, targetsAre, classes }: DecisionRequest,
): 'classes' | 'numbers' {
  if (targetsAre === 'numbers') {
    if (firstName !== null) throw invalidFile(firstName.place, 'a number', JSON.stringify(firstName.text));
    return 'numbers';
  }
  if (targetsAre === 'classes' || classes !== null || firstName !== null) return 'classes';
  if (firstFraction !== null) {
    if (origin === 'matrix') return 'numbers';
    throw fraction(firstFraction, origin);
  }
  if (origin !== 'matrix') return 'classes';
  throw invalidFile(
    name,
    'data that are either classes or targets',
    `whole numbers, N x 1, which can mean either; ${written('targetsAre', 'classes')} or ${written('targetsAre', 'numbers')} decides`,
  );
}

function fraction({ place, text }: DistinctAnswer, origin: 'label column' | 'vector'): DeepntkError {
  const [what, remedy] =
    origin === 'label column'
      ? ['a class (a name or a whole number)', written('targetColumn')]
      : ['a class number, or targets of shape N x 1', written('targetsAre', 'numbers')];
  return invalidFile(
    place,
    what,
    `${text}; ${remedy} reads numbers, ${written('targetsAre', 'classes')} reads each value as a class`,
  );
}

/** Texts that pandas reads as missing, and that of the UCI repository. Empty cells and NaN are never classes. */
const MISSING = /^(#?N\/A|n\/a|#?NA|<NA>|NULL|null|None|\?)$/;

function expectNoMissing({ codes }: Answers, distinct: readonly DistinctAnswer[]): void {
  const code = distinct.findIndex(({ text }) => MISSING.test(text));
  if (code < 0) return;
  const { text, place } = distinct[code]!;
  const rows = Array.from(codes.keys()).filter((row) => codes[row] === code);
  throw invalidFile(
    place,
    'a class',
    `${JSON.stringify(text)}, a usual mark of a missing value, in ${rows.length} rows (${list(rows.map(String))}, counted from 0); ` +
      `remove these rows, or read it as a class with ${written('targetsAre', 'classes')}`,
  );
}

/** Neighbouring whole numbers beyond 2^53 are one float64, and would be one class. */
function expectTellable(distinct: readonly DistinctAnswer[]): void {
  const large = distinct.find(({ value }) => Math.abs(value) > Number.MAX_SAFE_INTEGER);
  if (large === undefined) return;
  throw invalidFile(
    large.place,
    'a class number below 2^53',
    `${large.text}; a letter before it makes it a name`,
  );
}

function tooMany({ name, values }: Answers, count: string): DeepntkError {
  return invalidFile(
    name,
    'classes that several rows share',
    `${count} different values in ${values.length} rows; ${written('targetColumn')} or ${written('targetsAre', 'numbers')} reads numbers, ${written('targetsAre', 'classes')} reads each value as a class`,
  );
}

const namesByText = (distinct: readonly DistinctAnswer[]): string[] => distinct.map(({ text }) => text);
/** "1", "1.0" and "01" are the same class. */
const namesByValue = (distinct: readonly DistinctAnswer[]): string[] =>
  distinct.map(({ value }) => String(value === 0 ? 0 : value));
const byValue = (a: string, b: string): number => Number(a) - Number(b);

function amongKnown(
  answers: Answers,
  names: readonly string[],
  classes: readonly string[],
  classesOf: string,
): Decision {
  const known = new Set(classes);
  const values = new Map(classes.filter(isExactNumber).map((name) => [Number(name), name]));
  const resolved = names.map((name, i) => {
    const { text, value, place } = answers.distinct![i]!;
    const found = [text, name].find((candidate) => known.has(candidate)) ?? values.get(value);
    if (found !== undefined) return found;
    throw invalidFile(place, `a class of ${classesOf} (${list(classes)})`, JSON.stringify(text));
  });
  const present = new Set(resolved);
  return {
    ...numbered(answers, resolved, [...classes]),
    missing: classes.filter((name) => !present.has(name)),
  };
}

const isExactNumber = (name: string): boolean =>
  name.trim() !== '' && Math.abs(Number(name)) <= Number.MAX_SAFE_INTEGER;

function numbered({ codes }: Answers, names: readonly string[], classes: string[]) {
  const numbers = new Map(classes.map((name, k) => [name, k]));
  const byCode = names.map((name) => numbers.get(name)!);
  return {
    kind: 'classes' as const,
    labels: Array.from(codes, (code) => byCode[code]!),
    classes,
    plain: classes.every((name, k) => name === String(k)),
  };
}

/** Text such as "cat, dog, owl". It shows only the ends of a long list and the beginning of a long name. */
export function list(names: readonly string[], most = 8): string {
  const shown = names.length <= most ? names : [...names.slice(0, most - 2), '...', names.at(-1)!];
  return shown.map((name) => (name.length > 60 ? `${name.slice(0, 60)}...` : name)).join(', ');
}
