/** The header of a .npy file: a Python dictionary literal. */
import { describe } from '../errors';
import { invalidFile } from './files';

export interface NpyHeader {
  /** numpy's name of the dtype, e.g. "<f8"; a structured dtype has a list here, which is refused. */
  readonly descr: string;
  readonly fortranOrder: boolean;
  readonly shape: readonly number[];
}

/**
 * Reads `{'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }`: keys in any order, no key more or less.
 *
 * @throws DeepntkError `ERR_INVALID_FILE` where the text is no such dictionary, or the dtype is structured
 */
export function parseNpyHeader(text: string, name: string): NpyHeader {
  const bad = (what: string, got: string) => invalidFile(name, `a .npy header with ${what}`, got);
  const header = parsePythonLiteral(text);
  if (header === undefined || !(header instanceof Map)) {
    throw bad('a Python dictionary', JSON.stringify(text.trim().slice(0, 80)));
  }
  const keys = [...header.keys()].sort();
  if (keys.join() !== 'descr,fortran_order,shape') {
    throw bad(`the keys 'descr', 'fortran_order' and 'shape'`, keys.join(', ') || 'none');
  }
  const descr = header.get('descr');
  const fortranOrder = header.get('fortran_order');
  const shape = header.get('shape');
  if (Array.isArray(descr)) throw invalidFile(name, 'real numbers', 'records (a structured dtype)');
  if (typeof descr !== 'string') throw bad(`a string as 'descr'`, describe(descr));
  if (typeof fortranOrder !== 'boolean')
    throw bad(`True or False as 'fortran_order'`, describe(fortranOrder));
  if (!Array.isArray(shape) || !shape.every((extent) => Number.isSafeInteger(extent))) {
    throw bad(`a tuple of integers as 'shape'`, text.trim().slice(0, 120));
  }
  return { descr, fortranOrder, shape: shape as number[] };
}

/** numpy's own text of the header, without its padding. */
export function formatNpyHeader(header: NpyHeader): string {
  const { descr, fortranOrder, shape } = header;
  const tuple = shape.length === 1 ? `(${shape[0]!},)` : `(${shape.join(', ')})`;
  return `{'descr': '${descr}', 'fortran_order': ${fortranOrder ? 'True' : 'False'}, 'shape': ${tuple}, }`;
}

type Literal = string | boolean | number | Literal[] | Map<string, Literal> | null;

/** Lists within lists of a structured dtype, which is then refused by name; a file with more is no file of numpy's. */
const DEEPEST = 32;

const TOKEN = /\s*(?:([{}()[\],:])|'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|(True|False|None)\b|(\d+)L?\b)/y;

/** The few literals of Python that occur in headers: dictionaries, tuples, lists, strings, integers, True, False. */
function parsePythonLiteral(text: string): Literal | undefined {
  const tokens: { punctuation?: string; value?: Literal }[] = [];
  const end = text.trimEnd().length;
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < end) {
    const match = TOKEN.exec(text);
    if (match === null) return undefined;
    const [, punctuation, single, double, word, digits] = match;
    if (punctuation !== undefined) tokens.push({ punctuation });
    else if (digits !== undefined) tokens.push({ value: Number(digits) });
    else if (word !== undefined) tokens.push({ value: word === 'None' ? null : word === 'True' });
    else tokens.push({ value: single ?? double ?? '' });
  }

  let position = 0;
  let depth = 0;
  const literal = parseValue();
  return position === tokens.length ? literal : undefined;

  function parseValue(): Literal | undefined {
    const token = tokens[position++];
    if (token === undefined || depth > DEEPEST) return undefined;
    if (token.value !== undefined) return token.value;
    if (token.punctuation === '(') return parseItems(')');
    if (token.punctuation === '[') return parseItems(']');
    if (token.punctuation === '{') return parseDictionary();
    return undefined;
  }

  function parseItems(close: string): Literal[] | undefined {
    const items: Literal[] = [];
    depth++;
    while (!take(close)) {
      const item = parseValue();
      if (item === undefined || !(take(',') || peek(close))) return undefined;
      items.push(item);
    }
    depth--;
    return items;
  }

  function parseDictionary(): Map<string, Literal> | undefined {
    const entries = new Map<string, Literal>();
    depth++;
    while (!take('}')) {
      const key = parseValue();
      if (typeof key !== 'string' || entries.has(key) || !take(':')) return undefined;
      const value = parseValue();
      if (value === undefined || !(take(',') || peek('}'))) return undefined;
      entries.set(key, value);
    }
    depth--;
    return entries;
  }

  function peek(punctuation: string): boolean {
    return tokens[position]?.punctuation === punctuation;
  }

  function take(punctuation: string): boolean {
    if (!peek(punctuation)) return false;
    position++;
    return true;
  }
}
