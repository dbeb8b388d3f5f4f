/** The interactive page that the package brings with it: where it is, its link, copies of it, and opening it. */
import { spawn } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { readBytes, writeFileAtomically } from '../data/files';
import { type ExploredNet, toLink } from '../explore/link';

/** The page: one HTML file, made by `npm run build`. */
export const EXPLORE_PAGE = join(__dirname, '..', 'explore', 'index.html');

/** The page's address; with the net's link where one is given. */
export function exploreUrl(page: string, net: ExploredNet | null): string {
  const url = pathToFileURL(page);
  if (net !== null) url.hash = toLink(net);
  return url.href;
}

/** Writes a copy of the page, which begins with the net where one is given. */
export async function copyExplorePage(to: string, net: ExploredNet | null): Promise<void> {
  const page = Buffer.from(await readBytes(EXPLORE_PAGE)).toString('utf8');
  const link = net === null ? '' : toLink(net).replaceAll('&', '&amp;');
  await writeFileAtomically(to, [Buffer.from(page.replace('data-link=""', () => `data-link="${link}"`))]);
}

/** Whether there is a display that a browser could open a window on; not where BROWSER is `none`, as other tools have it, too. */
export function hasDisplay(): boolean {
  if (process.env['BROWSER'] === 'none') return false;
  if (process.platform === 'darwin' || process.platform === 'win32') return true;
  return ['DISPLAY', 'WAYLAND_DISPLAY'].some((name) => (process.env[name] ?? '') !== '');
}

/**
 * Opens a file: URL in the user's browser. What opens files by their type drops what follows #, so a small file that leads
 * there is opened in its place.
 *
 * @returns whether something took it
 */
export async function openInBrowser(url: string): Promise<boolean> {
  const file = join(tmpdir(), `deepntk-explore-${process.pid}.html`);
  const target = url.replaceAll('&', '&amp;');
  const text = `<!doctype html><meta charset="utf-8"><title>deepntk explore</title><meta http-equiv="refresh" content="0; url=${target}"><a href="${target}">deepntk explore</a>\n`;
  await writeFileAtomically(file, [Buffer.from(text)]);
  const [command, ...args] = opener();
  return new Promise((resolve) => {
    const child = spawn(command!, [...args, file], { stdio: 'ignore', detached: true });
    child.once('error', () => {
      resolve(false);
    });
    child.once('spawn', () => {
      child.unref();
      resolve(true);
    });
  });
}

function opener(): string[] {
  if (process.platform === 'darwin') return ['open'];
  if (process.platform === 'win32') return ['cmd', '/c', 'start', ''];
  return ['xdg-open'];
}
