/** Where a command's net comes from: a file, or a draw from the law that the flags describe. */
import { type Command, Option } from 'commander';

import type { LoadOptions } from '../network/files';
import { Mlp } from '../network/mlp';
import { namingFlag } from './declared';
import { addNetFileOptions, checkNetFileFlags, type NetFileFlags } from './net-file-options';
import {
  addNetOptions,
  ARCHITECTURE_FLAGS,
  flagOf,
  givenFlags,
  type NetFlags,
  specFromFlags,
} from './net-options';
import { integer, seedOption, UsageError } from './usage';

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
  const known = Object.entries(LOAD_ATTRIBUTES);
  const given = known.filter(([, attribute]) => givenFlags(command, [attribute]).length > 0);
  try {
    return await Mlp.load(
      path,
      Object.fromEntries(given.map(([name, attribute]) => [name, flags[attribute]])),
    );
  } catch (error) {
    const flagsOf = known.map(
      ([name, attribute]) => [name, { flag: flagOf(command, attribute).slice(2) }] as const,
    );
    throw namingFlag(error, Object.fromEntries(flagsOf));
  }
}

/** The options of `Mlp.load`, with the attributes of their flags. */
const LOAD_ATTRIBUTES = {
  weightVariance: 'sw2',
  biasVariance: 'sb2',
  parametrization: 'parametrization',
  biasGradients: 'biasGradients',
  order: 'order',
  prefix: 'prefix',
  foldBatchNorm: 'foldBatchNorm',
} as const satisfies Record<keyof LoadOptions, keyof (NetFileFlags & NetFlags)>;
