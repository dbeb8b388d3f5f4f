/** The page of a diagnosis in headless Chromium: as wide as windows and paper, accessible, in both colour schemes. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import type { Browser, Page } from 'puppeteer-core';

import { auditAccessibility, describeInChromium, launchChromium, openPage } from '../support/browser';
import { type DiagnosisPage, diagnosisPages } from './diagnosis-pages';

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
  let pages: DiagnosisPage[];
  beforeAll(async () => {
    pages = await diagnosisPages();
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
    writeFileSync(file, pages.find(({ name }) => name.includes('chaotic'))!.html);
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
