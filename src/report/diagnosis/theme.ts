/** Colours of the page, light and dark, and how pictures take them on. */

/**
 * Colours that pictures are drawn in, and the variable of the page that stands for each: so a picture alone is a picture, and on
 * the page it follows the colour scheme. The two data colours are told apart by the colour-blind (Okabe and Ito's blue and vermilion).
 */
export const INK = '#222';
export const AXIS = '#444';
export const MUTED = '#5c6670';
export const GRID = '#e2e6ea';
export const BLUE = '#0072b2';
export const VERMILION = '#d55e00';

const VARIABLES: Readonly<Record<string, string>> = {
  [INK]: 'ink',
  [AXIS]: 'axis',
  [MUTED]: 'muted',
  [GRID]: 'grid',
  [BLUE]: 'blue',
  [VERMILION]: 'vermilion',
};

/** What a picture says to those who do not see it. */
export interface Description {
  readonly id: string;
  readonly title: string;
  readonly text: string;
}

/** A picture as a part of the page: it scales with its place, follows the colour scheme, and is described. */
export function inlineSvg(svg: string, { id, title, text }: Description): string {
  const [, width = '0', height = '0'] = /<svg[^>]*\bwidth="([\d.]+)"[^>]*\bheight="([\d.]+)"/.exec(svg) ?? [];
  const body = svg
    .replace(/^[\s\S]*?<svg[^>]*>/, '')
    .replace(/<rect width="[\d.]+" height="[\d.]+" fill="white"\s*(?:\/>|><\/rect>)/, '')
    .replace(/\b(id="|url\(#|href="#)/g, `$1${id}-`)
    .replace(/(fill|stroke)="(#[0-9a-f]{3,6})"/g, (whole, name: string, colour: string) =>
      VARIABLES[colour] === undefined ? whole : `${name}="var(--${VARIABLES[colour]})"`,
    )
    .replace(/ (?:font-family|role|aria-[a-z]+)="[^"]*"/g, '');
  return (
    `<svg viewBox="0 0 ${width} ${height}" style="max-width:${Math.round(1.15 * Number(width))}px" role="img" aria-labelledby="${id}-title ${id}-text" xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">` +
    `<title id="${id}-title">${escapeHtml(title)}</title><desc id="${id}-text">${escapeHtml(text)}</desc>${body}`
  );
}

export function escapeHtml(text: string): string {
  const entities: Readonly<Record<string, string>> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
  };
  return text.replace(/[&<>"]/g, (character) => entities[character]!);
}
