/// <reference lib="dom" />
/** The page of `deepntk explore` as a reader has it: in headless Chromium. */
import type { Browser, Page } from 'puppeteer-core';

import { fromLink, toLink } from '../../src/explore/link';
import { createSpec, moments } from '../../src/index';
import {
  auditAccessibility,
  describeInChromium,
  launchChromium,
  type Look,
  type OpenedPage,
} from '../support/browser';
import { openExplore, waitFor } from './page';

let browser: Browser | undefined;
afterAll(async () => {
  await browser?.close();
});

const open = (link: string, look?: Look): Promise<OpenedPage> => openExplore(browser!, link, look);

/** What the page shows, as numbers. */
function numbers(page: Page): Promise<Record<'dispersion' | 'spread' | 'mean' | 'lambda', number>> {
  return page.evaluate(() => {
    const value = (id: string): number => Number((document.getElementById(id) as HTMLDataElement).value);
    return {
      dispersion: value('dispersion'),
      spread: value('spread'),
      mean: value('mean'),
      lambda: value('lambda'),
    };
  });
}

function exactNumbers(link: string): Record<string, number> {
  const { net } = fromLink(link);
  const { inputDim, depth, width, weightVariance, biasVariance, parametrization, biasGradients, inputNorm2 } =
    net;
  const spec = createSpec({
    inputDim,
    depth,
    width,
    weightVariance,
    biasVariance,
    parametrization,
    biasGradients,
  });
  const { dispersion, relativeStandardDeviation, mean } = moments(spec, { inputNorm2 });
  return { dispersion, spread: relativeStandardDeviation, mean, lambda: depth / width };
}

/** The link in the address bar, once it has been written. */
async function linkOf(page: Page, part: string): Promise<string> {
  await waitFor(page, `the address has ${part}`, (wanted: string) => location.hash.includes(wanted), part);
  return page.evaluate(() => location.hash.slice(1));
}

async function verdictBegins(page: Page, phase: string): Promise<void> {
  await waitFor(
    page,
    `the verdict begins with ${phase}`,
    (start: string) => document.getElementById('verdict')!.textContent.startsWith(start),
    phase,
  );
}

describeInChromium('the page in Chromium', () => {
  beforeAll(async () => {
    browser = await launchChromium();
  });

  test.each([
    'depth=20&width=300&sw2=1.2&input-dim=784&input-norm2=100',
    'depth=50&width=100&sw2=2',
    'depth=200&width=100&sw2=2.5&sb2=0.1&bias-gradients=no',
    'depth=8&width=12&sw2=2&sb2=0.3&parametrization=ntk',
  ])('a link brings its net back: %s', async (link) => {
    const { page, complaints } = await open(link);
    expect(await numbers(page)).toEqual(exactNumbers(link));
    expect(await linkOf(page, 'seed=1')).toBe(toLink(fromLink(link).net));
    expect(complaints).toEqual([]);

    // The histogram is of this net: its mean and dispersion agree with the exact ones within their errors.
    const { mean, meanError, dispersion, dispersionError } = await page.evaluate(
      () =>
        Object.fromEntries(Object.entries(document.getElementById('sampling')!.dataset)) as Record<
          string,
          string
        >,
    );
    const exact = exactNumbers(link);
    expect(Number(meanError) / exact['mean']!).toBeLessThan(0.05);
    expect(Math.abs(Number(mean) - exact['mean']!)).toBeLessThan(4 * Number(meanError));
    expect(Number(dispersionError) / exact['dispersion']!).toBeLessThan(0.05);
    expect(Math.abs(Number(dispersion) - exact['dispersion']!)).toBeLessThan(4 * Number(dispersionError));
    await page.close();
  });

  test('every slider changes the numbers to what moments says, by keys', async () => {
    const { page, complaints } = await open('depth=50&width=100');
    for (const [slider, keys] of [
      ['depth', ['ArrowRight', 'PageUp']],
      ['width', ['ArrowRight', 'End']],
      ['sw2', ['ArrowLeft', 'PageDown']],
      ['sb2', ['ArrowUp']],
      ['input-norm2', ['ArrowRight']],
      ['input-dim', ['Home', 'ArrowRight']],
    ] as const) {
      const before = await numbers(page);
      await page.focus(`#${slider}`);
      for (const key of keys) await page.keyboard.press(key);
      await waitFor(
        page,
        `the mean is another than ${before.mean}, after a move of ${slider}`,
        (old: string) => (document.getElementById('mean') as HTMLDataElement).value !== old,
        String(before.mean),
      );
      const shown = await page.$eval(`#${slider}-number`, (input) => (input as HTMLInputElement).value);
      const link = await linkOf(page, `${slider}=${shown}`);
      const after = await numbers(page);
      expect(after).not.toEqual(before);
      expect(after).toEqual(exactNumbers(link));
      expect(await page.$eval(`#${slider}`, (input) => input.getAttribute('aria-valuetext'))).not.toBeNull();
    }
    expect(complaints).toEqual([]);
    await page.close();
  });

  test('a number can be typed; one that does not fit is refused in words, and changes nothing', async () => {
    const { page } = await open('depth=50&width=100');
    const type = async (text: string): Promise<void> => {
      await page.click('#depth-number', { count: 3 });
      await page.keyboard.type(text);
    };
    await type('77');
    expect(await linkOf(page, 'depth=77&')).toContain('depth=77&');
    await type('2000');
    // 2, 20 and 200 on the way there are nets.
    expect(await linkOf(page, 'depth=200&')).toContain('depth=200&');
    expect(await page.$eval('#depth-number', (input) => (input as HTMLInputElement).validationMessage)).toBe(
      'depth: expected a whole number from 1 to 1000',
    );
    await page.focus('#width');
    expect(await page.$eval('#depth-number', (input) => (input as HTMLInputElement).value)).toBe('200');
    await page.close();
  });

  test('choices, other nets, reset, and the diagram under the pointer', async () => {
    const { page, complaints } = await open('depth=50&width=100');
    await page.select('#parametrization', 'ntk');
    await page.click('#bias-gradients');
    const link = await linkOf(page, 'bias-gradients=no');
    expect(link).toContain('parametrization=ntk');
    expect(await numbers(page)).toEqual(exactNumbers(link));

    const old = await page.$eval('#sampling', (place) => (place as HTMLElement).dataset['mean']);
    await page.click('#redraw');
    await linkOf(page, 'seed=2');
    await waitFor(
      page,
      `the sampled mean is another than ${old}`,
      (mean: string | undefined) => document.getElementById('sampling')!.dataset['mean'] !== mean,
      old,
    );

    const canvas = await page.$('#diagram canvas');
    const box = (await canvas!.boundingBox())!;
    await page.mouse.move(box.x + 0.8 * box.width, box.y + 0.5 * box.height);
    const reading = await page.$eval('#reading', (place) => place.textContent);
    expect(reading).toMatch(/^σ² = \d(\.\d+)?, λ = .*: dispersion /);
    await page.mouse.down();
    await verdictBegins(page, 'Chaotic');
    await page.mouse.move(box.x + 0.3 * box.width, box.y + 0.8 * box.height, { steps: 4 });
    await verdictBegins(page, 'Ordered');
    await page.mouse.up();

    await page.click('#reset');
    await linkOf(
      page,
      'depth=50&width=100&sw2=2&sb2=0&input-norm2=1&seed=1&parametrization=standard&bias-gradients=yes',
    );
    expect(complaints).toEqual([]);
    await page.close();
  });

  test('a link that does not fit is told of, and the rest of it is shown', async () => {
    const { page } = await open('depth=5000&width=64&sw2=two&parametrization=mup');
    expect(
      await page.$eval('#complaints', (place) => ((place as HTMLElement).hidden ? null : place.textContent)),
    ).toBe(
      'Of this link: depth: expected a whole number from 1 to 1000, got 5000; sw2: expected a number from 0.5 to 3.5, got two; ' +
        'parametrization: expected standard or ntk, got mup. Presets are shown instead.',
    );
    expect(await numbers(page)).toEqual(exactNumbers('width=64'));
    await page.close();
  });

  test('what changed is read out, once the sliders rest', async () => {
    const { page } = await open('depth=50&width=100&sw2=2.5');
    await page.focus('#sw2');
    await page.keyboard.press('Home');
    await waitFor(page, 'the ordered phase is announced', () =>
      document.getElementById('announcement')!.textContent.startsWith('Ordered phase.'),
    );
    const text = await page.$eval(
      '#announcement',
      (place) => `${place.getAttribute('aria-live')}: ${place.textContent}`,
    );
    expect(text).toMatch(/^polite: Ordered phase\. Dispersion 1\.\d+, mean \d.*, spread .*%\.$/);
    expect(await page.$eval('#diagram', (place) => place.getAttribute('aria-label'))).toContain(
      'Ordered phase.',
    );
    await page.close();
  });

  test.each(['light', 'dark'] as const)(
    '%s: nothing that axe finds, on a desk and on a phone',
    async (colorScheme) => {
      for (const width of [1280, 390]) {
        const { page, complaints } = await open('', { width, colorScheme });
        await page.click('summary');
        expect(await auditAccessibility(page)).toEqual([]);
        const [content, window] = await page.evaluate(() => [
          document.documentElement.scrollWidth,
          innerWidth,
        ]);
        expect(content).toBeLessThanOrEqual(window!);
        expect(complaints).toEqual([]);
        await page.close();
      }
    },
  );

  test('follows a change of colours and of the window', async () => {
    const { page, complaints } = await open('', { width: 1280, colorScheme: 'light' });
    const width = (): Promise<number> => page.$eval('#histogram canvas', (canvas) => canvas.clientWidth);
    const before = await width();
    await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: 'dark' }]);
    await page.setViewport({ width: 390, height: 844 });
    await waitFor(
      page,
      `the histogram is not ${before} pixels wide`,
      (old: number) => document.querySelector('#histogram canvas')!.clientWidth !== old,
      before,
    );
    expect(await width()).toBeLessThanOrEqual(390);
    expect(await page.$$eval('canvas', (all) => all.length)).toBe(2);
    expect(complaints).toEqual([]);
    await page.close();
  });
});
