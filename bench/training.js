'use strict';

/**
 * node bench/training.js [--samples 2000] [--python /path/to/python]
 *
 * A full-batch step of Adam: 784 -> 300 x 20 -> 10, float64, one thread and two. Beside it, in the same run: the time of its
 * three matrix products a layer as plain DGEMM calls on one thread (what the step cannot go below), and, where a Python with
 * PyTorch is named, the same step in PyTorch (bench/peers/torch_training.py), float64 and float32. Rounds of all alternate;
 * medians and minima are over rounds. Processor time is that of all threads: on a busy machine it says more than the clock.
 */

// A pin in the environment would choose the kernels of OpenBLAS; a benchmark measures what it chooses by itself.
delete process.env.OPENBLAS_CORETYPE;
delete process.env.OPENBLAS_L2_SIZE;

const { execFileSync } = require('node:child_process');
const { join } = require('node:path');
const { parseArgs } = require('node:util');
const { availableBackends, backendInfo, createSpec, Mlp, train } = require('deepntk');
const { loadAddon } = require('../dist/backend/native/addon');

const [INPUTS, DEPTH, WIDTH, OUTPUTS] = [784, 20, 300, 10];
/** Samples of one product, as the backend cuts a batch of 2,000. */
const ROWS = 250;

const { values } = parseArgs({
  options: {
    samples: { type: 'string', default: '2000' },
    rounds: { type: 'string', default: '5' },
    steps: { type: 'string', default: '5' },
    python: { type: 'string' },
  },
});

async function main() {
  if (!availableBackends().includes('native')) {
    throw new Error(
      `the benchmark measures the native backend, which does not load: ${backendInfo().unavailable.native}`,
    );
  }
  const samples = Number(values.samples);
  const { blas } = backendInfo();
  const times = new Map();
  const record = (name, steps) => times.set(name, [...(times.get(name) ?? []), ...steps]);
  for (let round = 0; round < Number(values.rounds); round++) {
    record('three products a layer, 1 thread', [productTime(samples)]);
    record('deepntk float64, 1 thread', await stepTimes(samples, 1));
    record('deepntk float64, 2 threads', await stepTimes(samples, 2));
    for (const dtype of values.python === undefined ? [] : ['float64', 'float32']) {
      for (const threads of [1, 2]) {
        const name = `PyTorch ${dtype}, ${threads} thread${threads === 1 ? '' : 's'}`;
        record(name, torchTimes(values.python, dtype, samples, threads));
      }
    }
  }
  console.log(`${samples} samples, ${blas.library} ${blas.version} (${blas.core})`);
  const clock = (name) => times.get(name).map(({ seconds }) => seconds);
  console.table(
    Object.fromEntries(
      [...times].map(([name, steps]) => [
        name,
        {
          'median (ms)': milliseconds(median(clock(name))),
          'minimum (ms)': milliseconds(Math.min(...clock(name))),
          'processor time (ms)': milliseconds(median(steps.map(({ processor }) => processor))),
        },
      ]),
    ),
  );
  const [products, one] = [clock('three products a layer, 1 thread'), clock('deepntk float64, 1 thread')];
  console.log(
    `step over its products, one thread: ${(median(one) / median(products)).toFixed(2)} (medians), ${(Math.min(...one) / Math.min(...products)).toFixed(2)} (minima)`,
  );
}

const processorSeconds = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};

/** Forward, gradient and deltas of every layer, in blocks of ROWS samples. */
function productTime(samples) {
  const { addon } = loadAddon();
  const gemm = (rows, columns, inner) => addon.measureGemm({ rows, columns, inner, single: false });
  const widths = [INPUTS, ...new Array(DEPTH).fill(WIDTH), OUTPUTS];
  let seconds = 0;
  const start = processorSeconds();
  for (let block = 0; block < samples / ROWS; block++) {
    for (let layer = 1; layer < widths.length; layer++) {
      const [inputs, outputs] = [widths[layer - 1], widths[layer]];
      seconds += gemm(ROWS, outputs, inputs) + gemm(outputs, inputs, ROWS);
      if (layer > 1) seconds += gemm(ROWS, inputs, outputs);
    }
  }
  return { seconds, processor: processorSeconds() - start };
}

async function stepTimes(samples, threads) {
  const net = Mlp.random(createSpec({ inputDim: INPUTS, depth: DEPTH, width: WIDTH, outputDim: OUTPUTS }), {
    seed: 1,
  });
  const x = Float64Array.from({ length: samples * INPUTS }, (_, i) => ((i * 2654435761) % 1000) / 1000);
  const y = new Float64Array(samples * OUTPUTS);
  for (let i = 0; i < samples; i++) y[i * OUTPUTS + (i % OUTPUTS)] = 1;
  const times = [];
  let before = null;
  await train(
    net,
    { x: { data: x, shape: [samples, INPUTS] }, y: { data: y, shape: [samples, OUTPUTS] } },
    {
      optimizer: 'adam',
      learningRate: 1e-4,
      steps: Number(values.steps) + 1,
      evaluateAt: [],
      backend: 'native',
      threads,
      onProgress: ({ step }) => {
        const now = { step, time: performance.now() / 1000, processor: processorSeconds() };
        if (before !== null) {
          const steps = now.step - before.step;
          times.push({
            seconds: (now.time - before.time) / steps,
            processor: (now.processor - before.processor) / steps,
          });
        }
        before = now;
      },
    },
  );
  return times;
}

function torchTimes(python, dtype, samples, threads) {
  const script = join(__dirname, 'peers', 'torch_training.py');
  const sizes = ['--samples', String(samples), '--depth', String(DEPTH), '--width', String(WIDTH)];
  const args = [script, ...sizes, '--steps', values.steps, '--threads', String(threads), '--dtype', dtype];
  const answer = JSON.parse(execFileSync(python, args, { encoding: 'utf8' }));
  return answer.seconds.map((seconds, i) => ({ seconds, processor: answer.processor_seconds[i] }));
}

function median(list) {
  const sorted = [...list].sort((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
}

const milliseconds = (seconds) => Number((1000 * seconds).toPrecision(3));

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
