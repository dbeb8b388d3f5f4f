/** The page of a diagnosis as text; in a browser: diagnosis-page.full.test.ts. */
import { SUBJECTS } from '../diagnosis/subjects';
import { type DiagnosisPage, diagnosisPages } from './diagnosis-pages';

let pages: DiagnosisPage[];
beforeAll(async () => {
  pages = await diagnosisPages();
});

const page = (name: string) => pages.find((candidate) => candidate.name.includes(name))!;

/** What a reader reads: without tags, styles and the pictures. */
function textOf(html: string): string {
  return html
    .replace(/<style>[\s\S]*?<\/style>|<svg[\s\S]*?<\/svg>/g, '')
    .replace(/<[^>]*>/g, '')
    .replaceAll('\u00a0', ' ');
}

test('each page says its verdict, its reasons, and the exact and sampled numbers', () => {
  for (const { answer, name } of SUBJECTS) {
    const { html, diagnosis } = page(name);
    const text = textOf(html);
    expect(diagnosis.verdict.answer).toBe(answer);
    expect(html).toContain(`class="verdict ${answer}"`);
    expect(text).toContain(diagnosis.verdict.sentence);
    for (const { sentence } of diagnosis.verdict.criteria) expect(text).toContain(sentence);
    expect(text).toContain(diagnosis.initialization.exact.dispersion.toPrecision(5));
    expect(text).toContain(diagnosis.initialization.oneOutputEstimate.dispersion.toFixed(4).slice(0, 5));
    expect(text).toContain('Waves');
  }
});

test('every picture is described, and nothing is fetched from anywhere', () => {
  for (const { html } of pages) {
    const pictures = [...html.matchAll(/<svg[^>]*>/g)].map(([tag]) => tag);
    for (const tag of pictures) expect(tag).toMatch(/role="img" aria-labelledby="[\w-]+-title [\w-]+-text"/);
    const ids = [...html.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(html).not.toMatch(/<script|<link|<img|(?:src|href)="(?!data:|#)/);
    expect(html).not.toMatch(/NaN|undefined|\[object/);
  }
  expect(page('chaotic').html.match(/<svg/g)).toHaveLength(7);
  // No spread to draw, no other input to compare with.
  expect(page('linear').html.match(/<svg/g)).toHaveLength(2);
  expect(page('overflows').html.match(/<svg/g)).toHaveLength(2);
});

test('what users name their data is text', () => {
  const { html } = page('given');
  expect(html).toContain('&lt;b&gt;&quot;x&quot; &amp; y&lt;/b&gt;');
  expect(html).not.toContain('<b>');
  expect(html).toContain('role="note"');
});

test('the colours of pictures are those of the page', () => {
  const pictures = [...page('chaotic').html.matchAll(/<svg[\s\S]*?<\/svg>/g)].map(([svg]) => svg).join('');
  const drawn = pictures.replace(/(?:xlink:)?href="data:[^"]*"/g, '');
  const colours = [...drawn.matchAll(/(?:fill|stroke)="([^"]+)"/g)].map(([, colour]) => colour!);
  const fixed = colours.filter((colour) => !/^(none|transparent|var\(--\w+\))$/.test(colour));
  expect([...new Set(fixed)]).toEqual([]);
});
