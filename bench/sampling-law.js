'use strict';

/**
 * node bench/sampling-law.js [replicas]: the scalar chain against real nets, whose weights are all drawn, by the two-sample
 * test of Kolmogorov and Smirnov on log Theta, and by quantiles. Takes minutes; the test suite has a small version.
 */

delete process.env.OPENBLAS_CORETYPE;
delete process.env.OPENBLAS_L2_SIZE;

const { createSpec } = require('deepntk');
const { resolveBackend } = require('../dist/backend/choose');
const { planChain } = require('../dist/sampling/chain-plan');
const { replicaSource } = require('../dist/sampling/sources');

const PROBABILITIES = [0.01, 0.1, 0.5, 0.9, 0.99];
/** Samples of one law are further apart than this once in 100,000 times. */
const LIMIT = 2.47;

async function main() {
  const count = Number(process.argv[2] ?? 100_000);
  for (const [depth, width, share] of [
    [10, 50, 1],
    [50, 100, 0.1],
  ]) {
    for (const biasVariance of [0, 0.1]) {
      const spec = createSpec({ inputDim: width, depth, width, biasVariance });
      const nets = Math.round(count * share);
      const real = await logs(replicaSource('direct', spec, 1, 1, resolveBackend()).sample, nets);
      const chain = await logs(replicaSource('chain', spec, 1, 2, resolveBackend()).sample, count);
      console.log(`L=${depth} M=${width} sigma_b^2=${biasVariance}: ${nets} nets, ${count} chains`);
      report('chain', chain, real);
      // One degree of freedom too many, by one active unit too many: the test must see it.
      const plan = planChain(spec, 1, false);
      const { gates } = plan;
      const wrong = { ...gates, low: gates.low.map((b) => b + 1), other: gates.other.map((b) => b + 1) };
      const task = { plan: { ...plan, gates: wrong }, seed: 2 };
      const sample = (first, n, run) => resolveBackend().sampleChain({ ...task, first, count: n }, run);
      report('one degree of freedom too many', await logs(sample, count), real);
    }
  }
}

async function logs(sample, count) {
  const { thetas, exponents } = await sample(0, count, { threads: 2 });
  return Float64Array.from(thetas, (theta, i) => Math.log(theta) + exponents[i] * Math.LN2).sort();
}

function report(name, a, b) {
  const distance = kolmogorovSmirnov(a, b);
  const quantiles = PROBABILITIES.map((p) => `${at(a, p).toFixed(3)}/${at(b, p).toFixed(3)}`);
  const verdict = distance < LIMIT ? 'one law' : 'told apart';
  console.log(
    `  ${name}: distance ${distance.toFixed(2)} (${verdict}); quantiles of log Theta ${quantiles.join(' ')}`,
  );
}

const at = (sorted, p) => sorted[Math.round(p * (sorted.length - 1))];

function kolmogorovSmirnov(x, y) {
  let [i, j, distance] = [0, 0, 0];
  while (i < x.length && j < y.length) {
    const here = Math.min(x[i], y[j]);
    while (i < x.length && x[i] <= here) i++;
    while (j < y.length && y[j] <= here) j++;
    distance = Math.max(distance, Math.abs(i / x.length - j / y.length));
  }
  return distance * Math.sqrt((x.length * y.length) / (x.length + y.length));
}

void main();
