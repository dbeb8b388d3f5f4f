/** Flags of the command from the declarations of options (src/options.ts). */
import { createRequire } from 'node:module';

import type * as Csv from 'csv-parse/sync';
import { type Command, InvalidArgumentError, Option } from 'commander';

import { DeepntkError, describe } from '../errors';
import { flagOfRule, type OptionKind, type OptionRule, type OptionRules, type OptionsOf } from '../options';
import { numberList } from './lists';
import { byteSize, rangeList, UsageError } from './usage';

/** Adds a flag for each of the named options; a value that its rule refuses is a usage error. */
export function addDeclaredOptions(
  command: Command,
  rules: OptionRules,
  names = Object.keys(rules),
): Command {
  for (const name of names) {
    for (const option of optionsOf(name, rules[name]!)) command.addOption(option);
  }
  return command;
}

/** The flags of one option: two for a switch that may also be left undecided. */
export function optionsOf(name: string, rule: OptionRule<unknown>, help = rule.help): Option[] {
  const flag = flagOfRule(name, rule);
  if (rule.kind === 'switch') return switchesOf(flag, rule, help);
  const option = new Option(`${flag} <${PLACEHOLDERS[rule.kind]}>`, help);
  if (rule.choices !== undefined) option.choices(rule.choices);
  else option.argParser(rule.kind === 'names' ? nameParser(rule) : checkedBy(rule, PARSERS[rule.kind]));
  return [rule.default === undefined || rule.default === null ? option : option.default(rule.default)];
}

export const jsonOption = () => new Option('--json', 'print one JSON object and nothing else');

const PLACEHOLDERS: Readonly<Record<Exclude<OptionKind, 'switch'>, string>> = {
  integer: 'n',
  number: 'number',
  integers: 'list',
  numbers: 'list',
  sizes: 'list',
  layers: 'list',
  names: 'list',
  bytes: 'size',
  choice: 'name',
  path: 'path',
  text: 'text',
};

/** Reads the text of a flag. A rule checks the result, and refuses text that is not a number. */
const PARSERS: Readonly<Partial<Record<OptionKind, (text: string) => unknown>>> = {
  integer: numberOf,
  number: numberOf,
  integers: numberList,
  numbers: numberList,
  sizes: (text) => text.split(',').map(numberOf),
  layers: rangeList,
  bytes: byteSize,
};

/** The number that a text is, or the text. */
function numberOf(text: string): number | string {
  return /^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*$/i.test(text) ? Number(text) : text;
}

function switchesOf(flag: string, rule: OptionRule<unknown>, help: string): Option[] {
  const negated = flag.replace(/^--/, '--no-');
  if (rule.default === true) return [new Option(negated, `do not ${help}`).default(undefined)];
  if (rule.default === false) return [new Option(flag, help)];
  const [yes, no = ''] = help.split(`; ${negated}: `);
  return [new Option(flag, yes), new Option(negated, no).default(undefined)];
}

/** Converts the error of a rule into one that commander prints. */
function checkedBy<T>(
  rule: OptionRule<T>,
  parse: (text: string) => unknown = (text) => text,
): (text: string) => T {
  return (text) => {
    try {
      return rule.read('', parse(text));
    } catch (error) {
      if (!(error instanceof DeepntkError)) throw error;
      const entry = /^\[(\d+)\]: e/.exec(error.message);
      const start = entry === null ? 'E' : `Entry ${Number(entry[1]) + 1}: e`;
      throw new InvalidArgumentError(error.message.replace(/^.*?: e/, start));
    }
  };
}

/** Parses "a,b" or `"a, b",c` as in a CSV file. A repeated flag adds to the list. */
function nameParser(rule: OptionRule<unknown>): (text: string, before: unknown) => unknown {
  return (text, before) => {
    const value = rule.fromText?.(text);
    if (value !== undefined) return checkedBy(rule)(value as never);
    const { parse } = createRequire(__filename)('csv-parse/sync') as typeof Csv;
    let names: string[];
    try {
      const lines: string[][] = parse(text, { trim: true });
      names = lines[0] ?? [];
    } catch {
      throw new InvalidArgumentError(`Expected names such as a,b,c, got ${describe(text)}.`);
    }
    return checkedBy(rule)([...(Array.isArray(before) ? (before as unknown[]) : []), ...names] as never);
  };
}

/** The options that the command line has, by name. */
export function givenOptions<R extends OptionRules>(
  rules: R,
  flags: object,
  command: Command,
  names = Object.keys(rules),
): OptionsOf<R> {
  return Object.fromEntries(
    names.flatMap((name) => {
      const attribute = attributeOf(name, rules[name]!);
      if (command.getOptionValueSource(attribute) !== 'cli') return [];
      return [[name, (flags as Record<string, unknown>)[attribute]]];
    }),
  ) as OptionsOf<R>;
}

/** commander's name of a flag: `weightVariance` has the flag --sw2, and so the attribute `sw2`. */
export function attributeOf(name: string, rule: OptionRule<unknown>): string {
  return flagOfRule(name, rule)
    .slice(2)
    .replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/** Renames the option of an error about an argument to its flag. Such an error is wrong usage; other errors are unchanged. */
export function namingFlag(
  error: unknown,
  rules: Readonly<Record<string, Pick<OptionRule<unknown>, 'flag'>>>,
): unknown {
  if (!(error instanceof DeepntkError) || error.code !== 'ERR_INVALID_ARGUMENT') return error;
  const { argument } = error;
  const rule = argument === undefined ? undefined : rules[argument];
  const message = rule === undefined ? error.message : error.naming(flagOfRule(argument!, rule));
  return new UsageError(message, { cause: error });
}
