/** Figures: the studies of Seleznova and Kutyniok (ICML 2022) and some of our own, as tables and as pictures. */
import { existsSync, statSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { readBytes, writeFileAtomically } from '../../data/files';
import {
  DeepntkError,
  expectBoolean,
  expectNumber,
  expectOneOf,
  expectOptions,
  invalidArgument,
  isList,
} from '../../errors';
import { type ComputeOptions, readComputation } from '../../kernel/arguments';
import { VERSION } from '../../version';
import { renderLite, renderPng } from '../render';
import { dispersionVsDepth } from './dispersion-vs-depth';
import type { Figure, FigureTable } from './figure';
import { firstStep } from './first-step';
import { independenceAssumption } from './independence-assumption';
import { offdiagonal } from './offdiagonal';
import { phaseDiagram } from './phase-diagram';
import { plainVsTilted } from './plain-vs-tilted';
import { type FigureParameters, readParameters, type ValuesOf } from './parameters';
import type { FigureSpec } from './style';
import { trainingStructure } from './training-structure';
import { checkTable, figureNameOf, formatTable, parseTable } from './table-file';

export const FIGURES = {
  'dispersion-vs-depth': dispersionVsDepth,
  offdiagonal: offdiagonal,
  'first-step': firstStep,
  'training-structure': trainingStructure,
  'phase-diagram': phaseDiagram,
  'plain-vs-tilted': plainVsTilted,
  'independence-assumption': independenceAssumption,
} as const;

/** The figures by name; docs/figures.md shows each. */
export type FigureName = keyof typeof FIGURES;
/** The names of all figures. */
export const FIGURE_NAMES = Object.keys(FIGURES) as FigureName[];

type ParametersOf<N extends FigureName> = ValuesOf<(typeof FIGURES)[N]['parameters']>;

/** The figure's own parameters, each with a default, and what every computation takes. */
export type FigureOptions<N extends FigureName = FigureName> = Partial<ParametersOf<N>> &
  Omit<ComputeOptions, 'allowNonFinite'> & {
    /** Smaller defaults: seconds instead of up to a minute. */
    readonly quick?: boolean;
  };

/** How a figure is drawn. */
export interface PictureOptions {
  /** Pixels of the PNG for each of the SVG's, 0.25 .. 8; 2 by default. */
  readonly scale?: number;
}

/** A figure as a picture. */
export interface FigurePicture {
  readonly svg: string;
  /** The same; two pixels for each of the SVG's, or `scale`. */
  readonly png: Uint8Array;
}

export function figureOf(name: FigureName): Figure<FigureParameters> {
  return FIGURES[name];
}

/**
 * Computes the numbers of a figure.
 *
 * @param name see {@link FIGURE_NAMES} and docs/figures.md, which has the parameters of each
 * @throws DeepntkError `ERR_INVALID_ARGUMENT`; `ERR_COMPUTATION` where a number is out of the range of doubles; the
 *   signal's reason
 * @example const table = await computeFigure('phase-diagram', { width: 200 });
 */
export async function computeFigure<N extends FigureName>(
  name: N,
  options: FigureOptions<N> = {},
): Promise<FigureTable> {
  const where = 'computeFigure';
  const figure = figureOf(expectOneOf(`${where}: name`, name, FIGURE_NAMES));
  if (typeof options !== 'object' || (options as unknown) === null) {
    throw invalidArgument(where, 'an options object', options);
  }
  const { signal, onProgress, threads, backend, quick, ...own } = options;
  if (!figure.onBackend && (threads !== undefined || backend !== undefined)) {
    throw new DeepntkError(
      'ERR_INVALID_ARGUMENT',
      `${where}: expected neither threads nor backend: the figure ${name} runs on no backend`,
    );
  }
  const parameters = readParameters(
    where,
    figure.parameters,
    own,
    expectBoolean(`${where}: quick`, quick ?? false),
  );
  const computation = readComputation(where, {
    ...(signal !== undefined && { signal }),
    ...(onProgress !== undefined && { onProgress }),
    ...(threads !== undefined && { threads }),
    ...(backend !== undefined && { backend }),
    // The one that always loads, where none will run: no addon is looked for.
    ...(!figure.onBackend && { backend: 'typescript' as const }),
  });
  const rows = await figure.compute(parameters, {
    signal,
    report: (fraction) => {
      signal?.throwIfAborted();
      computation.run.onProgress?.(fraction);
    },
    compute: {
      ...(signal !== undefined && { signal }),
      ...(threads !== undefined && { threads }),
      ...(backend !== undefined && { backend }),
    },
  });
  const { core } = computation.provenance;
  const provenance = figure.onBackend
    ? { version: VERSION, backend: computation.backend.name, core }
    : { version: VERSION, backend: null, core: null };
  const table = { figure: figure.name, parameters, rows, provenance };
  try {
    checkTable(where, table, figure);
  } catch (cause) {
    throw new DeepntkError('ERR_COMPUTATION', (cause as Error).message, { cause });
  }
  return table;
}

/**
 * Draws a figure from its table alone.
 *
 * @throws DeepntkError `ERR_INVALID_ARGUMENT` where the table is not one of a figure; `ERR_MISSING_PACKAGE` where a package
 *   for plots is not installed
 */
export async function drawFigure(table: FigureTable, options: PictureOptions = {}): Promise<FigurePicture> {
  const where = 'drawFigure';
  expectOptions(where, options, ['scale']);
  const scale = expectNumber(`${where}: scale`, options.scale ?? 2, {
    min: 0.25,
    max: 8,
    what: 'a number from 0.25 to 8',
  });
  const figure = expectTable(where, table);
  const specification = figure.specify(table.rows, table.parameters) as FigureSpec;
  const svg = await renderLite(specification);
  return { svg, png: renderPng(svg, scale) };
}

function expectTable(where: string, table: FigureTable): Figure<FigureParameters> {
  const given = table as Partial<FigureTable> | null | undefined;
  if (typeof given !== 'object' || given === null)
    throw invalidArgument(`${where}: table`, 'a table of computeFigure', table);
  const figure = figureOf(expectOneOf(`${where}: table.figure`, given.figure, FIGURE_NAMES));
  readParameters(where, figure.parameters, given.parameters ?? {}, false);
  checkTable(where, table, figure);
  return figure;
}

/** The table as CSV, with its parameters in comments above: {@link readFigure} reads it. */
export function formatFigure(table: FigureTable): string {
  const figure = expectTable('formatFigure', table);
  return formatTable(table, Object.keys(figure.columns));
}

/**
 * Reads a table that {@link writeFigure} or `deepntk figure` wrote.
 *
 * @param name the figure that it is to be of; any by default
 * @throws DeepntkError `ERR_INVALID_FILE` where it is another figure's, or damaged: which row and column
 */
export async function readFigure(path: string, name?: FigureName): Promise<FigureTable> {
  if (name !== undefined) expectOneOf('readFigure: name', name, FIGURE_NAMES);
  const text = Buffer.from(await readBytes(path)).toString('utf8');
  const found = name ?? figureNameOf(text, path);
  if (!FIGURE_NAMES.includes(found as FigureName)) {
    throw new DeepntkError(
      'ERR_INVALID_FILE',
      `${path}: expected one of the figures ${FIGURE_NAMES.join(', ')}, got ${found}`,
    );
  }
  return parseTable(text, figureOf(found as FigureName), path);
}

export const FIGURE_FORMATS = ['csv', 'svg', 'png'] as const;
/** What a figure can be written as. */
export type FigureFormat = (typeof FIGURE_FORMATS)[number];

/**
 * Writes a figure as `PREFIX.csv`, `.svg` and `.png`, each file whole or not at all.
 *
 * @param prefix where it is a folder, or ends in a slash: FOLDER/NAME of the figure; folders are made
 * @returns the paths, by format
 * @throws DeepntkError `ERR_INVALID_FILE` where a file cannot be written, and all that {@link drawFigure} throws; nothing is
 *   written where drawing fails
 */
export async function writeFigure(
  table: FigureTable,
  prefix: string,
  options: PictureOptions & { readonly formats?: readonly FigureFormat[] } = {},
): Promise<Partial<Record<FigureFormat, string>>> {
  const where = 'writeFigure';
  if (typeof prefix !== 'string') throw invalidArgument(`${where}: prefix`, 'a path', prefix);
  expectOptions(where, options, ['formats', 'scale']);
  const { formats = FIGURE_FORMATS, ...picturing } = options;
  if (!isList(formats)) throw invalidArgument(`${where}: formats`, 'a list of formats', formats);
  Array.from(formats).forEach((format) => expectOneOf(`${where}: formats`, format, FIGURE_FORMATS));
  const csv = formatFigure(table);
  const picture = formats.some((format) => format !== 'csv') ? await drawFigure(table, picturing) : null;
  await openFolder(pathsStart(prefix, table.figure));
  const paths = figurePaths(table.figure, prefix, formats);
  for (const format of formats) {
    const content =
      format === 'csv' ? Buffer.from(csv) : format === 'svg' ? Buffer.from(picture!.svg) : picture!.png;
    await writeFileAtomically(paths[format]!, [content]);
  }
  return paths;
}

/** The paths that {@link writeFigure} writes to. */
export function figurePaths(
  figure: string,
  prefix: string,
  formats: readonly FigureFormat[],
): Partial<Record<FigureFormat, string>> {
  const start = pathsStart(prefix, figure);
  return Object.fromEntries(formats.map((format) => [format, `${start}.${format}`]));
}

/** Makes the folder of the files of a figure. */
async function openFolder(start: string): Promise<void> {
  try {
    await mkdir(dirname(start), { recursive: true });
  } catch (cause) {
    const { message } = cause as Error;
    throw new DeepntkError('ERR_INVALID_FILE', `cannot make the folder ${dirname(start)}: ${message}`, {
      cause,
    });
  }
}

function pathsStart(prefix: string, figure: string): string {
  const isFolder =
    prefix === '' || /[\\/]$/.test(prefix) || (existsSync(prefix) && statSync(prefix).isDirectory());
  return isFolder ? join(prefix, figure) : prefix.replace(/\.(csv|svg|png)$/, '');
}
