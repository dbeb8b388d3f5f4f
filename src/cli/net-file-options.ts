/** The flags for the file of a net. This file loads no code that computes. */
import type { Command } from 'commander';

import { ONNX_OPTIONS, SAFETENSORS_OPTIONS } from '../network/file-options';
import { formatOfNet } from '../network/files';
import { addDeclaredOptions } from './declared';
import { givenFlags, LAW_FLAGS } from './net-options';
import { asUsage, UsageError } from './usage';

/** Adds the flags that choose the file and the net in it. */
export interface NetFileFlags {
  readonly net?: string;
  readonly order?: readonly string[];
  readonly prefix?: string;
  readonly foldBatchNorm?: true;
}

export function addNetFileOptions(command: Command): Command {
  command
    .optionsGroup('Net from a file:')
    .option('--net <file>', 'file of the net: .json of deepntk, .safetensors weights of PyTorch, or .onnx');
  return addDeclaredOptions(command, { ...SAFETENSORS_OPTIONS, ...ONNX_OPTIONS });
}

/** The flags for reading a file, by format. */
const FILE_FLAGS = {
  '.safetensors': Object.keys(SAFETENSORS_OPTIONS),
  '.onnx': Object.keys(ONNX_OPTIONS),
  '.json': [],
};

/** Refuses flags that do not fit the format of `--net`, or that need `--net`. */
export function checkNetFileFlags({ net }: NetFileFlags, command: Command): void {
  const format = net === undefined ? null : asUsage(() => formatOfNet('--net', net));
  for (const [own, attributes] of Object.entries(FILE_FLAGS)) {
    const [flag] = givenFlags(command, attributes);
    if (flag !== undefined && own !== format)
      throw new UsageError(`${flag}: only for a ${own} file with --net`);
  }
  const [lawFlag] = givenFlags(command, LAW_FLAGS);
  if (format === '.json' && lawFlag !== undefined)
    throw new UsageError(`${lawFlag}: not to be given with a JSON net, which states it`);
}
