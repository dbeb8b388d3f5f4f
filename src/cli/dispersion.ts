import { createRequire } from 'node:module';

import { type Command, InvalidArgumentError, Option } from 'commander';

import { describe } from '../errors';
import { type DispersionOptions, estimateDispersion } from '../sampling/one-input/dispersion';
import type { DispersionEstimate } from '../sampling/one-input/estimate';
import type * as QueueDispersion from '../queue/dispersion';
import type { Shard } from '../runs/ranges';
import { type Sampler, SAMPLERS } from '../sampling/samplers';
import { addDivisionOptions, addRunOptions, runOptions, seedOption } from './common-options';
import { withInterrupt } from './interrupt';
import { addNetOptions, givenFlags, type NetFlags, specFromFlags } from './net-options';
import { figures, printError, printJson, printTable } from './output';
import { progressBar } from './progress';
import { asUsage, integer, real, UsageError } from './usage';

interface Flags extends NetFlags {
  readonly inputNorm2: number;
  readonly replicas?: ReplicaRange;
  readonly relativeError?: number;
  readonly maxReplicas?: number;
  readonly sampler: Sampler | 'auto';
  readonly checkpoint?: string;
  readonly seed: number;
  readonly shard?: Shard;
  readonly queue?: string;
  readonly redis: string;
  readonly json?: true;
}

interface ReplicaRange {
  readonly first: number;
  readonly count: number;
}

const DEFAULT_REPLICAS: ReplicaRange = { first: 0, count: 10_000 };

export function addDispersionCommand(program: Command): void {
  const command = program
    .command('dispersion')
    .description('estimate how the kernel of one input varies over initializations, by Monte Carlo');
  addNetOptions(command)
    .addOption(
      new Option('--input-norm2 <number>', 'squared norm of the input')
        .argParser(real({ min: 0 }))
        .default(1),
    )
    .addOption(
      new Option('--replicas <n>', 'how many, or which: 5000, or 0:50000 (default: 10000)').argParser(
        replicaRange,
      ),
    )
    .addOption(
      new Option('--relative-error <number>', 'stop when the dispersion has this relative standard error')
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
    .option('--checkpoint <file>', 'keep the sums in this file; if it exists, the run continues from it')
    .addOption(seedOption());
  addDivisionOptions(
    command,
    'part i = 0 .. n-1 of the replicas, to a --checkpoint of its own; or slurm, slurm/n, kubernetes/n',
    'let the workers of this queue draw the replicas (deepntk worker), and add up their sums',
  );
  addRunOptions(command)
    .addHelpText(
      'after',
      `
The result is the same for any number of threads, on every backend, on a queue, and for a run that was interrupted. A run can
be divided by --shard, or by ranges of replicas, into several checkpoints; deepntk merge merges them.

Examples:
  $ deepntk dispersion --input-dim 100 --depth 50 --width 100 --sw2 2 --replicas 10000 --seed 1
  $ deepntk dispersion --input-dim 100 --depth 50 --width 100 --relative-error 0.01 --json
  $ deepntk dispersion --input-dim 100 --depth 50 --width 100 --replicas 1e6 --shard 0/4 --checkpoint part-0.json
`,
    )
    .action(async (flags: Flags) => {
      checkFlags(flags, command);
      await withInterrupt((signal) => runDispersion(flags, command, signal));
    });
}

/** Refuses flags that would be ignored. */
function checkFlags({ shard, queue, checkpoint, relativeError }: Flags, command: Command): void {
  const [flag] = givenFlags(
    command,
    queue === undefined ? ['redis'] : ['backend', 'threads', 'relativeError'],
  );
  if (flag !== undefined) {
    const reason = flag === '--relative-error' ? 'jobs are not drawn in order' : 'workers have their own';
    throw new UsageError(
      `${flag}: ${queue === undefined ? 'only for --queue' : `not to be given with --queue: ${reason}`}`,
    );
  }
  if (shard === undefined) return;
  if (checkpoint === undefined) throw new UsageError('--shard: expected --checkpoint with it, got none');
  if (relativeError !== undefined) throw new UsageError('--relative-error: not to be given with --shard');
}

async function runDispersion(flags: Flags, command: Command, signal: AbortSignal): Promise<void> {
  const spec = specFromFlags(flags, command);
  if (flags.inputNorm2 === 0 && flags.sb2 === 0) {
    throw new UsageError('--input-norm2: expected a number > 0 where --sb2 is 0, got 0');
  }
  const { seed, sampler, inputNorm2, checkpoint, shard, queue, redis } = flags;
  const bar = progressBar('replicas');
  try {
    const options = {
      ...asUsage(() => readGoal(flags)),
      ...{ seed, sampler, inputNorm2, signal },
      ...(checkpoint !== undefined && { checkpoint }),
      ...(shard !== undefined && { shard }),
      ...runOptions(flags, command),
      ...(bar !== undefined && { onProgress: bar.onProgress }),
    };
    const compute =
      queue === undefined
        ? estimateDispersion(spec, options)
        : (createRequire(__filename)('../queue/dispersion') as typeof QueueDispersion).dispersionOnQueue(
            spec,
            {
              ...options,
              queue,
              redis,
            },
          );
    const estimate = await compute;
    bar?.stop();
    printEstimate(estimate, flags.json);
  } finally {
    bar?.stop();
  }
}

type Goal = Pick<DispersionOptions, 'firstReplica'> &
  ({ readonly replicas: number } | { readonly relativeError: number; readonly maxReplicas: number });

function readGoal({ replicas, relativeError, maxReplicas }: Flags): Goal {
  if (relativeError !== undefined) return { relativeError, maxReplicas: maxReplicas ?? 1_000_000 };
  if (maxReplicas !== undefined) throw new UsageError('--max-replicas: expected --relative-error with it');
  const { first, count } = replicas ?? DEFAULT_REPLICAS;
  return { replicas: count, firstReplica: first };
}

/** "5000" or "1000:5000", from and up to but without. */
function replicaRange(text: string): ReplicaRange {
  const [, from, to] = /^\s*(?:(\d+(?:e\d+)?)\s*:)?\s*(\d+(?:e\d+)?)\s*$/i.exec(text) ?? [];
  const first = Number(from ?? 0);
  const count = Number(to) - first;
  if (!(Number.isSafeInteger(first + count) && count >= 2)) {
    throw new InvalidArgumentError(
      `Expected at least 2 replicas, as a number or a range such as 0:50000, got ${describe(text)}.`,
    );
  }
  return { first, count };
}

export function printEstimate(estimate: DispersionEstimate, json: true | undefined): void {
  for (const warning of estimate.warnings) printError(`warning: ${warning}`);
  if (json) {
    printJson(estimate);
    return;
  }
  const { exactMoments: exact, relativeErrors } = estimate;
  const [low, high] = estimate.confidenceInterval;
  const row = (value: number, logarithm: number, error: number, exactValue: string): string =>
    `${quantity(value, logarithm)} +- ${figures(100 * error)} %, exact ${exactValue}`;
  printTable([
    [
      'dispersion',
      row(
        estimate.dispersion,
        estimate.logDispersion,
        relativeErrors.dispersion,
        quantity(exact.dispersion, exact.logDispersion),
      ),
    ],
    ['99 % interval', inRange(high) ? `${figures(low)} .. ${figures(high)}` : null],
    ['mean', row(estimate.mean, estimate.logMean, relativeErrors.mean, quantity(exact.mean, exact.logMean))],
    [
      'second moment',
      row(
        estimate.secondMoment,
        estimate.logSecondMoment,
        relativeErrors.secondMoment,
        quantity(exact.secondMoment, exact.logSecondMoment),
      ),
    ],
    ['replicas', `${estimate.replicas} from number ${estimate.firstReplica}, seed ${estimate.seed}`],
    [
      'effective',
      `${figures(estimate.effectiveSampleSize)}; the largest has ${figures(100 * estimate.largestShare)} % of the second moment`,
    ],
    ['sampler', `${estimate.sampler}: ${estimate.samplerReason}`],
    ['backend', `${estimate.backend}, up to ${estimate.threads} threads, deepntk ${estimate.version}`],
  ]);
}

/** A number, by its logarithm where no double holds it. */
function quantity(value: number, logarithm: number): string {
  return inRange(value) ? figures(value) : `e^${figures(logarithm)}`;
}

function inRange(value: number): boolean {
  return Number.isFinite(value) && value !== 0;
}
