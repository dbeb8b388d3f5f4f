'use strict';

/** TensorFlow.js on WebAssembly, deepntk's own algorithm written by hand. It has float32 only. */
const path = require('node:path');
const peer = require('./peer');

async function main() {
  const job = peer.readJob();
  if (job.precision !== 'float32') peer.skip('TensorFlow.js has no float64');
  const tf = peer.requirePeer('@tensorflow/tfjs');
  const wasm = peer.requirePeer('@tensorflow/tfjs-backend-wasm');
  const folder = path.join(process.env.DEEPNTK_PEERS, 'node_modules/@tensorflow/tfjs-backend-wasm/dist/');
  wasm.setWasmPaths(folder);
  wasm.setThreadsCount(job.threads);
  if (!(await tf.setBackend('wasm'))) peer.skip('its WebAssembly backend does not start');

  const { layers, x } = await peer.load(job);
  const matrix = ({ data, shape }) => tf.tensor2d(Float32Array.from(data), shape);
  const weights = layers.map((layer) => matrix(layer.weights));
  const biases = layers.map((layer) => tf.tensor1d(Float32Array.from(layer.biases)));
  const inputs = matrix(x);
  const [n] = x.shape;
  const compute = async () => {
    const kernel = tf.tidy(() => kernelOf(tf, weights, biases, inputs));
    const data = await kernel.data();
    kernel.dispose();
    return data;
  };
  const threads = wasm.getThreadsCount();
  await peer.serve(
    job,
    { version: `tfjs ${tf.version.tfjs}`, note: `wasm, ${threads} threads` },
    [n, n],
    compute,
  );
}

function kernelOf(tf, weights, biases, x) {
  const [n] = x.shape;
  const [outputs] = weights.at(-1).shape;
  const activations = [x];
  for (let l = 0; l + 1 < weights.length; l++) {
    activations.push(tf.relu(tf.add(tf.matMul(activations[l], weights[l], false, true), biases[l])));
  }
  let deltas = tf.tile(tf.eye(outputs), [n, 1]);
  let kernel = tf.zeros([n, n]);
  for (let l = weights.length - 1; l >= 0; l--) {
    const rows = deltas.reshape([n, -1]);
    const a = activations[l];
    kernel = tf.add(
      kernel,
      tf.mul(tf.matMul(rows, rows, false, true), tf.add(tf.matMul(a, a, false, true), 1)),
    );
    if (l === 0) break;
    const width = weights[l].shape[1];
    const gates = tf.step(a).reshape([n, 1, width]);
    deltas = tf
      .mul(tf.matMul(deltas, weights[l]).reshape([n, outputs, width]), gates)
      .reshape([n * outputs, width]);
  }
  return kernel;
}

main();
