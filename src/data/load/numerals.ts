/** What is a number in a table: digits, a sign, a decimal mark and an exponent; not 0x10, 1_000, 1e or a space. */

// Each digit matches in one way only: else a long cell takes quadratic time.
const POINT = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/;
const COMMA = /^[+-]?(?:\d+(?:,\d*)?|,\d+)(?:[eE][+-]?\d+)?$/;

export function isNumeral(text: string, decimal: '.' | ','): boolean {
  return (decimal === '.' ? POINT : COMMA).test(text);
}

/** NaN for what is no number, Infinity for one beyond doubles. */
export function parseNumeral(text: string, decimal: '.' | ','): number {
  if (!isNumeral(text, decimal)) return NaN;
  return Number(decimal === '.' ? text : text.replace(',', '.'));
}
