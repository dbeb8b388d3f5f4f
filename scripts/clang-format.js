'use strict';

/**
 * Formats the C++ of native/ by .clang-format; `--check` only says what it would change. Without clang-format on the
 * PATH a check says so and passes, except in CI (CI=true).
 */
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');

const root = path.join(__dirname, '..');
const check = process.argv.includes('--check');

const files = fs
  .readdirSync(path.join(root, 'native'), { recursive: true })
  .filter((name) => /\.(hpp|cpp|cc|h|cu)$/.test(name))
  .map((name) => path.join('native', name))
  .sort();

const mode = check ? ['--dry-run', '--Werror'] : ['-i'];
const result = spawnSync('clang-format', [...mode, ...files], { cwd: root, stdio: 'inherit' });

if (result.error?.code === 'ENOENT') {
  console.error('clang-format was not found: the C++ files are not checked (apt-get install clang-format)');
  process.exitCode = check && process.env.CI !== 'true' ? 0 : 1;
} else if (result.error !== undefined) {
  throw result.error;
} else {
  process.exitCode = result.status ?? 1;
}
