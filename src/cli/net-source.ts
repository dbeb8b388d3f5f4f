/** Where a command's net comes from: a file, or a draw from the law that the flags describe. */
import { type Command, Option } from 'commander';

import { formatOfNet, type LoadOptions } from '../network/files';
import { Mlp } from '../network/mlp';
import {
  addNetOptions,
  ARCHITECTURE_FLAGS,
  givenFlags,
  LAW_FLAGS,
  type NetFlags,
  specFromFlags,
} from './net-options';
import { asUsage, asUsageOf, integer, nameList, seedOption, UsageError } from './usage';

/** Which net of which file. */
export interface NetFileFlags {
  readonly net?: string;
  readonly order?: readonly string[];
  readonly prefix?: string;
  readonly foldBatchNorm?: true;
}

export interface NetSourceFlags extends NetFlags, NetFileFlags {
  readonly seed: number;
  readonly replica: number;
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

export function addNetSourceOptions(command: Command): Command {
  return addNetOptions(addNetFileOptions(command))
    .addOption(seedOption())
    .addOption(
      new Option('--replica <n>', 'which net of the seed').argParser(integer({ min: 0 })).default(0),
    );
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
