/** Where a command's net comes from: a file, or a draw from the law that the flags describe. */
import { type Command, Option } from 'commander';

import type { LoadOptions } from '../network/files';
import { Mlp } from '../network/mlp';
import { addNetFileOptions, checkNetFileFlags, type NetFileFlags } from './net-file-options';
import { addNetOptions, ARCHITECTURE_FLAGS, givenFlags, type NetFlags, specFromFlags } from './net-options';
import { asUsageOf, integer, seedOption, UsageError } from './usage';

export interface NetSourceFlags extends NetFlags, NetFileFlags {
  readonly seed: number;
  readonly replica: number;
}

export function addNetSourceOptions(command: Command): Command {
  return addNetOptions(addNetFileOptions(command))
    .addOption(seedOption())
    .addOption(
      new Option('--replica <n>', 'which net of the seed').argParser(integer({ min: 0 })).default(0),
    );
}

/** @param drawing flags that only the drawing of a net has a use for, and a net from a file has not */
export function checkNetFlags(
  flags: NetSourceFlags,
  command: Command,
  drawing: readonly string[] = ['seed', 'replica'],
): void {
  checkNetFileFlags(flags, command);
  const [drawFlag] = givenFlags(command, [...drawing, ...ARCHITECTURE_FLAGS]);
  if (flags.net !== undefined && drawFlag !== undefined)
    throw new UsageError(`${drawFlag}: not to be given with --net, which has the net`);
}

/** @param inputDim the number of inputs of a net to be drawn, where `--input-dim` does not say it */
export async function readNet(
  flags: NetSourceFlags,
  command: Command,
  inputDim: number | undefined,
): Promise<Mlp> {
  if (flags.net === undefined) {
    return Mlp.random(specFromFlags(flags, inputDim), { seed: flags.seed, replica: flags.replica });
  }
  return loadNet(flags.net, flags, command);
}

export async function loadNet(
  path: string,
  flags: NetFileFlags & Partial<NetFlags>,
  command: Command,
): Promise<Mlp> {
  const given = (attribute: string) => givenFlags(command, [attribute]).length > 0;
  const options = {
    ...(given('sw2') && { weightVariance: flags.sw2 }),
    ...(given('sb2') && { biasVariance: flags.sb2 }),
    ...(given('parametrization') && { parametrization: flags.parametrization }),
    ...(given('biasGradients') && { biasGradients: flags.biasGradients }),
    ...(flags.order !== undefined && { order: flags.order }),
    ...(flags.prefix !== undefined && { prefix: flags.prefix }),
    ...(flags.foldBatchNorm === true && { foldBatchNorm: true }),
  } as LoadOptions;
  return asUsageOf(() => Mlp.load(path, options));
}
