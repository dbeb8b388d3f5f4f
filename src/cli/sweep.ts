import { createRequire } from 'node:module';

import { type Command, Option } from 'commander';

import type { Parametrization } from '../network/spec';
import type * as QueueSweep from '../queue/sweep';
import { runJob, type Sink, type Source } from '../runs/job';
import type { Shard } from '../runs/ranges';
import { type Sampler, SAMPLERS } from '../sampling/samplers';
import {
  computePoint,
  pointsOfShard,
  type Sweep,
  type SweepPoint,
  sweepPoints,
  type SweepRow,
} from '../sampling/sweep';
import { CSV_HEADER, formatRow, openSweep, tableFormatOf } from '../sampling/sweep-file';
import {
  addDivisionOptions,
  addOutOptions,
  addRunOptions,
  type OutFlags,
  runOptions,
  seedOption,
} from './common-options';
import { withInterrupt } from './interrupt';
import { numberList, wholeNumbers } from './lists';
import { givenFlags } from './net-options';
import { printError, printJson } from './output';
import { progressBar } from './progress';
import { asUsage, integer, real, UsageError } from './usage';

interface Flags extends OutFlags {
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
  readonly shard?: Shard;
  readonly queue?: string;
  readonly redis: string;
  readonly seed: number;
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
    .addOption(seedOption());
  addOutOptions(
    command,
    'append rows to this .csv or .jsonl file; points that it has are not computed again',
  );
  addDivisionOptions(
    command,
    'part i = 0 .. n-1 of the points; or slurm, slurm/n, kubernetes/n',
    'let the workers of this queue compute (deepntk worker), and gather the rows',
  );
  addRunOptions(command)
    .addHelpText(
      'after',
      `
Without --out the rows are printed, as CSV or with --json in one object. FILE.meta.jsonl beside --out has the settings and
checksums. --shard slurm takes i and n from a Slurm array that begins at 0, --shard slurm/n takes only i, --shard kubernetes/n
takes i from JOB_COMPLETION_INDEX. deepntk merge merges the files of shards. With --queue the points become jobs in Redis
(docs/distributed.md).

Examples:
  $ deepntk sweep --sw2 1.5,2,2.5 --depth 10:50:20 --width 100 --replicas 2000
  $ deepntk sweep --sw2 1:3:0.5 --depth 50 --width 100 --shard 0/4 --out part-0.csv
  $ deepntk sweep --sw2 1:3:0.5 --depth 50 --width 100 --queue ntk --redis redis://head:6379 --out all.csv
`,
    )
    .action(async (flags: Flags) => {
      checkFlags(flags, command);
      await withInterrupt((signal) => runSweep(flags, command, signal));
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

async function runSweep(flags: Flags, command: Command, signal: AbortSignal): Promise<void> {
  const { out, json } = flags;
  const sweep = asUsage(() => readSweep(flags));
  const all = asUsage(() => sweepPoints(sweep));
  const points = flags.shard === undefined ? all : pointsOfShard(all, flags.shard);
  if (out !== undefined) asUsage(() => tableFormatOf(out));
  else if (flags.force) throw new UsageError('--force: expected --out with it, got none');
  const rows: SweepRow[] = [];
  const sink: Sink<SweepPoint, SweepRow> =
    out === undefined
      ? { missing: () => points, add: () => undefined }
      : await openSweep(out, sweep, points, { signal, force: flags.force === true });
  const bar = progressBar('points');
  try {
    const start = performance.now();
    const onFinished = (count: number, of: number): void => {
      const elapsedSeconds = (performance.now() - start) / 1000;
      const remainingSeconds = (elapsedSeconds * (of - count)) / count;
      bar?.onProgress({ fraction: count / of, elapsedSeconds, remainingSeconds });
    };
    for await (const [{ point }, row] of runJob(sourceOf(flags, command, sweep, signal, onFinished), sink)) {
      if (row.warnings !== '') printError(`warning: point ${point}: ${row.warnings}`);
      if (out === undefined && !json)
        process.stdout.write((rows.length === 0 ? CSV_HEADER : '') + formatRow(row, 'csv'));
      rows.push(row);
    }
  } finally {
    bar?.stop();
  }
  const computed = rows.length;
  const skipped = points.length - computed;
  const summary = { points: points.length, computed, skipped, pointsOfSweep: all.length };
  if (json) printJson({ ...summary, ...(out === undefined ? { rows } : { out }) });
  else if (out !== undefined)
    process.stdout.write(`${out}: ${computed} points computed, ${skipped} were there\n`);
}

function readSweep(flags: Flags): Sweep {
  const { sw2, sb2, depth, width, inputDim, zip, parametrization, biasGradients } = flags;
  const { relativeError, maxReplicas, replicas, sampler, inputNorm2, seed } = flags;
  if (maxReplicas !== undefined && relativeError === undefined) {
    throw new UsageError('--max-replicas: expected --relative-error with it');
  }
  if (inputNorm2 === 0 && sb2.includes(0)) {
    throw new UsageError('--input-norm2: expected a number > 0 where --sb2 is 0, got 0');
  }
  return {
    weightVariance: sw2,
    biasVariance: sb2,
    depth,
    width,
    inputDim: inputDim ?? null,
    mode: zip === true ? 'zip' : 'grid',
    parametrization,
    biasGradients,
    inputNorm2,
    seed,
    sampler,
    until:
      relativeError === undefined
        ? { replicas: replicas ?? DEFAULT_REPLICAS }
        : { relativeError, maxReplicas: maxReplicas ?? DEFAULT_MAX_REPLICAS },
  };
}

/** The source of the rows, in the order of the points: computed here one after the other, or by the workers of a queue. */
function sourceOf(
  flags: Flags,
  command: Command,
  { inputNorm2, seed, sampler, until }: Sweep,
  signal: AbortSignal,
  onFinished: (count: number, of: number) => void,
): Source<SweepPoint, SweepRow> {
  const { queue, redis } = flags;
  const goal = { inputNorm2, seed, sampler, until };
  if (queue !== undefined) {
    const { sweepOnQueue } = createRequire(__filename)('../queue/sweep') as typeof QueueSweep;
    return sweepOnQueue(goal, { queue, redis, signal, onFinished });
  }
  const run = { signal, ...runOptions(flags, command) };
  return async function* (units) {
    const points = [...units];
    for (const [i, point] of points.entries()) {
      const row = await computePoint(point, goal, run);
      onFinished(i + 1, points.length);
      yield [point, row];
    }
  };
}
