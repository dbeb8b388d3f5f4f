'use strict';

/**
 * npm run bench [-- --shape mnist|wide|deep|deepest ...] [--native-only] [--json FILE]
 *
 * The kernel of N inputs, native float64 and mixed against the TypeScript backend, one thread and two. Every variant is
 * checked against the native float64 result before it is timed. GFLOP/s count the operations of the dense algorithm, also
 * where fewer are executed; the ceiling is OpenBLAS's own DGEMM at 1000^3 on one thread, measured in the same process.
 */

// A pin in the environment would choose the kernels of OpenBLAS; a benchmark measures what it chooses by itself.
delete process.env.OPENBLAS_CORETYPE;
delete process.env.OPENBLAS_L2_SIZE;

const fs = require('node:fs');
const Benchmark = require('benchmark');
const { Command } = require('commander');
const { availableBackends, backendInfo, createSpec, Mlp } = require('deepntk');
const { loadAddon } = require('../dist/backend/native/addon');
const { describeMachine, largestDifference, median, mnistLikeInputs } = require('./common');

/** The shapes of performance.md's table; 784 inputs each. TypeScript runs the two large ones once, on all threads. */
const SHAPES = {
  mnist: { n: 100, depth: 20, width: 300, outputs: 10 },
  wide: { n: 1000, depth: 50, width: 1000, outputs: 1 },
  deep: { n: 100, depth: 200, width: 500, outputs: 1 },
  deepest: { n: 100, depth: 1000, width: 256, outputs: 1 },
};

const TOLERANCE = { float64: 1e-11, mixed: 1e-5 };

async function main() {
  const command = new Command('npm run bench --')
    .option('--shape <names...>', `which of ${Object.keys(SHAPES).join(', ')}`, Object.keys(SHAPES))
    .option('--native-only', 'leave the TypeScript backend out')
    .option('--json <file>', 'also write the results to a file')
    .parse();
  const { shape: names, nativeOnly, json } = command.opts();
  const info = backendInfo();
  if (!availableBackends().includes('native')) {
    throw new Error(
      `the benchmark compares the native backend, which does not load: ${info.unavailable.native}`,
    );
  }
  const ceiling = measureCeiling();
  const machine = { ...describeMachine(), gemm: ceiling };
  console.log(machine.summary);
  console.log(
    `DGEMM 1000^3: ${ceiling.one.toFixed(1)} GFLOP/s on one thread (median of ${ceiling.samples})\n`,
  );
  const results = [];
  for (const name of names) {
    if (!(name in SHAPES))
      throw new Error(`--shape: expected one of ${Object.keys(SHAPES).join(', ')}, got "${name}"`);
    results.push(...(await benchShape(name, SHAPES[name], { nativeOnly })));
  }
  if (json !== undefined) fs.writeFileSync(json, `${JSON.stringify({ machine, results }, null, 2)}\n`);
}

/** Median rate of DGEMM at 1000^3 on one thread, GFLOP/s. */
function measureCeiling() {
  const { addon } = loadAddon();
  const size = { rows: 1000, columns: 1000, inner: 1000, single: false };
  const samples = Array.from({ length: 15 }, () => 2 / addon.measureGemm(size));
  return { one: median(samples), samples: samples.length };
}

async function benchShape(name, { n, depth, width, outputs }, { nativeOnly }) {
  const net = Mlp.random(createSpec({ inputDim: 784, depth, width, outputDim: outputs }), { seed: 1 });
  const X = mnistLikeInputs(n);
  const plan = net.explainNtk(X);
  console.log(
    `${name}: N=${n} L=${depth} M=${width} K=${outputs}, ${(plan.flops.total / 1e9).toFixed(2)} GFLOP, at most ${(plan.bytes.total / 2 ** 20).toFixed(0)} MiB`,
  );
  const reference = await net.ntk(X, null, { backend: 'native', threads: 1 });
  const variants = [
    { backend: 'native', precision: 'float64', threads: 1 },
    { backend: 'native', precision: 'float64', threads: 2 },
    { backend: 'native', precision: 'mixed', threads: 1 },
    { backend: 'native', precision: 'mixed', threads: 2 },
  ];
  if (!nativeOnly) {
    if (plan.flops.total < 5e10) variants.push({ backend: 'typescript', precision: 'float64', threads: 1 });
    variants.push({ backend: 'typescript', precision: 'float64', threads: 2 });
  }
  const results = [];
  for (const options of variants) {
    const start = performance.now();
    const { data } = await net.ntk(X, null, options);
    const first = (performance.now() - start) / 1000;
    const error = largestDifference(data, reference.data);
    if (!(error < TOLERANCE[options.precision])) {
      throw new Error(`${JSON.stringify(options)}: differs from native float64 by ${error}`);
    }
    // A run of some seconds was measured by its check; shorter ones are repeated.
    const seconds =
      first > 5
        ? first
        : await medianSeconds(`${name} ${JSON.stringify(options)}`, () => net.ntk(X, null, options));
    const gflops = plan.flops.total / seconds / 1e9;
    results.push({ shape: name, n, depth, width, outputs, ...options, seconds, gflops, error });
  }
  report(results);
  return results;
}

/** Benchmark.js decides how often to run; the median of its samples is what a noisy machine leaves standing. */
function medianSeconds(name, work) {
  return new Promise((resolve, reject) => {
    new Benchmark(name, {
      defer: true,
      minSamples: 7,
      maxTime: 3,
      fn: (deferred) => {
        work().then(() => deferred.resolve(), reject);
      },
      onComplete: ({ target }) => resolve(median(target.stats.sample)),
      onError: ({ target }) => reject(target.error),
    }).run({ async: true });
  });
}

function report(results) {
  const ceiling = measureCeiling().one; // again, beside the runs: the machine's speed drifts
  console.table(
    Object.fromEntries(
      results.map(({ backend, precision, threads, seconds, gflops, error }) => [
        `${backend} ${precision}, ${threads} thread${threads === 1 ? '' : 's'}`,
        {
          'time (ms)': +(seconds * 1000).toPrecision(3),
          'GFLOP/s': +gflops.toPrecision(3),
          'of DGEMM': `${((100 * gflops) / ceiling).toFixed(0)} %`,
          'against TypeScript': ratioTo(results, seconds),
          'largest error': error.toExponential(1),
        },
      ]),
    ),
  );
  for (const result of results) result.gemmGflops = ceiling;
}

function ratioTo(results, seconds) {
  const typescript = results.find(({ backend }) => backend === 'typescript');
  return typescript === undefined ? '' : `${(typescript.seconds / seconds).toFixed(1)} x`;
}

main().catch((error) => {
  console.error(`bench: ${error.message}`);
  process.exitCode = 1;
});
