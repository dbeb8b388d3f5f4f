'use strict';

/** What the peers in JavaScript share; the same conversation with run.js as peer.py's. */
const fs = require('node:fs');
const path = require('node:path');
const readline = require('node:readline');
const { createRequire } = require('node:module');
const { Mlp, readNpy, writeNpy } = require('deepntk');

function readJob() {
  return JSON.parse(fs.readFileSync(process.argv[2], 'utf8'));
}

/** Says why this peer cannot run here, and ends. */
function skip(reason) {
  console.log(JSON.stringify({ skipped: reason.split('\n')[0] }));
  process.exit(0);
}

/** A package of the folder that run.js installed peers into. */
function requirePeer(name) {
  const folder = process.env.DEEPNTK_PEERS;
  if (!folder) skip(`${name} is not installed`);
  const load = createRequire(path.join(folder, 'package.json'));
  try {
    return load(name);
  } catch (error) {
    return skip(error.message);
  }
}

/** Weights (out x in) and biases of each layer and the inputs, in float64. */
async function load(job) {
  const net = await Mlp.load(job.net);
  const layers = net.layers.map(({ weights, biases }) => ({ weights, biases: biases.data }));
  return { net, layers, x: await readNpy(job.x) };
}

/** `compute()` gives the numbers of an array of that shape: the kernel, N x N, or what replicas.js asks for. */
async function serve(job, about, shape, compute) {
  console.log(JSON.stringify(about));
  let first = true;
  const requests = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  while (!(await requests.next()).done) {
    const start = performance.now();
    const kernel = await compute();
    const seconds = (performance.now() - start) / 1000;
    if (first) await writeNpy(job.kernel, { data: Float64Array.from(kernel), shape });
    first = false;
    console.log(JSON.stringify({ seconds }));
  }
}

module.exports = { load, readJob, requirePeer, serve, skip };
