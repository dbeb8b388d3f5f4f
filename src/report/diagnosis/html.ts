/** Pieces of HTML. Text given to these functions is plain; "σ_w²" is written with a subscript. */
import { escapeHtml } from './theme';

export function text(plain: string): string {
  return escapeHtml(plain)
    .replace(/(\d) %/g, '$1\u00a0%')
    .replace(/_(\p{L}+|0|∞)/gu, '<sub>$1</sub>');
}

export function paragraph(plain: string, className = ''): string {
  return `<p${className === '' ? '' : ` class="${className}"`}>${text(plain)}</p>`;
}

/** Names and what they are; null leaves a row out. */
export function facts(
  caption: string,
  rows: readonly (readonly [name: string, value: string | null])[],
): string {
  const body = rows
    .filter(([, value]) => value !== null)
    .map(([name, value]) => `<tr><th scope="row">${text(name)}</th><td>${text(value!)}</td></tr>`)
    .join('');
  return `<div class="scroll"><table class="facts"><caption>${text(caption)}</caption><tbody>${body}</tbody></table></div>`;
}

/** A table of numbers; the first column names the row. */
export function table(
  caption: string,
  head: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const header = head.map((name) => `<th scope="col">${text(name)}</th>`).join('');
  const body = rows
    .map(([name, ...values]) => {
      const cells = values.map((value) => `<td>${text(value)}</td>`).join('');
      return `<tr><th scope="row">${text(name!)}</th>${cells}</tr>`;
    })
    .join('');
  return (
    `<div class="scroll" tabindex="0" role="region" aria-label="${escapeHtml(caption)}"><table class="numbers"><caption>${text(caption)}</caption>` +
    `<thead><tr>${header}</tr></thead><tbody>${body}</tbody></table></div>`
  );
}

export function figure(svg: string, caption: string): string {
  return `<figure>${svg}<figcaption>${text(caption)}</figcaption></figure>`;
}

export function section(id: string, title: string, parts: readonly string[]): string {
  return `<section aria-labelledby="${id}"><h2 id="${id}">${text(title)}</h2>${parts.join('')}</section>`;
}

export function list(items: readonly string[]): string {
  return `<ul>${items.map((item) => `<li>${text(item)}</li>`).join('')}</ul>`;
}
