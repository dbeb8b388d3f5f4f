import { type Command, InvalidArgumentError, Option } from 'commander';

import type { BackendName } from '../backend/backend';
import { describe } from '../errors';
import { type DispersionOptions, estimateDispersion } from '../sampling/one-input/dispersion';
import type { DispersionEstimate } from '../sampling/one-input/estimate';
import { mergeNtk } from '../large/parts';
import { mergeCheckpoints } from '../sampling/merge';
import type { Range } from '../runs/ranges';
import { mergeSweeps } from '../sampling/sweep-file';
import { type Sampler, SAMPLERS } from '../sampling/samplers';
import { jsonOption } from './declared';
import { addRunOptions, runOptions, seedOption } from './common-options';
import { abortOnInterrupt } from './interrupt';
import { addNetOptions, type NetFlags, specFromFlags } from './net-options';
import { figures, printError, printJson, printTable } from './output';
import { progressBar } from './progress';
import { printSample } from './sample-report';
import { asUsage, asUsageOf, integer, real, UsageError } from './usage';

interface Flags extends NetFlags {
  readonly inputNorm2: number;
  readonly replicas?: ReplicaRange;
  readonly relativeError?: number;
  readonly maxReplicas?: number;
  readonly sampler: Sampler | 'auto';
  readonly checkpoint?: string;
  readonly seed: number;
  readonly backend?: BackendName;
  readonly threads?: number;
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
    .option('--checkpoint <file>', 'keep the state of the run here, and go on from it where it exists')
    .addOption(seedOption());
  addRunOptions(command)
    .addHelpText(
      'after',
      `
The result is the same for any number of threads, on either backend, and for a run that was interrupted. A run can be
split by ranges of replicas into several checkpoints: deepntk merge puts them together.

Examples:
  $ deepntk dispersion --input-dim 100 --depth 50 --width 100 --sw2 2 --replicas 10000 --seed 1
  $ deepntk dispersion --input-dim 100 --depth 50 --width 100 --relative-error 0.01 --json
`,
    )
    .action(async (flags: Flags) => {
      await runDispersion(flags, command);
    });
}

export function addMergeCommand(program: Command): void {
  program
    .command('merge')
    .description(
      'put together what was split: checkpoints of dispersion or sampleNtk, files of sweep by points, parts of a kernel by tiles',
    )
    .argument('<files...>', 'checkpoints, .csv or .jsonl files of sweeps, or .part files of kernels')
    .option(
      '--out <file>',
      'write the whole here: a file of the same kind, of a kernel a .npy file (needed for sweeps and kernels)',
    )
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
Files of runs with other settings, or that hold the same replica or point twice, are refused; kernels of which tiles are
missing too.

Examples:
  $ deepntk merge a.json b.json --out both.json
  $ deepntk merge part-0.csv part-1.csv --out sweep.csv
  $ deepntk merge part-0.part part-1.part --out K.npy
`,
    )
    .action(async (files: string[], { out, json }: { out?: string; json?: true }) => {
      const kind = mergedKind(files, out);
      if (kind === KINDS.part) await mergeKernelParts(files, out, json);
      else if (kind === KINDS.sweep) await mergeSweepFiles(files, out, json);
      else await mergeCheckpointFiles(files, out, json);
    });
}

interface MergedKind {
  readonly name: string;
  readonly isOne: (file: string) => boolean;
  /** What the whole may be called. */
  readonly out: RegExp;
}

const isPart = (file: string) => file.endsWith('.part');
const isSweep = (file: string) => /\.(csv|jsonl)$/.test(file);
const KINDS = {
  part: { name: 'parts of a kernel (.part)', isOne: isPart, out: /\.npy$/ },
  sweep: { name: 'files of a sweep (.csv, .jsonl)', isOne: isSweep, out: /\.(csv|jsonl)$/ },
  checkpoint: {
    name: 'checkpoints',
    isOne: (file: string) => !isPart(file) && !isSweep(file),
    out: /^(?!.*\.(part|npy|csv|jsonl)$)/,
  },
} as const satisfies Record<string, MergedKind>;

/** What the files are, by their names: all of one kind, and the whole of a fitting name. */
function mergedKind(files: readonly string[], out: string | undefined): MergedKind {
  const kind = Object.values(KINDS).find(({ isOne }) => isOne(files[0]!))!;
  const other = files.find((file) => !kind.isOne(file));
  if (other !== undefined) throw new UsageError(`expected ${kind.name}, as ${files[0]!} is, got ${other}`);
  if (out !== undefined && !kind.out.test(out)) {
    throw new UsageError(`--out: expected a name that fits ${kind.name}, got ${out}`);
  }
  return kind;
}

async function mergeCheckpointFiles(
  files: string[],
  out: string | undefined,
  json: true | undefined,
): Promise<void> {
  // commander's <files...> are one at least.
  const merged = await mergeCheckpoints(files as [string, ...string[]], out === undefined ? {} : { out });
  warnOfGaps(merged.ranges);
  if ('byWeightVariance' in merged) printSample(merged, json);
  else printEstimate(merged, json);
}

function warnOfGaps(ranges: readonly Range[]): void {
  ranges.slice(1).forEach(([from], i) => {
    printError(`warning: no file has replicas ${ranges[i]![1]}:${from}`);
  });
}

async function mergeSweepFiles(
  files: string[],
  out: string | undefined,
  json: true | undefined,
): Promise<void> {
  if (out === undefined) throw new UsageError('expected --out, the file for the merged rows, got none');
  const { points, missing } = await mergeSweeps(files, out);
  if (missing.length > 0) {
    const few = missing.slice(0, 5).join(', ');
    const more = missing.length > 5 ? ` and ${missing.length - 5} more` : '';
    printError(`warning: no file has point ${few}${more}`);
  }
  if (json) printJson({ points, missing, out });
  else process.stdout.write(`${out}: ${points} points\n`);
}

async function mergeKernelParts(
  files: string[],
  out: string | undefined,
  json: true | undefined,
): Promise<void> {
  if (out === undefined) throw new UsageError('expected --out, the file for the whole kernel, got none');
  const interrupt = abortOnInterrupt();
  try {
    const merged = await asUsageOf(() => mergeNtk(files, { out, signal: interrupt.signal }));
    if (json) printJson(merged);
    else process.stdout.write(`${out}: ${merged.shape.join(' x ')}, ${merged.tiles} tiles\n`);
  } finally {
    interrupt.release();
  }
}

async function runDispersion(flags: Flags, command: Command): Promise<void> {
  const spec = specFromFlags(flags, command);
  if (flags.inputNorm2 === 0 && flags.sb2 === 0) {
    throw new UsageError('--input-norm2: expected a number > 0 where --sb2 is 0, got 0');
  }
  const bar = progressBar('replicas');
  const interrupt = abortOnInterrupt();
  try {
    const options = {
      ...asUsage(() => readGoal(flags)),
      seed: flags.seed,
      sampler: flags.sampler,
      inputNorm2: flags.inputNorm2,
      signal: interrupt.signal,
      ...(flags.checkpoint !== undefined && { checkpoint: flags.checkpoint }),
      ...runOptions(flags, command),
      ...(bar !== undefined && { onProgress: bar.onProgress }),
    };
    const estimate = await estimateDispersion(spec, options);
    bar?.stop();
    printEstimate(estimate, flags.json);
  } finally {
    bar?.stop();
    interrupt.release();
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

function printEstimate(estimate: DispersionEstimate, json: true | undefined): void {
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
