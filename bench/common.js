'use strict';

/** What the benchmarks share. */
const os = require('node:os');
const { backendInfo, version } = require('deepntk');
const { largestDifference, medianOf } = require('../dist/cli/bench/measure');
const { imageLikeInputs } = require('../dist/cli/bench/suite');

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

module.exports = { describeMachine, imageLikeInputs, largestDifference, median: medianOf };
