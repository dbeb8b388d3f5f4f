import { createRequire } from 'node:module';

import { type Command, Option } from 'commander';

import type { BackendName } from '../backend/backend';
import type { Progress } from '../kernel/arguments';
import type { Parametrization } from '../network/spec';
import type * as QueueSweep from '../queue/sweep';
import { lockFile } from '../runs/lock';
import { type Sampler, SAMPLERS } from '../sampling/samplers';
import {
  computePoint,
  goalSettings,
  pointsOfShard,
  type Shard,
  type SweepGoal,
  type SweepPoint,
  sweepPoints,
  type SweepRow,
} from '../sampling/sweep';
import {
  CSV_HEADER,
  formatOf,
  formatRow,
  openRows,
  type RowWriter,
  otherSetting,
  type StoredRow,
} from '../sampling/sweep-file';
import { addRunOptions, redisOption, seedOption } from './common-options';
import { abortOnInterrupt } from './interrupt';
import { numberList, shardOf, wholeNumbers } from './lists';
import { givenFlags } from './net-options';
import { printError, printJson } from './output';
import { progressBar } from './progress';
import { asUsage, integer, real, UsageError } from './usage';

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
  readonly maxReplicas?: number;
  readonly sampler: Sampler | 'auto';
  readonly out?: string;
  readonly shard?: Shard;
  readonly queue?: string;
  readonly redis: string;
  readonly seed: number;
  readonly backend?: BackendName;
  readonly threads?: number;
  readonly json?: true;
}

const DEFAULT_REPLICAS = 10_000;
const DEFAULT_MAX_REPLICAS = 1_000_000;

export function addSweepCommand(program: Command): void {
  const command = program
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
      new Option('--max-replicas <n>', 'limit for --relative-error (default: 1000000)').argParser(
        integer({ min: 2 }),
      ),
    )
    .addOption(
      new Option('--sampler <name>', 'how replicas are drawn').choices(['auto', ...SAMPLERS]).default('auto'),
    )
    .option(
      '--out <file>',
      'append rows to this .csv or .jsonl file; points that it has are not computed again',
    )
    .option('--shard <i/n>', 'part i = 0 .. n-1 of the points; or slurm, or kubernetes/n', shardOf)
    .option(
      '--queue <name>',
      'let the workers of this queue compute (deepntk worker), and gather what they find',
    )
    .addOption(redisOption())
    .addOption(seedOption());
  addRunOptions(command)
    .addHelpText(
      'after',
      `
Without --out the rows are printed: as CSV, or with --json in one object. --shard slurm takes the part from
SLURM_ARRAY_TASK_ID, _MIN and _COUNT, --shard kubernetes/n from JOB_COMPLETION_INDEX. The files of shards are put
together by deepntk merge. With --queue the points become jobs in Redis; docs/distributed.md tells how.

Examples:
  $ deepntk sweep --sw2 1.5,2,2.5 --depth 10:50:20 --width 100 --replicas 2000
  $ deepntk sweep --sw2 1:3:0.5 --depth 50 --width 100 --shard 0/4 --out part-0.csv
  $ deepntk sweep --sw2 1:3:0.5 --depth 50 --width 100 --queue ntk --redis redis://head:6379 --out all.csv
`,
    )
    .action(async (flags: Flags) => {
      checkFlags(flags, command);
      await runSweep(flags);
    });
}

function checkFlags({ queue }: Flags, command: Command): void {
  const refused = queue === undefined ? ['redis'] : ['backend', 'threads'];
  const [flag] = givenFlags(command, refused);
  if (flag === undefined) return;
  throw new UsageError(
    `${flag}: ${queue === undefined ? 'only for --queue' : 'not to be given with --queue: workers have their own'}`,
  );
}

async function runSweep(flags: Flags): Promise<void> {
  const all = asUsage(() => readPoints(flags));
  const points = flags.shard === undefined ? all : pointsOfShard(all, flags.shard);
  const { out } = flags;
  if (out !== undefined) asUsage(() => formatOf(out));
  const interrupt = abortOnInterrupt();
  const lock = out === undefined ? null : await lockFile(out, interrupt.signal);
  const bar = progressBar('points');
  let writer: RowWriter | null = null;
  try {
    const { rows: stored, writer: opened } =
      out === undefined ? { rows: [], writer: null } : await openRows(out);
    writer = opened;
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
    await lock?.release();
  }
}

function readPoints(flags: Flags): SweepPoint[] {
  const { sw2, sb2, depth, width, inputDim, zip, parametrization, biasGradients } = flags;
  if (flags.maxReplicas !== undefined && flags.relativeError === undefined) {
    throw new UsageError('--max-replicas: expected --relative-error with it');
  }
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

function goalOf({ relativeError, maxReplicas, replicas, sampler, inputNorm2, seed }: Flags): SweepGoal {
  const until =
    relativeError === undefined
      ? { replicas: replicas ?? DEFAULT_REPLICAS }
      : { relativeError, maxReplicas: maxReplicas ?? DEFAULT_MAX_REPLICAS };
  return { inputNorm2, seed, sampler, until };
}

/** A file may hold other points (of other shards), but not the same points of another sweep. */
function isStored(flags: Flags, point: SweepPoint, stored: readonly StoredRow[]): boolean {
  const row = stored.find((candidate) => candidate.point === point.point);
  if (row === undefined) return false;
  const other = otherSetting(row, goalSettings(point, goalOf(flags)));
  if (other === undefined) return true;
  throw new UsageError(
    `--out: ${flags.out!} is of another sweep: expected ${other.name} ${other.expected} at point ${point.point}, got ${other.found}`,
  );
}

/** The rows of the points, in their order, one after the other: computed here, or by the workers of a queue. */
function rowsOf(
  flags: Flags,
  points: readonly SweepPoint[],
  signal: AbortSignal,
  onFinished: (count: number) => void,
): AsyncGenerator<SweepRow> {
  const { queue, redis, backend, threads } = flags;
  const goal = goalOf(flags);
  if (queue !== undefined) {
    const { sweepOnQueue } = createRequire(__filename)('../queue/sweep') as typeof QueueSweep;
    return sweepOnQueue(points, goal, { queue, redis, signal, onFinished });
  }
  const run = {
    signal,
    ...(backend !== undefined && { backend }),
    ...(threads !== undefined && { threads }),
  };
  return (async function* () {
    for (const [i, point] of points.entries()) {
      yield await computePoint(point, goal, run);
      onFinished(i + 1);
    }
  })();
}

async function computePoints(
  flags: Flags,
  points: readonly SweepPoint[],
  writer: RowWriter | null,
  signal: AbortSignal,
  onProgress: ((progress: Progress) => void) | undefined,
): Promise<SweepRow[]> {
  const printing = writer === null && flags.json !== true;
  const start = performance.now();
  const onFinished = (count: number): void => {
    const fraction = count / points.length;
    const elapsedSeconds = (performance.now() - start) / 1000;
    const remainingSeconds = fraction > 0 ? (elapsedSeconds * (1 - fraction)) / fraction : null;
    onProgress?.({ fraction, elapsedSeconds, remainingSeconds });
  };
  const rows: SweepRow[] = [];
  for await (const row of rowsOf(flags, points, signal, onFinished)) {
    if (row.warnings !== '') printError(`warning: point ${row.point}: ${row.warnings}`);
    if (printing) process.stdout.write((rows.length === 0 ? CSV_HEADER : '') + formatRow(row, 'csv'));
    await writer?.append(row);
    rows.push(row);
  }
  return rows;
}
