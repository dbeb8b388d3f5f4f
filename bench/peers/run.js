'use strict';

/**
 * npm run bench:peers -- [--device cpu|cuda] [--job small|mnist|deep|wide ...] [--threads 1 2] [--precision float64 float32] [--json FILE]
 *
 * deepntk against what people would use instead, on the same weights and inputs. A peer's kernel is compared with deepntk's
 * before anything is timed. Then the two run by turns, so that whatever else the machine does hits both, and what counts is
 * the ratio of the medians. Peers that are not installed are skipped, and the output says so.
 */

// A pin in the environment would choose the kernels of OpenBLAS; a benchmark measures what it chooses by itself.
delete process.env.OPENBLAS_CORETYPE;
delete process.env.OPENBLAS_L2_SIZE;

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { Command, Option } = require('commander');
const { backendInfo, createSpec, Mlp, readNpy, setBackend, writeNpy } = require('deepntk');
const { describeMachine, imageLikeInputs, largestDifference } = require('../common');
const { installPackages, milliseconds, runByTurns, startPeer } = require('./process');

const JOBS = {
  small: { n: 20, depth: 5, width: 64, outputs: 3 },
  mnist: { n: 100, depth: 20, width: 300, outputs: 10 },
  twenty: { n: 20, depth: 20, width: 300, outputs: 10 },
  deep: { n: 200, depth: 50, width: 500, outputs: 1 },
  wide: { n: 2000, depth: 50, width: 2048, outputs: 1 },
};

const PEERS = {
  'torch.func': 'torch_tutorial.py',
  'PyTorch by hand': 'torch_structured.py',
  'JAX by hand': 'jax_structured.py',
  'neural-tangents': 'neural_tangents_structured.py',
  'jax-js by hand': 'jax_js.js',
  'TensorFlow.js by hand': 'tfjs.js',
  'naive JavaScript': 'naive.js',
};

/** Those that can use a GPU: PyTorch timed by its events, JAX by the clock until its result is ready, on the device. */
const ON_CUDA = ['torch.func', 'PyTorch by hand', 'JAX by hand'];

/**
 * Largest difference from deepntk in float64, relative to the largest entry. In float32 a preactivation near zero may change
 * its sign and with it its gate, which no rounding bound covers (JAX's kernel of 50 layers was off by 1.7e-2): there only a
 * wrong algorithm is caught, and the same program's float64 is the check that counts.
 */
const TOLERANCE = { float64: 1e-6, float32: 0.1 };

/** A peer that takes longer than this for one run is not run often. */
const PATIENCE_SECONDS = 20;

async function main() {
  const options = new Command('npm run bench:peers --')
    .option('--job <names...>', `which of ${Object.keys(JOBS).join(', ')}`, ['mnist', 'deep'])
    .option('--peer <names...>', 'only these', Object.keys(PEERS))
    .addOption(new Option('--device <name>', 'where all compute').choices(['cpu', 'cuda']).default('cpu'))
    .option('--threads <n...>', 'how many threads', ['1'])
    .option('--precision <names...>', 'float64, float32', ['float64', 'float32'])
    .option('--repeats <n>', 'runs of each that are timed', '9')
    .option('--python <path>', 'the Python that has the peers', 'python3')
    .option('--no-install', 'do not install the peers of npm into a temporary folder')
    .option('--json <file>', 'also write the results to a file')
    .parse()
    .opts();
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'deepntk-peers-'));
  try {
    const environment = {
      ...process.env,
      DEEPNTK_PEERS: options.install && options.device === 'cpu' ? installPackages(folder) : '',
    };
    const backend = options.device === 'cuda' ? 'cuda' : 'native';
    const missing = backendInfo().unavailable[backend];
    if (missing !== undefined)
      throw new Error(`the ${backend} backend is what is compared, and it does not load: ${missing}`);
    setBackend(backend);
    if (backend === 'cuda') options.peer = options.peer.filter((name) => ON_CUDA.includes(name));
    const machine = describeMachine();
    console.log(machine.summary);
    const results = [];
    for (const name of options.job) {
      const files = await writeJob(folder, JOBS[name]);
      for (const precision of options.precision) {
        for (const threads of options.threads.map(Number)) {
          const job = { ...files, precision, threads, backend, device: options.device };
          for (const peer of options.peer) {
            const result = await race(peer, job, { folder, environment, options });
            print(name, job, peer, result);
            results.push({ job: name, ...JOBS[name], precision, threads, peer, ...result });
          }
        }
      }
    }
    if (options.json) {
      fs.mkdirSync(path.dirname(path.resolve(options.json)), { recursive: true });
      fs.writeFileSync(options.json, `${JSON.stringify({ machine, results }, null, 2)}\n`);
    }
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

/** Writes a net, inputs and deepntk's kernel of them; gives the paths. */
async function writeJob(folder, { n, depth, width, outputs }) {
  const net = Mlp.random(
    createSpec({ inputDim: 784, depth, width, outputDim: outputs, biasVariance: 0.01 }),
    { seed: 1 },
  );
  const x = imageLikeInputs(n, 784);
  const place = (name) => path.join(folder, name);
  await net.save(place('net.safetensors'));
  await writeNpy(place('x.npy'), x);
  const { data, shape } = await net.ntk(x);
  await writeNpy(place('reference.npy'), { data, shape });
  return { net: place('net.safetensors'), x: place('x.npy'), reference: place('reference.npy') };
}

/** One peer against deepntk. */
async function race(name, job, { folder, environment, options }) {
  const start = (file) => startPeer(file, job, { folder, environment, python: options.python });
  const peer = start(PEERS[name]);
  const about = await peer.hello;
  if (about.skipped !== undefined) {
    await peer.stop();
    return about;
  }
  const ours = start('deepntk.js');
  try {
    const { version } = await ours.hello;
    const error = await check(peer, job);
    await check(ours, job);
    const repeats = peer.last > PATIENCE_SECONDS ? 1 : Number(options.repeats);
    const { peer: seconds, ours: deepntkSeconds } = await runByTurns(peer, ours, repeats);
    return {
      ...about,
      deepntk: version,
      error,
      repeats,
      seconds,
      deepntkSeconds,
      ratio: seconds / deepntkSeconds,
    };
  } catch (error) {
    return { failed: error.message };
  } finally {
    await Promise.all([peer.stop(), ours.stop()]);
  }
}

/** The first run of a peer, which may compile; its largest difference from deepntk's float64. */
async function check(peer, job) {
  await peer.run();
  const [actual, expected] = await Promise.all([readNpy(peer.kernel), readNpy(job.reference)]);
  const error = largestDifference(actual.data, expected.data);
  if (!(error <= TOLERANCE[job.precision])) {
    throw new Error(`its kernel differs from deepntk's by ${error.toExponential(1)} of the largest entry`);
  }
  return error;
}

function print(name, { precision, threads }, peer, result) {
  const what = `${name}, ${precision}, ${threads} thread${threads === 1 ? '' : 's'}, ${peer}`;
  if (result.skipped !== undefined) console.log(`${what}: SKIPPED, ${result.skipped}`);
  else if (result.failed !== undefined) console.log(`${what}: FAILED, ${result.failed}`);
  else {
    console.log(
      `${what} (${result.version}${result.note ? `, ${result.note}` : ''}): ${milliseconds(result.seconds)}, ` +
        `deepntk ${milliseconds(result.deepntkSeconds)}, ratio ${result.ratio.toPrecision(3)}; largest difference ${result.error.toExponential(1)}`,
    );
  }
}

main().catch((error) => {
  console.error(`bench:peers: ${error.message}`);
  process.exitCode = 1;
});
