'use strict';

/**
 * Hostile tasks for the raw addon: right ones of random sizes, most of them with one to three arguments replaced by what
 * does not belong there. Each is either refused with a TypeError or RangeError, or computed to its end.
 */
const path = require('node:path');
const { inspect } = require('node:util');

const dist = (name) => require(path.join(__dirname, '..', '..', 'dist', name));
const { createSpec } = dist('network/spec.js');
const { planChain } = dist('sampling/one-input/chain-plan.js');
const { chainArguments } = dist('backend/native/chain.js');

/** Numbers from 0 to n - 1. */
function generator(seed) {
  let state = seed >>> 0;
  return (n) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
}

const pick = (random, list) => list[random(list.length)];
const filled = (random, length) => {
  const values = [0, 1, -1, 0.5, NaN, Infinity, 5e-324, 1e300, -1e-150];
  return Float64Array.from({ length }, () =>
    random(4) === 0 ? pick(random, values) : random(1000) / 500 - 1,
  );
};

function networkOf(random) {
  const widths = Array.from({ length: 2 + random(4) }, () => 1 + random(40));
  widths[widths.length - 1] = 1 + random(3);
  const layers = widths.length - 1;
  const count = widths.slice(1).reduce((sum, width, l) => sum + width * (widths[l] + 1), 0);
  const n = 1 + random(20);
  return {
    layers,
    count,
    outputs: widths.at(-1),
    task: {
      widths,
      parameters: filled(random, count),
      weightGains: filled(random, layers),
      biasGains: filled(random, layers),
      x: filled(random, n * widths[0]),
      n,
      threads: 1 + random(2),
    },
  };
}

const TASKS = {
  startForward(random) {
    const { task, outputs } = networkOf(random);
    return { ...task, rowBlock: 1 + random(30), outputs: new Float64Array(task.n * outputs) };
  },
  startJacobian(random) {
    const { task, outputs, layers } = networkOf(random);
    const weights = Uint8Array.from({ length: layers }, () => random(2));
    const biases = Uint8Array.from({ length: layers }, () => random(2));
    const { widths } = task;
    const columns = widths
      .slice(1)
      .reduce((sum, width, l) => sum + weights[l] * width * widths[l] + biases[l] * width, 0);
    return {
      ...task,
      rowBlock: 1 + random(30),
      weights,
      biases,
      jacobian: new Float64Array(task.n * outputs * columns),
    };
  },
  startKernel(random) {
    const { task, outputs, layers } = networkOf(random);
    const form = random(4);
    const other = random(2) === 0;
    const n2 = other ? 1 + random(20) : task.n;
    const length = task.n * n2 * [1, outputs ** 2, outputs, 1][form];
    const parts =
      random(2) === 0 ? null : () => Array.from({ length: layers }, () => new Float64Array(length));
    return {
      ...task,
      x2: other ? filled(random, n2 * task.widths[0]) : null,
      n2,
      form,
      weightTerms: filled(random, layers),
      biasTerms: filled(random, layers),
      mixed: random(2) === 0,
      rows: 1 + random(40),
      gram: 1 + random(40),
      kernel: new Float64Array(length),
      weights: parts && parts(),
      biases: parts && parts(),
    };
  },
  startTraining(random) {
    const { task, outputs, count } = networkOf(random);
    const optimizer = random(3);
    const steps = random(4);
    const listed = random(2) === 0;
    const batchSizes = Int32Array.from({ length: steps }, () => (listed ? 1 + random(task.n) : task.n));
    const rows = batchSizes.reduce((sum, size) => sum + size, 0);
    const slots = 1 + random(3);
    return {
      ...task,
      y: filled(random, task.n * outputs),
      loss: random(2),
      biasGradients: random(2) === 0,
      optimizer,
      beta1: 0.9,
      beta2: 0.999,
      epsilon: 1e-8,
      firstMoments: new Float64Array(optimizer > 0 ? count : 0),
      secondMoments: new Float64Array(optimizer > 1 ? count : 0),
      stepsBefore: random(5),
      steps,
      learningRates: filled(random, steps),
      batchSizes,
      batchRows: listed ? Int32Array.from({ length: rows }, () => random(task.n)) : null,
      losses: new Float64Array(steps),
      gradients: Array.from({ length: slots }, () => new Float64Array(count)),
      slots,
      minSlotRows: 1 + random(5),
      rowBlock: 1 + random(10),
    };
  },
  startChain(random) {
    const spec = createSpec({
      inputDim: 1 + random(20),
      hiddenWidths: Array.from({ length: random(6) }, () => 1 + random(20)),
      weightVariance: pick(random, [1e-6, 1, 2, 1e6]),
      biasVariance: pick(random, [0, 0.1]),
    });
    const count = 1 + random(200);
    const plan = planChain(spec, pick(random, [1, 1e-150, 1e150]), random(2) === 0);
    return {
      ...chainArguments(plan),
      seed: random(2 ** 30),
      first: random(100),
      count,
      threads: 1 + random(2),
      thetas: new Float64Array(count),
      exponents: new Int32Array(count),
      weights: new Float64Array(count),
      weightExponents: new Int32Array(count),
      parts: new Uint8Array(count),
    };
  },
};

const HANGS_AFTER_MS = 30_000;

const HOSTILE = [
  () => undefined,
  () => null,
  () => NaN,
  () => -1,
  () => 0,
  () => 0.5,
  () => 2 ** 31,
  () => 2 ** 53,
  () => Infinity,
  () => 'text',
  () => Symbol('symbol'),
  () => 10n,
  () => true,
  () => ({}),
  () => [],
  () => [1, 2 ** 31 - 1, 2 ** 31 - 1],
  () => [new Float64Array(1)],
  () => new Float64Array(0),
  () => new Int32Array(7).fill(-5),
  () => new Uint8Array(7).fill(255),
  () => new Float32Array(7),
  () => new Float64Array(new SharedArrayBuffer(64)),
  () => new Proxy(new Float64Array(4), {}),
  () => {
    const array = new Float64Array(12);
    structuredClone(array, { transfer: [array.buffer] });
    return array;
  },
];

/** A value near the right one: an array an entry longer or shorter, or with one entry changed; a number beside it. */
function nearMiss(value, random) {
  if (ArrayBuffer.isView(value) && value.length > 0) {
    const copy = new value.constructor(Math.max(0, value.length + random(3) - 1));
    copy.set(value.subarray(0, copy.length));
    if (copy.length > 0 && random(2) === 0)
      copy[random(copy.length)] = pick(random, [-1, 255, 2 ** 31 - 1, NaN, 1e9]);
    return copy;
  }
  if (Array.isArray(value)) return value.slice(0, random(value.length + 1));
  if (typeof value === 'number') return value + pick(random, [-1, 1, 0.5, 1e6, 2 ** 32]);
  return pick(random, HOSTILE)();
}

/** @returns {{ operation: string, task: object }} */
function hostileTask(random, operations = Object.keys(TASKS)) {
  const operation = pick(random, operations);
  const task = TASKS[operation](random);
  const names = Object.keys(task);
  for (let changes = random(4); changes > 0; changes--) {
    const name = pick(random, names);
    task[name] = random(2) === 0 ? nearMiss(task[name], random) : pick(random, HOSTILE)();
  }
  return { operation, task };
}

/** Starts a task, cancels it now and then, and waits for its end. */
function attempt(addon, { operation, task }, random) {
  return new Promise((resolve, reject) => {
    const watch = setTimeout(
      () => reject(new Error(`hangs: ${operation} ${inspect(task, { maxArrayLength: 12 })}`)),
      HANGS_AFTER_MS,
    );
    try {
      const cancel = addon[operation](task, (what) => {
        if (what === 0) return;
        clearTimeout(watch);
        resolve(what);
      });
      if (random(10) === 0) cancel();
    } catch (error) {
      clearTimeout(watch);
      if (!/^(TypeError|RangeError)$/.test(error.name)) reject(error);
      else resolve(null);
    }
  });
}

module.exports = { attempt, generator, hostileTask, TASKS };
