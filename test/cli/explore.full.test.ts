/** `deepntk explore` opens its page: with a program of the desktop, and in Chromium. */
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { EXPLORE_PAGE } from '../../src/report/explore-page';
import { describeInChromium, launchChromium, openPage } from '../support/browser';
import { run, runJson } from './run';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'deepntk-explore-test-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const onLinux = process.platform === 'linux' ? describe : describe.skip;

onLinux('where there is a display', () => {
  test('a file that leads to the address is opened', () => {
    const opened = join(folder, 'opened');
    const program = join(folder, 'xdg-open');
    writeFileSync(program, `#!/bin/sh\ncat "$1" > ${opened}.part && mv ${opened}.part ${opened}\n`);
    chmodSync(program, 0o755);
    const env = { BROWSER: '', DISPLAY: ':0', PATH: `${folder}${delimiter}${process.env['PATH'] ?? ''}` };
    const { stdout, stderr, status } = run(['explore', '--sw2', '1.5'], { env });
    expect([status, stderr]).toEqual([0, '']);
    const page = readWhenThere(opened);
    expect(page).toContain(`url=${stdout.trim().replaceAll('&', '&amp;')}"`);
  });

  test('and nothing opens files, it says so', () => {
    const env = { BROWSER: '', DISPLAY: ':0', PATH: join(folder, 'nothing') };
    const { stdout, stderr, status } = run(['explore'], { env });
    expect(status).toBe(0);
    expect(stdout).toBe(`${pathToFileURL(EXPLORE_PAGE).href}\n`);
    expect(stderr).toMatch(/^deepntk: no program took the page; .*\n$/);
  });
});

function readWhenThere(file: string): string {
  const end = Date.now() + 60_000;
  for (;;) {
    try {
      return readFileSync(file, 'utf8');
    } catch (error) {
      if (Date.now() > end) throw error;
    }
  }
}

describeInChromium('a copy by --out', () => {
  test('begins with its net, without a link', async () => {
    const out = join(folder, 'copy.html');
    const { path } = runJson(['explore', '--depth', '33', '--width', '44', '--out', out]) as { path: string };
    expect(path).toBe(out);
    const browser = await launchChromium();
    const { page, complaints } = await openPage(browser, pathToFileURL(out).href);
    await page.waitForFunction(() => location.hash.includes('depth=33&width=44'));
    expect(Number(await page.$eval('#lambda', (data) => (data as HTMLDataElement).value))).toBe(33 / 44);
    expect(complaints).toEqual([]);
    await browser.close();
  });
});
