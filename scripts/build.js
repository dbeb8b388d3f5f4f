'use strict';

/**
 * Compiles src/ to dist/ (CommonJS and types), then writes the ES module face: a file that re-exports the very same
 * CommonJS module, so that a program which mixes `import` and `require` shares one backend and one set of classes.
 */
const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');

const root = path.join(__dirname, '..');
const dist = path.join(root, 'dist');

fs.rmSync(dist, { recursive: true, force: true });
execFileSync(process.execPath, [require.resolve('typescript/bin/tsc'), '--build', 'tsconfig.build.json'], {
  cwd: root,
  stdio: 'inherit',
});

const names = Object.keys(require(path.join(dist, 'index.js'))).sort();
fs.writeFileSync(
  path.join(dist, 'index.mjs'),
  `import deepntk from './index.js';\n\nexport const {\n${names.map((name) => `  ${name},\n`).join('')}} = deepntk;\n`,
);
fs.writeFileSync(path.join(dist, 'index.d.mts'), `export * from './index.js';\n`);
fs.chmodSync(path.join(dist, 'cli', 'main.js'), 0o755);
