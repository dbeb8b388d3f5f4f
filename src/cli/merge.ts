import { existsSync } from 'node:fs';

import type { Command } from 'commander';

import { invalidFile } from '../data/files';
import { describe } from '../errors';
import { mergeNtk } from '../large/parts';
import { KERNEL_PART } from '../large/part-file';
import { readFormat } from '../runs/head';
import { journalOf } from '../runs/journal';
import { gapsOf, type Range, rangesInWords } from '../runs/ranges';
import type { NumberMoments } from '../sampling/matrix/kernel-moments';
import { NTK_SAMPLE_SUMS } from '../sampling/matrix/ntk-sample-file';
import { mergeDispersion, type MergedNtkSample, mergeNtkSamples } from '../sampling/merge';
import { DISPERSION_SUMS } from '../sampling/one-input/dispersion-file';
import { mergeSweeps, SWEEP_FORMAT, tableFormatOf } from '../sampling/sweep-file';
import { addOutOptions, expectOut, type OutFlags } from './common-options';
import { jsonOption } from './declared';
import { printEstimate } from './dispersion';
import { withInterrupt } from './interrupt';
import { figures, printError, printJson, printTable } from './output';
import { asUsage, asUsageOf, UsageError } from './usage';

interface Flags extends OutFlags {
  readonly json?: true;
}

export function addMergeCommand(program: Command): void {
  const command = program
    .command('merge')
    .description('merge the files of the shards of a job: dispersion or sampleNtk, a sweep, a kernel')
    .argument('<files...>', 'checkpoints, .csv or .jsonl files of sweeps, or .part files of kernels');
  addOutOptions(
    command,
    'the merged file, of the same kind; for a kernel, a .npy file (needed for sweeps and kernels)',
  )
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
Files of other settings, and files that hold the same replica or point twice, are refused. If replicas or points are missing,
a warning lists them. A kernel with missing tiles is refused.

Examples:
  $ deepntk merge a.json b.json --out both.json
  $ deepntk merge part-0.csv part-1.csv --out sweep.csv
  $ deepntk merge part-0.part part-1.part --out K.npy
`,
    )
    .action(async (files: string[], flags: Flags) => {
      await expectOut(flags);
      await merge(files, flags);
    });
}

async function merge(files: readonly string[], flags: Flags): Promise<void> {
  const kinds: Readonly<Record<string, (files: readonly string[], flags: Flags) => Promise<void>>> = {
    [DISPERSION_SUMS.format]: mergeEstimates,
    [NTK_SAMPLE_SUMS.format]: mergeSamples,
    [SWEEP_FORMAT.format]: mergeTables,
    [KERNEL_PART.format]: mergeParts,
  };
  const [first] = files as [string, ...string[]];
  const format = await readFormat(existsSync(journalOf(first)) ? journalOf(first) : first);
  if (format === null || !Object.hasOwn(kinds, format))
    throw invalidFile(first, `a file of the format ${Object.keys(kinds).join(', ')}`, describe(format));
  await kinds[format]!(files, flags);
}

/** The options of a merge of checkpoints. */
function targetOf({ out, force }: Flags): { readonly out?: string; readonly force: boolean } {
  if (out !== undefined && /\.(part|npy|csv|jsonl)$/.test(out))
    throw new UsageError(`--out: expected a name that fits a checkpoint, such as all.json, got ${out}`);
  return { ...(out !== undefined && { out }), force: force === true };
}

async function mergeEstimates(files: readonly string[], flags: Flags): Promise<void> {
  const merged = await mergeDispersion(files, targetOf(flags));
  warnOfGaps('replicas', gapsOf(merged.ranges, merged.firstReplica));
  printEstimate(merged, flags.json);
}

async function mergeSamples(files: readonly string[], flags: Flags): Promise<void> {
  const merged = await mergeNtkSamples(files, targetOf(flags));
  warnOfGaps('replicas', gapsOf(merged.ranges, merged.firstReplica));
  printSample(merged, flags.json);
}

async function mergeTables(files: readonly string[], { out, force, json }: Flags): Promise<void> {
  if (out === undefined) throw new UsageError('expected --out, the file for the merged rows, got none');
  asUsage(() => tableFormatOf(out));
  const { points, missing } = await mergeSweeps(files, { out, force: force === true });
  warnOfGaps('points', missing);
  if (json) printJson({ points, missing, out });
  else process.stdout.write(`${out}: ${points} points\n`);
}

async function mergeParts(files: readonly string[], { out, force, json }: Flags): Promise<void> {
  if (out === undefined) throw new UsageError('expected --out, the file for the whole kernel, got none');
  await withInterrupt(async (signal) => {
    const merged = await asUsageOf(() => mergeNtk(files, { out, signal, force: force === true }));
    if (json) printJson(merged);
    else process.stdout.write(`${out}: ${merged.shape.join(' x ')}, ${merged.tiles} tiles\n`);
  });
}

function warnOfGaps(what: string, gaps: readonly Range[]): void {
  if (gaps.length > 0) printError(`warning: no file has ${what} ${rangesInWords(gaps)}`);
}

function printSample(sample: MergedNtkSample, json: true | undefined): void {
  if (json) {
    printJson(sample);
    return;
  }
  const { mean, standardError, dispersion, exponent, byWeightVariance } = sample;
  const first = { mean: mean.data[0]!, standardError: standardError.data[0]! };
  const unit = exponent === 0 ? '' : ` times 2^${exponent}`;
  printTable([
    ['kernel', `${mean.shape.join(' x ')}, outputs ${sample.outputs}`],
    ['first entry', `${withError(first)}${unit}, dispersion ${figures(dispersion.data[0]!)}`],
    ['largest eigenvalue', `${withError(sample.largestEigenvalue)}${unit}`],
    ['condition number', withError(sample.conditionNumber)],
    ['dead replicas', String(sample.deadReplicas)],
    ['replicas', `${sample.replicas} from number ${sample.firstReplica}, seed ${sample.seed}`],
    [
      'further sigma_w^2',
      byWeightVariance.length === 0
        ? null
        : byWeightVariance.map(({ weightVariance }) => weightVariance).join(', '),
    ],
    ['sampler', sample.sampler],
  ]);
}

function withError({ mean, standardError }: Pick<NumberMoments, 'mean' | 'standardError'>): string {
  return `${figures(mean)} +- ${figures(standardError)}`;
}
