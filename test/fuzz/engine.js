'use strict';

/**
 * A small coverage-guided fuzzer of functions that take bytes: inputs are changed at random, and those that reach code
 * which none before reached are kept and changed further. Coverage is V8's own, of the files under test alone. Everything
 * follows from the seed but how long it runs.
 *
 * (Jazzer.js would do this; its binaries need glibc 2.38, newer than that of the systems we support.)
 */
const inspector = require('node:inspector');

/** How many inputs are run between two looks at the coverage. */
const BATCH = 32;

/**
 * Runs `check` on changed inputs until the time is over.
 *
 * @param {object} options
 * @param {readonly Buffer[]} options.seeds what is changed first
 * @param {readonly string[]} options.words what the format has as words
 * @param {(input: Buffer) => void | Promise<void>} options.check throws where the input shows a fault
 * @param {RegExp} options.files whose coverage counts
 * @param {number} options.seed
 * @param {number} options.milliseconds
 * @param {number} [options.runs] at most so many inputs
 * @returns {Promise<{ runs: number, corpus: number, places: number }>}
 */
async function fuzz({ seeds, words, check, files, seed, milliseconds, runs: most = Infinity }) {
  const random = generator(seed);
  const coverage = openCoverage(files);
  const corpus = [];
  let runs = 0;
  try {
    for (const input of seeds) {
      await check(input);
      corpus.push(input);
      coverage.grown();
    }
    const end = performance.now() + milliseconds;
    while (performance.now() < end && runs < most) {
      const batch = Array.from({ length: BATCH }, () => mutate(corpus, words, random));
      for (const input of batch) await check(input);
      runs += BATCH;
      if (!coverage.grown(false)) continue;
      for (const input of batch) {
        await check(input);
        if (coverage.grown()) corpus.push(input);
      }
    }
    return { runs, corpus: corpus.length, places: coverage.size() };
  } finally {
    coverage.close();
  }
}

/** Which blocks of code have run. `grown` tells whether new ones have since it was asked last; they are old then if `take`. */
function openCoverage(files) {
  const session = new inspector.Session();
  session.connect();
  const post = (method, params) => {
    let answer;
    session.post(method, params, (error, result) => {
      if (error) throw new Error(error.message);
      answer = result;
    });
    return answer;
  };
  post('Profiler.enable');
  post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  const seen = new Set();
  return {
    grown(take = true) {
      let grown = false;
      for (const { url, functions } of post('Profiler.takePreciseCoverage').result) {
        if (!files.test(url)) continue;
        for (const { ranges } of functions) {
          for (const { startOffset, endOffset, count } of ranges) {
            // How often counts too, in powers of two: one turn of a loop is another matter than a hundred.
            const place = `${url}:${startOffset}:${endOffset}:${Math.min(8, Math.ceil(Math.log2(count + 1)))}`;
            if (count === 0 || seen.has(place)) continue;
            grown = true;
            if (take) seen.add(place);
          }
        }
      }
      return grown;
    },
    size: () => seen.size,
    close() {
      post('Profiler.stopPreciseCoverage');
      session.disconnect();
    },
  };
}

/** Mulberry32: numbers from 0 to n - 1. */
function generator(seed) {
  let state = seed >>> 0;
  return (n) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % n;
  };
}

const NUMBERS = [
  '0',
  '-1',
  '1e999',
  '-0',
  '4294967296',
  '9007199254740993',
  '1e308',
  '999999999',
  'NaN',
  'null',
];
const INTEGERS = [
  0n,
  1n,
  0x7fn,
  0xffn,
  0x7fffn,
  0xffffn,
  0x7fffffffn,
  0xffffffffn,
  1n << 53n,
  (1n << 63n) - 1n,
  (1n << 64n) - 1n,
];
const LARGEST = 1 << 20;

/** One of the corpus with one to eight changes. */
function mutate(corpus, words, random) {
  let input = corpus[random(corpus.length)];
  for (let changes = 1 + random(8); changes > 0; changes--) {
    input = CHANGES[random(CHANGES.length)](input, { corpus, words, random });
    if (input.length > LARGEST) input = input.subarray(0, LARGEST);
  }
  return input;
}

const splice = (input, from, to, ...parts) =>
  Buffer.concat([input.subarray(0, from), ...parts, input.subarray(to)]);

const CHANGES = [
  function flipBit(input, { random }) {
    const copy = Buffer.from(input);
    if (copy.length > 0) copy[random(copy.length)] ^= 1 << random(8);
    return copy;
  },
  function setByte(input, { random }) {
    const copy = Buffer.from(input);
    if (copy.length > 0) copy[random(copy.length)] = random(256);
    return copy;
  },
  function cutOut(input, { random }) {
    const from = random(input.length + 1);
    return splice(input, from, Math.min(input.length, from + 1 + random(random(2) === 0 ? 4 : 200)));
  },
  function repeatPart(input, { random }) {
    const from = random(input.length + 1);
    const part = input.subarray(from, from + 1 + random(20));
    const times = random(8) === 0 ? random(20_000) : 1 + random(4);
    return splice(input, from, from, ...new Array(times).fill(part));
  },
  function insertWord(input, { words, random }) {
    const at = random(input.length + 1);
    return splice(input, at, at, Buffer.from(words[random(words.length)]));
  },
  function insertBytes(input, { random }) {
    const at = random(input.length + 1);
    return splice(input, at, at, Buffer.from(Array.from({ length: 1 + random(8) }, () => random(256))));
  },
  function setInteger(input, { random }) {
    const bytes = [1, 2, 4, 8][random(4)];
    if (input.length < bytes) return input;
    const copy = Buffer.from(input);
    const word = Buffer.alloc(8);
    word.writeBigUInt64LE(INTEGERS[random(INTEGERS.length)]);
    const part = word.subarray(0, bytes);
    if (random(2) === 0) part.reverse();
    part.copy(copy, random(copy.length - bytes + 1));
    return copy;
  },
  function changeNumber(input, { random }) {
    const numbers = [
      ...input
        .subarray(0, 10_000)
        .toString('latin1')
        .matchAll(/-?\d+(\.\d+)?(e[+-]?\d+)?/g),
    ];
    if (numbers.length === 0) return input;
    const { index, 0: found } = numbers[random(numbers.length)];
    return splice(input, index, index + found.length, Buffer.from(NUMBERS[random(NUMBERS.length)]));
  },
  function takeFromAnother(input, { corpus, random }) {
    const other = corpus[random(corpus.length)];
    const from = random(other.length + 1);
    const at = random(input.length + 1);
    return splice(input, at, random(2) === 0 ? at : input.length, other.subarray(from, from + random(500)));
  },
];

module.exports = { fuzz };
