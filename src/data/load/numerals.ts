/** Numbers in a table have digits, a sign, a decimal mark and an exponent. 0x10, 1_000, 1e and spaces are refused. */

// Each digit matches in only one way. Otherwise a long cell would take quadratic time.
const POINT = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/;
const COMMA = /^[+-]?(?:\d+(?:,\d*)?|,\d+)(?:[eE][+-]?\d+)?$/;

export function isNumeral(text: string, decimal: '.' | ','): boolean {
  return (decimal === '.' ? POINT : COMMA).test(text);
}

/** NaN for text that is not a number, and Infinity for numbers beyond doubles. */
export function parseNumeral(text: string, decimal: '.' | ','): number {
  if (!isNumeral(text, decimal)) return NaN;
  return Number(decimal === '.' ? text : text.replace(',', '.'));
}
