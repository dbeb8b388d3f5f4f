'use strict';

/** Plain JavaScript as one writes it first: the same algorithm, three nested loops a product, one thread. */
const peer = require('./peer');

async function main() {
  const job = peer.readJob();
  if (job.precision !== 'float64') peer.skip('JavaScript computes in float64');
  if (job.threads !== 1) peer.skip('plain JavaScript has one thread');
  const { layers, x } = await peer.load(job);
  await peer.serve(job, { version: `Node ${process.version}` }, [x.shape[0], x.shape[0]], () =>
    kernelOf(layers, x),
  );
}

/** Theta = sum over layers of (A A' + 1) elementwise (D D'), with rows of D over outputs and units together. */
function kernelOf(layers, x) {
  const [n] = x.shape;
  const outputs = layers.at(-1).weights.shape[0];
  const activations = [x.data];
  for (const { weights, biases } of layers.slice(0, -1)) {
    const [width, inputs] = weights.shape;
    const before = activations.at(-1);
    const after = new Float64Array(n * width);
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < width; j++) {
        let sum = biases[j];
        for (let k = 0; k < inputs; k++) sum += before[i * inputs + k] * weights.data[j * inputs + k];
        after[i * width + j] = Math.max(0, sum);
      }
    }
    activations.push(after);
  }

  let deltas = new Float64Array(n * outputs * outputs);
  for (let i = 0; i < n * outputs; i++) deltas[i * outputs + (i % outputs)] = 1;
  const kernel = new Float64Array(n * n);
  for (let l = layers.length - 1; l >= 0; l--) {
    const { data, shape } = layers[l].weights;
    const [width, inputs] = shape;
    const a = activations[l];
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) {
        kernel[i * n + j] += (dot(a, i, j, inputs) + 1) * dot(deltas, i, j, outputs * width);
      }
    }
    if (l === 0) break;
    const next = new Float64Array(n * outputs * inputs);
    for (let row = 0; row < n * outputs; row++) {
      const sample = Math.floor(row / outputs);
      for (let k = 0; k < inputs; k++) {
        if (a[sample * inputs + k] <= 0) continue;
        let sum = 0;
        for (let j = 0; j < width; j++) sum += deltas[row * width + j] * data[j * inputs + k];
        next[row * inputs + k] = sum;
      }
    }
    deltas = next;
  }
  return kernel;
}

/** The product of two rows of a matrix. */
function dot(rows, i, j, length) {
  let sum = 0;
  for (let k = 0; k < length; k++) sum += rows[i * length + k] * rows[j * length + k];
  return sum;
}

main();
