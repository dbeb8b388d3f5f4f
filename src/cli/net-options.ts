/** The flags that describe a net, the same for every command. */
import type { Command } from 'commander';

import { createSpec, type NetworkSpec, type Parametrization, type SpecOptions } from '../network/spec';
import { LAW_OPTIONS, WIDTH_OPTIONS } from '../network/spec-options';
import { addDeclaredOptions, attributeOf, givenOptions, namingFlag } from './declared';
import { UsageError } from './usage';

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

const NET_OPTIONS = { ...WIDTH_OPTIONS, ...LAW_OPTIONS };

const attributesOf = (rules: Partial<typeof NET_OPTIONS>): string[] =>
  Object.entries(rules).map(([name, rule]) => attributeOf(name, rule));

/** The flags of the architecture, which the file of a net determines. */
export const ARCHITECTURE_FLAGS = attributesOf(WIDTH_OPTIONS);
/** The flags of the law of initialization and of the parametrization. */
export const LAW_FLAGS = attributesOf(LAW_OPTIONS);

export function addNetOptions(command: Command): Command {
  return addDeclaredOptions(command.optionsGroup('Net:'), NET_OPTIONS);
}

/**
 * The spec that the flags describe.
 *
 * @param sizes the sizes that the data determine
 */
export function specFromFlags(
  flags: NetFlags,
  command: Command,
  sizes: { readonly inputDim?: number; readonly outputDim?: number } = {},
): NetworkSpec {
  const options = { ...givenOptions(NET_OPTIONS, flags, command), ...sizes } as Partial<SpecOptions>;
  const { inputDim, hiddenWidths, depth, width } = options;
  if (inputDim === undefined) throw new UsageError('expected --input-dim, got none');
  if (hiddenWidths === undefined && (depth === undefined || (width === undefined && depth > 0))) {
    throw new UsageError('expected a net: --depth and --width, or --hidden (or a file with --net)');
  }
  if (hiddenWidths !== undefined && (depth !== undefined || width !== undefined)) {
    throw new UsageError('expected either --hidden, or --depth and --width, got both');
  }
  try {
    return createSpec(options as SpecOptions);
  } catch (error) {
    throw namingFlag(error, NET_OPTIONS);
  }
}

/** The flag as it is written: `--no-bias-gradients` for `biasGradients`. */
export function flagOf(command: Command, attribute: string): string {
  const option = command.options.find((candidate) => candidate.attributeName() === attribute);
  return option?.long ?? attribute;
}

/** Those of the named flags that are on the command line. */
export function givenFlags(command: Command, attributes: readonly string[]): string[] {
  return attributes
    .filter((attribute) => command.getOptionValueSource(attribute) === 'cli')
    .map((attribute) => flagOf(command, attribute));
}
