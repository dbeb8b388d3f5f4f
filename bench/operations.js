'use strict';

/**
 * node bench/operations.js [N L M K]: the floating-point operations of a kernel, counted on the net and the inputs of the
 * benchmarks: those of the dense algorithm, as JAX executes it; those over the units that any input activates; and those that
 * are left where closed gates are nowhere computed with, input by input (in Gram matrices, pair by pair). The ratio of the dense
 * ones to the last bounds how many times as fast as JAX a kernel can be at JAX's own rate.
 */

const { createSpec, Mlp } = require('deepntk');
const { imageLikeInputs } = require('../dist/cli/bench/suite');

const SHAPES = [
  [100, 20, 300, 10],
  [200, 50, 500, 1],
];

function main() {
  const given = process.argv.slice(2).map(Number);
  if (
    ![0, 4].includes(given.length) ||
    !given.every((number) => Number.isSafeInteger(number) && number > 0)
  ) {
    throw new Error(`expected four whole numbers N L M K above 0, got ${process.argv.slice(2).join(' ')}`);
  }
  const shapes = given.length === 0 ? SHAPES : [given];
  for (const [n, depth, width, outputs] of shapes) {
    const X = imageLikeInputs(n);
    const spec = createSpec({ inputDim: X.shape[1], depth, width, outputDim: outputs, weightVariance: 2 });
    const counted = count(Mlp.random(spec, { seed: 1 }), X);
    const dense = total(counted.dense);
    console.log(`N=${n} L=${depth} M=${width} K=${outputs}: Gflop forward + backward + Gram matrices`);
    for (const [name, parts] of Object.entries(counted)) {
      const [forward, backward, gram] = parts.map((part) => (part / 1e9).toFixed(2));
      const sum = (total(parts) / 1e9).toFixed(2);
      console.log(
        `  ${name}: ${forward} + ${backward} + ${gram} = ${sum}, dense over this ${(dense / total(parts)).toFixed(2)}`,
      );
    }
  }
}

function count({ layers, spec }, X) {
  const n = X.shape[0];
  const outputs = spec.outputDim;
  const dense = [0, 0, 0];
  const kept = [0, 0, 0];
  const open = [0, 0, 0];
  let rows = Array.from({ length: n }, (_, i) => X.data.subarray(i * X.shape[1], (i + 1) * X.shape[1]));
  let below = gatesOf(rows);
  for (const [l, { weights }] of layers.slice(0, -1).entries()) {
    rows = rows.map((row) => activations(weights, row));
    const above = gatesOf(rows);
    // Of each input: forward from what is not 0 to every unit kept, backward from open units to open ones.
    const pairs = above.open.reduce((sum, units, i) => sum + units * below.open[i], 0);
    dense[0] += 2 * n * above.all * below.all;
    kept[0] += 2 * n * above.kept * below.kept;
    open[0] += 2 * above.kept * below.open.reduce((sum, units) => sum + units, 0);
    if (l > 0) {
      dense[1] += 2 * outputs * n * above.all * below.all;
      kept[1] += 2 * outputs * n * above.kept * below.kept;
      open[1] += 2 * outputs * pairs;
    }
    // Half of a Gram matrix is the other half.
    dense[2] += 2 * n * n * (below.all + outputs * above.all);
    kept[2] += n * n * (below.kept + outputs * above.kept);
    open[2] += below.pairs + outputs * above.pairs;
    below = above;
  }
  return { dense, 'units that any input activates': kept, 'no closed gate': open };
}

function activations({ data, shape: [units, inputs] }, row) {
  const result = new Float64Array(units);
  for (let i = 0; i < units; i++) {
    let sum = 0;
    for (let j = 0; j < inputs; j++) sum += data[i * inputs + j] * row[j];
    result[i] = Math.max(0, sum);
  }
  return result;
}

/**
 * How many units there are, how many any input activates, how many each input does, and over all units how many pairs of inputs
 * activate the same one.
 */
function gatesOf(rows) {
  const inputsOf = new Float64Array(rows[0].length); // of every unit, how many activate it
  const open = rows.map((row) => {
    let count = 0;
    row.forEach((value, j) => {
      if (value > 0) [count, inputsOf[j]] = [count + 1, inputsOf[j] + 1];
    });
    return count;
  });
  return {
    all: inputsOf.length,
    kept: inputsOf.filter((inputs) => inputs > 0).length,
    open,
    pairs: inputsOf.reduce((sum, inputs) => sum + inputs * inputs, 0),
  };
}

function total(parts) {
  return parts.reduce((sum, part) => sum + part, 0);
}

main();
