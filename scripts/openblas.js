'use strict';

/**
 * Finds OpenBLAS for the builds (binding.gyp, CMakeLists.txt, install.js): pkg-config's answer, else the places where
 * distributions put it. DEEPNTK_STATIC_OPENBLAS=1 asks for the static library (npm run prebuilds).
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
  { include: '/opt/homebrew/opt/openblas/include', library: '/opt/homebrew/opt/openblas/lib' },
  { include: '/usr/local/opt/openblas/include', library: '/usr/local/opt/openblas/lib' },
];

/** Folders of cblas.h and of the library, or null where there is no OpenBLAS. */
function findOpenblas() {
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
  const names = isStatic() ? ['libopenblas.a'] : ['libopenblas.so', 'libopenblas.dylib'];
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
  if (!isStatic()) return [`-L${library}`, '-lopenblas'];
  return [
    path.join(library, 'libopenblas.a'),
    '-lpthread',
    '-lm',
    '-static-libstdc++',
    '-static-libgcc',
    '-Wl,--exclude-libs,ALL',
    '-Wl,--gc-sections',
  ];
}

module.exports = { findOpenblas };

if (require.main === module) {
  const found = findOpenblas();
  if (found === null) {
    console.error(
      'OpenBLAS was not found: install libopenblas-dev (Debian, Ubuntu), openblas-devel (Fedora) or openblas (Homebrew)',
    );
    process.exitCode = 1;
  } else {
    console.log(process.argv[2] === 'include' ? found.include : linkerFlags(found).join(' '));
  }
}
