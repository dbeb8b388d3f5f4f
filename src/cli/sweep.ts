import { type Command, InvalidArgumentError, Option } from 'commander';

import type { BackendName } from '../backend/backend';
import { describe } from '../errors';
import type { Progress } from '../kernel/arguments';
import type { Parametrization } from '../network/spec';
import { estimateDispersion } from '../sampling/dispersion';
import { type Sampler, SAMPLERS } from '../sampling/samplers';
import {
  pointsOfShard,
  settingsOfPoint,
  type Shard,
  type SweepPoint,
  sweepPoints,
  type SweepRow,
  sweepRow,
} from '../sampling/sweep';
import {
  CSV_HEADER,
  formatOf,
  formatRow,
  openRows,
  type RowWriter,
  sameSettings,
  type StoredRow,
} from '../sampling/sweep-file';
import { abortOnInterrupt } from './interrupt';
import { printError, printJson } from './output';
import { progressBar } from './progress';
import {
  asUsage,
  backendOption,
  integer,
  jsonOption,
  numberList,
  real,
  seedOption,
  threadsOption,
  UsageError,
  wholeNumbers,
} from './usage';

interface Flags {
  readonly sw2: readonly number[];
  readonly sb2: readonly number[];
  readonly depth: readonly number[];
  readonly width: readonly number[];
  readonly inputDim?: number;
  readonly zip?: true;
  readonly parametrization: Parametrization;
  readonly biasGradients: boolean;
  readonly inputNorm2: number;
  readonly replicas?: number;
  readonly relativeError?: number;
  readonly maxReplicas: number;
  readonly sampler: Sampler | 'auto';
  readonly out?: string;
  readonly shard?: Shard;
  readonly seed: number;
  readonly backend?: BackendName;
  readonly threads?: number;
  readonly json?: true;
}

const DEFAULT_REPLICAS = 10_000;

export function addSweepCommand(program: Command): void {
  program
    .command('sweep')
    .description('estimate the dispersion over lists of sigma_w^2, sigma_b^2, depths and widths')
    .requiredOption('--depth <list>', 'depths: 1,5,10 or 1:49:1', wholeNumbers(0))
    .requiredOption('--width <list>', 'widths', wholeNumbers(1))
    .option('--sw2 <list>', 'weight variances: 1,1.5,2 or 0.5:3.5:0.25', numberList, [2])
    .option('--sb2 <list>', 'bias variances', numberList, [0])
    .option('--zip', 'take the lists side by side instead of every combination')
    .addOption(
      new Option('--input-dim <n>', 'inputs of the nets (default: as many as the width)').argParser(
        integer({ min: 1 }),
      ),
    )
    .addOption(
      new Option('--parametrization <name>', 'where the variances enter')
        .choices(['standard', 'ntk'])
        .default('standard'),
    )
    .option('--no-bias-gradients', 'do not count biases as parameters')
    .addOption(
      new Option('--input-norm2 <number>', 'squared norm of the input')
        .argParser(real({ min: 0 }))
        .default(1),
    )
    .addOption(
      new Option('--replicas <n>', `of each point (default: ${DEFAULT_REPLICAS})`).argParser(
        integer({ min: 2 }),
      ),
    )
    .addOption(
      new Option('--relative-error <number>', 'stop each point at this relative standard error')
        .argParser(real({ above: 0 }))
        .conflicts('replicas'),
    )
    .addOption(
      new Option('--max-replicas <n>', 'limit for --relative-error')
        .argParser(integer({ min: 2 }))
        .default(1_000_000),
    )
    .addOption(
      new Option('--sampler <name>', 'how replicas are drawn').choices(['auto', ...SAMPLERS]).default('auto'),
    )
    .option(
      '--out <file>',
      'append rows to this .csv or .jsonl file; points that it has are not computed again',
    )
    .option('--shard <i/n>', 'part i = 0 .. n-1 of the points; or slurm, or kubernetes/n', shardOf)
    .addOption(seedOption())
    .addOption(backendOption())
    .addOption(threadsOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
Without --out the rows are printed: as CSV, or with --json in one object. --shard slurm takes the part from
SLURM_ARRAY_TASK_ID, _MIN and _COUNT, --shard kubernetes/n from JOB_COMPLETION_INDEX. The files of shards are put
together by deepntk merge.

Examples:
  $ deepntk sweep --sw2 1.5,2,2.5 --depth 10:50:20 --width 100 --replicas 2000
  $ deepntk sweep --sw2 1:3:0.5 --depth 50 --width 100 --shard 0/4 --out part-0.csv
`,
    )
    .action(async (flags: Flags) => {
      await runSweep(flags);
    });
}

async function runSweep(flags: Flags): Promise<void> {
  const all = asUsage(() => readPoints(flags));
  const points = flags.shard === undefined ? all : pointsOfShard(all, flags.shard);
  const { out } = flags;
  if (out !== undefined) asUsage(() => formatOf(out));
  const { rows: stored, writer } = out === undefined ? { rows: [], writer: null } : await openRows(out);
  const bar = progressBar('points');
  const interrupt = abortOnInterrupt();
  try {
    const pending = points.filter((point) => !isStored(flags, point, stored));
    const rows = await computePoints(flags, pending, writer, interrupt.signal, bar?.onProgress);
    bar?.stop();
    const computed = rows.length;
    const summary = {
      points: points.length,
      computed,
      skipped: points.length - computed,
      pointsOfSweep: all.length,
    };
    if (flags.json) printJson({ ...summary, ...(out === undefined ? { rows } : { out }) });
    else if (out !== undefined) {
      process.stdout.write(`${out}: ${computed} points computed, ${summary.skipped} were there\n`);
    }
  } finally {
    bar?.stop();
    interrupt.release();
    await writer?.close();
  }
}

function readPoints(flags: Flags): SweepPoint[] {
  const { sw2, sb2, depth, width, inputDim, zip, parametrization, biasGradients } = flags;
  if (flags.inputNorm2 === 0 && sb2.includes(0)) {
    throw new UsageError('--input-norm2: expected a number > 0 where --sb2 is 0, got 0');
  }
  return sweepPoints({
    weightVariance: sw2,
    biasVariance: sb2,
    depth,
    width,
    inputDim: inputDim ?? null,
    mode: zip === true ? 'zip' : 'grid',
    parametrization,
    biasGradients,
  });
}

function settingsOf(flags: Flags, point: SweepPoint) {
  const { relativeError, maxReplicas, replicas, sampler } = flags;
  const goal =
    relativeError === undefined
      ? `${replicas ?? DEFAULT_REPLICAS} replicas`
      : `relative error ${relativeError} within ${maxReplicas} replicas`;
  return settingsOfPoint(point, flags.inputNorm2, flags.seed, `${goal}; sampler ${sampler}`);
}

/** A file may hold other points (of other shards), but not the same points of another sweep. */
function isStored(flags: Flags, point: SweepPoint, stored: readonly StoredRow[]): boolean {
  const row = stored.find((candidate) => candidate.point === point.point);
  if (row === undefined) return false;
  if (sameSettings(row, settingsOf(flags, point))) return true;
  throw new UsageError(`--out: point ${point.point} in ${flags.out!} is of a sweep with other settings`);
}

async function computePoints(
  flags: Flags,
  points: readonly SweepPoint[],
  writer: RowWriter | null,
  signal: AbortSignal,
  onProgress: ((progress: Progress) => void) | undefined,
): Promise<SweepRow[]> {
  const { relativeError, maxReplicas, replicas, sampler, inputNorm2, seed, backend, threads } = flags;
  const goal =
    relativeError === undefined ? { replicas: replicas ?? DEFAULT_REPLICAS } : { relativeError, maxReplicas };
  const printing = writer === null && flags.json !== true;
  if (printing) process.stdout.write(CSV_HEADER);
  const start = performance.now();
  const rows: SweepRow[] = [];
  for (const point of points) {
    const estimate = await estimateDispersion(point.spec, {
      ...goal,
      sampler,
      inputNorm2,
      seed,
      signal,
      ...(backend !== undefined && { backend }),
      ...(threads !== undefined && { threads }),
    });
    const row = sweepRow(settingsOf(flags, point), estimate);
    if (row.warnings !== '') printError(`warning: point ${point.point}: ${row.warnings}`);
    if (printing) process.stdout.write(formatRow(row, 'csv'));
    await writer?.append(row);
    rows.push(row);
    const fraction = rows.length / points.length;
    const elapsedSeconds = (performance.now() - start) / 1000;
    onProgress?.({
      fraction,
      elapsedSeconds,
      remainingSeconds: (elapsedSeconds * (1 - fraction)) / fraction,
    });
  }
  return rows;
}

function shardOf(text: string): Shard {
  const fromEnvironment = (name: string): number => {
    const value = Number(process.env[name] ?? NaN);
    if (Number.isSafeInteger(value) && value >= 0) return value;
    throw new InvalidArgumentError(
      `Expected ${name} in the environment, got ${describe(process.env[name])}.`,
    );
  };
  const [index, count] = ((): [number, number] => {
    if (text === 'slurm') {
      const first = fromEnvironment('SLURM_ARRAY_TASK_MIN');
      return [fromEnvironment('SLURM_ARRAY_TASK_ID') - first, fromEnvironment('SLURM_ARRAY_TASK_COUNT')];
    }
    const [, which, of] = /^(\d+|kubernetes)\/(\d+)$/.exec(text) ?? [];
    return [which === 'kubernetes' ? fromEnvironment('JOB_COMPLETION_INDEX') : Number(which), Number(of)];
  })();
  if (index >= 0 && index < count) return { index, count };
  throw new InvalidArgumentError(
    `Expected i/n with 0 <= i < n, slurm, or kubernetes/n, got ${describe(text)}.`,
  );
}
