'use strict';

/**
 * `npm install` in a checkout: uses the native addon that is there, else builds it, else says in one line why not. Never
 * fails an installation: the TypeScript backend needs no addon. `DEEPNTK_REQUIRE_NATIVE=1` makes a missing addon fatal
 * (CI); `--force` (npm run build:native) builds anew and fails loudly. Nothing is downloaded.
 */
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { findOpenblas } = require('./openblas');

const root = path.join(__dirname, '..');
const force = process.argv.includes('--force');

function main() {
  const present = force ? null : testLoad();
  if (present !== null) return say(`using the native addon with ${present}`);
  const missing = missingTools();
  if (missing !== null) return giveUp(`${missing} found; the TypeScript backend will be used. ${remedy()}`);
  const build = nodeGyp(['rebuild']);
  if (build.status !== 0) {
    const log = writeLog(build);
    const complaint = firstError(build);
    return giveUp(
      `the native addon did not build (${complaint}; log: ${log}); the TypeScript backend will be used`,
    );
  }
  const built = testLoad();
  if (built === null)
    return giveUp('the native addon was built but does not load; the TypeScript backend will be used');
  say(`built the native addon with ${built}`);
}

/**
 * Loads the addon in a child process, so that a bad binary takes nothing with it. What it runs on, or null where there is
 * none, it does not load, or it was built from sources with another ABI.
 */
function testLoad() {
  const program = `
    const addon = require('node-gyp-build')(${JSON.stringify(root)});
    if (addon.abi !== ${abiOfSources()}) process.exit(1);
    const { library, version, threading } = addon.describe();
    process.stdout.write(library + ' ' + version + ' (' + threading + ')');`;
  const child = spawnSync(process.execPath, ['-e', program], { cwd: root, encoding: 'utf8' });
  return child.status === 0 ? child.stdout : null;
}

/** What the loader (src/backend/native/addon.ts) will ask of the addon. */
function abiOfSources() {
  const source = fs.readFileSync(path.join(root, 'native/addon/addon.cpp'), 'utf8');
  return Number(/constexpr int kAbi = (\d+);/.exec(source)[1]);
}

/** "no C++ compiler", or null where everything that a build needs is there. */
function missingTools() {
  const runs = (command) => spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0;
  if (process.platform === 'win32') return 'no support for building on Windows was';
  if (!runs(process.env.CXX || 'c++') && !runs('g++') && !runs('clang++')) return 'no C++ compiler';
  if (!runs('make')) return 'no make';
  if (!runs('python3')) return 'no python3 (node-gyp needs it)';
  if (findOpenblas() === null) return 'no OpenBLAS';
  if (findNodeGyp() === null) return 'no node-gyp (npm brings it along)';
  return null;
}

function remedy() {
  return process.platform === 'darwin'
    ? 'To build: xcode-select --install, brew install openblas, then npm run build:native'
    : 'To build: apt-get install g++ make python3 libopenblas-dev, then npm run build:native';
}

/** npm's own node-gyp: from a script's environment, else beside the npm of this node. */
function findNodeGyp() {
  const prefix = path.dirname(path.dirname(process.execPath));
  const places = [
    process.env.npm_config_node_gyp,
    process.env.npm_execpath &&
      path.join(path.dirname(process.env.npm_execpath), '../node_modules/node-gyp/bin/node-gyp.js'),
    path.join(prefix, 'lib/node_modules/npm/node_modules/node-gyp/bin/node-gyp.js'),
  ];
  return places.find((place) => place && fs.existsSync(place)) ?? null;
}

/** Headers that lie beside this node are used, so that node-gyp does not fetch any. */
function nodeGyp(args) {
  const prefix = path.dirname(path.dirname(process.execPath));
  const given = process.env.npm_config_nodedir || process.env.npm_package_config_node_gyp_nodedir;
  const local = fs.existsSync(path.join(prefix, 'include/node/node_api.h')) ? prefix : null;
  const nodedir = given || local;
  const flags = nodedir ? [`--nodedir=${nodedir}`] : [];
  return spawnSync(process.execPath, [findNodeGyp(), ...args, ...flags], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 1 << 26,
    env: { ...process.env, JOBS: process.env.JOBS || 'max' },
  });
}

function writeLog({ stdout, stderr }) {
  const log = path.join(root, 'build', 'install.log');
  fs.mkdirSync(path.dirname(log), { recursive: true });
  fs.writeFileSync(log, `${stdout}\n${stderr}`);
  return path.relative(process.cwd(), log);
}

function firstError({ stdout, stderr }) {
  const lines = `${stderr}\n${stdout}`.split('\n');
  const error = lines.find((line) => /error/i.test(line) && !line.startsWith('gyp ERR! build error'));
  return (error ?? 'no message').trim().slice(0, 200);
}

function giveUp(message) {
  say(message);
  if (force || process.env.DEEPNTK_REQUIRE_NATIVE === '1') process.exitCode = 1;
}

function say(message) {
  console.log(`deepntk: ${message}`);
}

main();
