/** Where a command's net comes from: a file, or a draw from the law that the flags describe. */
import type { Command } from 'commander';

import { ONNX_OPTIONS, SAFETENSORS_OPTIONS } from '../network/file-options';
import { Mlp } from '../network/mlp';
import { LAW_OPTIONS, RANDOM_OPTIONS } from '../network/spec-options';
import { addDeclaredOptions, givenOptions, namingFlag } from './declared';
import { addNetFileOptions, checkNetFileFlags, type NetFileFlags } from './net-file-options';
import { addNetOptions, ARCHITECTURE_FLAGS, givenFlags, type NetFlags, specFromFlags } from './net-options';
import { UsageError } from './usage';

export interface NetSourceFlags extends NetFlags, NetFileFlags {
  readonly seed: number;
  readonly replica: number;
}

export function addNetSourceOptions(command: Command): Command {
  return addNetFileOptions(addDeclaredOptions(addNetOptions(command), RANDOM_OPTIONS));
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

/** @param features the number of inputs of a net to be drawn if `--input-dim` does not state it */
export async function readNet(
  flags: NetSourceFlags,
  command: Command,
  features: number | undefined,
): Promise<Mlp> {
  if (flags.net !== undefined) return loadNet(flags.net, flags, command);
  const inputDim = flags.inputDim ?? features;
  const spec = specFromFlags(flags, command, inputDim === undefined ? {} : { inputDim });
  return Mlp.random(spec, { seed: flags.seed, replica: flags.replica });
}

const LOAD_OPTIONS = { ...LAW_OPTIONS, ...SAFETENSORS_OPTIONS, ...ONNX_OPTIONS };

export async function loadNet(path: string, flags: NetFileFlags, command: Command): Promise<Mlp> {
  try {
    return await Mlp.load(path, givenOptions(LOAD_OPTIONS, flags, command));
  } catch (error) {
    throw namingFlag(error, LOAD_OPTIONS);
  }
}
