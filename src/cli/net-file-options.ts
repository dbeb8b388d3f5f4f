/** The flags that name the file of a net and say how it is read. Nothing that computes is loaded for them. */
import { type Command, Option } from 'commander';

import { formatOfNet } from '../network/files';
import { givenFlags, LAW_FLAGS } from './net-options';
import { asUsage, nameList, UsageError } from './usage';

/** Which net of which file. */
export interface NetFileFlags {
  readonly net?: string;
  readonly order?: readonly string[];
  readonly prefix?: string;
  readonly foldBatchNorm?: true;
}

export function addNetFileOptions(command: Command): Command {
  return command
    .option(
      '--net <file>',
      'the net: a .json file of deepntk, .safetensors weights of PyTorch, or an .onnx file',
    )
    .addOption(
      new Option(
        '--order <list>',
        'modules of a .safetensors --net in the order in which they run',
      ).argParser(nameList),
    )
    .option('--prefix <text>', 'which net of a .safetensors --net with several: models.0.')
    .option('--fold-batch-norm', 'fold a BatchNormalization of an .onnx --net into the layer before it');
}

/** The flags that say how a file is read, by the format that they are for. */
const FILE_FLAGS = { '.safetensors': ['order', 'prefix'], '.onnx': ['foldBatchNorm'], '.json': [] } as const;

/** Refuses flags that do not fit the format of `--net`, or need it. */
export function checkNetFileFlags({ net }: NetFileFlags, command: Command): void {
  const format = net === undefined ? null : asUsage(() => formatOfNet('--net', net));
  for (const [own, attributes] of Object.entries(FILE_FLAGS)) {
    const [flag] = givenFlags(command, attributes);
    if (flag !== undefined && own !== format)
      throw new UsageError(`${flag}: only for a ${own} file with --net`);
  }
  const [lawFlag] = givenFlags(command, LAW_FLAGS);
  if (format === '.json' && lawFlag !== undefined)
    throw new UsageError(`${lawFlag}: not to be given with a JSON net, which says it`);
}
