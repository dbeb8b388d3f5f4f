'use strict';

/**
 * npm run bench [-- --suite kernel jacobian sampling training startup] [--quick] [--native-only] [--out FOLDER]
 *
 * The suites of `deepntk bench` (src/cli/bench/) at their full sizes: native against TypeScript, one thread and all. Every
 * variant is compared with the first one's numbers before it is timed. GFLOP/s count the operations of the dense algorithm,
 * also where fewer are executed; the ceiling is OpenBLAS's own DGEMM at 1000^3 on one thread, measured in the same process.
 *
 * Writes results.json, results.md and a bar chart a suite (SVG and PNG) to bench/results/.
 */

// A pin in the environment would choose the kernels of OpenBLAS; a benchmark measures what it chooses by itself.
delete process.env.OPENBLAS_CORETYPE;
delete process.env.OPENBLAS_L2_SIZE;

const path = require('node:path');
const Benchmark = require('benchmark');
const { Command, Option } = require('commander');
const { availableBackends, backendInfo } = require('deepntk');
const { loadAddon } = require('../dist/backend/native/addon');
const { SUITES } = require('../dist/cli/bench/index');
const { measureCase, medianOf, nameOf } = require('../dist/cli/bench/measure');
const { describeMachine } = require('./common');
const { writeResults } = require('./results');

const SUITE_NAMES = SUITES.map(({ name }) => name);

async function main() {
  const { suite, quick, nativeOnly, out } = new Command('npm run bench --')
    .addOption(new Option('--suite <names...>', 'which suites').choices(SUITE_NAMES).default(SUITE_NAMES))
    .option('--quick', 'the small sizes of `deepntk bench`')
    .option('--native-only', 'leave the TypeScript backend out')
    .option('--out <folder>', 'where to write the results', path.join(__dirname, 'results'))
    .parse()
    .opts();
  if (!availableBackends().includes('native')) {
    throw new Error(
      `the benchmark compares the native backend, which does not load: ${backendInfo().unavailable.native}`,
    );
  }
  const machine = { ...describeMachine(), dgemm: measureCeiling() };
  console.log(`${machine.summary}\nDGEMM 1000^3 on one thread: ${machine.dgemm.toFixed(1)} GFLOP/s`);
  const results = [];
  for (const each of SUITES.filter(({ name }) => suite.includes(name))) {
    for (const benchCase of each.cases(quick ? 'quick' : 'full')) {
      const variants = benchCase.variants.filter(({ backend }) => !nativeOnly || backend !== 'typescript');
      const measured = await measureCase(each, { ...benchCase, variants }, medianOfMany);
      report(each, benchCase, measured);
      results.push(...measured);
    }
  }
  console.log(`\nwritten: ${(await writeResults(out, { machine, results })).join(', ')}`);
}

/** Median rate of DGEMM at 1000^3 on one thread, GFLOP/s. */
function measureCeiling() {
  const { addon } = loadAddon();
  const size = { rows: 1000, columns: 1000, inner: 1000, single: false };
  return medianOf(Array.from({ length: 15 }, () => 2 / addon.measureGemm(size)));
}

/** From here on one run is measurement enough: its parts average over what disturbs the machine. */
const LONG_SECONDS = 5;

/** Benchmark.js decides how often to run; the median of its samples is what a noisy machine leaves standing. */
async function medianOfMany(name, work) {
  const start = performance.now();
  await work();
  const first = (performance.now() - start) / 1000;
  if (first > LONG_SECONDS) return [first];
  return new Promise((resolve, reject) => {
    new Benchmark(name, {
      defer: true,
      minSamples: 7,
      maxTime: 3,
      fn: (deferred) => {
        work().then(() => deferred.resolve(), reject);
      },
      onComplete: ({ target }) => resolve(target.stats.sample),
      onError: ({ target }) => reject(target.error),
    }).run({ async: true });
  });
}

function report(suite, { title, unit, flops }, results) {
  const ceiling = flops === null ? null : measureCeiling(); // beside the runs: the machine's speed drifts
  console.log(`\n${suite.name}: ${title}`);
  console.table(
    Object.fromEntries(
      results.map((result) => [
        nameOf(result),
        {
          [`time a ${unit}`]: time(result.seconds),
          ...(ceiling !== null && {
            'GFLOP/s': +result.gflops.toPrecision(3),
            'of DGEMM': `${((100 * result.gflops) / ceiling).toFixed(0)} %`,
          }),
          'against TypeScript': result.ratio === null ? '' : `${result.ratio.toFixed(1)} x`,
          'largest error': result.error.toExponential(1),
        },
      ]),
    ),
  );
}

function time(seconds) {
  const [value, unit] =
    seconds >= 1 ? [seconds, 's'] : seconds >= 1e-3 ? [1e3 * seconds, 'ms'] : [1e6 * seconds, 'us'];
  return `${Number(value.toPrecision(3))} ${unit}`;
}

main().catch((error) => {
  console.error(`bench: ${error.message}`);
  process.exitCode = 1;
});
