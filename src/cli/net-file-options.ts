/** The flags for the file of a net. This file loads no code that computes. */
import { type Command, Option } from 'commander';

import { formatOfNet } from '../network/files';
import { givenFlags, LAW_FLAGS } from './net-options';
import { asUsage, nameList, UsageError } from './usage';

/** Adds the flags that choose the file and the net in it. */
export interface NetFileFlags {
  readonly net?: string;
  readonly order?: readonly string[];
  readonly prefix?: string;
  readonly foldBatchNorm?: true;
}

export function addNetFileOptions(command: Command): Command {
  return command
    .option('--net <file>', 'file of the net: .json of deepntk, .safetensors weights of PyTorch, or .onnx')
    .addOption(
      new Option(
        '--order <list>',
        'modules of a .safetensors --net in the order in which they run',
      ).argParser(nameList),
    )
    .option(
      '--prefix <text>',
      'prefix of one net in a .safetensors --net with several nets, such as models.0.',
    )
    .option('--fold-batch-norm', 'fold a BatchNormalization of an .onnx --net into the layer before it');
}

/** The flags for reading a file, by format. */
const FILE_FLAGS = { '.safetensors': ['order', 'prefix'], '.onnx': ['foldBatchNorm'], '.json': [] } as const;

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
