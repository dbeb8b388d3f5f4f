/** The reference of the library, which `npm run docs` generates: it leaves nothing out, and typedoc has nothing to say against it. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import * as browser from '../../src/browser/index';
import * as deepntk from '../../src/index';
import * as report from '../../src/report';

const root = join(__dirname, '..', '..');

test('every export has a docstring and a page', () => {
  const folder = mkdtempSync(join(tmpdir(), 'deepntk-reference-'));
  try {
    const typedoc = join(root, 'node_modules', 'typedoc', 'bin', 'typedoc');
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [typedoc, '--out', folder, '--logLevel', 'Warn'],
      {
        cwd: root,
        encoding: 'utf8',
      },
    );
    // Warnings, such as an export without a docstring, are errors: typedoc.json.
    expect({ status, output: stdout + stderr }).toEqual({ status: 0, output: '' });
    const pages = readdirSync(folder, { recursive: true, encoding: 'utf8' });
    const undescribed = Object.keys({ ...deepntk, ...report, ...browser }).filter(
      (name) => !pages.some((page) => page.endsWith(`/${name}.md`)),
    );
    expect(undescribed).toEqual([]);
    expect(pages).toContain(join('deepntk', 'browser', 'functions', 'streamHistogram.md'));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}, 120_000);
