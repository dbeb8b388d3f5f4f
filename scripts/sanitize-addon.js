'use strict';

/**
 * The addon under AddressSanitizer and UndefinedBehaviorSanitizer: builds it with clang (CMake), and hands it hostile tasks
 * (test/fuzz/addon.js) in a Node that has the sanitizer's runtime preloaded. `npm run build` first. Linux alone.
 * Usage: node scripts/sanitize-addon.js [--seconds 10] [--seed 1]
 */
const { execFileSync, spawnSync } = require('node:child_process');
const path = require('node:path');
const { parseArgs } = require('node:util');

const root = path.join(__dirname, '..');
const FOLDER = 'build-asan-addon';
const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '10' },
    seed: { type: 'string', default: '1' },
    inside: { type: 'boolean', default: false },
  },
});

if (values.inside) void feed();
else main();

function main() {
  const cmakeJs = require.resolve('cmake-js/bin/cmake-js');
  const flags = ['CMAKE_CXX_COMPILER=clang++', 'DEEPNTK_SANITIZE=address,undefined,float-cast-overflow'];
  const build = spawnSync(
    process.execPath,
    [cmakeJs, 'compile', '-O', FOLDER, ...flags.map((flag) => `--CD${flag}`)],
    {
      cwd: root,
      encoding: 'utf8',
    },
  );
  if (build.status !== 0) throw new Error(`the addon did not build:\n${build.stdout}\n${build.stderr}`);
  const libraryOf = (compiler, name) =>
    execFileSync(compiler, [`-print-file-name=${name}`], { encoding: 'utf8' }).trim();
  // The C++ library comes first into the process, so that the sanitizer finds its throw.
  const preload = [libraryOf('clang++', 'libclang_rt.asan-x86_64.so'), libraryOf('g++', 'libstdc++.so.6')];
  const args = [__filename, '--inside', '--seconds', values.seconds, '--seed', values.seed];
  const { status, signal } = spawnSync(process.execPath, args, {
    cwd: root,
    stdio: 'inherit',
    env: {
      ...process.env,
      LD_PRELOAD: preload.join(':'),
      // V8 keeps memory until the process ends.
      ASAN_OPTIONS: 'detect_leaks=0:allocator_may_return_null=1',
      UBSAN_OPTIONS: 'print_stacktrace=1',
    },
  });
  if (status !== 0) throw new Error(`the sanitized run ended with status ${status}, signal ${signal}`);
}

async function feed() {
  const { attempt, generator, hostileTask } = require('../test/fuzz/addon.js');
  const addon = require(path.join(root, FOLDER, 'Release', 'deepntk.node'));
  const random = generator(Number(values.seed));
  const counts = { computed: 0, refused: 0 };
  const end = performance.now() + 1000 * Number(values.seconds);
  while (performance.now() < end) {
    const status = await attempt(addon, hostileTask(random), random);
    counts[status === null ? 'refused' : 'computed']++;
  }
  if (counts.computed === 0 || counts.refused === 0) throw new Error('expected some tasks of either kind');
  console.log(`${counts.computed} tasks computed, ${counts.refused} refused`);
}
