'use strict';

/** What the benchmarks share. */
const os = require('node:os');
const { backendInfo, version } = require('deepntk');
const { largestDifference, medianOf } = require('../dist/cli/bench/measure');

/** What a time depends on: CPU, OpenBLAS and the core type that it chose, Node, versions; `summary` is one line of it. */
function describeMachine() {
  const { blas, threads } = backendInfo();
  const machine = {
    cpu: os.cpus()[0]?.model ?? 'unknown',
    cores: os.availableParallelism(),
    threads,
    platform: `${process.platform}-${process.arch}`,
    node: process.version,
    deepntk: version,
    blas,
    date: new Date().toISOString().slice(0, 10),
  };
  const library = blas === null ? 'no BLAS' : `${blas.library} ${blas.version} (${blas.core})`;
  const summary = `${machine.cpu}, ${machine.cores} cores, Node ${machine.node}, deepntk ${version}, ${library}`;
  return { ...machine, summary };
}

/** Non-negative inputs with a common part, as images have. */
function mnistLikeInputs(n, size = 784) {
  const data = new Float64Array(n * size);
  let state = 1;
  for (let i = 0; i < data.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    data[i] = Math.max(0, state / 2 ** 32 - 0.5) + (i % size === 0 ? 0.1 : 0);
  }
  return { data, shape: [n, size] };
}

module.exports = { describeMachine, largestDifference, median: medianOf, mnistLikeInputs };
