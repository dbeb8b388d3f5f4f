/// <reference lib="dom" />
/** The page of `deepntk explore` in headless Chromium, for its tests. */
import { pathToFileURL } from 'node:url';

import type { Browser, EvaluateFunc, Page } from 'puppeteer-core';

import { EXPLORE_PAGE } from '../../src/report/explore-page';
import { type Look, type OpenedPage, openPage } from '../support/browser';

/** Against a page that hangs: twenty times as long as a histogram takes. Shorter than the time limit of a test. */
const PATIENCE_MS = 100_000;

/** Opens the page with a net, and waits until its histogram is complete. */
export async function openExplore(browser: Browser, link: string, look?: Look): Promise<OpenedPage> {
  const opened = await openPage(browser, `${pathToFileURL(EXPLORE_PAGE).href}#${link}`, look);
  await sampled(opened.page);
  return opened;
}

export async function sampled(page: Page): Promise<void> {
  await waitFor(
    page,
    'the histogram is complete',
    () => document.getElementById('sampling')!.dataset['done'] === 'true',
  );
}

/**
 * Waits until `condition` holds in the page.
 *
 * @param what completes the error's sentence "waited in vain until"
 */
export async function waitFor<Args extends unknown[]>(
  page: Page,
  what: string,
  condition: EvaluateFunc<Args>,
  ...args: Args
): Promise<void> {
  try {
    await page.waitForFunction(condition, { timeout: PATIENCE_MS }, ...args);
  } catch (cause) {
    const seen = await page.evaluate(() => {
      const text = (id: string): string => `${id}: ${document.getElementById(id)!.textContent}`;
      return [
        `address ${location.hash}`,
        ...['sampling', 'verdict', 'announcement', 'complaints'].map(text),
      ].join('; ');
    });
    throw new Error(`waited in vain until ${what}; the page shows ${seen}`, { cause });
  }
}
