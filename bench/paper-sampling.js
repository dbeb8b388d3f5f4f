'use strict';

/**
 * node bench/paper-sampling.js: the sampling experiment of Seleznova and Kutyniok (ICML 2022) in whole: M = n_0 = 100, one
 * output, no biases at initialization, 16 values of sigma_w^2, depths 1 .. 49, 500 replicas each, 11 inputs at cosines 1,
 * .9 .. 0 with the first. The replicas of a depth serve all 16 values, by exact scaling.
 *
 * Then the diagonal alone, at 100,000 replicas a point. Prints the times, what drawing nets for every point by itself would
 * take (measured on a few), and how far the results are from exact.
 */

delete process.env.OPENBLAS_CORETYPE;
delete process.env.OPENBLAS_L2_SIZE;

const {
  backendInfo,
  createSpec,
  estimateDispersion,
  inputsAtCosines,
  moments,
  sampleNtk,
} = require('deepntk');

const WEIGHT_VARIANCES = [0.5, 0.8, 1, 1.2, 1.4, 1.5, 1.6, 1.7, 1.8, 1.9, 2, 2.1, 2.2, 2.5, 3, 3.5];
const DEPTHS = Array.from({ length: 49 }, (_, i) => i + 1);
const X = inputsAtCosines([1, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0], 100);
const REPLICAS = 500;

const specOf = (depth, weightVariance = 2) =>
  createSpec({ inputDim: 100, depth, width: 100, weightVariance });

async function main() {
  const { backend, threads } = backendInfo();
  console.log(`backend ${backend}, up to ${threads} threads`);
  const whole = await seconds(async () => {
    let worst = 0;
    for (const depth of DEPTHS) {
      const { byWeightVariance } = await sampleNtk(specOf(depth), X, {
        replicas: REPLICAS,
        seed: depth,
        weightVariances: WEIGHT_VARIANCES,
      });
      for (const { weightVariance, mean, standardError } of byWeightVariance) {
        const exact = moments(specOf(depth, weightVariance), { inputNorm2: 1 }).mean;
        worst = Math.max(worst, Math.abs(mean.data[0] - exact) / standardError.data[0]);
      }
    }
    console.log(
      `mean of the diagonal: at most ${worst.toFixed(2)} standard errors from exact, over 784 points`,
    );
  });
  console.log(`11 inputs, 784 points, ${REPLICAS} replicas each: ${whole.toFixed(1)} s`);

  const each = await seconds(async () => {
    for (const depth of [1, 13, 25, 37, 49])
      await sampleNtk(specOf(depth), X, { replicas: 100, seed: 1, sampler: 'direct' });
  });
  console.log(
    `drawing nets in whole, other ones for every point: about ${((each / 500) * 784 * REPLICAS).toFixed(0)} s`,
  );

  const diagonal = await seconds(async () => {
    let worst = 0;
    let largest = 0;
    for (const depth of DEPTHS) {
      for (const weightVariance of WEIGHT_VARIANCES) {
        const { logDispersion, exactMoments, relativeErrors } = await estimateDispersion(
          specOf(depth, weightVariance),
          { replicas: 100_000, seed: 1 },
        );
        const off = Math.abs(logDispersion - exactMoments.logDispersion);
        worst = Math.max(worst, off / relativeErrors.dispersion);
        largest = Math.max(largest, relativeErrors.dispersion);
      }
    }
    console.log(
      `dispersion: at most ${worst.toFixed(2)} standard errors from exact, relative errors up to ${(100 * largest).toFixed(2)} %`,
    );
  });
  const points = DEPTHS.length * WEIGHT_VARIANCES.length;
  console.log(
    `the diagonal, ${points} points, 100,000 replicas each: ${diagonal.toFixed(1)} s, ${(diagonal / points).toFixed(2)} s a point`,
  );
}

async function seconds(work) {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}

void main();
