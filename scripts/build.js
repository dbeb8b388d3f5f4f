'use strict';

/**
 * Compiles src/ to dist/ (CommonJS and types), then writes the two faces of the package over it:
 *
 * - index.js in place of the compiled one, with the same exports, each of which loads its module when it is first used;
 * - index.mjs, which re-exports the very same CommonJS module, so that a program which mixes `import` and `require` shares one
 *   backend and one set of classes;
 *
 * and beside the compiled browser/ its ES module: one file without imports, which a page can load as it is. Last comes the
 * page of `deepntk explore`, which uses it.
 */
const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');

const esbuild = require('esbuild');

const { buildExplorePage } = require('./explore-page');

const root = path.join(__dirname, '..');
const dist = path.join(root, 'dist');

fs.rmSync(dist, { recursive: true, force: true });
execFileSync(process.execPath, [require.resolve('typescript/bin/tsc'), '--build', 'tsconfig.build.json'], {
  cwd: root,
  stdio: 'inherit',
});

const face = path.join(dist, 'index.js');
const names = Object.keys(require(face)).sort();
const modules = [...fs.readFileSync(face, 'utf8').matchAll(/require\("(.+?)"\)/g)].map(([, file]) => file);

/** Lines that define the exports of `modules` one by one; `require` takes literal paths, so that bundlers follow them. */
function lazyFace() {
  const left = new Set(names);
  const lines = [...new Set(modules)].map((file) => {
    const own = Object.keys(require(path.join(dist, file))).filter((name) => left.delete(name));
    return `define(() => require('${file}'), ${JSON.stringify(own)});`;
  });
  if (left.size > 0)
    throw new Error(`exported by src/index.ts, but by none of its modules: ${[...left].join(', ')}`);
  return lines;
}

fs.writeFileSync(
  face,
  `'use strict';

Object.defineProperty(exports, '__esModule', { value: true });

function define(load, names) {
  for (const name of names) {
    const get = () => {
      const value = load()[name];
      Object.defineProperty(exports, name, { enumerable: true, value });
      return value;
    };
    Object.defineProperty(exports, name, { enumerable: true, configurable: true, get });
  }
}

${lazyFace().join('\n')}
`,
);
fs.writeFileSync(
  path.join(dist, 'index.mjs'),
  `import deepntk from './index.js';\n\nexport const {\n${names.map((name) => `  ${name},\n`).join('')}} = deepntk;\n`,
);
fs.writeFileSync(path.join(dist, 'index.d.mts'), `export * from './index.js';\n`);

esbuild.buildSync({
  entryPoints: [path.join(root, 'src', 'browser', 'index.ts')],
  outfile: path.join(dist, 'browser', 'index.mjs'),
  bundle: true,
  platform: 'browser',
  format: 'esm',
  target: 'es2022',
  logLevel: 'warning',
});
fs.writeFileSync(path.join(dist, 'browser', 'index.d.mts'), `export * from './index.js';\n`);
buildExplorePage(path.join(dist, 'explore', 'index.html'));

fs.chmodSync(path.join(dist, 'cli', 'main.js'), 0o755);
