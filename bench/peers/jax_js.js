'use strict';

/** jax-js on WebAssembly, deepntk's own algorithm written by hand, under jit. `.ref` keeps an array that is used again. */
const peer = require('./peer');

async function main() {
  const job = peer.readJob();
  // Node has it from version 24 on; jax-js only asks whether an array is one.
  globalThis.Float16Array ??= class Float16Array {};
  const { defaultDevice, init, jit, numpy: np } = peer.requirePeer('@jax-js/jax');
  const devices = await init('wasm');
  if (!devices.includes('wasm')) peer.skip('its WebAssembly device does not start');
  defaultDevice('wasm');

  const { layers, x } = await peer.load(job);
  const Numbers = job.precision === 'float64' ? Float64Array : Float32Array;
  const array = ({ data, shape }) => np.array(Numbers.from(data)).reshape(shape);
  // Weights are stored (in, out): the forward products then need no transposition.
  const weights = layers.map(({ weights }) => np.transpose(array(weights)));
  const biases = layers.map(({ biases }) => np.array(Numbers.from(biases)));
  const inputs = array(x);
  const [n] = x.shape;
  const outputs = layers.at(-1).biases.length;
  const identity = array({
    data: Float64Array.from({ length: n * outputs ** 2 }, (_, i) =>
      Math.floor(i / outputs) % outputs === i % outputs ? 1 : 0,
    ),
    shape: [n * outputs, outputs],
  });
  const compiled = jit((weights, biases, x, identity) => kernelOf(np, weights, biases, x, identity));
  const compute = async () => {
    const references = (arrays) => arrays.map((entry) => entry.ref);
    return compiled(references(weights), references(biases), inputs.ref, identity.ref).data();
  };
  const version = require(`${process.env.DEEPNTK_PEERS}/node_modules/@jax-js/jax/package.json`).version;
  await peer.serve(job, { version: `jax-js ${version}`, note: 'wasm' }, [n, n], compute);
}

/** Takes what it is given, as functions of jax-js do. */
function kernelOf(np, weights, biases, x, identity) {
  const [n] = x.shape;
  const outputs = biases.at(-1).shape[0];
  biases.at(-1).dispose();
  const activations = [x];
  for (let l = 0; l + 1 < weights.length; l++) {
    const sums = np.matmul(activations[l].ref, weights[l].ref).add(biases[l]);
    activations.push(np.maximum(sums, 0));
  }
  let deltas = identity;
  let kernel = null;
  for (let l = weights.length - 1; l >= 0; l--) {
    const a = activations[l];
    const rows = deltas.ref.reshape([n, -1]);
    const part = np.matmul(rows.ref, np.transpose(rows)).mul(np.matmul(a.ref, np.transpose(a.ref)).add(1));
    kernel = kernel === null ? part : kernel.add(part);
    if (l === 0) {
      for (const rest of [deltas, a, weights[l]]) rest.dispose();
      break;
    }
    const width = weights[l].shape[0];
    const gates = np.sign(a).reshape([n, 1, width]);
    deltas = np
      .matmul(deltas, np.transpose(weights[l]))
      .reshape([n, outputs, width])
      .mul(gates)
      .reshape([n * outputs, width]);
  }
  return kernel;
}

main();
