'use strict';

/**
 * Fuzzes the readers of files: node scripts/fuzz.js [--seconds 30] [--seed 1] [reader ...]; `npm run build` first. What
 * breaks their promise (test/fuzz/readers.js) is written to test/fuzz/findings/, where the tests read it again, and makes
 * the status 1. The fuzzers of the C++ core are run by scripts/sanitize.sh.
 *
 * Each reader runs in a worker thread that lays out every input in shared memory first: an input that never comes back,
 * or that exhausts the heap, is found too.
 */
const { createHash } = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');
const { parseArgs } = require('node:util');
const { isMainThread, Worker, workerData } = require('node:worker_threads');

const { fuzz } = require('../test/fuzz/engine.js');
const { check, FILES, findings, READERS } = require('../test/fuzz/readers.js');

const ROOM = 1 << 21;
const HANGS_AFTER_MS = 20_000;

if (isMainThread) void main();
else void work(workerData);

async function main() {
  const { values, positionals } = parseArgs({
    options: {
      seconds: { type: 'string', default: '30' },
      seed: { type: 'string', default: '1' },
    },
    allowPositionals: true,
  });
  const names = positionals.length > 0 ? positionals : Object.keys(READERS);
  const unknown = names.find((name) => !(name in READERS));
  if (unknown !== undefined)
    throw new Error(`expected one of ${Object.keys(READERS).join(', ')}, got ${unknown}`);
  const milliseconds = (1000 * Number(values.seconds)) / names.length;
  for (const name of names) {
    const { summary, problem, input } = await fuzzReader(name, Number(values.seed), milliseconds);
    if (problem === undefined) {
      console.log(`${name}: ${summary.runs} inputs, ${summary.corpus} of them reached new code`);
      continue;
    }
    console.log(`${name}: ${problem}\n  the input: ${path.relative(process.cwd(), keep(name, input))}`);
    process.exitCode = 1;
  }
}

function fuzzReader(name, seed, milliseconds) {
  const memory = new SharedArrayBuffer(8 + ROOM);
  const header = new Int32Array(memory, 0, 2);
  const worker = new Worker(__filename, {
    workerData: { name, seed, milliseconds, memory },
    resourceLimits: { maxOldGenerationSizeMb: 1024 },
  });
  return new Promise((resolve) => {
    let last = -1;
    const watch = setInterval(() => {
      if (header[1] === last) return end({ problem: `an input takes more than ${HANGS_AFTER_MS / 1000} s` });
      last = header[1];
    }, HANGS_AFTER_MS);
    const end = (outcome) => {
      clearInterval(watch);
      void worker.terminate();
      resolve({ input: Buffer.from(memory, 8, header[0]), ...outcome });
    };
    worker.once('message', (summary) => end({ summary }));
    worker.once('error', (error) => end({ problem: error.stack ?? String(error) }));
  });
}

async function work({ name, seed, milliseconds, memory }) {
  const header = new Int32Array(memory, 0, 2);
  const room = new Uint8Array(memory, 8);
  const summary = await fuzz({
    seeds: [...READERS[name].seeds(), ...findings(name)],
    words: READERS[name].words,
    files: FILES,
    seed,
    milliseconds,
    check(input) {
      room.set(input);
      header[0] = input.length;
      header[1]++;
      return check(name, input);
    },
  });
  require('node:worker_threads').parentPort.postMessage(summary);
}

function keep(name, input) {
  const folder = path.join(__dirname, '..', 'test', 'fuzz', 'findings', name);
  fs.mkdirSync(folder, { recursive: true });
  const file = path.join(folder, createHash('sha1').update(input).digest('hex').slice(0, 12));
  fs.writeFileSync(file, input);
  return file;
}
