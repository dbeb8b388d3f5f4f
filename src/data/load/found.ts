/** Finds the classes or targets of loaded data. */
import type { NdArray } from '../../ndarray';
import { invalidFile } from '../files';
import { type Answers, answersOfArray } from './answers';
import { decide, type DecisionRequest, list } from './decide';
import type { FoundAnswers, LoadedData } from './loaded';
import { type LoadSettings, written } from './options';
import type { Part } from './read';

const NO_ANSWERS: FoundAnswers = {
  labels: null,
  classes: null,
  targets: null,
  targetColumns: null,
  source: null,
  header: null,
  plain: true,
  notes: [],
};

export function answersInTable(part: Part, settings: LoadSettings, like: LoadedData | null): FoundAnswers {
  if (part.kind === 'array') return NO_ANSWERS;
  const { labels, targets, targetColumns } = part.table;
  if (labels !== null) return decided(labels, 'label column', settings, like);
  if (targets === null) return NO_ANSWERS;
  expectTargetsLike(part.name, targets, targetColumns, like);
  return { ...NO_ANSWERS, targets, targetColumns };
}

/** Classes or targets from a separate file, for n inputs. */
export function answersIn(
  part: Part,
  n: number,
  settings: LoadSettings,
  like: LoadedData | null,
): FoundAnswers {
  const { name } = part;
  const rows = part.kind === 'array' ? (part.array.shape[0] ?? 0) : part.table.x.shape[0]!;
  if (rows !== n) {
    throw invalidFile(
      name,
      `a target for each of the ${n} inputs`,
      `${rows}${rows === n - 1 ? headerHint(part) : ''}`,
    );
  }
  if (part.kind === 'table') {
    const { labels, targets, targetColumns, columns } = part.table;
    const header = columns !== null;
    if (labels === null) return { ...matrix(targets!, name, targetColumns, settings, like), header };
    if (!header && settings.targetsAre !== 'classes') expectNoName(labels, name);
    return { ...decided(labels, 'matrix', settings, like), source: name, header };
  }
  const { data, shape } = part.array;
  const [, columns = 1] = shape;
  if (shape.length > 2 || (part.format === 'idx' && shape.length > 1)) {
    const got = part.format === 'idx' ? 'IDX images' : `shape (${shape.join(', ')})`;
    throw invalidFile(name, 'class numbers, N, or targets, N x K', got);
  }
  if (columns === 1) {
    const origin = shape.length === 1 ? 'vector' : 'matrix';
    return { ...decided(answersOfArray(data, name), origin, settings, like), source: name };
  }
  const targets = { data: Float64Array.from(data), shape: [n, columns] };
  expectFinite(targets, name);
  return matrix(targets, name, null, settings, like);
}

/** Refuses a name before numbers in a table without a header: the option may have been meant for the inputs alone. */
function expectNoName({ distinct, codes }: Answers, name: string): void {
  const [first, ...others] = distinct ?? [];
  if (first === undefined || others.length === 0 || !Number.isNaN(first.value)) return;
  if (others.some(({ value }) => Number.isNaN(value)) || codes.indexOf(0, 1) > 0) return;
  throw invalidFile(
    `${name}: line 1`,
    `a number, as in the other lines, because ${written('header', 'false')} applies to all tables`,
    `${JSON.stringify(first.text)}; remove this line, or write names into the first line of each table; ` +
      `${written('targetsAre', 'classes')} reads it as a class`,
  );
}

/** A table without names has lost its first row to them. */
function headerHint(part: Part): string {
  if (part.kind === 'array' || part.table.columns === null) return '';
  const { labelColumn, targetColumns } = part.table;
  const names = list(targetColumns ?? [labelColumn!]);
  return `; its first line (${names}) is taken as names: ${written('header', 'false')} takes the first line of each table as data`;
}

function matrix(
  targets: NdArray<Float64Array>,
  name: string,
  targetColumns: string[] | null,
  settings: LoadSettings,
  like: LoadedData | null,
): FoundAnswers {
  if (settings.targetsAre === 'classes' || settings.classes !== null) {
    throw invalidFile(name, 'classes, one a row', `${targets.shape[1]!} columns`);
  }
  expectTargetsLike(name, targets, targetColumns, like);
  return { ...NO_ANSWERS, targets, targetColumns, source: name };
}

function decided(
  answers: Answers,
  origin: DecisionRequest['origin'],
  settings: LoadSettings,
  like: LoadedData | null,
): FoundAnswers {
  const { name, values } = answers;
  const likeNumbers = like !== null && like.y !== null && like.classes === null;
  const named = settings.classes;
  const decision = decide(answers, {
    origin,
    targetsAre: likeNumbers ? 'numbers' : settings.targetsAre,
    classes: like?.classes ?? (named === null ? null : classesNamed(named)),
    classesOf: like?.classes ? like.name : written('classes'),
  });
  if (decision.kind === 'numbers') {
    const targets = { data: values, shape: [values.length, 1] };
    expectTargetsLike(name, targets, null, like);
    return { ...NO_ANSWERS, targets };
  }
  const { labels, classes, plain, missing } = decision;
  const notes =
    missing.length === 0
      ? []
      : [`${name}: no row has ${missing.length === 1 ? 'the class' : 'the classes'} ${list(missing)}`];
  return { ...NO_ANSWERS, labels, classes, plain, notes };
}

/** The names of the option `classes`; a number K stands for 0 to K - 1. */
export function classesNamed(classes: number | readonly string[]): readonly string[] {
  return typeof classes === 'number' ? Array.from({ length: classes }, (_, k) => String(k)) : classes;
}

function expectTargetsLike(
  name: string,
  { shape }: NdArray,
  columns: readonly string[] | null,
  like: LoadedData | null,
): void {
  if (like === null || like.y === null) return;
  if (like.classes !== null) {
    throw invalidFile(
      name,
      `classes, as ${like.name} has (${list(like.classes)})`,
      `${shape[1]!} numbers per row`,
    );
  }
  if (like.y.shape[1] !== shape[1]) {
    throw invalidFile(name, `${like.y.shape[1]!} numbers per row, as ${like.name} has`, String(shape[1]));
  }
  const differ =
    columns !== null && like.targetColumns !== null && columns.join('\0') !== like.targetColumns.join('\0');
  if (differ) {
    throw invalidFile(
      name,
      `the targets of ${like.name}, in this order: ${list(like.targetColumns)}`,
      list(columns),
    );
  }
}

/** @throws DeepntkError `ERR_INVALID_FILE` with the entry */
export function expectFinite({ data, shape }: NdArray, name: string): void {
  const at = data.findIndex((entry) => !Number.isFinite(entry));
  if (at < 0) return;
  const columns = shape[1]!;
  throw invalidFile(
    `${name}: entry [${Math.floor(at / columns)}, ${at % columns}]`,
    'a finite number',
    String(data[at]),
  );
}
