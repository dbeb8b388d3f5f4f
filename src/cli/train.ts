import { createHash } from 'node:crypto';
import { join } from 'node:path';

import { type Command, InvalidArgumentError, Option } from 'commander';

import type { BackendName, LossName } from '../backend/seam';
import { takeRows } from '../data/classes';
import { describe } from '../errors';
import type { NdArray } from '../ndarray';
import { Mlp } from '../network/mlp';
import type { OptimizerOptions } from '../training/options';
import type { TrainOptions } from '../training/plan';
import { train, type TrainResult } from '../training/train';
import { addRunOptions, runOptions, seedOption } from './common-options';
import { withInterrupt } from './interrupt';
import { namingFlag } from './declared';
import { addNetOptions, givenFlags, type NetFlags, specFromFlags } from './net-options';
import { progressBar } from './progress';
import {
  addTrainingDataOptions,
  type DataFlags,
  readTrainingData,
  type Samples,
  type TrainingData,
} from './train-data';
import { reportTraining } from './train-report';
import {
  type DataNames,
  describeKernels,
  discardEmptyRun,
  type KernelRow,
  openRun,
  type RunDescription,
  writeCheckpoint,
  writeEvaluations,
  writeKernel,
  writeKernelRows,
  writeLosses,
} from './train-files';
import { integer, real, UsageError } from './usage';

interface Flags extends NetFlags, DataFlags {
  readonly loss: LossName;
  readonly optimizer: 'gd' | 'momentum' | 'adam';
  readonly momentum?: number;
  readonly learningRate: number;
  readonly batchSize?: number;
  readonly steps: number;
  readonly kernelAt?: readonly number[];
  readonly kernelEvery?: number;
  readonly kernelPerClass?: number;
  readonly evaluateEvery?: number;
  readonly out: string;
  readonly checkpointEvery?: number;
  readonly resume?: true;
  readonly force?: true;
  readonly backend?: BackendName;
  readonly threads?: number;
  readonly json?: true;
}

export function addTrainCommand(program: Command): void {
  const count = integer({ min: 1 });
  const command = program.command('train').description('train a net and watch its neural tangent kernel');
  addTrainingDataOptions(command);
  addNetOptions(command)
    .addOption(seedOption())
    .addOption(new Option('--loss <name>', 'the loss').choices(['mse', 'cross-entropy']).default('mse'))
    .addOption(
      new Option('--optimizer <name>', 'how it steps').choices(['gd', 'momentum', 'adam']).default('gd'),
    )
    .addOption(
      new Option('--momentum <number>', 'of the optimizer momentum (default: 0.9)').argParser(
        real({ min: 0 }),
      ),
    )
    .addOption(
      new Option('--learning-rate <number>', 'the learning rate')
        .argParser(real({ min: 0 }))
        .makeOptionMandatory(),
    )
    .addOption(new Option('--batch-size <n>', 'samples of a step (default: all)').argParser(count))
    .addOption(
      new Option('--steps <n>', 'steps to take').argParser(integer({ min: 0 })).makeOptionMandatory(),
    )
    .addOption(
      new Option(
        '--kernel-at <list>',
        'compute the trace kernel after these steps, as in 0,10,100',
      ).argParser(stepList),
    )
    .addOption(
      new Option('--kernel-every <n>', 'or after every n steps').argParser(count).conflicts('kernelAt'),
    )
    .addOption(
      new Option(
        '--kernel-per-class <n>',
        'on the first n of each class (default: all training inputs)',
      ).argParser(count),
    )
    .addOption(
      new Option(
        '--evaluate-every <n>',
        'measure losses and accuracy after every n steps (default: where kernels are, and at both ends)',
      ).argParser(count),
    )
    .requiredOption('--out <folder>', 'the folder of the run')
    .addOption(
      new Option('--checkpoint-every <n>', 'write a checkpoint after every n steps').argParser(count),
    )
    .addOption(
      new Option(
        '--resume',
        'continue the run in --out, with the bits of a run that was not interrupted',
      ).conflicts('force'),
    )
    .option('--force', 'begin a new run in --out, although it holds a run or other files');
  addRunOptions(command)
    .addHelpText(
      'after',
      `
The loss is the mean over samples: mse is the sum over outputs of (f - y)^2, halved. Classes become one-hot targets; --outputs
is then by default their number. Test data are matched to --x by the names of columns and classes. In --out: run.json, losses.csv, evaluations.csv, kernels.csv, kernel-STEP.npy,
net.safetensors, result.json and checkpoint.safetensors.

Examples:
  $ deepntk train --x train.csv --label-column species --test-x test.csv --depth 3 --width 50 --learning-rate 0.1 \\
      --steps 200 --out run
  $ deepntk train --x X.npy --y labels.npy --depth 5 --width 100 --sw2 2 --optimizer adam --learning-rate 1e-3 \\
      --steps 100 --kernel-every 20 --checkpoint-every 20 --out run --seed 1
`,
    )
    .action(async (flags: Flags) => {
      if (flags.momentum !== undefined && flags.optimizer !== 'momentum') {
        throw new UsageError('--momentum: only for --optimizer momentum');
      }
      await withInterrupt((signal) => runTrain(flags, command, signal));
    });
}

async function runTrain(flags: Flags, command: Command, signal: AbortSignal): Promise<void> {
  const outputs = givenFlags(command, ['outputs']).length > 0 ? flags.outputs : undefined;
  const data = await readTrainingData(flags, command, outputs, signal);
  const net = drawNet(flags, command, data);
  const probe = kernelInputs(flags, data);
  const options = trainOptions(flags, data, probe.x);
  const { state, close } = await openRun(flags.out, describeRun(flags, net, data), namesOf(data), {
    resume: flags.resume === true,
    force: flags.force === true,
    signal,
  });
  const bar = progressBar('train');
  const start = performance.now();
  try {
    const result = await train(net, data.training, {
      ...options,
      ...runOptions(flags, command),
      signal,
      ...(bar && {
        onProgress: (progress) => {
          bar.onProgress(progress, progress.loss === null ? '' : `loss ${progress.loss.toPrecision(4)}`);
        },
      }),
      onKernel: (kernel) => writeKernel(flags.out, kernel),
      onCheckpoint: (checkpoint) => writeCheckpoint(flags.out, checkpoint, namesOf(data)),
      ...(state && { resumeFrom: state }),
    });
    bar?.stop();
    const kernels = await describeKernels(flags.out, options.kernelAt ?? [], probe.labels);
    await writeResults(flags.out, result, kernels);
    await reportTraining(result, kernels, {
      out: flags.out,
      json: flags.json === true,
      seconds: (performance.now() - start) / 1000,
      resumedFrom: state?.step ?? null,
      samples: data.training.x.shape[0]!,
      columns: data.columns,
      classes: data.classes,
      loaded: data.loaded,
    });
  } catch (error) {
    await close();
    // An interrupted run may be resumed from its beginning. The error of the run matters more than one of this.
    if (!signal.aborted) await discardEmptyRun(flags.out).catch(() => undefined);
    throw namingFlag(error, {});
  } finally {
    bar?.stop();
    await close();
  }
}

const namesOf = ({ columns, classes }: TrainingData): DataNames => ({ columns, classes });

/** "0,10,100" */
function stepList(text: string): number[] {
  const steps = text.split(',').map((part) => (/^\s*\d+\s*$/.test(part) ? Number(part) : NaN));
  if (!steps.every(Number.isSafeInteger)) {
    throw new InvalidArgumentError(`Expected steps such as 0,10,100, got ${describe(text)}.`);
  }
  return [...new Set(steps)].sort((a, b) => a - b);
}

function drawNet(flags: Flags, command: Command, { training }: TrainingData): Mlp {
  const [, inputs] = training.x.shape;
  if (flags.inputDim !== undefined && flags.inputDim !== inputs) {
    throw new UsageError(
      `--input-dim: expected ${inputs!}, the number of features of --x, got ${flags.inputDim}`,
    );
  }
  const spec = specFromFlags(flags, command, { inputDim: inputs!, outputDim: training.y.shape[1]! });
  return Mlp.random(spec, { seed: flags.seed });
}

function kernelInputs(
  { kernelPerClass }: Flags,
  { training, classes }: TrainingData,
): Pick<Samples, 'x' | 'labels'> {
  const { x, labels } = training;
  if (kernelPerClass === undefined) return { x, labels };
  if (labels === null) throw new UsageError('--kernel-per-class: expected class labels, got targets');
  const present = [...new Set(labels)].sort((a, b) => a - b);
  const rows = present.flatMap((label) => {
    const ofClass = labels.flatMap((other, row) => (other === label ? [row] : []));
    if (ofClass.length < kernelPerClass) {
      throw new UsageError(
        `--kernel-per-class: expected at most ${ofClass.length}, the samples of class ${classes![label]!}, got ${kernelPerClass}`,
      );
    }
    return ofClass.slice(0, kernelPerClass);
  });
  return { x: takeRows(x, rows), labels: rows.map((row) => labels[row]!) };
}

function trainOptions(flags: Flags, { test }: TrainingData, inputs: NdArray): TrainOptions {
  const { steps, kernelAt, kernelEvery, evaluateEvery, checkpointEvery, batchSize } = flags;
  const every = (n: number): number[] => Array.from({ length: Math.floor(steps / n) + 1 }, (_, i) => i * n);
  const kernels = kernelAt ?? (kernelEvery === undefined ? [] : every(kernelEvery));
  const beyond = kernels.find((step) => step > steps);
  if (beyond !== undefined)
    throw new UsageError(`--kernel-at: expected at most --steps ${steps}, got ${beyond}`);
  return {
    loss: flags.loss,
    optimizer: optimizerOf(flags),
    learningRate: flags.learningRate,
    steps,
    seed: flags.seed,
    kernelAt: kernels,
    kernelInputs: inputs,
    evaluateAt: [0, ...(evaluateEvery === undefined ? kernels : every(evaluateEvery)), steps],
    ...(test && { testData: { x: test.x, y: test.y } }),
    ...(batchSize !== undefined && { batchSize }),
    ...(checkpointEvery !== undefined && { checkpointEvery }),
  };
}

function optimizerOf({ optimizer, momentum }: Flags): OptimizerOptions {
  return optimizer === 'momentum' && momentum !== undefined ? { name: optimizer, momentum } : optimizer;
}

function describeRun(
  flags: Flags,
  { spec }: Mlp,
  { training, test, columns, classes }: TrainingData,
): RunDescription {
  const digest = (samples: Samples | null): string | null =>
    samples && createHash('sha256').update(bytesOf(samples.x)).update(bytesOf(samples.y)).digest('hex');
  return {
    net: spec,
    seed: flags.seed,
    columns,
    classes,
    data: digest(training),
    testData: digest(test),
    loss: flags.loss,
    optimizer: optimizerOf(flags),
    learningRate: flags.learningRate,
    batchSize: flags.batchSize ?? null,
    steps: flags.steps,
    kernelAt: flags.kernelAt ?? null,
    kernelEvery: flags.kernelEvery ?? null,
    kernelPerClass: flags.kernelPerClass ?? null,
    evaluateEvery: flags.evaluateEvery ?? null,
  };
}

function bytesOf({ data }: NdArray): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

async function writeResults(
  folder: string,
  result: TrainResult,
  kernels: readonly KernelRow[],
): Promise<void> {
  await writeLosses(folder, result.losses);
  await writeEvaluations(folder, result.evaluations);
  if (kernels.length > 0) await writeKernelRows(folder, kernels);
  await result.net.save(join(folder, 'net.safetensors'));
}
