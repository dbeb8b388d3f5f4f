'use strict';

/**
 * node bench/sampling-law.js [replicas] [threads]: every sampler against real nets, whose weights are all drawn: the two-sample
 * test of Kolmogorov and Smirnov on numbers of the kernel, and quantiles. Prints p-values: the largest of the right samplers'
 * many is to be above .00001, those of deliberately wrong ones below it. Takes half an hour; the test suite has a small version.
 */

delete process.env.OPENBLAS_CORETYPE;
delete process.env.OPENBLAS_L2_SIZE;

const { createSpec, inputsAtCosines, moments } = require('deepntk');
const { resolveBackend } = require('../dist/backend/choose');
const { planChain } = require('../dist/sampling/chain-plan');
const { lawOf, termsOf } = require('../dist/sampling/kernel-source');
const { replicaSource } = require('../dist/sampling/sources');

const count = Number(process.argv[2] ?? 100_000);
const threads = Number(process.argv[3] ?? 2);
const backend = resolveBackend();
const PROBABILITIES = [0.01, 0.1, 0.5, 0.9, 0.99];
/** Samples of one law are further apart than this once in 100,000 times. */
const SMALLEST = 1e-5;

const NETS = [
  { depth: 10, width: 50, inputs: 2 },
  { depth: 50, width: 100, inputs: 1 },
  { depth: 30, width: 30, inputs: 11 },
  { depth: 10, width: 30, inputs: 3, outputDim: 3 },
  { depth: 50, width: 100, inputs: 11 },
];

let worst = 1;
let seen = 0;

async function main() {
  console.log(`${count} replicas of every sampler, backend ${backend.name}`);
  for (const { inputs, ...net } of NETS) {
    for (const biasVariance of [0, 0.1]) {
      for (const collinear of inputs > 2 ? [false, true] : [false]) {
        await compare(createSpec({ inputDim: net.width, ...net, biasVariance }), inputs, collinear);
      }
    }
  }
  console.log(`smallest p-value of a right sampler: ${worst.toPrecision(3)} of ${seen}`);
  if (worst < SMALLEST) process.exitCode = 1;
}

async function compare(spec, n, collinear) {
  const X = collinear ? collinearInputs(n, spec.inputDim) : inputsAt(n, spec.inputDim);
  const { depth, hiddenWidths, outputDim, biasVariance } = spec;
  console.log(
    `\nL=${depth} M=${hiddenWidths[0]} N=${n}${collinear ? ' (2 x, a sum, zero among them)' : ''} K=${outputDim} sigma_b^2=${biasVariance}`,
  );
  const real = await numbersOf(spec, X, 'direct', 1);
  const conditional = await numbersOf(spec, X, 'conditional', 2);
  report('conditional', conditional, real, true);
  printExact(spec, X, conditional);
  // One unit, and so about half a degree of freedom, too many in every layer, at the weights' variance of the right width.
  const wrong = createSpec({
    ...options(spec),
    hiddenWidths: hiddenWidths.map((width) => width + 1),
  });
  report('one unit too many', await numbersOf(wrong, X, 'conditional', 2, lawOf(spec)), real, false);
  if (n > 1 || outputDim > 1) return;
  report('chain', { 'log Theta_11': await logsOfChain(planChain(spec, 1, false)) }, real, true);
  const plan = planChain(spec, 1, false);
  const { gates } = plan;
  const tables = { ...gates, low: gates.low.map((b) => b + 1), other: gates.other.map((b) => b + 1) };
  const oneTooMany = { 'log Theta_11': await logsOfChain({ ...plan, gates: tables }) };
  report('chain, one degree of freedom too many', oneTooMany, real, false);
  const tilted = { 'log Theta_11': await logsOfTilted(spec) };
  report('tilted, drawn again by weight', tilted, real, true);
}

function options({ inputDim, hiddenWidths, outputDim, weightVariance, biasVariance, parametrization }) {
  return { inputDim, hiddenWidths, outputDim, weightVariance, biasVariance, parametrization };
}

function inputsAt(n, inputDim) {
  return inputsAtCosines(
    Array.from({ length: n }, (_, i) => 1 - i / 10),
    inputDim,
  );
}

/** The first two inputs, twice the first, their sum, zero, the second again, and others. */
function collinearInputs(n, inputDim) {
  const X = inputsAt(n, inputDim);
  const row = (i) => X.data.subarray(i * inputDim, (i + 1) * inputDim);
  row(2).forEach((_, k) => (row(2)[k] = 2 * row(0)[k]));
  if (n > 5) {
    row(3).forEach((_, k) => (row(3)[k] = row(0)[k] + row(1)[k]));
    row(4).fill(0);
    row(5).set(row(1));
  }
  return X;
}

/** Named numbers of every replica. */
async function numbersOf(spec, X, sampler, seed, law = lawOf(spec)) {
  const [n] = X.shape;
  const K = spec.outputDim;
  const form = K > 1 ? 'full' : 'trace';
  const task = { sampler, widths: spec.widths, law, x: X.data, n, form, terms: [termsOf(spec)], seed };
  const numbers = {};
  const push = (name, value) => (numbers[name] ??= []).push(value);
  for (let done = 0; done < count;) {
    const here = Math.min(2000, count - done);
    const { kernels, exponents } = await backend.sampleKernels(
      { ...task, first: done, count: here },
      { threads },
    );
    for (let r = 0; r < here; r++) {
      const theta = (i, j, k = 0, m = 0) => kernels[(((r * n + i) * n + j) * K + k) * K + m];
      const log = (value) => Math.log(value) + exponents[r] * Math.LN2;
      push('log Theta_11', log(theta(0, 0)));
      let trace = 0;
      for (let i = 0; i < n; i++) for (let k = 0; k < K; k++) trace += theta(i, i, k, k);
      push('log trace', log(trace));
      for (const j of n > 2 ? [1, n - 1] : n > 1 ? [1] : []) {
        push(`Theta_1${j + 1} / Theta_11`, theta(0, j) / theta(0, 0));
        const minor = theta(0, 0) * theta(j, j) - theta(0, j) ** 2;
        push(`log det (1, ${j + 1})`, Math.log(minor / theta(0, 0) ** 2));
      }
      if (K > 1) {
        push('outputs 1, 2 / Theta_11', theta(0, 0, 0, 1) / theta(0, 0));
        push('inputs 1, 2, outputs 1, 2 / Theta_11', theta(0, 1, 0, 1) / theta(0, 0));
      }
    }
    done += here;
  }
  return numbers;
}

/** The mean of the kernel's first entry, against the exact one. */
function printExact(spec, X, numbers) {
  const norm2 = X.data.subarray(0, spec.inputDim).reduce((sum, value) => sum + value * value, 0);
  const exact = moments(createSpec({ ...options(spec), outputDim: 1 }), { inputNorm2: norm2 });
  const thetas = numbers['log Theta_11'].map((logarithm) => Math.exp(logarithm - exact.logMean));
  const mean = thetas.reduce((sum, theta) => sum + theta, 0) / thetas.length;
  const square = thetas.reduce((sum, theta) => sum + theta * theta, 0) / thetas.length;
  const error = Math.sqrt((square - mean * mean) / thetas.length);
  console.log(`  mean of Theta_11 over exact: ${mean.toFixed(4)} +- ${error.toFixed(4)}`);
}

async function logsOfChain(plan) {
  const { thetas, exponents } = await backend.sampleChain({ plan, seed: 2, first: 0, count }, { threads });
  return Array.from(thetas, (theta, i) => Math.log(theta) + exponents[i] * Math.LN2);
}

async function logsOfTilted(spec) {
  const source = replicaSource('tilted', spec, 1, 3, backend);
  const { thetas, exponents, weights, weightExponents } = await source.sample(0, 4 * count, { threads });
  const logs = Array.from(thetas, (theta, i) => Math.log(theta) + exponents[i] * Math.LN2);
  // Weights are at most 10, 1 over the share of the plain law: a replica is kept with probability weight / 10.
  const spread = (i) => ((i + 1) * 0.6180339887498949) % 1;
  return logs.filter((_, i) => weights[i] * 2 ** weightExponents[i] > 10 * spread(i));
}

function report(name, sample, real, right) {
  const cells = Object.entries(sample).map(([what, values]) => {
    const [a, b] = [Float64Array.from(values).sort(), Float64Array.from(real[what]).sort()];
    const p = kolmogorov(distance(a, b));
    if (right) {
      worst = Math.min(worst, p);
      seen++;
    }
    const quantiles = PROBABILITIES.map((q) => `${at(a, q).toFixed(3)}/${at(b, q).toFixed(3)}`).join(' ');
    return { what, p, quantiles };
  });
  if (right) {
    for (const { what, p, quantiles } of cells) {
      console.log(`  ${name}: ${what}: p = ${p.toPrecision(3)}; quantiles ${quantiles}`);
    }
    return;
  }
  const least = cells.reduce((best, cell) => (cell.p < best.p ? cell : best));
  const verdict = least.p < SMALLEST ? 'rejected' : 'NOT REJECTED';
  console.log(`  wrong on purpose, ${name}: ${verdict} (${least.what}: p = ${least.p.toPrecision(3)})`);
  if (least.p >= SMALLEST) process.exitCode = 1;
}

const at = (sorted, p) => sorted[Math.round(p * (sorted.length - 1))];

/** The largest distance of the distribution functions, times sqrt(n m / (n + m)). Ties, also of numbers that rounding parts, count as one. */
function distance(x, y) {
  let [i, j, largest] = [0, 0, 0];
  while (i < x.length && j < y.length) {
    const lower = Math.min(x[i], y[j]);
    const here = lower + 1e-9 * Math.abs(lower) + 1e-12;
    while (i < x.length && x[i] <= here) i++;
    while (j < y.length && y[j] <= here) j++;
    largest = Math.max(largest, Math.abs(i / x.length - j / y.length));
  }
  return largest * Math.sqrt((x.length * y.length) / (x.length + y.length));
}

/** The chance that two samples of one law are further apart. */
function kolmogorov(t) {
  if (t < 0.2) return 1;
  let sum = 0;
  for (let k = 1; k < 100; k++) sum += 2 * (k % 2 === 1 ? 1 : -1) * Math.exp(-2 * k * k * t * t);
  return Math.min(1, Math.max(0, sum));
}

void main();
