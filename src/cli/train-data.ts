/** The data of `deepntk train`: training data, and test data with the same columns and classes. */
import { type Command, Option } from 'commander';

import { choosePerClass, createScaling, oneHot, type Scaling, SCALINGS, takeRows } from '../data/classes';
import type { LoadedData } from '../data/load/loaded';
import { LOAD_OPTIONS, SOURCE_OPTION } from '../data/load/options';
import type { NdArray } from '../ndarray';
import { addDataOptions, describeLoaded, expectOutputsFit, type InputFlags, loadFlags } from './data';
import { optionsOf } from './declared';
import { integer, UsageError } from './usage';

export interface DataFlags extends InputFlags {
  readonly x: string;
  readonly y?: string;
  readonly testX?: string;
  readonly testY?: string;
  readonly perClass?: number;
  readonly testPerClass?: number;
  readonly scale: Scaling;
  readonly seed: number;
}

export interface Samples {
  readonly x: NdArray<Float64Array>;
  readonly y: NdArray;
  /** Null where targets are no labels. */
  readonly labels: readonly number[] | null;
}

export interface TrainingData {
  readonly training: Samples;
  readonly test: Samples | null;
  /** Names of the features and of the classes, in the order of the net; null if there are none. */
  readonly columns: readonly string[] | null;
  readonly classes: readonly string[] | null;
  /** How each file was understood, for --json. */
  readonly loaded: readonly ReturnType<typeof describeLoaded>[];
}

export function addTrainingDataOptions(command: Command): Command {
  const count = integer({ min: 1 });
  addDataOptions(command);
  for (const option of [
    ...optionsOf('testX', { ...SOURCE_OPTION, flag: 'test-x' }, 'test inputs, matched to --x by name'),
    ...optionsOf('testY', { ...LOAD_OPTIONS.y, flag: 'test-y' }, 'their classes or targets'),
  ]) {
    command.addOption(option);
  }
  return command
    .addOption(
      new Option('--per-class <n>', 'number of training samples per class, chosen by --seed').argParser(
        count,
      ),
    )
    .addOption(new Option('--test-per-class <n>', 'number of test samples per class').argParser(count))
    .addOption(new Option('--scale <how>', 'scaling of the inputs').choices(SCALINGS).default('none'));
}

/** @param outputs K, if the command line states it; otherwise there is one output per class or target */
export async function readTrainingData(
  flags: DataFlags,
  command: Command,
  outputs: number | undefined,
  signal: AbortSignal,
): Promise<TrainingData> {
  checkDataFlags(flags);
  const { x, y = null, testX, testY = null } = flags;
  const loaded = await loadFlags(x, flags, command, { signal, y, answers: true });
  const loadedTest =
    testX === undefined
      ? null
      : await loadFlags(testX, flags, command, {
          signal,
          flag: '--test-x',
          y: testY,
          answers: true,
          like: loaded,
        });
  if (outputs !== undefined) expectOutputsFit(loaded, outputs, '--outputs');
  const chosen = choose(loaded, '--per-class', flags.perClass, flags.seed);
  const scale = createScaling(flags.scale, chosen.x);
  const K = outputs ?? loaded.classes?.length ?? loaded.y!.shape[1]!;
  const finish = ({ x: inputs, labels, y: targets }: LoadedData): Samples => ({
    x: scale(inputs),
    y: labels === null ? targets! : oneHot(labels, K),
    labels,
  });
  return {
    training: finish(chosen),
    test: loadedTest && finish(choose(loadedTest, '--test-per-class', flags.testPerClass, flags.seed)),
    columns: loaded.columns,
    classes: loaded.classes,
    loaded: [loaded, ...(loadedTest === null ? [] : [loadedTest])].map(describeLoaded),
  };
}

function checkDataFlags({ x, y, testX, testY, labelColumn, targetColumn, testPerClass }: DataFlags): void {
  if (testX === undefined && (testY !== undefined || testPerClass !== undefined)) {
    throw new UsageError(
      `${testY === undefined ? '--test-per-class' : '--test-y'}: expected --test-x with it`,
    );
  }
  const column = labelColumn ?? targetColumn;
  if (y === undefined && column === undefined) {
    throw new UsageError('expected --y, --label-column or --target-column, got none');
  }
  if (testX !== undefined && testY === undefined && column === undefined) {
    throw new UsageError('expected --test-y with --test-x, got none');
  }
  if (column !== undefined && testY !== undefined) {
    throw new UsageError('--test-y: not to be given with --label-column or --target-column');
  }
  const [first, second] = [x, y, testX, testY].filter((path) => path === '-');
  if (first !== undefined && second !== undefined) {
    throw new UsageError('expected the standard input (-) for one file, got it for several');
  }
}

function choose(data: LoadedData, flag: string, perClass: number | undefined, seed: number): LoadedData {
  if (perClass === undefined) return data;
  const { labels, classes } = data;
  if (labels === null || classes === null)
    throw new UsageError(`${flag}: expected class labels, got targets`);
  const counts = new Array<number>(classes.length).fill(0);
  for (const label of labels) counts[label]!++;
  const short = counts.findIndex((count) => count < perClass);
  if (short >= 0) {
    throw new UsageError(
      `${flag}: expected at most ${counts[short]!}, the rows of class ${classes[short]!} in ${data.name}, got ${perClass}`,
    );
  }
  const rows = choosePerClass(labels, perClass, { seed, classes: classes.length });
  return { ...data, x: takeRows(data.x, rows), labels: rows.map((row) => labels[row]!) };
}
