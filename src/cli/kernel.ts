import { createRequire } from 'node:module';
import { readdir } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';

import { type Command, Option } from 'commander';

import { writeNpy } from '../data/npy';
import type { NtkResult, NtkResultPerLayer } from '../kernel/ntk';
import { PARTS_OPTION } from '../kernel/options';
import { MEMORY_OPTION, TILE_FILE_OPTIONS } from '../large/options';
import { networkOf } from '../network/computations';
import { biasGradientsByLayer, type MlpSpec } from '../network/spec';
import type * as QueueKernel from '../queue/kernel';
import type { Shard } from '../runs/ranges';
import { expectTarget } from '../runs/target';
import { addDivisionOptions, addOutOptions, addRunOptions, expectOut } from './common-options';
import { SOURCE_OPTION } from '../data/load/options';
import { addDeclaredOptions, givenOptions, optionsOf } from './declared';
import { withInterrupt } from './interrupt';
import { type Part, planRows, printKernel, printPlan, tilesRow } from './kernel-report';
import {
  addKernelSource,
  checkKernelSource,
  type KernelFlags,
  type KernelSubject,
  readKernelSource,
  runNamed,
} from './kernel-source';
import { originRows } from './net-facts';
import { givenFlags } from './net-options';
import { printJson, printTable, type Rows, seconds } from './output';
import { byteSize, UsageError } from './usage';

interface Flags extends KernelFlags {
  readonly perLayer?: true;
  readonly memory?: number;
  readonly shard?: Shard;
  readonly queue?: string;
  readonly redis: string;
  readonly redisMemory: number;
}

const FILE_OPTIONS = { ...MEMORY_OPTION, ...TILE_FILE_OPTIONS };

export function addKernelCommand(program: Command): void {
  const command = program
    .command('kernel')
    .description('compute the empirical neural tangent kernel of a net on given inputs');
  addKernelSource(command);
  for (const option of optionsOf(
    'x2',
    { ...SOURCE_OPTION, flag: 'x2' },
    'other inputs for the columns of the kernel, in any format of --x (default: those of --x)',
  ))
    command.addOption(option);
  addOutOptions(addDeclaredOptions(command, PARTS_OPTION), 'write the kernel to this .npy file').option(
    '--explain',
    'print the plan (operations, memory, blocks) and compute nothing',
  );
  addDeclaredOptions(command.optionsGroup('Kernels larger than memory (to --out, in tiles):'), FILE_OPTIONS);
  addDivisionOptions(
    command,
    'part i = 0 .. n-1 of the tiles, to a .part file that deepntk merge takes; or slurm, slurm/n, kubernetes/n',
    'let the workers of this queue compute the tiles (deepntk worker), and gather them in --out',
  ).addOption(
    new Option('--redis-memory <size>', 'with --queue: limit on the tiles in Redis')
      .argParser(byteSize)
      .default(512 * 2 ** 20, '512M'),
  );
  addRunOptions(command)
    .addHelpText(
      'after',
      `
Without --net a net is drawn with --seed; --input-dim is then by default the number of columns of --x.
In JSON a number that is not finite is the string "NaN", "Infinity" or "-Infinity".

Examples:
  $ deepntk kernel --depth 20 --width 300 --outputs 10 --sw2 2 --seed 1 --x X.npy --out K.npy
  $ deepntk kernel --depth 20 --width 300 --x X.npy --precision mixed --memory 2G --dtype float32 --out large.npy
  $ deepntk kernel --depth 20 --width 300 --x X.npy --memory 2G --shard 0/4 --out part-0.part
  $ deepntk kernel --depth 20 --width 300 --x X.npy --queue ntk --redis redis://head:6379 --out queued.npy
  $ deepntk kernel --net weights.safetensors --x X.npy --x2 Z.npy --outputs-axis full --out full.npy --json
`,
    )
    .action(async (flags: Flags) => {
      checkFlags(flags, command);
      await withInterrupt((signal) =>
        isLarge(flags) ? runLargeKernel(flags, command, signal) : runKernel(flags, command, signal),
      );
    });
}

/** Whether the kernel goes to a file in tiles. */
function isLarge({ memory, shard, queue }: Flags): boolean {
  return [memory, shard, queue].some((flag) => flag !== undefined);
}

/** Refuses flags that would be ignored. */
function checkFlags(flags: Flags, command: Command): void {
  const refuse = (attributes: readonly string[], reason: string): void => {
    const [flag] = givenFlags(command, attributes);
    if (flag !== undefined) throw new UsageError(`${flag}: ${reason}`);
  };
  const { memory, shard, queue, out, explain } = flags;
  checkKernelSource(flags, command);
  if (shard !== undefined) refuse(['queue', 'explain'], 'not to be given with --shard');
  if (queue !== undefined)
    refuse(
      ['memory', 'features', 'threads', 'explain'],
      'not to be given with --queue: workers have their own',
    );
  else refuse(['redis', 'redisMemory'], 'only for --queue');
  if (!isLarge(flags)) {
    refuse(['dtype'], 'only for a kernel that goes to a file with --memory, --shard or --queue');
    refuse(['features'], 'only for a kernel that goes to a file with --memory or --shard');
  } else {
    refuse(['perLayer'], 'not to be given with --memory, --shard or --queue');
    if (out === undefined && !explain) {
      const flag = shard !== undefined ? '--shard' : memory === undefined ? '--queue' : '--memory';
      throw new UsageError(`${flag}: expected --out, the file that the kernel goes to`);
    }
  }
  if (flags.perLayer && out === undefined && !explain)
    throw new UsageError('--per-layer: expected --out, which names the files of the parts');
  const extension = shard === undefined ? '.npy' : '.part';
  if (out !== undefined && extname(out) !== extension)
    throw new UsageError(`--out: expected a ${extension} file, got ${JSON.stringify(out)}`);
}

async function runKernel(flags: Flags, command: Command, signal: AbortSignal): Promise<void> {
  const { out } = flags;
  await expectOut(flags);
  if (flags.perLayer && !flags.explain) await expectNoParts(flags);
  const { net, x, x2, loaded, origin, options: common } = await readKernelSource(flags, command, signal);
  const options = { ...common, ...givenOptions(PARTS_OPTION, flags, command) };
  const json = flags.json === true;
  if (flags.explain) {
    printPlan(await runNamed(flags, signal, () => net.explainNtk(x, x2, options)), origin, json);
    return;
  }
  const start = performance.now();
  const result = await runNamed(flags, signal, (watch): Promise<NtkResult | NtkResultPerLayer> =>
    net.ntk(x, x2, { ...options, ...watch }),
  );
  const elapsed = (performance.now() - start) / 1000;
  const parts = 'perLayer' in result ? await writeParts(out!, result, net.spec, signal) : undefined;
  signal.throwIfAborted();
  if (out !== undefined) await writeNpy(out, result);
  const run = { seconds: elapsed, ...origin, file: out ?? null, loaded, ...(parts && { parts }) };
  printKernel(result, run, { symmetric: x2 === null, json });
}

/** Refuses to overwrite parts of another kernel. */
async function expectNoParts({ out, force }: Flags): Promise<void> {
  const stem = basename(out!, extname(out!));
  const found = (await readdir(dirname(out!))).find((name) => name.startsWith(`${stem}.layer-`));
  if (found !== undefined) await expectTarget(join(dirname(out!), found), force === true);
}

/** The parts come before the kernel: if the kernel's file exists, the parts exist too. */
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

async function runLargeKernel(flags: Flags, command: Command, signal: AbortSignal): Promise<void> {
  const { memory, explain, out, queue } = flags;
  const subject = await readKernelSource(flags, command, signal);
  const { net, x, x2, origin, loaded } = subject;
  const options = { ...subject.options, ...givenOptions(FILE_OPTIONS, flags, command) };
  if (explain) {
    const plan = await runNamed(flags, signal, () =>
      net.explainNtk(x, x2, { ...options, perLayer: false, memoryLimit: memory! }),
    );
    if (flags.json) printJson({ ...plan, ...origin });
    else printTable([...planRows(plan), ...originRows(origin)]);
    return;
  }
  const start = performance.now();
  const compute = queue === undefined ? toFile : onQueue;
  const [json, rows] = await compute(flags, { ...subject, options }, signal);
  const elapsed = (performance.now() - start) / 1000;
  if (flags.json) printJson({ ...json, ...origin, file: out!, loaded, seconds: elapsed });
  else printTable([...rows, ...originRows(origin), ['time', seconds(elapsed)], ['file', out!]]);
}

type Compute = (
  flags: Flags,
  subject: KernelSubject,
  signal: AbortSignal,
) => Promise<[json: object, rows: Rows]>;

const toFile: Compute = async (flags, { net, x, x2, options }, signal) => {
  const { shard, force } = flags;
  const file = { out: flags.out!, ...(shard && { shard }), ...(force && { force }) };
  const result = await runNamed(flags, signal, (watch) =>
    net.ntk(x, x2, { ...options, ...watch, perLayer: false, ...file }),
  );
  return [
    result,
    [
      ...planRows(result.plan, shard === undefined ? '' : ' (whole kernel)'),
      ['part', shard === undefined ? null : `${shard.index} of ${shard.count}`],
      ['computed', tilesRow(result.tiles)],
    ],
  ];
};

const onQueue: Compute = async (flags, { net, x, x2, options }, signal) => {
  const { out, queue, redis, redisMemory, force } = flags;
  const { kernelOnQueue } = createRequire(__filename)('../queue/kernel') as typeof QueueKernel;
  const named = { out: out!, queue: queue!, redis, redisMemory, ...(force && { force }) };
  const result = await runNamed(flags, signal, (watch) =>
    kernelOnQueue(networkOf(net), x, x2, { ...options, ...watch, perLayer: false, ...named }),
  );
  const { shape, dtype, precision, tiles, backend, core } = result;
  return [
    result,
    [
      ['kernel', `${shape.join(' x ')}, ${dtype} on disk, ${precision}`],
      ['computed', tilesRow(tiles)],
      ['queue', queue!],
      ['backend', `${backend}${core === null ? '' : ` (${core})`}`],
    ],
  ];
};
