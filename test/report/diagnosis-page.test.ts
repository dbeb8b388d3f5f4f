import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import type { Browser, Page } from 'puppeteer-core';

import { createSpec, diagnose, type Diagnosis, diagnosisPage, Mlp } from '../../src/index';
import { smallData, SUBJECTS } from '../diagnosis/subjects';
import { auditAccessibility, describeInChromium, launchChromium, openPage } from '../support/browser';

const quick = { quick: true, seed: 1 };
const pages: { name: string; diagnosis: Diagnosis; html: string }[] = [];

beforeAll(async () => {
  const given = Mlp.random(createSpec({ inputDim: 20, hiddenWidths: [60, 50, 40], weightVariance: 3 }), {
    seed: 1,
  });
  const wrong = Mlp.fromLayers(createSpec({ inputDim: 20, hiddenWidths: [60, 50, 40] }), given.layers);
  const linear = createSpec({ inputDim: 20, depth: 0 });
  const overflowing = createSpec({ inputDim: 20, depth: 400, width: 40, weightVariance: 20 });
  const runs = [
    ...SUBJECTS.map(({ name, spec }) => ({ name, net: spec, data: { ...smallData(), name: 'Waves' } })),
    { name: 'a given net with warnings', net: wrong, data: { x: smallData().x, name: '<b>"x" & y</b>' } },
    { name: 'a linear net and one input', net: linear, data: smallData(1) },
    { name: 'a kernel that overflows', net: overflowing, data: smallData(5) },
  ];
  for (const { name, net, data } of runs) {
    const diagnosis = await diagnose(net, data, quick);
    pages.push({ name, diagnosis, html: await diagnosisPage(diagnosis) });
  }
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

async function widthAndPaper(opened: Page): Promise<[width: number, paper: string]> {
  const expression =
    '[document.documentElement.scrollWidth, getComputedStyle(document.body).backgroundColor]';
  return (await opened.evaluate(expression)) as [number, string];
}

/** For the browser: texts of one picture that cover one another, or leave it. Boxes are taller than their letters. */
const OVERLAPS = `[...document.querySelectorAll('svg')].flatMap((svg) => {
  const frame = svg.getBoundingClientRect();
  const visible = (text) => text.textContent !== '' && getComputedStyle(text).opacity !== '0';
  const texts = [...svg.querySelectorAll('text')].filter(visible).map((text) => ({
    content: text.textContent,
    box: text.getBoundingClientRect(),
  }));
  return texts.flatMap(({ content, box: a }, i) => [
    ...(a.left < frame.left - 1 || a.right > frame.right + 1 || a.top < frame.top - 1 || a.bottom > frame.bottom + 1
      ? ['clipped: ' + content]
      : []),
    ...texts.slice(i + 1).filter(({ box: b }) =>
      Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 &&
      Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 4,
    ).map((other) => content + ' and ' + other.content),
  ]);
})`;

describeInChromium('in Chromium', () => {
  let browser: Browser;
  let folder: string;
  beforeAll(async () => {
    browser = await launchChromium();
    folder = mkdtempSync(join(tmpdir(), 'deepntk-page-'));
  });
  afterAll(async () => {
    await browser.close();
    rmSync(folder, { recursive: true, force: true });
  });

  test.each([
    ['desktop, light', { width: 1200, colorScheme: 'light' }],
    ['desktop, dark', { width: 1200, colorScheme: 'dark' }],
    ['phone, light', { width: 390, colorScheme: 'light' }],
    ['phone, dark', { width: 390, colorScheme: 'dark' }],
  ] as const)('%s: no complaint, accessible, nothing wider than the window', async (_, look) => {
    for (const { name, html } of pages) {
      const file = join(folder, 'page.html');
      writeFileSync(file, html);
      const { page: opened, complaints } = await openPage(browser, pathToFileURL(file).href, look);
      const audit = await auditAccessibility(opened);
      const [width, paper] = await widthAndPaper(opened);
      expect({ name, complaints, audit }).toEqual({ name, complaints: [], audit: [] });
      expect(width).toBeLessThanOrEqual(look.width);
      expect(paper).toBe(look.colorScheme === 'dark' ? 'rgb(20, 24, 28)' : 'rgb(255, 255, 255)');
      await opened.close();
    }
  });

  test('labels in charts do not touch one another', async () => {
    for (const { name, html } of pages) {
      const file = join(folder, 'page.html');
      writeFileSync(file, html);
      const { page: opened } = await openPage(browser, pathToFileURL(file).href, { width: 1200 });
      const overlaps = await opened.evaluate(OVERLAPS);
      expect({ name, overlaps }).toEqual({ name, overlaps: [] });
      await opened.close();
    }
  });

  test('prints on paper without anything cut off at the side', async () => {
    const file = join(folder, 'page.html');
    writeFileSync(file, page('chaotic').html);
    const { page: opened } = await openPage(browser, pathToFileURL(file).href, {
      width: 688,
      colorScheme: 'dark',
    });
    await opened.emulateMediaType('print');
    const [width, paper] = await widthAndPaper(opened);
    expect(width).toBeLessThanOrEqual(688);
    expect(paper).toBe('rgb(255, 255, 255)');
    await opened.close();
  });
});
