/** How wide texts are: Vega has to know it where it lays out titles and legends, and without a canvas only guesses. */

/** Advance widths of DejaVu Sans in units of the font size, by kind of letter, rounded up; the last one is of all others. */
const WIDTHS: readonly (readonly [letters: RegExp, width: number])[] = [
  [/[ijl'.,:;|!·]/, 0.34],
  [/[ ftrI()[\]/\-‖]/, 0.4],
  [/[⁰¹²³⁴-⁹⁻′]/, 0.42],
  [/[mwMW%→Θ±×−≤≥=+<>]/, 0.86],
  [/[A-Z]/, 0.7],
  [/[^]/, 0.63],
];

const BOLD = 1.12;

/** In pixels, for a font of `size` pixels. */
export function textWidth(text: string, size: number, bold: boolean): number {
  let width = 0;
  for (const letter of text) width += WIDTHS.find(([letters]) => letters.test(letter))![1];
  return width * size * (bold ? BOLD : 1);
}
