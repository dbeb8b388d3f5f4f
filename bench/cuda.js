'use strict';

/**
 * node bench/cuda.js [--repeats N] [--json FILE] [--no-peers]
 *
 * The CUDA backend on the machine's GPU: the rate of cuBLAS there, by the device's own clock, on random numbers; kernels, a
 * training run and the scalar chain against it, warm, medians, with the copies to and from the device; then PyTorch and JAX
 * on the same kernels (bench/peers). Kernels are compared with the native backend's before they are timed.
 *
 * Without a GPU it says what is missing, and ends with status 77.
 */
const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { Command } = require('commander');
const { backendInfo, createSpec, estimateDispersion, Mlp, train } = require('deepntk');
const { describeMachine, largestDifference, median, mnistLikeInputs } = require('./common');

const KERNELS = [
  { n: 100, depth: 20, width: 300, outputs: 10 },
  { n: 1000, depth: 50, width: 1000, outputs: 1 },
  { n: 2000, depth: 50, width: 2048, outputs: 1 },
];

/** Largest error of a kernel over its largest entry: roundings in float64, float32 products of a float64 forward pass. */
const TOLERANCE = { float64: 1e-11, mixed: 1e-5 };

async function main() {
  const options = new Command('node bench/cuda.js')
    .option('--repeats <n>', 'runs of each that are timed', '9')
    .option('--json <file>', 'also write the results to a file')
    .option('--no-peers', 'without PyTorch and JAX')
    .parse()
    .opts();
  const { cuda, unavailable } = backendInfo();
  if (cuda === null) {
    console.log(`no CUDA device to measure: ${unavailable.cuda}`);
    process.exitCode = 77;
    return;
  }
  const repeats = Number(options.repeats);
  const gpu = `${cuda.device}, driver ${cuda.driver}, CUDA ${cuda.runtime}, cuBLAS ${cuda.cublas}`;
  console.log(`${gpu}\n${describeMachine().summary}`);
  const peaks = { float64: peakOf(false, repeats), mixed: peakOf(true, repeats) };
  console.log(`cuBLAS, edge ${EDGE}: float64 ${tera(peaks.float64)}, float32 ${tera(peaks.mixed)}`);
  const results = [];
  for (const job of KERNELS) {
    for (const precision of ['float64', 'mixed'])
      results.push(await kernel(job, precision, peaks[precision], repeats));
  }
  results.push(await training(repeats), await chain());
  if (options.json) {
    const report = { date: new Date().toISOString().slice(0, 10), cuda, peaks, results };
    fs.writeFileSync(options.json, `${JSON.stringify(report, null, 2)}\n`);
  }
  if (!options.peers) return;
  const peers = ['--device', 'cuda', '--job', 'mnist', 'wide', '--repeats', options.repeats];
  execFileSync(process.execPath, [path.join(__dirname, 'peers', 'run.js'), ...peers], { stdio: 'inherit' });
}

const EDGE = 8192;

/** Operations a second of cuBLAS on square matrices, by the device's events. */
function peakOf(single, repeats) {
  const addon = require(
    process.env.DEEPNTK_CUDA_ADDON ??
      path.join(__dirname, '..', 'build-cuda', 'Release', 'deepntk_cuda.node'),
  );
  const seconds = () => addon.measureGemm({ rows: EDGE, columns: EDGE, inner: EDGE, single });
  seconds();
  return (2 * EDGE ** 3) / median(Array.from({ length: repeats }, seconds));
}

async function kernel({ n, depth, width, outputs }, precision, peak, repeats) {
  const spec = createSpec({ inputDim: 784, depth, width, outputDim: outputs, biasVariance: 0.01 });
  const net = Mlp.random(spec, { seed: 1 });
  const x = mnistLikeInputs(n);
  const run = () => net.ntk(x, null, { backend: 'cuda', precision });
  const expected = await net.ntk(x, null, { backend: 'native' });
  const error = largestDifference((await run()).data, expected.data);
  if (!(error <= TOLERANCE[precision])) throw new Error(`the kernel is off by ${error} of its largest entry`);
  const seconds = await medianSeconds(run, repeats);
  const { flops } = net.explainNtk(x, null, { backend: 'cuda', precision });
  const name = `kernel N=${n} L=${depth} M=${width} K=${outputs} ${precision}`;
  const share = flops.total / seconds / peak;
  console.log(
    `${name}: ${milliseconds(seconds)}, ${tera(flops.total / seconds)} of the dense algorithm, ` +
      `${(100 * share).toFixed(0)} % of cuBLAS, error ${error.toExponential(1)}`,
  );
  return { name, seconds, flops: flops.total, share, error };
}

/** Adam on all of 60,000 inputs, as the paper's study takes 3,000 steps of. */
async function training(repeats) {
  const steps = 20;
  const x = mnistLikeInputs(60_000);
  const y = {
    data: Float64Array.from({ length: 600_000 }, (_, i) => (i % 11 === 0 ? 1 : 0)),
    shape: [60_000, 10],
  };
  const net = Mlp.random(createSpec({ inputDim: 784, depth: 20, width: 300, outputDim: 10 }), { seed: 1 });
  const run = () => train(net, { x, y }, { optimizer: 'adam', learningRate: 1e-5, steps, backend: 'cuda' });
  const seconds = (await medianSeconds(run, Math.min(repeats, 3))) / steps;
  const name = 'training N=60000 L=20 M=300 K=10, a step of Adam';
  console.log(`${name}: ${milliseconds(seconds)}`);
  return { name, seconds };
}

/** With the sums over replicas, which JavaScript does. */
async function chain() {
  const replicas = 1e8;
  const spec = createSpec({ inputDim: 100, depth: 50, width: 100 });
  const options = { seed: 1, sampler: 'chain', backend: 'cuda' };
  await estimateDispersion(spec, { ...options, replicas: 1e6 });
  const start = performance.now();
  await estimateDispersion(spec, { ...options, replicas });
  const seconds = (performance.now() - start) / 1000;
  const name = `chain L=50 M=100, ${replicas.toExponential(0)} replicas`;
  console.log(`${name}: ${seconds.toFixed(1)} s`);
  return { name, seconds };
}

async function medianSeconds(run, repeats) {
  const times = [];
  for (let i = -2; i < repeats; i++) {
    const start = performance.now();
    await run();
    if (i >= 0) times.push((performance.now() - start) / 1000);
  }
  return median(times);
}

function milliseconds(seconds) {
  return `${(1000 * seconds).toPrecision(3)} ms`;
}

function tera(flops) {
  return `${(flops / 1e12).toFixed(1)} TFLOP/s`;
}

main();
