/** Small pieces of Vega pictures, and numbers as people write them. */
import type { Mark } from 'vega';

export interface TextPlace {
  readonly x: number;
  /** Of the baseline. */
  readonly y: number;
  readonly size: number;
  readonly bold?: boolean;
  readonly align?: 'left' | 'center' | 'right';
  /** Degrees, clockwise. */
  readonly angle?: number;
}

/** A width of a bold letter of DejaVu Sans that few texts exceed, as a share of the font size. */
const LETTER_WIDTH = 0.68;

/** The font size at which a text is at most `width` wide: `size`, or smaller where the text is long. */
export function fittingSize(content: string, width: number, size: number): number {
  return Math.min(size, width / (LETTER_WIDTH * content.length));
}

export function text(
  content: string,
  { x, y, size, bold = false, align = 'center', angle = 0 }: TextPlace,
): Mark {
  return {
    type: 'text',
    encode: {
      enter: {
        text: { value: content },
        x: { value: x },
        y: { value: y },
        fontSize: { value: size },
        fontWeight: { value: bold ? 'bold' : 'normal' },
        align: { value: align },
        angle: { value: angle },
        fill: { value: '#222' },
      },
    },
  };
}

export function line(x: number, y: number, x2: number, y2: number, colour = '#444'): Mark {
  return {
    type: 'rule',
    encode: {
      enter: {
        x: { value: x },
        y: { value: y },
        x2: { value: x2 },
        y2: { value: y2 },
        stroke: { value: colour },
      },
    },
  };
}

/** Three digits, as people write them: 0.0123, 4.56, 12,300, 1.23 · 10⁹. */
export function formatNumber(value: number): string {
  const magnitude = Math.abs(value);
  if (!Number.isFinite(value)) return String(value);
  if (magnitude === 0 || (magnitude >= 1e-3 && magnitude < 1e6)) {
    const figures =
      magnitude >= 100 ? Number(value.toPrecision(3)).toLocaleString('en-US') : value.toPrecision(3);
    return figures.replace('-', '−');
  }
  const [mantissa, exponent] = value.toExponential(2).split('e') as [string, string];
  return `${mantissa.replace('-', '−')} · 10${superscript(Number(exponent))}`;
}

/** A round number without needless zeros: 0.02, 5, 2,000. */
export function formatTick(value: number): string {
  return value >= 1e-3 && value < 1e6
    ? value.toLocaleString('en-US', { maximumSignificantDigits: 3 })
    : formatNumber(value);
}

/** 10 to an integer power: `100` where `plain`, else `10²`. */
export function formatPower(exponent: number, plain: boolean): string {
  return plain ? String(Number(`1e${exponent}`)) : `10${superscript(exponent)}`;
}

function superscript(exponent: number): string {
  return String(exponent).replace(/[-0-9]/g, (digit) => '⁻⁰¹²³⁴⁵⁶⁷⁸⁹'['-0123456789'.indexOf(digit)]!);
}
