import { type Command, InvalidArgumentError, Option } from 'commander';

import type { BackendName } from '../backend/seam';
import { describe } from '../errors';
import { RUN_OPTIONS } from '../kernel/options';
import {
  computeFigure,
  FIGURE_FORMATS,
  FIGURE_NAMES,
  type FigureFormat,
  type FigureName,
  figureOf,
  type FigureOptions,
  readFigure,
  figurePaths,
  writeFigure,
} from '../report/figures';
import type { FigureTable } from '../report/figures/figure';
import type { FigureParameterValue, Parameter } from '../report/figures/parameters';
import { expectPlotting } from '../report/render';
import { expectNew } from '../runs/target';
import { runOptions } from './common-options';
import { addDeclaredOptions, attributeOf, givenOptions, namingFlag, optionsOf, jsonOption } from './declared';
import { withInterrupt } from './interrupt';
import { flagOf } from './net-options';
import { figures as digits, printJson, printTable, seconds } from './output';
import { progressBar } from './progress';
import { real, UsageError } from './usage';

interface Flags {
  readonly from?: string;
  readonly out?: string;
  readonly formats: readonly FigureFormat[];
  readonly scale: number;
  readonly quick?: true;
  readonly force?: true;
  readonly backend?: BackendName;
  readonly threads?: number;
  readonly json?: true;
  readonly [parameter: string]: unknown;
}

export function addFigureCommand(program: Command): void {
  const figure = program
    .command('figure')
    .description('compute and draw a study as CSV, SVG and PNG')
    .addHelpText(
      'after',
      `
Each figure has flags of its own: deepntk figure <name> --help.

Examples:
  $ deepntk figure phase-diagram --out figures/
  $ deepntk figure dispersion-vs-depth --depths 1:99:2 --width 200 --sw2 1.8,2,2.2 --replicas 10000 --out deep
  $ deepntk figure dispersion-vs-depth --from deep.csv
`,
    );
  for (const name of FIGURE_NAMES) addOneFigure(figure, name);
  figure.argument('[name]', 'the figure').action((name?: string) => {
    const got = name === undefined ? 'none' : describe(name);
    throw new UsageError(
      `expected a figure (${FIGURE_NAMES.join(', ')}), got ${got}; see deepntk figure --help`,
    );
  });
}

function addOneFigure(parent: Command, name: FigureName): void {
  const { summary, parameters, onBackend } = figureOf(name);
  const command = parent.command(name).description(summary);
  for (const [key, rule] of Object.entries(parameters)) {
    for (const option of optionsOf(key, rule, parameterHelp(rule))) command.addOption(option);
  }
  command
    .addOption(new Option('--quick', 'smaller defaults: a few seconds'))
    .addOption(new Option('--from <file>', 'draw again from a CSV of this figure instead of computing'))
    .addOption(
      new Option(
        '--out <path>',
        `folder, or start of the names of the files (default: ${name}; with --from: that of the CSV)`,
      ),
    )
    .option('--force', 'overwrite files that exist')
    .addOption(
      new Option('--formats <list>', 'which files to write')
        .argParser(formatList)
        .default([...FIGURE_FORMATS], FIGURE_FORMATS.join(',')),
    );
  command.addOption(
    new Option('--scale <number>', 'pixels of the PNG for each of the SVG, 0.25 to 8')
      .argParser(real({ min: 0.25 }))
      .default(2),
  );
  command.optionsGroup('Computation:');
  if (onBackend) addDeclaredOptions(command, RUN_OPTIONS);
  command
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
Lists are written 1,2,5 or 1:49:2, or both.

Example:
  $ deepntk figure ${name} --quick --out figures/
`,
    )
    .action(async (flags: Flags) => {
      await withInterrupt((signal) => runFigure(name, flags, command, signal));
    });
}

function parameterHelp(rule: Parameter<FigureParameterValue>): string {
  const { kind, help } = rule;
  return kind === 'switch' || kind === 'path' ? help : `${help} (default: ${presetText(rule)})`;
}

function presetText({ default: preset, quick }: Parameter<FigureParameterValue>): string {
  const written = (value: FigureParameterValue): string => {
    if (!Array.isArray(value)) return String(value);
    const list = value as readonly number[];
    return list.length <= 8 ? list.join(',') : `${list.length} from ${list[0]!} to ${list.at(-1)!}`;
  };
  return written(preset) === written(quick)
    ? written(preset)
    : `${written(preset)}; quick: ${written(quick)}`;
}

function formatList(text: string): FigureFormat[] {
  const formats = text.split(',').map((part) => part.trim());
  if (!formats.every((format) => FIGURE_FORMATS.includes(format as FigureFormat))) {
    throw new InvalidArgumentError(`Expected some of ${FIGURE_FORMATS.join(',')}, got ${describe(text)}.`);
  }
  return [...new Set(formats)] as FigureFormat[];
}

async function runFigure(
  name: FigureName,
  flags: Flags,
  command: Command,
  signal: AbortSignal,
): Promise<void> {
  const { parameters } = figureOf(name);
  if (flags.scale > 8) throw new UsageError(`--scale: expected a number from 0.25 to 8, got ${flags.scale}`);
  const given = givenOptions(parameters, flags, command);
  const redraws = flags.from !== undefined && flags.out === undefined;
  const out = flags.out ?? flags.from?.replace(/\.csv$/, '') ?? name;
  const formats = redraws ? flags.formats.filter((format) => format !== 'csv') : flags.formats;
  // The pictures beside a CSV are drawn again.
  if (!redraws) {
    for (const path of Object.values(figurePaths(name, out, formats))) await expectNew(path, flags.force);
  }
  const bar = progressBar(name);
  const start = performance.now();
  try {
    let table: FigureTable;
    if (flags.from === undefined) {
      const options = {
        ...given,
        ...(flags.quick && { quick: true }),
        signal,
        ...(bar && { onProgress: bar.onProgress }),
        ...runOptions(flags, command),
      };
      if (flags.formats.some((format) => format !== 'csv')) expectPlotting();
      table = await compute(name, options);
    } else {
      refuseWithFrom(
        flags,
        Object.keys(given).map((key) => attributeOf(key, parameters[key]!)),
        command,
      );
      table = await readFigure(flags.from, name);
    }
    bar?.stop();
    const files = await writeFigure(table, out, { formats, scale: flags.scale });
    report(table, files, (performance.now() - start) / 1000, flags.json === true);
  } finally {
    bar?.stop();
  }
}

/** Where a parameter is wrong, the command line is, and the message names the flag. */
async function compute(name: FigureName, options: Record<string, unknown>): Promise<FigureTable> {
  try {
    return await computeFigure(name, options as FigureOptions);
  } catch (error) {
    throw namingFlag(error, figureOf(name).parameters);
  }
}

/** What a table has been computed with stands in the CSV. */
function refuseWithFrom(flags: Flags, given: readonly string[], command: Command): void {
  const computing = ['quick', 'backend', 'threads'].filter((attribute) => flags[attribute] !== undefined);
  const refused = [...given, ...computing].map((attribute) => flagOf(command, attribute));
  if (refused.length > 0) {
    throw new UsageError(`${refused.join(', ')}: not with --from, which draws what was computed before`);
  }
}

function report(
  table: FigureTable,
  files: Partial<Record<FigureFormat, string>>,
  elapsed: number,
  json: boolean,
): void {
  const { figure, parameters, rows, provenance } = table;
  const summary = figureOf(figure as FigureName).conclude?.(rows, parameters) ?? {};
  if (json) {
    printJson({ figure, files, rows: rows.length, summary, parameters, seconds: elapsed, ...provenance });
    return;
  }
  printTable([
    ...Object.entries(files).map(([format, path]): [string, string] => [format, path]),
    ['rows', String(rows.length)],
    ...Object.entries(summary).map(([name, value]): [string, string] => [
      words(name),
      typeof value === 'number' ? digits(value) : (value ?? 'nowhere'),
    ]),
    ['time', seconds(elapsed)],
  ]);
}

/** "largestDistance" as "largest distance". */
function words(name: string): string {
  return name.includes(' ') ? name : name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}
