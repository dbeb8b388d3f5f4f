'use strict';

/**
 * npm run bench:replicas -- [--device cpu|cuda] [--inputs 11 1] [--threads 1] [--python PATH] [--json FILE]
 *
 * One Monte Carlo replica of the paper's job (a net of n_0 = M = 100, 50 layers, one output; its kernel at 11 inputs, or one)
 * by deepntk and by JAX. Before anything is timed, the two must agree in law: the means of log Theta(x_0, x_0) and of the
 * ratios Theta(x_0, x_i) / Theta(x_0, x_0), by their standard errors.
 */

delete process.env.OPENBLAS_CORETYPE;
delete process.env.OPENBLAS_L2_SIZE;

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { Command, Option } = require('commander');
const { inputsAtCosines, readNpy, writeNpy } = require('deepntk');
const { describeMachine } = require('../common');
const { milliseconds, runByTurns, startPeer } = require('./process');

const NET = { depth: 50, width: 100 };
const COSINES = [1, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0];
/** Replicas of a run: JAX's, and ours for several inputs and for one. */
const REPLICAS = {
  cpu: { peer: 200, several: 200, one: 100_000 },
  cuda: { peer: 4000, several: 40_000, one: 10_000_000 },
};
/** Of 11 differences of means, by chance none is as many standard errors wide. */
const MOST_ERRORS = 5;

async function main() {
  const options = new Command('npm run bench:replicas --')
    .addOption(new Option('--device <name>', 'where both compute').choices(['cpu', 'cuda']).default('cpu'))
    .option('--inputs <n...>', 'how many inputs, 1 to 11', ['11', '1'])
    .option('--threads <n>', 'how many threads', '1')
    .option('--precision <names...>', 'of JAX: float64, float32', ['float64', 'float32'])
    .option('--repeats <n>', 'runs of each that are timed', '7')
    .option('--python <path>', 'the Python that has JAX', 'python3')
    .option('--json <file>', 'also write the results to a file')
    .parse()
    .opts();
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'deepntk-replicas-'));
  try {
    const machine = describeMachine();
    console.log(machine.summary);
    const results = [];
    for (const inputs of options.inputs.map(Number)) {
      for (const precision of options.precision) {
        results.push({ inputs, precision, ...(await race(inputs, precision, folder, options)) });
        print(results.at(-1));
      }
    }
    if (options.json) fs.writeFileSync(options.json, `${JSON.stringify({ machine, results }, null, 2)}\n`);
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

async function race(inputs, precision, folder, options) {
  const x = path.join(folder, 'x.npy');
  await writeNpy(x, inputsAtCosines(COSINES.slice(0, inputs), 100));
  const { device } = options;
  const job = { ...NET, x, precision, device, threads: Number(options.threads) };
  const start = (file, replicas) =>
    startPeer(file, { ...job, replicas }, { folder, environment: process.env, python: options.python });
  const { peer: ofPeer, several, one } = REPLICAS[device];
  const counts = { peer: ofPeer, ours: inputs === 1 ? one : several };
  const peer = start('jax_replicas.py', counts.peer);
  const about = await peer.hello;
  if (about.skipped !== undefined) {
    await peer.stop();
    return about;
  }
  const ours = start('deepntk_replicas.js', counts.ours);
  try {
    const { version: deepntk, note: sampler } = await ours.hello;
    await Promise.all([peer.run(), ours.run()]);
    const errors = standardErrorsApart(await readNpy(peer.kernel), await readNpy(ours.kernel));
    if (!(errors < MOST_ERRORS)) {
      throw new Error(`the laws differ: means are ${errors.toFixed(1)} standard errors apart`);
    }
    const seconds = await runByTurns(peer, ours, Number(options.repeats));
    const replica = seconds.peer / counts.peer;
    const deepntkReplica = seconds.ours / counts.ours;
    return { ...about, deepntk, sampler, errors, replica, deepntkReplica, ratio: replica / deepntkReplica };
  } catch (error) {
    return { failed: error.message };
  } finally {
    await Promise.all([peer.stop(), ours.stop()]);
  }
}

/** The largest difference of the columns' means, in standard errors. */
function standardErrorsApart(a, b) {
  const [, columns] = a.shape;
  const statistics = ({ data, shape: [rows] }, column) => {
    const values = Array.from({ length: rows }, (_, row) => data[row * columns + column]);
    const mean = values.reduce((sum, value) => sum + value, 0) / rows;
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (rows - 1);
    return { mean, squaredError: variance / rows };
  };
  const apart = Array.from({ length: columns }, (_, column) => {
    const [one, two] = [statistics(a, column), statistics(b, column)];
    return Math.abs(one.mean - two.mean) / Math.sqrt(one.squaredError + two.squaredError);
  });
  return Math.max(...apart); // NaN stays NaN, and fails
}

function print({ inputs, precision, skipped, failed, ...result }) {
  const what = `${inputs} input${inputs === 1 ? '' : 's'}, JAX in ${precision}`;
  if (skipped !== undefined) console.log(`${what}: SKIPPED, ${skipped}`);
  else if (failed !== undefined) console.log(`${what}: FAILED, ${failed}`);
  else {
    const { version, note, sampler, replica, deepntkReplica, ratio, errors } = result;
    console.log(
      `${what} (${version}, ${note}): ${milliseconds(replica)} a replica, deepntk (${sampler}, float64) ` +
        `${milliseconds(deepntkReplica)}, ratio ${ratio.toPrecision(3)}; means at most ${errors.toFixed(1)} standard errors apart`,
    );
  }
}

main().catch((error) => {
  console.error(`bench:replicas: ${error.message}`);
  process.exitCode = 1;
});
