'use strict';

/**
 * npm run prebuilds: the addon of this machine's platform as prebuilds/PLATFORM-ARCH/, OpenBLAS and libstdc++ inside, so that
 * it runs where neither is installed. Prints what it made: size, and what it needs of the system.
 */
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');

const root = path.join(__dirname, '..');

function main() {
  const args = ['--napi', '--strip', '--name', 'deepntk'];
  if (process.platform === 'linux') args.push('--tag-libc');
  const child = spawnSync(process.execPath, [require.resolve('prebuildify/bin.js'), ...args], {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, DEEPNTK_STATIC_OPENBLAS: '1' },
  });
  if (child.status !== 0) throw new Error('prebuildify failed');
  const folder = path.join(root, 'prebuilds', `${process.platform}-${process.arch}`);
  for (const name of fs.readdirSync(folder)) report(path.join(folder, name));
}

/** "6.1 MB, needs libm.so.6 libc.so.6, glibc 2.34" */
function report(file) {
  const size = `${(fs.statSync(file).size / 1e6).toFixed(1)} MB`;
  const needs = process.platform === 'linux' ? `, needs ${librariesOf(file)}` : '';
  console.log(`${path.relative(root, file)}: ${size}${needs}`);
}

function librariesOf(file) {
  const read = (flag) => spawnSync('readelf', [flag, '--wide', file], { encoding: 'utf8' }).stdout ?? '';
  const libraries = [...read('-d').matchAll(/\(NEEDED\).*\[(.*)\]/g)].map(([, name]) => name);
  const versions = [...read('-V').matchAll(/GLIBC_(\d+)\.(\d+)/g)].map(([, major, minor]) => [
    +major,
    +minor,
  ]);
  versions.sort((a, b) => b[0] - a[0] || b[1] - a[1]);
  return libraries.join(' ') + (versions.length === 0 ? '' : `, glibc ${versions[0].join('.')}`);
}

main();
