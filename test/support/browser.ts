/** Headless Chromium for the tests of pages: what a reader would see, the console's complaints, and an accessibility audit. */
import { existsSync, readFileSync } from 'node:fs';

import puppeteer, { type Browser, type Page } from 'puppeteer-core';

const PLACES = [
  process.env.CHROMIUM,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];

const executable = PLACES.find((place) => place !== undefined && existsSync(place));

/**
 * `describe` where a Chromium is found; elsewhere the tests are skipped, which DEEPNTK_REQUIRE_CHROMIUM=1 makes an error.
 */
export const describeInChromium: jest.Describe = executable === undefined ? missing() : describe;

function missing(): jest.Describe {
  if (process.env.DEEPNTK_REQUIRE_CHROMIUM === '1') {
    throw new Error('no Chromium found: install it, or name one in the environment variable CHROMIUM');
  }
  return describe.skip;
}

export async function launchChromium(): Promise<Browser> {
  return puppeteer.launch({
    executablePath: executable!,
    headless: true,
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'],
  });
}

export interface OpenedPage {
  readonly page: Page;
  /** Errors and warnings on the console, uncaught exceptions, and requests that failed or left the machine; filled as they come. */
  readonly complaints: string[];
}

export interface Look {
  readonly width?: number;
  readonly height?: number;
  readonly colorScheme?: 'light' | 'dark';
}

/** Opens `url` (file: or http:) with the window and the colour scheme given; waits until it has loaded. */
export async function openPage(browser: Browser, url: string, look: Look = {}): Promise<OpenedPage> {
  const page = await browser.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warn') {
      complaints.push(`${message.type()}: ${message.text()}`);
    }
  });
  page.on('pageerror', (error) => complaints.push(`exception: ${String(error)}`));
  page.on('requestfailed', (request) => complaints.push(`request failed: ${request.url().slice(0, 200)}`));
  page.on('request', (request) => {
    const { protocol, hostname } = new URL(request.url());
    const local =
      ['file:', 'data:', 'blob:'].includes(protocol) || ['localhost', '127.0.0.1'].includes(hostname);
    if (!local) complaints.push(`request to another machine: ${request.url().slice(0, 200)}`);
  });
  await page.setViewport({ width: look.width ?? 1200, height: look.height ?? 900 });
  await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: look.colorScheme ?? 'light' }]);
  await page.goto(url, { waitUntil: 'load' });
  return { page, complaints };
}

/** The violations that axe finds in a page, a line each: its rule, what is wrong, and where. */
export async function auditAccessibility(page: Page): Promise<string[]> {
  await page.evaluate(readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8'));
  return page.evaluate(async () => {
    const { axe } = globalThis as unknown as { axe: { run(): Promise<AxeResults> } };
    const { violations } = await axe.run();
    return violations.map(
      ({ id, help, nodes }) => `${id}: ${help} (${nodes.map(({ target }) => target.join(' ')).join('; ')})`,
    );
  });
}

interface AxeResults {
  readonly violations: readonly {
    readonly id: string;
    readonly help: string;
    readonly nodes: readonly { readonly target: readonly string[] }[];
  }[];
}
