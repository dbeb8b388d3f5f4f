'use strict';

/** Puts the page of `deepntk explore` together: one HTML file with its style, its program and its worker's program inside. */
const fs = require('node:fs');
const path = require('node:path');

const esbuild = require('esbuild');

const source = path.join(__dirname, '..', 'src', 'explore');

/** @param {string} file the page to write */
function buildExplorePage(file) {
  const worker = bundle('worker.ts', {});
  const program = bundle('main.ts', { WORKER_PROGRAM: JSON.stringify(worker.text) });
  const style = esbuild.transformSync(read('page.css'), { loader: 'css', minify: true }).code;
  const page = read('index.html')
    .replace('/* STYLE */', () => style.trim())
    .replace('/* SCRIPT */', () => program.text.trim().replaceAll('</script', '<\\/script'));
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, `${page}<!--\n${licences([...worker.inputs, ...program.inputs])}\n-->\n`);
}

function read(name) {
  return fs.readFileSync(path.join(source, name), 'utf8');
}

function bundle(entry, define) {
  const { outputFiles, metafile } = esbuild.buildSync({
    entryPoints: [path.join(source, entry)],
    bundle: true,
    minify: true,
    platform: 'browser',
    format: 'iife',
    target: 'es2022',
    define,
    write: false,
    metafile: true,
    legalComments: 'none',
    logLevel: 'warning',
  });
  return { text: outputFiles[0].text, inputs: Object.keys(metafile.inputs) };
}

/** The licences of the packages that files come from: each text once, under the names of those it is of. */
function licences(inputs) {
  const names = inputs.flatMap((input) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(input)?.[1] ?? []);
  const byText = new Map();
  for (const name of [...new Set(names)].sort()) {
    const folder = path.join(__dirname, '..', 'node_modules', name);
    const file = fs.readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
    const { version, license } = JSON.parse(fs.readFileSync(path.join(folder, 'package.json'), 'utf8'));
    const text =
      file === undefined ? `Licence: ${license}` : fs.readFileSync(path.join(folder, file), 'utf8').trim();
    byText.set(text, [...(byText.get(text) ?? []), `${name} ${version}`]);
  }
  const parts = Array.from(byText, ([text, owners]) => `${owners.join(', ')}\n\n${text}`);
  return ['This page contains', ...parts].join('\n\n').replaceAll('-->', '-- >');
}

module.exports = { buildExplorePage };
