/// <reference lib="dom" />
/** `deepntk/browser` in a page without a worker: the page stays alive while it samples. */
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

import type { Browser } from 'puppeteer-core';

import type * as DeepntkBrowser from '../../src/browser/index';
import { createSpec, estimateDispersion } from '../../src/index';
import { describeInChromium, launchChromium, openPage } from '../support/browser';

const MODULE = join(__dirname, '..', '..', 'dist', 'browser', 'index.mjs');
const PAGE = `<!doctype html><title>a page</title><link rel="icon" href="data:," />
  <script type="module">import * as deepntk from './index.mjs'; globalThis.deepntk = deepntk;</script>`;

let browser: Browser | undefined;
let server: Server | undefined;

afterAll(async () => {
  await browser?.close();
  server?.close();
});

describeInChromium('deepntk/browser in a page', () => {
  test('loads as a module without a bundler, gives the numbers that Node gives, and lets frames be drawn meanwhile', async () => {
    server = createServer(({ url }, response) => {
      response.setHeader('content-type', url === '/index.mjs' ? 'text/javascript' : 'text/html');
      response.end(url === '/index.mjs' ? readFileSync(MODULE) : PAGE);
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => server!.once('listening', resolve));
    browser = await launchChromium();
    const { port } = server.address() as AddressInfo;
    const { page, complaints } = await openPage(browser, `http://127.0.0.1:${port}/`);
    const { dispersion, frames } = await page.evaluate(async () => {
      const { deepntk } = globalThis as unknown as { deepntk: typeof DeepntkBrowser };
      let frames = 0;
      let running = true;
      const count = (): void => {
        frames++;
        if (running) requestAnimationFrame(count);
      };
      requestAnimationFrame(count);
      const spec = deepntk.createSpec({ inputDim: 100, depth: 100, width: 100 });
      const { dispersion } = await deepntk.estimateDispersion(spec, { replicas: 10_000, seed: 1 });
      running = false;
      return { dispersion, frames };
    });
    const spec = createSpec({ inputDim: 100, depth: 100, width: 100 });
    expect(dispersion).toBe((await estimateDispersion(spec, { replicas: 10_000, seed: 1 })).dispersion);
    // Some 200 ms of work on the fastest machine; a page that hangs draws one frame before, and one after.
    expect(frames).toBeGreaterThanOrEqual(5);
    expect(complaints).toEqual([]);
  });
});
