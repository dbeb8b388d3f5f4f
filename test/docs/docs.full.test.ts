/**
 * Runs every JavaScript snippet and every `deepntk` command of README.md and docs/, in the order of the page, in a
 * folder of the page's own, so that one block may use the files that an earlier one wrote.
 */
import { spawnSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Command } from 'commander';

import { addBenchCommand } from '../../src/cli/bench';

const root = join(__dirname, '..', '..');
const pages = [
  'README.md',
  ...readdirSync(join(root, 'docs'))
    .filter((file) => file.endsWith('.md'))
    .map((file) => join('docs', file)),
];

interface Block {
  readonly line: number;
  readonly language: string;
  readonly text: string;
}

function blocksOf(page: string): Block[] {
  const blocks: Block[] = [];
  let open: { line: number; language: string; lines: string[] } | null = null;
  readFileSync(join(root, page), 'utf8')
    .split('\n')
    .forEach((text, index) => {
      const fence = /^```(\w*)/.exec(text);
      if (fence === null) open?.lines.push(text);
      else if (open === null) open = { line: index + 1, language: fence[1]!, lines: [] };
      else {
        blocks.push({ line: open.line, language: open.language, text: open.lines.join('\n') });
        open = null;
      }
    });
  return blocks;
}

/** Commands that set up a machine or run for long: not for this suite. .ci/run runs those of README.md. */
const RUN_ELSEWHERE =
  /^(npm|sudo|apt-get|git|cmake|ctest|brew|node bench\/|DEEPNTK_\w+=\S+ npm|sh scripts\/|unset|OPENBLAS_\w+=)/;

function isCommand(line: string): boolean {
  return /^(npx )?deepntk /.test(line);
}

describe.each(pages)('%s', (page) => {
  let folder: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'deepntk-docs-'));
    mkdirSync(join(folder, 'node_modules'));
    symlinkSync(root, join(folder, 'node_modules', 'deepntk'));
  });

  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  const blocks = blocksOf(page).filter(({ language }) => ['js', 'mjs', 'sh'].includes(language));

  test('has no block of a language that no test runs', () => {
    // Python is for readers who come from there; its packages are not those of a checkout.
    const known = ['js', 'mjs', 'sh', 'python', 'text', 'json', 'ts', 'cpp', ''];
    expect(blocksOf(page).filter(({ language }) => !known.includes(language))).toEqual([]);
  });

  for (const { line, language, text } of blocks) {
    if (language !== 'sh') {
      test(`the snippet at line ${line} runs`, () => {
        const file = join(folder, `snippet-${line}.${language === 'mjs' ? 'mjs' : 'cjs'}`);
        writeFileSync(file, text);
        expectSuccess(spawnSync(process.execPath, [file], { cwd: folder, encoding: 'utf8' }));
      });
      continue;
    }
    for (const command of text.replaceAll('\\\n', ' ').split('\n')) {
      const stripped = command.replace(/\s+#.*$/, '').trim();
      if (stripped === '' || stripped.startsWith('#')) continue;
      const words = stripped.replace(/^npx /, '').split(/\s+/).slice(1);
      if (isCommand(stripped) && words[0] === 'bench') {
        test(`line ${line}: ${stripped} has flags that exist`, async () => {
          await expect(parseBench(words)).resolves.toEqual(['bench']);
        });
      } else if (isCommand(stripped)) {
        test(`line ${line}: ${stripped}`, () => {
          const main = join(root, 'dist', 'cli', 'main.js');
          const script = stripped.replace(/^(npx )?deepntk /, `"${process.execPath}" "${main}" `);
          const env = { ...process.env, BROWSER: 'none' };
          expectSuccess(spawnSync('sh', ['-c', script], { cwd: folder, encoding: 'utf8', env }));
        });
      } else {
        test(`line ${line}: "${stripped}" sets up a machine or runs for long`, () => {
          expect(stripped).toMatch(RUN_ELSEWHERE);
        });
      }
    }
  }
});

/**
 * Parses the arguments of `deepntk bench` without measuring anything: it takes most of a minute, and test/cli runs it.
 *
 * @returns the commands that would run
 */
async function parseBench(words: readonly string[]): Promise<string[]> {
  const program = new Command().exitOverride().configureOutput({ writeErr: () => undefined });
  addBenchCommand(program);
  const found: string[] = [];
  for (const command of program.commands) {
    command.action(() => {
      found.push(command.name());
    });
  }
  await program.parseAsync(words, { from: 'user' });
  return found;
}

test('a flag that bench does not have would be found', async () => {
  await expect(parseBench(['bench', '--suites', 'kernel'])).rejects.toThrow(/unknown option/);
  await expect(parseBench(['bench', '--suite', 'colonel'])).rejects.toThrow(/Allowed choices/);
});

function expectSuccess(result: { status: number | null; stderr: string }): void {
  expect({ status: result.status, stderr: result.status === 0 ? '' : result.stderr }).toEqual({
    status: 0,
    stderr: '',
  });
}
