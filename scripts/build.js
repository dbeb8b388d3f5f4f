'use strict';

/**
 * Compiles src/ to dist/ (CommonJS and types) and writes the entry points of the package:
 *
 * - index.js replaces the compiled file. It has the same exports, and loads the module of an export at the first use of that export.
 * - index.mjs and report/index.mjs re-export the CommonJS modules. A program that mixes `import` and `require` therefore has
 *   one backend and one set of classes.
 *
 * It then bundles src/browser/ into one ES module without imports, which a page can load as it is, and the page of
 * `deepntk explore`, which uses the bundle's sources.
 *
 * The build is incremental: the compiler compiles the files that changed, and the rest runs if a file of src/ or scripts/, or
 * the lock file, is newer than its last result. Outputs whose source is gone are deleted.
 */
const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const Module = require('node:module');
const path = require('node:path');

const root = path.join(__dirname, '..');
const src = path.join(root, 'src');
const dist = path.join(root, 'dist');

function main() {
  deleteOrphans();
  execFileSync(process.execPath, [require.resolve('typescript/bin/tsc'), '--build', 'tsconfig.build.json'], {
    cwd: root,
    stdio: 'inherit',
  });
  fs.chmodSync(path.join(dist, 'cli', 'main.js'), 0o755);
  const page = path.join(dist, 'explore', 'index.html');
  if (!isNewer(page)) {
    writeFace();
    writeModule('report');
    bundleBrowser();
    require('./explore-page').buildExplorePage(page);
  }
}

/** Deletes outputs whose source in src/ no longer exists. */
function deleteOrphans() {
  for (const file of filesIn(dist)) {
    const source = /^(.*)\.(?:js|d\.ts)$/.exec(path.relative(dist, file))?.[1];
    if (source !== undefined && !fs.existsSync(path.join(src, `${source}.ts`))) fs.rmSync(file);
  }
}

/** Whether a result is newer than all its possible sources. */
function isNewer(result) {
  if (!fs.existsSync(result)) return false;
  const made = fs.statSync(result).mtimeMs;
  const sources = [...filesIn(src), ...filesIn(__dirname), path.join(root, 'package-lock.json')];
  return sources.every((file) => fs.statSync(file).mtimeMs < made);
}

function filesIn(folder) {
  if (!fs.existsSync(folder)) return [];
  return fs
    .readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name));
}

function writeFace() {
  const face = path.join(dist, 'index.js');
  const source = fs.readFileSync(path.join(src, 'index.ts'), 'utf8');
  const { code } = require('esbuild').transformSync(source, { loader: 'ts', format: 'cjs' });
  const names = exportsOf(code, face);
  const modules = require('typescript')
    .preProcessFile(source)
    .importedFiles.map(({ fileName }) => fileName);
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

${lazyLines(names, modules).join('\n')}
`,
  );
  writeModule('');
}

/** Writes the ES module of an entry point: it re-exports the folder's index.js. */
function writeModule(folder) {
  const names = Object.keys(require(path.join(dist, folder, 'index.js')));
  fs.writeFileSync(
    path.join(dist, folder, 'index.mjs'),
    `import entry from './index.js';\n\nexport const {\n${names.map((name) => `  ${name},\n`).join('')}} = entry;\n`,
  );
  fs.writeFileSync(path.join(dist, folder, 'index.d.mts'), `export * from './index.js';\n`);
}

/** The names that a CommonJS module with this code exports. */
function exportsOf(code, file) {
  const module = new Module(file);
  module.filename = file;
  module._compile(code, file);
  return Object.keys(module.exports).sort();
}

/** Lines that define the exports of `modules` one by one; `require` takes literal paths, so that bundlers follow them. */
function lazyLines(names, modules) {
  const left = new Set(names);
  const lines = [...new Set(modules)].map((file) => {
    const own = Object.keys(require(path.join(dist, file))).filter((name) => left.delete(name));
    return own.length === 0 ? '' : `define(() => require('${file}'), ${JSON.stringify(own)});`;
  });
  if (left.size > 0)
    throw new Error(`src/index.ts exports names that none of its modules exports: ${[...left].join(', ')}`);
  return lines;
}

function bundleBrowser() {
  require('esbuild').buildSync({
    entryPoints: [path.join(root, 'src', 'browser', 'index.ts')],
    outfile: path.join(dist, 'browser', 'index.mjs'),
    bundle: true,
    platform: 'browser',
    format: 'esm',
    target: 'es2022',
    logLevel: 'warning',
  });
  fs.writeFileSync(path.join(dist, 'browser', 'index.d.mts'), `export * from './index.js';\n`);
}

main();
