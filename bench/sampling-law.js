'use strict';

/**
 * node bench/sampling-law.js [replicas] [threads] [i/n]: every sampler against real nets, whose weights are all drawn: the two-sample
 * test of Kolmogorov and Smirnov on numbers of the kernel, and quantiles. Prints p-values: the smallest of the right samplers'
 * many is to be above .00001, those of deliberately wrong ones below it. The real nets of one shape see all inputs at once, so
 * that they are drawn once. With 100,000 replicas it takes 45 minutes of CPU; i/n, from 0/8 to 7/8, runs every n-th of the eight
 * cases from number i on, so that several processes can share them. The test suite has a small version.
 */

delete process.env.OPENBLAS_CORETYPE;
delete process.env.OPENBLAS_L2_SIZE;

const { createSpec, inputsAtCosines, moments } = require('deepntk');
const { resolveBackend } = require('../dist/backend/choose');
const { planChain } = require('../dist/sampling/one-input/chain-plan');
const { lawOf, termsOf } = require('../dist/sampling/matrix/kernel-source');
const { replicaSource } = require('../dist/sampling/one-input/sources');

const count = Number(process.argv[2] ?? 100_000);
const threads = Number(process.argv[3] ?? 2);
const [part, parts] = (process.argv[4] ?? '0/1').split('/').map(Number);
if (!(part >= 0 && part < parts))
  throw new Error(`expected a part i/n with 0 <= i < n, got ${process.argv[4]}`);
const backend = resolveBackend();
const PROBABILITIES = [0.01, 0.1, 0.5, 0.9, 0.99];
/** Samples of one law are further apart than this once in 100,000 times. */
const SMALLEST = 1e-5;
/** Drawn at once, which changes nothing but how much memory they take. */
const CHUNK = 500;

const NETS = [
  { depth: 10, width: 50, inputs: [2] },
  { depth: 10, width: 30, inputs: [3], outputDim: 3 },
  { depth: 30, width: 30, inputs: [11] },
  { depth: 50, width: 100, inputs: [1, 11] },
];

let worst = 1;
let seen = 0;
let wrong = 0;
let rejected = 0;

async function main() {
  console.log(`${count} replicas of every sampler, backend ${backend.name}`);
  const cases = NETS.flatMap((net) => [0, 0.1].map((biasVariance) => ({ ...net, biasVariance })));
  for (const [i, { inputs, ...net }] of cases.entries()) {
    if (i % parts === part) await compare(createSpec({ inputDim: net.width, ...net }), inputs);
  }
  console.log(`\nsmallest p-value of a right sampler: ${worst.toPrecision(3)} of ${seen}`);
  console.log(`wrong samplers rejected: ${rejected} of ${wrong}`);
  if (worst < SMALLEST || rejected < wrong) process.exitCode = 1;
}

async function compare(spec, sizes) {
  const { depth, hiddenWidths, outputDim, biasVariance } = spec;
  const all = inputsOf(Math.max(...sizes), spec.inputDim);
  const sets = sizes.flatMap((n) => [
    { label: `N=${n}`, rows: general(n), columns: n === 1 ? [] : n === 2 ? [1] : [1, n - 1] },
    ...(n === 1 ? [] : [{ label: `N=${n} with ${collinearNames(n)}`, ...collinear(n, all.n) }]),
  ]);
  const real = await numbersOf(spec, all, sets, 'direct', 1, count);
  for (const [i, set] of sets.entries()) {
    console.log(`\nL=${depth} M=${hiddenWidths[0]} ${set.label} K=${outputDim} sigma_b^2=${biasVariance}`);
    const inputs = { x: rowsOf(all.x, set.rows, spec.inputDim), n: set.rows.length };
    const own = [{ ...set, rows: set.rows.map((_, row) => row) }];
    const [numbers] = await numbersOf(spec, inputs, own, 'conditional', 2, count);
    report('conditional', numbers, real[i], true);
    printExact(spec, all.x.subarray(0, spec.inputDim), numbers);
    // One unit, and so about half a degree of freedom, too many in every layer, at the weights' variance of the right width.
    const wider = createSpec({ ...options(spec), hiddenWidths: hiddenWidths.map((width) => width + 1) });
    const tenth = Math.ceil(count / 10);
    const [others] = await numbersOf(wider, inputs, own, 'conditional', 2, tenth, lawOf(spec));
    report('conditional, one unit too many', others, real[i], false);
  }
  if (outputDim === 1) await compareChains(spec, real[0]);
}

/** The samplers of one input, against the first. */
async function compareChains(spec, real) {
  const named = (logs) => ({ 'log Theta_11': logs });
  const plan = planChain(spec, 1, false);
  console.log('\n  one input');
  report('chain', named(await logsOfChain(plan)), real, true);
  const { gates } = plan;
  const tables = { ...gates, low: gates.low.map((b) => b + 1), other: gates.other.map((b) => b + 1) };
  const oneTooMany = await logsOfChain({ ...plan, gates: tables });
  report('chain, chi-squares of one degree of freedom too many', named(oneTooMany), real, false);
  report('tilted, drawn again by weight', named(await logsOfTilted(spec)), real, true);
}

function options({ inputDim, hiddenWidths, outputDim, weightVariance, biasVariance, parametrization }) {
  return { inputDim, hiddenWidths, outputDim, weightVariance, biasVariance, parametrization };
}

/** n inputs of length 1 at cosines 1, .9, .8, ... with the first; then twice the first, the sum of two, zero and the second again. */
function inputsOf(n, inputDim) {
  const X = inputsAtCosines(
    Array.from({ length: n }, (_, i) => 1 - i / 10),
    inputDim,
  ).data;
  const x = new Float64Array((n + 4) * inputDim);
  x.set(X);
  for (let k = 0; k < inputDim; k++) {
    const [first, second] = [X[k], n > 1 ? X[inputDim + k] : 0];
    [2 * first, first + second, 0, second].forEach((value, i) => (x[(n + i) * inputDim + k] = value));
  }
  return { x, n: n + 4 };
}

const general = (n) => Array.from({ length: n }, (_, i) => i);

/** Some of the n inputs replaced by those that depend on others: rows of all, and the columns to look at. */
function collinear(n, all) {
  const [double, sum, zero, copy] = [all - 4, all - 3, all - 2, all - 1];
  if (n === 2) return { rows: [0, double], columns: [1] };
  if (n === 3) return { rows: [0, 1, double], columns: [1, 2] };
  const rows = general(n);
  rows.splice(2, 4, double, sum, zero, copy);
  return { rows, columns: [1, 2, 3, 4, n - 1] };
}

const collinearNames = (n) => (n < 4 ? '2 x' : '2 x, a sum, zero, one twice');

function rowsOf(x, rows, inputDim) {
  const out = new Float64Array(rows.length * inputDim);
  rows.forEach((row, i) => out.set(x.subarray(row * inputDim, (row + 1) * inputDim), i * inputDim));
  return out;
}

/** For each of the sets of inputs, named numbers of every replica's kernel. */
async function numbersOf(spec, { x, n }, sets, sampler, seed, replicas, law = lawOf(spec)) {
  const K = spec.outputDim;
  const form = K > 1 ? 'full' : 'trace';
  const task = { sampler, widths: spec.widths, law, x, n, form, terms: [termsOf(spec)], seed };
  const results = sets.map(() => ({}));
  for (let done = 0; done < replicas;) {
    const here = Math.min(CHUNK, replicas - done);
    const { kernels, exponents } = await backend.sampleKernels(
      { ...task, first: done, count: here },
      { threads },
    );
    for (let r = 0; r < here; r++) {
      const entry = (i, j, k = 0, m = 0) => kernels[(((r * n + i) * n + j) * K + k) * K + m];
      sets.forEach((set, s) => {
        for (const [name, value] of kernelNumbers(set, K, entry, exponents[r] * Math.LN2)) {
          (results[s][name] ??= new Float64Array(replicas))[done + r] = value;
        }
      });
    }
    done += here;
  }
  return results;
}

function* kernelNumbers({ rows, columns }, K, entry, logScale) {
  const theta = (i, j, k, m) => entry(rows[i], rows[j], k, m);
  const first = theta(0, 0);
  yield ['log Theta_11', Math.log(first) + logScale];
  if (rows.length > 1 || K > 1) {
    let [trace, squares] = [0, 0];
    for (let i = 0; i < rows.length; i++) {
      for (let k = 0; k < K; k++) trace += theta(i, i, k, k);
      for (let j = 0; j < rows.length; j++) squares += theta(i, j) ** 2;
    }
    yield ['log trace', Math.log(trace) + logScale];
    yield ['sum of squares / trace^2', squares / trace ** 2];
  }
  for (const j of columns) {
    yield [`Theta_1${j + 1} / Theta_11`, theta(0, j) / first];
    yield [`log det (1, ${j + 1})`, Math.log((theta(j, j) - theta(0, j) * (theta(0, j) / first)) / first)];
  }
  if (K > 1) {
    yield ['outputs 1, 2 / Theta_11', theta(0, 0, 0, 1) / first];
    yield ['inputs 1, 2, outputs 1, 2 / Theta_11', theta(0, 1, 0, 1) / first];
  }
}

/** The mean of the kernel's first entry, against the exact one. */
function printExact(spec, x, numbers) {
  const norm2 = x.reduce((sum, value) => sum + value * value, 0);
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
  const { thetas, exponents, weights, weightExponents } = await source.sample(0, 10 * count, { threads });
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
  const found = least.p < SMALLEST;
  wrong++;
  if (found) rejected++;
  console.log(
    `  wrong on purpose, ${name}: ${found ? 'rejected' : 'NOT REJECTED'} (${least.what}: p = ${least.p.toPrecision(3)})`,
  );
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
