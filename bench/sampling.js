'use strict';

/**
 * node bench/sampling.js: what a replica costs, and how near to exact 100,000 of them come.
 *
 * Times are medians of several runs on one thread, in one process with what they are compared with. The direct sampler here
 * is a fast one: normals in bulk and the kernel in C++, no arrays allocated in between.
 */

delete process.env.OPENBLAS_CORETYPE;
delete process.env.OPENBLAS_L2_SIZE;

const os = require('node:os');
const { availableBackends, backendInfo, createSpec, estimateDispersion } = require('deepntk');
const { resolveBackend } = require('../dist/backend/choose');
const { replicaSource } = require('../dist/sampling/sources');

async function main() {
  if (!availableBackends().includes('native')) throw new Error(backendInfo().unavailable.native);
  const { library, version, core } = backendInfo().blas;
  console.log(
    `${os.cpus()[0].model}, Node ${process.version}, ${library} ${version} (${core}), one thread\n`,
  );
  await printTimes();
  await printErrors();
}

async function printTimes() {
  console.log('a replica, us: median (fastest)');
  for (const [depth, width] of [
    [10, 50],
    [50, 100],
    [100, 500],
  ]) {
    for (const biasVariance of [0, 0.1]) {
      const spec = createSpec({ inputDim: 100, depth, width, biasVariance });
      const direct = await time(
        spec,
        'direct',
        'native',
        Math.max(4, Math.round(4e7 / (depth * width * width))),
      );
      const chain = await time(spec, 'chain', 'native', 20_000);
      const tilted = await time(spec, 'tilted', 'native', 20_000);
      const chainOfTypeScript = await time(spec, 'chain', 'typescript', 4000);
      const tiltedOfTypeScript = await time(spec, 'tilted', 'typescript', 4000);
      console.log(
        [
          `L=${depth} M=${width} sigma_b^2=${biasVariance}: direct ${show(direct)}`,
          `chain ${show(chain)}, ${Math.round(direct.median / chain.median)} times as fast`,
          `tilted ${show(tilted)}`,
          `TypeScript chain ${show(chainOfTypeScript)}, ${ratio(chainOfTypeScript, chain)} times native`,
          `tilted ${show(tiltedOfTypeScript)}, ${ratio(tiltedOfTypeScript, tilted)} times native`,
        ].join('; '),
      );
    }
  }
}

async function time(spec, sampler, backend, count) {
  const source = replicaSource(sampler, spec, 1, 1, resolveBackend(backend));
  const times = [];
  for (let round = 0; round < 9; round++) {
    const start = performance.now();
    await source.sample(round * count, count, { threads: 1 });
    times.push(((performance.now() - start) * 1000) / count);
  }
  times.sort((a, b) => a - b);
  return { median: times[4], fastest: times[0] };
}

const show = ({ median, fastest }) => `${median.toPrecision(3)} (${fastest.toPrecision(3)})`;
const ratio = (a, b) => (a.fastest / b.fastest).toFixed(1);

/** M = 100, n_0 = 100, |x| = 1: the dispersion, exact, and the standard error of the tilted estimate. */
async function printErrors() {
  console.log(
    '\n100,000 tilted replicas at M = 100: exact dispersion, estimate over exact, relative standard error',
  );
  for (const biasVariance of [0, 0.1]) {
    for (const weightVariance of [1, 1.8, 2, 2.3, 4]) {
      const cells = [];
      for (const depth of [1, 10, 50, 100, 200, 500]) {
        const spec = createSpec({ inputDim: 100, depth, width: 100, weightVariance, biasVariance });
        const start = performance.now();
        const { exact, logDispersion, exactMoments, relativeErrors } = await estimateDispersion(spec, {
          replicas: 100_000,
          seed: 1,
          sampler: 'tilted',
        });
        const seconds = (performance.now() - start) / 1000;
        cells.push(
          `L=${depth} R=${exact.toPrecision(4)} ${Math.exp(logDispersion - exactMoments.logDispersion).toFixed(4)} ` +
            `${(100 * relativeErrors.dispersion).toPrecision(2)} % ${seconds.toFixed(2)} s`,
        );
      }
      console.log(`sigma_w^2=${weightVariance} sigma_b^2=${biasVariance}: ${cells.join(' | ')}`);
    }
  }
}

void main();
