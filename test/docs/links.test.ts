/** Every link between the documents of the repository leads somewhere. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const root = join(__dirname, '..', '..');
const pages = [
  'README.md',
  'CHANGELOG.md',
  'examples/README.md',
  'bench/peers/README.md',
  ...readdirSync(join(root, 'docs'))
    .filter((file) => file.endsWith('.md'))
    .map((file) => `docs/${file}`),
];

/** The anchor of a heading, as GitHub makes it. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');
}

function withoutCode(page: string): string {
  return readFileSync(join(root, page), 'utf8').replace(/^```[^]*?^```/gm, '');
}

test.each(pages)('%s: its links lead to files and headings that exist', (page) => {
  const links = Array.from(withoutCode(page).matchAll(/\]\(([^)\s]+)\)/g), ([, target]) => target!);
  const broken = links.filter((link) => {
    if (/^[a-z]+:/.test(link)) return false;
    const [file, anchor] = link.split('#');
    const target = file === '' ? page : join(dirname(page), file!);
    if (!existsSync(join(root, target))) return true;
    if (anchor === undefined) return false;
    const headings = Array.from(withoutCode(target).matchAll(/^#+ (.*)$/gm), ([, heading]) =>
      anchorOf(heading!),
    );
    return !headings.includes(anchor);
  });
  expect(broken).toEqual([]);
});

test('every page of the documentation can be reached from its index', () => {
  const index = readFileSync(join(root, 'docs', 'README.md'), 'utf8');
  const missing = pages.filter(
    (page) => page.startsWith('docs/') && page !== 'docs/README.md' && !index.includes(`](${page.slice(5)})`),
  );
  expect(missing).toEqual([]);
});
