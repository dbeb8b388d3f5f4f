/** The loader of tables, arrays and images, with classes, with targets, or with neither. */
import { DeepntkError, expectOptionsObject, invalidArgument, isList } from '../../errors';
import { resultArray, sizeOf } from '../../ndarray';
import { readArray } from '../../array-input';
import { readOptions } from '../../options';
import { readWatch, type Watch } from '../../watch';
import { oneHot } from '../classes';
import { invalidFile } from '../files';
import { type DataSource, expectSource } from './source';
import { type ColumnsOfTraining, orderNote } from './columns';
import { list } from './decide';
import { answersIn, answersInTable, classesNamed, expectFinite } from './found';
import type { Inputs, LoadedData } from './loaded';
import { LOAD_OPTIONS, type LoadDataOptions, type LoadSettings, written } from './options';
import { type Part, readPart } from './read';
import { summarize } from './summary';

/**
 * Loads inputs, with classes or targets if there are any. The file is a table (CSV, TSV) or a .npy, .npz or IDX file, plain
 * or gzipped. Its first bytes determine the format.
 *
 * Tables are read in chunks, so the event loop stays free. Memory is that of the result and some tens of megabytes. Nothing
 * is guessed silently. If data can mean two things, the call throws an error that names the option which decides. `summary`
 * and `notes` state how the data were understood. Pixels of IDX images are divided by 255. Arrays of more axes are flattened
 * to rows.
 *
 * @param source a path, or the bytes of a file. `file.npz:x` is the array x in file.npz, and `-` is standard input
 * @param options columns, classes, format. For test data, `like` is the training data, whose columns and classes are used
 * @returns inputs N x n_0, with labels and classes, or targets N x K, or neither
 * @throws DeepntkError `ERR_INVALID_FILE` for damaged or ambiguous data or an unknown format, with line and column;
 *   `ERR_INVALID_ARGUMENT`, with the option in `error.argument`; `ERR_OUT_OF_MEMORY`; the signal's reason on abort
 * @see docs/data.md
 * @example
 * const training = await loadData('train.csv', { labelColumn: 'species' });
 * const test = await loadData('test.csv', { like: training });
 * await train(net, training, { learningRate: 0.1, steps: 100, testData: test });
 */
export async function loadData(source: DataSource, options: LoadDataOptions = {}): Promise<LoadedData> {
  const where = 'loadData';
  expectSource(`${where}: source`, source);
  expectOptionsObject(where, options);
  const { like: given, signal, onProgress, ...others } = options;
  const settings = readOptions(where, LOAD_OPTIONS, others);
  const like = given === undefined ? null : expectLoaded(`${where}: like`, given);
  const watch = readWatch(where, {
    ...(signal !== undefined && { signal }),
    ...(onProgress !== undefined && { onProgress }),
  });
  expectConsistent(where, settings, source);
  if (like !== null) expectAnswersAs(where, settings, like);

  const [watchX, watchY] = settings.y === null ? [watch, watch] : shares(watch, 0.9);
  const read = await readPart(
    source,
    { settings, like: like && columnsOf(like), answersOnly: false },
    watchX,
  );
  const inputs = inputsOf(read, settings, like);
  const n = inputs.x.shape[0]!;
  const second = settings.y === null ? null : await readAnswers(settings.y, settings, watchY);
  const answers =
    second === null ? answersInTable(read, settings, like) : answersIn(second, n, settings, like);
  const unused = [read, second].some((part) => part?.kind === 'table')
    ? []
    : unusedNotes(inputs.name, settings);
  const { summary, notes } = summarize({ ...inputs, notes: [...inputs.notes, ...unused] }, answers);
  return {
    name: inputs.name,
    x: inputs.x,
    columns: inputs.columns,
    labels: answers.labels,
    classes: answers.classes,
    y:
      answers.classes === null
        ? answers.targets && resultArray(answers.targets)
        : oneHot(answers.labels!, answers.classes.length),
    labelColumn: inputs.labelColumn,
    targetColumns: answers.targetColumns,
    summary,
    notes,
  };
}

const readAnswers = (source: string, settings: LoadSettings, watch: Watch): Promise<Part> =>
  readPart(source, { settings, like: null, answersOnly: true }, watch);

function shares({ signal, onProgress }: Watch, first: number): [Watch, Watch] {
  const report = (from: number, share: number) =>
    onProgress &&
    ((fraction: number) => {
      onProgress(from + share * fraction);
    });
  return [
    { signal, onProgress: report(0, first) },
    { signal, onProgress: report(first, 1 - first) },
  ];
}

function expectConsistent(where: string, settings: LoadSettings, source: DataSource): void {
  const { y, labelColumn, targetColumn, targetsAre, classes } = settings;
  const refuse = (argument: keyof typeof LOAD_OPTIONS, problem: string): DeepntkError =>
    new DeepntkError('ERR_INVALID_ARGUMENT', `${where}: ${argument}: ${problem}`);
  if (labelColumn !== null && targetColumn !== null)
    throw refuse('targetColumn', `not to be given with ${written('labelColumn')}`);
  if (y !== null && labelColumn !== null) throw refuse('y', `not to be given with ${written('labelColumn')}`);
  if (y !== null && targetColumn !== null)
    throw refuse('y', `not to be given with ${written('targetColumn')}`);
  if (y === '-' && source === '-')
    throw refuse('y', 'expected another file than that of the inputs, got standard input for both');
  if (targetsAre === 'numbers' && labelColumn !== null) {
    throw refuse(
      'targetsAre',
      `expected classes with ${written('labelColumn')}; ${written('targetColumn')} reads numbers`,
    );
  }
  if (targetsAre === 'classes' && targetColumn !== null) {
    throw refuse(
      'targetsAre',
      `expected numbers with ${written('targetColumn')}; ${written('labelColumn')} reads classes`,
    );
  }
  if (classes !== null && (targetColumn !== null || targetsAre === 'numbers')) {
    throw refuse('classes', 'not to be given with target numbers');
  }
  if (targetsAre !== null && y === null && labelColumn === null && targetColumn === null) {
    throw refuse(
      'targetsAre',
      `expected ${written('y')}, ${written('labelColumn')} or ${written('targetColumn')} with it`,
    );
  }
}

/** Training data have decided what the answers are: the options may repeat that, but not change it. */
function expectAnswersAs(where: string, { classes, targetsAre }: LoadSettings, like: LoadedData): void {
  if (like.y === null) return;
  const had = like.classes === null ? 'numbers' : 'classes';
  if (targetsAre !== null && targetsAre !== had) {
    throw invalidArgument(`${where}: targetsAre`, `${JSON.stringify(had)}, as ${like.name} has`, targetsAre);
  }
  if (classes === null || classesNamed(classes).join('\0') === like.classes?.join('\0')) return;
  const wanted = like.classes === null ? 'none: it has numbers' : list(like.classes);
  throw invalidArgument(`${where}: classes`, `those of ${like.name} (${wanted})`, classes);
}

function columnsOf({ name, columns, x, labelColumn, targetColumns }: LoadedData): ColumnsOfTraining {
  return { name, columns, features: x.shape[1]!, labelColumn, targetColumns };
}

/** The format of tables may be meant for other data of the same command. */
function unusedNotes(name: string, settings: LoadSettings): string[] {
  const given = FORMAT_OF_TABLES.filter((option) => settings[option] !== LOAD_OPTIONS[option].default);
  return given.map(
    (option) =>
      `${name}: is an array, so ${written(option, String(settings[option]))} is not used: it describes tables (CSV, TSV)`,
  );
}

const FORMAT_OF_TABLES = ['header', 'delimiter', 'decimal', 'encoding'] as const;
const TABLE_ONLY = ['labelColumn', 'targetColumn', 'columns'] as const;

function inputsOf(part: Part, settings: LoadSettings, like: LoadedData | null): Inputs {
  const { name } = part;
  if (part.kind === 'table') {
    const { x, columns, labelColumn, notes } = part.table;
    return { name, x: resultArray(x), columns, labelColumn, notes, extents: null, header: columns !== null };
  }
  const useless = TABLE_ONLY.find((option) => settings[option] !== null);
  if (useless !== undefined) {
    throw new DeepntkError(
      'ERR_INVALID_ARGUMENT',
      `loadData: ${useless}: only for tables (CSV, TSV); ${name} is an array`,
    );
  }
  const [n = 0, ...extents] = part.array.shape;
  const x = resultArray({ data: part.array.data, shape: [n, sizeOf(extents)] });
  if (part.format === 'idx' && extents.length === 0) {
    throw invalidFile(name, 'inputs, N x n_0', `IDX labels, one per row; pass them as ${written('y')}`);
  }
  if (extents.length === 0) {
    throw invalidFile(name, 'inputs, N x n_0', `shape (${part.array.shape.join(', ')})`);
  }
  if (x.data.length === 0)
    throw invalidFile(name, 'at least one input', `shape (${part.array.shape.join(', ')})`);
  if (part.format === 'idx') x.data.forEach((byte, i) => (x.data[i] = byte / 255));
  else if (!settings.allowNonFinite) expectFinite(x, name);
  if (like !== null && x.shape[1] !== like.x.shape[1]) {
    throw invalidFile(name, `${like.x.shape[1]!} features, as ${like.name} has`, String(x.shape[1]));
  }
  const flattened = `${name}: inputs of ${extents.join(' x ')} are flattened to ${x.shape[1]!} features, and their values are not changed`;
  const notes = [
    ...(extents.length > 1 && part.format !== 'idx' ? [flattened] : []),
    ...(like !== null && like.columns !== null ? [orderNote(name, like.name)] : []),
  ];
  const flat = extents.length > 1 ? extents : null;
  return { name, x, columns: null, labelColumn: null, notes, extents: flat, header: null };
}

function expectLoaded(where: string, value: unknown): LoadedData {
  const what = 'data that loadData returned';
  if (typeof value !== 'object' || value === null) throw invalidArgument(where, what, value);
  const { name, x, columns, labels, classes, y, labelColumn, targetColumns } = value as Partial<LoadedData>;
  const isNames = (list: unknown): boolean =>
    list === null || (isList(list) && (list as unknown[]).every((entry) => typeof entry === 'string'));
  const isMatrix = (array: unknown): boolean => readArray(`${where}.x`, array).shape.length === 2;
  const whole =
    typeof name === 'string' &&
    isMatrix(x) &&
    [columns, classes, targetColumns].every(isNames) &&
    (labels === null || isList(labels)) &&
    (y === null || isMatrix(y)) &&
    (labelColumn === null || typeof labelColumn === 'string');
  if (!whole) throw invalidArgument(where, what, value);
  return value as LoadedData;
}
