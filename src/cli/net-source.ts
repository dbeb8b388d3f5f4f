/** Where a command's net comes from: a file, or a draw from the law that the flags describe. */
import { extname } from 'node:path';

import { type Command, Option } from 'commander';

import type { LoadOptions } from '../network/files';
import { Mlp } from '../network/mlp';
import {
  addNetOptions,
  ARCHITECTURE_FLAGS,
  givenFlags,
  LAW_FLAGS,
  type NetFlags,
  specFromFlags,
} from './net-options';
import { integer, nameList, seedOption, UsageError } from './usage';

export interface NetSourceFlags extends NetFlags {
  readonly net?: string;
  readonly order?: readonly string[];
  readonly seed: number;
  readonly replica: number;
}

export function addNetSourceOptions(command: Command): Command {
  command
    .option('--net <file>', 'the net: a .json file of deepntk, or .safetensors weights of PyTorch')
    .addOption(
      new Option('--order <list>', 'layers of --net in the order in which they run').argParser(nameList),
    );
  return addNetOptions(command)
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
  const refuse = (flag: string, reason: string) => new UsageError(`${flag}: ${reason}`);
  const format = flags.net === undefined ? null : formatOf(flags.net);
  if (format !== null && format !== '.json' && format !== '.safetensors') {
    throw new UsageError(`--net: expected a .json or a .safetensors file, got ${JSON.stringify(flags.net)}`);
  }
  const [drawFlag] = givenFlags(command, [...drawing, ...ARCHITECTURE_FLAGS]);
  if (format !== null && drawFlag !== undefined)
    throw refuse(drawFlag, 'not to be given with --net, which has the net');
  const [lawFlag] = givenFlags(command, [...LAW_FLAGS, 'order']);
  if (format === '.json' && lawFlag !== undefined)
    throw refuse(lawFlag, 'not to be given with a JSON net, which says it');
  if (format === null && flags.order !== undefined) throw refuse('--order', 'only for --net');
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

export async function loadNet(path: string, flags: NetSourceFlags, command: Command): Promise<Mlp> {
  if (formatOf(path) === '.json') return Mlp.load(path);
  const given = (attribute: string) => givenFlags(command, [attribute]).length > 0;
  const options: LoadOptions = {
    ...(given('sw2') && { weightVariance: flags.sw2 }),
    ...(given('sb2') && { biasVariance: flags.sb2 }),
    ...(given('parametrization') && { parametrization: flags.parametrization }),
    ...(given('biasGradients') && { biasGradients: flags.biasGradients }),
    ...(flags.order !== undefined && { order: flags.order }),
  };
  return Mlp.load(path, options);
}

function formatOf(path: string): string {
  return extname(path).toLowerCase();
}
