'use strict';

/**
 * node bench/sampling.js: what a replica costs, and how near to exact 100,000 of them come.
 *
 * With `matrix`, only what kernels of several inputs cost; with `chain`, only what one input costs. Times are CPU time of one
 * thread, of several runs that take turns, so that a busy machine slows all samplers alike. The direct sampler here is a fast
 * one: normals in bulk and the kernel in C++, no arrays allocated in between.
 */

delete process.env.OPENBLAS_CORETYPE;
delete process.env.OPENBLAS_L2_SIZE;

const os = require('node:os');
const {
  availableBackends,
  backendInfo,
  createSpec,
  estimateDispersion,
  inputsAtCosines,
} = require('deepntk');
const { resolveBackend } = require('../dist/backend/choose');
const { lawOf, termsOf } = require('../dist/sampling/matrix/kernel-source');
const { replicaSource } = require('../dist/sampling/one-input/sources');

async function main() {
  if (!availableBackends().includes('native')) throw new Error(backendInfo().unavailable.native);
  const { library, version, core } = backendInfo().blas;
  console.log(
    `${os.cpus()[0].model}, Node ${process.version}, ${library} ${version} (${core}), one thread\n`,
  );
  const only = process.argv[2];
  if (only !== 'chain') await printMatrixTimes();
  if (only === 'matrix') return;
  await printTimes();
  if (only === 'chain') return;
  await printErrors();
}

/** Kernels of N inputs: CPU time of interleaved runs, so that a busy machine slows both samplers alike. */
async function printMatrixTimes() {
  console.log(
    'a replica of N inputs, n_0 = 100, one thread, ms of CPU: median (fastest) of 7 interleaved runs',
  );
  for (const [depth, width, n, perRun] of [
    [50, 100, 1, 40],
    [50, 100, 11, 40],
    [50, 100, 30, 16],
    [100, 500, 1, 8],
    [100, 500, 11, 8],
  ]) {
    const spec = createSpec({ inputDim: 100, depth, width });
    const x = inputsAtCosines(
      Array.from({ length: n }, (_, i) => 1 - i / Math.max(10, n)),
      100,
    ).data;
    const task = {
      widths: spec.widths,
      law: lawOf(spec),
      x,
      n,
      form: 'trace',
      terms: [termsOf(spec)],
      seed: 1,
    };
    const once = async (sampler, count) => {
      const before = process.cpuUsage();
      await resolveBackend('native').sampleKernels({ ...task, sampler, first: 0, count }, { threads: 1 });
      const { user, system } = process.cpuUsage(before);
      return (user + system) / 1000 / count;
    };
    const times = { direct: [], conditional: [] };
    for (let round = 0; round < 7; round++) {
      times.direct.push(await once('direct', Math.max(2, perRun / 4)));
      times.conditional.push(await once('conditional', 4 * perRun));
    }
    const [direct, conditional] = [times.direct, times.conditional].map((list) => {
      list.sort((a, b) => a - b);
      return { median: list[3], fastest: list[0] };
    });
    console.log(
      `L=${depth} M=${width} N=${n}: direct ${show(direct)}, conditional ${show(conditional)}, ` +
        `${(direct.median / conditional.median).toFixed(1)} (${ratio(direct, conditional)}) times as fast`,
    );
  }
  console.log();
}

/** Samplers of one input, by turns, as above. */
async function printTimes() {
  console.log('a replica, us of CPU: median (fastest) of 7 interleaved runs');
  for (const [depth, width] of [
    [10, 50],
    [50, 100],
    [100, 500],
  ]) {
    for (const biasVariance of [0, 0.1]) {
      const spec = createSpec({ inputDim: 100, depth, width, biasVariance });
      const nets = Math.max(4, Math.round(4e7 / (depth * width * width)));
      const [direct, chain, tilted, chainOfTypeScript, tiltedOfTypeScript] = await times(spec, [
        ['direct', 'native', nets],
        ['chain', 'native', 20_000],
        ['tilted', 'native', 20_000],
        ['chain', 'typescript', 20_000],
        ['tilted', 'typescript', 20_000],
      ]);
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

async function times(spec, runs) {
  const lists = runs.map(() => []);
  const sources = runs.map(([sampler, backend]) =>
    replicaSource(sampler, spec, 1, 1, resolveBackend(backend)),
  );
  // The first round, in which Node compiles, is not counted.
  for (let round = 0; round < 8; round++) {
    for (const [i, [, , count]] of runs.entries()) {
      const before = process.cpuUsage();
      await sources[i].sample(round * count, count, { threads: 1 });
      const { user, system } = process.cpuUsage(before);
      if (round > 0) lists[i].push((user + system) / count);
    }
  }
  return lists.map((list) => {
    list.sort((x, y) => x - y);
    return { median: list[3], fastest: list[0] };
  });
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
