'use strict';

/**
 * Finds OpenBLAS for the builds (binding.gyp, install.js): the folder that DEEPNTK_OPENBLAS names (with include/ and lib/, as
 * scripts/build-openblas.sh leaves it), else pkg-config's answer, else the places where distributions put it.
 * DEEPNTK_STATIC_OPENBLAS=1 asks for the static library (npm run prebuilds).
 *
 * As a program: `node scripts/openblas.js include` and `node scripts/openblas.js libraries` print what the compiler and
 * the linker need.
 */
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');

const PLACES = [
  ...['x86_64-linux-gnu', 'aarch64-linux-gnu'].map((triple) => ({
    include: `/usr/include/${triple}`,
    library: `/usr/lib/${triple}`,
  })),
  { include: '/usr/include/openblas', library: '/usr/lib64' },
  { include: '/usr/include', library: '/usr/lib' },
];

/** Folders of cblas.h and of the library, or null where there is no OpenBLAS. On macOS it is Accelerate, always there. */
function findOpenblas() {
  if (process.platform === 'darwin') return { include: '.', library: '.' };
  const prefix = process.env.DEEPNTK_OPENBLAS;
  if (prefix) {
    const named = { include: path.join(prefix, 'include'), library: path.join(prefix, 'lib') };
    return isComplete(named) ? named : null;
  }
  const asked = fromPkgConfig();
  return [...(asked === null ? [] : [asked]), ...PLACES].find(isComplete) ?? null;
}

function fromPkgConfig() {
  const ask = (variable) => {
    const answer = spawnSync('pkg-config', [`--variable=${variable}`, 'openblas'], { encoding: 'utf8' });
    return answer.status === 0 ? answer.stdout.trim() : '';
  };
  const include = ask('includedir');
  return include === '' ? null : { include, library: ask('libdir') };
}

function isComplete({ include, library }) {
  const names =
    process.platform === 'win32' ? ['openblas.lib'] : isStatic() ? ['libopenblas.a'] : ['libopenblas.so'];
  return (
    fs.existsSync(path.join(include, 'cblas.h')) &&
    names.some((name) => fs.existsSync(path.join(library, name)))
  );
}

function isStatic() {
  return process.env.DEEPNTK_STATIC_OPENBLAS === '1';
}

/** What the linker needs. A static library is kept to ourselves: none of its names leave the addon. */
function linkerFlags({ library }) {
  if (process.platform === 'darwin') return ['-framework Accelerate'];
  if (process.platform === 'win32') return [path.join(library, 'openblas.lib')];
  if (!isStatic()) return [`-L${library}`, '-lopenblas'];
  return [
    path.join(library, 'libopenblas.a'),
    '-lpthread',
    '-lm',
    '-static-libstdc++',
    '-static-libgcc',
    '-Wl,--exclude-libs,ALL',
    `-Wl,--version-script=${path.join(__dirname, 'exports.map')}`,
    '-Wl,--gc-sections',
  ];
}

module.exports = { findOpenblas };

if (require.main === module) {
  const found = findOpenblas();
  if (found === null) {
    console.error(
      'OpenBLAS was not found: install libopenblas-dev (Debian, Ubuntu) or openblas-devel (Fedora)',
    );
    process.exitCode = 1;
  } else {
    console.log(process.argv[2] === 'include' ? found.include : linkerFlags(found).join(' '));
  }
}
