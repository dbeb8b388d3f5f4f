'use strict';

/**
 * node bench/cuda.js [--repeats N] [--json FILE] [--study] [--python PATH] [--no-peers]
 *
 * The CUDA backend on the machine's GPU: the rate of cuBLAS there, by the device's own clock, on random numbers; then every
 * operation, warm, medians, with the copies to and from the device, and where matrix products are what it does, as a share of
 * that rate. With --study the paper's whole training study too (bench/training-study.js). Then PyTorch and JAX on the same
 * kernels, replicas and steps (bench/peers), where a Python has them. Kernels, tiles and products are compared with the native
 * backend's before they are timed, replicas of kernels bit by bit or to a rounding.
 *
 * Without a GPU it says what is missing, and ends with status 77.
 */
const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { Command } = require('commander');
const {
  backendInfo,
  createSpec,
  estimateDispersion,
  inputsAtCosines,
  Mlp,
  sampleNtk,
  train,
} = require('deepntk');
const { describeMachine, imageLikeInputs, largestDifference, median } = require('./common');

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
    .option('--study', "the paper's whole training study too")
    .option('--python <path>', 'the Python that has the peers', 'python3')
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
  results.push(await forward(repeats, peaks.float64), await jacobian(repeats));
  for (const precision of ['float64', 'mixed']) {
    results.push(await kernelToFile(precision, peaks[precision]), await product(precision, repeats));
  }
  for (const [sampler, depth, width, inputs, replicas] of REPLICAS)
    results.push(await kernelReplicas(sampler, depth, width, inputs, replicas, repeats));
  results.push(await training(repeats, peaks.float64), await chain());
  if (options.study) results.push(study());
  if (options.json) {
    const report = { date: new Date().toISOString().slice(0, 10), cuda, peaks, results };
    fs.writeFileSync(options.json, `${JSON.stringify(report, null, 2)}\n`);
  }
  if (!options.peers) return;
  const peers = ['--device', 'cuda', '--python', options.python, '--repeats', options.repeats];
  const script = (name) => path.join(__dirname, 'peers', name);
  const inherit = { stdio: 'inherit' };
  execFileSync(process.execPath, [script('run.js'), ...peers, '--job', 'mnist', 'wide'], inherit);
  execFileSync(process.execPath, [script('replicas.js'), ...peers], inherit);
  for (const dtype of ['float64', 'float32']) {
    const step = ['--device', 'cuda', '--samples', '60000', '--dtype', dtype];
    try {
      const line = JSON.parse(
        execFileSync(options.python, [script('torch_training.py'), ...step]).toString(),
      );
      const said = line.skipped ?? `${milliseconds(line.median)} (PyTorch ${line.version})`;
      console.log(`PyTorch, a step of Adam on 60,000 samples, ${dtype}: ${said}`);
    } catch (error) {
      console.log(`PyTorch, a step of Adam: not run (${error.message.split('\n')[0]})`);
    }
  }
}

/** Sampler, depth, width, inputs, replicas of a run. */
const REPLICAS = [
  ['conditional', 50, 100, 11, 20_000],
  ['conditional', 100, 500, 11, 4000],
  ['direct', 50, 100, 11, 4000],
  ['direct', 100, 500, 11, 400],
];

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
  const x = imageLikeInputs(n);
  const run = () => net.ntk(x, null, { backend: 'cuda', precision });
  const expected = await net.ntk(x, null, { backend: 'native' });
  const error = expectNear((await run()).data, expected.data, TOLERANCE[precision], 'the kernel');
  const seconds = await medianSeconds(run, repeats);
  const { flops } = net.explainNtk(x, null, { backend: 'cuda', precision });
  const name = `kernel N=${n} L=${depth} M=${width} K=${outputs} ${precision}`;
  return report(name, seconds, { flops: flops.total, peak, error });
}

/** A result, said and kept; `flops` those of its matrix products. */
function report(name, seconds, { flops, peak, error, ...rest } = {}) {
  const share = flops === undefined ? undefined : flops / seconds / peak;
  const parts = [
    milliseconds(seconds),
    flops === undefined ? '' : `${tera(flops / seconds)}, ${(100 * share).toFixed(0)} % of cuBLAS`,
    error === undefined ? '' : `error ${error.toExponential(1)}`,
    ...Object.entries(rest).map(([key, value]) => `${key} ${value}`),
  ];
  console.log(`${name}: ${parts.filter((part) => part !== '').join(', ')}`);
  return { name, seconds, flops, share, error, ...rest };
}

function expectNear(actual, expected, tolerance, what) {
  const error = largestDifference(actual, expected);
  if (!(error <= tolerance)) throw new Error(`${what}: off by ${error} of the largest`);
  return error;
}

const MNIST_NET = createSpec({ inputDim: 784, depth: 20, width: 300, outputDim: 10, biasVariance: 0.01 });

async function forward(repeats, peak) {
  const [net, x] = [Mlp.random(MNIST_NET, { seed: 1 }), imageLikeInputs(60_000)];
  const run = (backend) => net.forward(x, { backend });
  const error = expectNear(
    (await run('cuda')).data,
    (await run('native')).data,
    TOLERANCE.float64,
    'forward',
  );
  const seconds = await medianSeconds(() => run('cuda'), repeats);
  const flops = 60_000 * multiplications(MNIST_NET.widths).reduce((sum, count) => sum + 2 * count, 0);
  return report('forward N=60000 L=20 M=300 K=10', seconds, { flops, peak, error });
}

async function jacobian(repeats) {
  const [net, x] = [Mlp.random(MNIST_NET, { seed: 1 }), imageLikeInputs(20)];
  const run = (backend) => net.jacobian(x, { backend });
  const error = expectNear(
    (await run('cuda')).data,
    (await run('native')).data,
    TOLERANCE.float64,
    'Jacobian',
  );
  const seconds = await medianSeconds(() => run('cuda'), repeats);
  return report('Jacobian N=20 L=20 M=300 K=10', seconds, { error });
}

/** By features, in tiles, to a file of the system's folder for temporary files: once, and not warm. */
async function kernelToFile(precision, peak) {
  const n = 8192;
  const net = Mlp.random(MNIST_NET, { seed: 1 });
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'deepntk-cuda-'));
  try {
    const start = performance.now();
    const out = path.join(folder, 'kernel.npy');
    const { plan } = await net.ntk(imageLikeInputs(n), null, { out, backend: 'cuda', precision });
    const seconds = (performance.now() - start) / 1000;
    const { total } = plan.flops;
    return report(`kernel to a file N=${n} L=20 M=300 K=10 ${precision}`, seconds, { flops: total, peak });
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

/** K V for eight vectors, without the kernel. */
async function product(precision, repeats) {
  const n = 2000;
  const [net, x] = [Mlp.random(MNIST_NET, { seed: 1 }), imageLikeInputs(n)];
  const V = { data: Float64Array.from({ length: n * 8 }, (_, i) => Math.sin(i)), shape: [n, 8] };
  const run = (backend) => net.kernelProduct(x, V, { backend, precision });
  const expected = await net.kernelProduct(x, V, { backend: 'native' });
  const error = expectNear((await run('cuda')).data, expected.data, TOLERANCE[precision], 'K V');
  const seconds = await medianSeconds(() => run('cuda'), Math.min(repeats, 3));
  return report(`K V N=${n} L=20 M=300 K=10, 8 vectors, ${precision}`, seconds, { error });
}

/** End to end: with the sums over replicas. The conditional sampler has the bits of the native backend's. */
async function kernelReplicas(sampler, depth, width, inputs, replicas, repeats) {
  const spec = createSpec({ inputDim: 100, depth, width });
  const cosines = Array.from({ length: inputs }, (_, i) => 1 - i / (inputs - 1));
  const x = inputsAtCosines(cosines, 100);
  const few = (backend) =>
    sampleNtk(spec, x, { sampler, replicas: 24, seed: 1, keepReplicas: true, backend });
  const [ours, native] = [(await few('cuda')).replicaKernels, (await few('native')).replicaKernels];
  const tolerance = sampler === 'conditional' ? 0 : 1e-9;
  const error = expectNear(ours.data, native.data, tolerance, `${sampler} replicas`);
  const run = () => sampleNtk(spec, x, { sampler, replicas, seed: 1, backend: 'cuda' });
  const seconds = (await medianSeconds(run, Math.min(repeats, 3))) / replicas;
  return report(`${sampler} L=${depth} M=${width}, ${inputs} inputs, a replica`, seconds, { error });
}

/** Adam on all of 60,000 inputs, as the paper's study takes 3,000 steps of. */
async function training(repeats, peak) {
  const steps = 20;
  const x = imageLikeInputs(60_000);
  const y = {
    data: Float64Array.from({ length: 600_000 }, (_, i) => (i % 11 === 0 ? 1 : 0)),
    shape: [60_000, 10],
  };
  const spec = createSpec({ inputDim: 784, depth: 20, width: 300, outputDim: 10 });
  const net = Mlp.random(spec, { seed: 1 });
  const run = () => train(net, { x, y }, { optimizer: 'adam', learningRate: 1e-5, steps, backend: 'cuda' });
  const seconds = (await medianSeconds(run, Math.min(repeats, 3))) / steps;
  // Three products a layer; nothing is propagated below the first.
  const flops =
    60_000 * multiplications(spec.widths).reduce((sum, count, l) => sum + (l === 0 ? 4 : 6) * count, 0);
  return report('training N=60000 L=20 M=300 K=10, a step of Adam', seconds, { flops, peak });
}

/** Nearly all digits, 3,000 steps, three values of sigma_w^2; what it says of the kernels goes to the terminal. */
function study() {
  const start = performance.now();
  execFileSync(
    process.execPath,
    [path.join(__dirname, 'training-study.js'), '--per-class', '5421', '--steps', '3000'],
    { stdio: 'inherit', env: { ...process.env, DEEPNTK_BACKEND: 'cuda' } },
  );
  return report("the paper's training study", (performance.now() - start) / 1000);
}

/** Of one input, layer by layer. */
function multiplications(widths) {
  return widths.slice(1).map((width, l) => width * widths[l]);
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
  return report(`chain L=50 M=100, ${replicas.toExponential(0)} replicas`, seconds);
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
