/** The flags that describe a net, the same for every command. */
import { type Command, Option } from 'commander';

import { createSpec, type NetworkSpec, type Parametrization, type SpecOptions } from '../network/spec';
import { asUsage, integer, integerList, real, UsageError } from './usage';

export interface NetFlags {
  readonly inputDim?: number;
  readonly depth?: number;
  readonly width?: number;
  readonly hidden?: readonly number[];
  readonly outputs: number;
  readonly sw2: number;
  readonly sb2: number;
  readonly parametrization: Parametrization;
  readonly biasGradients: boolean;
}

/** The flags of the architecture, which a file with a net says by itself. */
export const ARCHITECTURE_FLAGS = ['inputDim', 'depth', 'width', 'hidden', 'outputs'] as const;
/** The flags of the law of initialization and of the parametrization. */
export const LAW_FLAGS = ['sw2', 'sb2', 'parametrization', 'biasGradients'] as const;

export function addNetOptions(command: Command): Command {
  const size = integer({ min: 1 });
  return command
    .addOption(new Option('--input-dim <n>', 'inputs of the net').argParser(size))
    .addOption(new Option('--depth <L>', 'hidden layers').argParser(integer({ min: 0 })))
    .addOption(new Option('--width <n>', 'width of every hidden layer').argParser(size))
    .addOption(
      new Option('--hidden <list>', 'widths of the hidden layers one by one, as in 300,200,100')
        .argParser(integerList)
        .conflicts(['depth', 'width']),
    )
    .addOption(new Option('--outputs <K>', 'outputs of the net').argParser(size).default(1))
    .addOption(weightVarianceOption())
    .addOption(biasVarianceOption())
    .addOption(
      new Option('--parametrization <name>', 'where the variances enter')
        .choices(['standard', 'ntk'])
        .default('standard'),
    )
    .option('--no-bias-gradients', 'do not count biases as parameters');
}

export const weightVarianceOption = () =>
  new Option('--sw2 <number>', 'weight variance sigma_w^2').argParser(real({ above: 0 })).default(2);

export const biasVarianceOption = () =>
  new Option('--sb2 <number>', 'bias variance sigma_b^2').argParser(real({ min: 0 })).default(0);

/** @param inputDim the number of inputs where `--input-dim` is not given */
export function specFromFlags(flags: NetFlags, inputDim?: number): NetworkSpec {
  const inputs = flags.inputDim ?? inputDim;
  if (inputs === undefined) throw new UsageError('expected --input-dim, got none');
  const { depth, width, hidden } = flags;
  if (hidden === undefined && (depth === undefined || (width === undefined && depth > 0))) {
    throw new UsageError('expected a net: --depth and --width, or --hidden (or a file with --net)');
  }
  const common = {
    inputDim: inputs,
    outputDim: flags.outputs,
    weightVariance: flags.sw2,
    biasVariance: flags.sb2,
    parametrization: flags.parametrization,
    biasGradients: flags.biasGradients,
  };
  const layers =
    hidden !== undefined ? { hiddenWidths: hidden } : width === undefined ? { depth: 0 } : { depth, width };
  return asUsage(() => createSpec({ ...common, ...layers } as SpecOptions));
}

/** The flag as it is written: `--no-bias-gradients` for `biasGradients`. */
export function flagOf(command: Command, attribute: string): string {
  const option = command.options.find((candidate) => candidate.attributeName() === attribute);
  return option?.long ?? attribute;
}

/** Those of the named flags that stand on the command line. */
export function givenFlags(command: Command, attributes: readonly string[]): string[] {
  return attributes
    .filter((attribute) => command.getOptionValueSource(attribute) === 'cli')
    .map((attribute) => flagOf(command, attribute));
}
