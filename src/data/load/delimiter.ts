/** Finds the character that separates the columns of a table. */
import { DeepntkError } from '../../errors';
import { invalidFile } from '../files';
import { type LoadSettings, written } from './options';

const NAMES: Readonly<Record<string, string>> = {
  ',': 'commas',
  ';': 'semicolons',
  '\t': 'tabs',
  ' ': 'spaces',
  '|': 'vertical bars',
};
const BY_EXTENSION: Readonly<Record<string, string>> = { csv: ',', tsv: '\t', tab: '\t' };
/** A space is tried only if no other character fits, because names may contain spaces. */
const CANDIDATES = [',', ';', '\t', '|'];
/** The number of lines that are examined. */
const LOOKED_AT = 10;

export interface Delimiter {
  readonly character: string;
  /** A note about the choice; null if the character was given or follows from the extension. */
  readonly note: string | null;
}

/** @param sample the beginning of the table; its last line may be cut off */
export function chooseDelimiter(
  sample: string,
  { delimiter, decimal }: Pick<LoadSettings, 'delimiter' | 'decimal'>,
  name: string,
): Delimiter {
  // Decimal commas in quotes do not separate columns, so commas between the quotes can.
  const inQuotes = decimal === ',' && QUOTED_DECIMAL.test(sample);
  if (delimiter !== null) {
    if (delimiter !== decimal || inQuotes) return { character: delimiter, note: null };
    throw new DeepntkError(
      'ERR_INVALID_ARGUMENT',
      `loadData: delimiter: expected another character than the decimal mark, or numbers in quotes, got ${JSON.stringify(delimiter)} for both`,
    );
  }
  const lines = beginning(sample);
  const extension = /\.(\w+?)(\.gz)?$/i.exec(name)?.[1]?.toLowerCase() ?? '';
  const byExtension = BY_EXTENSION[extension];
  if (byExtension !== undefined && byExtension !== decimal) {
    expectNoOther(lines, byExtension, extension, name);
    return { character: byExtension, note: null };
  }
  return detect(lines, inQuotes ? null : decimal, name);
}

const QUOTED_DECIMAL = /"[+-]?\d*,\d+(?:[eE][+-]?\d+)?"/;

function beginning(sample: string): string[] {
  const unquoted = sample.replace(/"[^"]*"/g, '""');
  const lines = unquoted.split(/\r\n|\r|\n/);
  if (lines.length > 1) lines.pop();
  return lines.filter((line) => line.trim() !== '').slice(0, LOOKED_AT);
}

const countIn = (line: string, character: string): number => line.trim().split(character).length - 1;

function fits(lines: readonly string[], character: string): boolean {
  const counts = lines.map((line) => countIn(line, character));
  return counts.length > 0 && counts[0]! > 0 && counts.every((count) => count === counts[0]);
}

/** In countries with decimal commas, programs write .csv files with semicolons. */
function expectNoOther(lines: readonly string[], character: string, extension: string, name: string): void {
  const [first] = lines;
  if (first === undefined || first.includes(character)) return;
  const other = CANDIDATES.find((candidate) => candidate !== character && fits(lines, candidate));
  if (other === undefined) return;
  const word = other === '\t' ? 'tab' : other;
  throw invalidFile(
    `${name}: line 1`,
    `columns separated by ${NAMES[character]!}, because the extension is .${extension}`,
    `${NAMES[other]!}; ${written('delimiter', word)} reads them`,
  );
}

/** @param decimal a character that separates no columns */
function detect(lines: readonly string[], decimal: string | null, name: string): Delimiter {
  const fitting = CANDIDATES.filter((candidate) => candidate !== decimal && fits(lines, candidate));
  if (
    fitting.length === 0 &&
    !lines.some((line) => CANDIDATES.some((c) => c !== decimal && line.includes(c)))
  ) {
    // One column, or columns between spaces.
    if (!lines.some((line) => line.trim().includes(' '))) return { character: ';', note: null };
    if (fits(lines, ' ')) fitting.push(' ');
  }
  const [character, ...others] = fitting;
  if (character !== undefined && others.length === 0) {
    return {
      character,
      note: `${name}: columns are separated by ${NAMES[character]!}, as detected from the data`,
    };
  }
  const got =
    character === undefined
      ? `none with the same count in the first ${lines.length} lines`
      : fitting.map((fit) => NAMES[fit]!).join(' and ');
  throw invalidFile(
    name,
    `one character that separates columns, or an extension .csv or .tsv`,
    `${got}; state it with ${written('delimiter')}`,
  );
}
