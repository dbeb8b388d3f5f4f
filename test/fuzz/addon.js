'use strict';

/**
 * Hostile calls for the raw addon. They are right calls of random sizes, most of them with one to three wrong values. Each
 * is either refused with a TypeError or RangeError, or computed to its end.
 */
const path = require('node:path');
const { inspect } = require('node:util');

const dist = (name) => require(path.join(__dirname, '..', '..', 'dist', name));
const { RELU } = dist('backend/seam.js');
const { exponentCount, featureSlots } = dist('backend/features.js');
const { scaledSampleTask } = dist('backend/kernel-samples.js');
const { createSpec } = dist('network/spec.js');
const { planChain } = dist('sampling/one-input/chain-plan.js');
const { lawOf, termsOf } = dist('sampling/matrix/kernel-source.js');

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
    n,
    widths,
    x: filled(random, n * widths[0]),
    network: {
      widths,
      parameters: filled(random, count),
      weightGains: filled(random, layers),
      biasGains: filled(random, layers),
      slopes: RELU,
    },
  };
}

const FORMS = ['trace', 'full', 'diagonal', 'sum-of-logits'];
const entriesOf = (form, outputs) => (form === 'full' ? outputs ** 2 : form === 'diagonal' ? outputs : 1);

/** The shape of some features, and blocks of them. */
function featuresOf(random, forms = FORMS) {
  const net = networkOf(random);
  const { network, layers } = net;
  const precision = pick(random, ['float64', 'mixed']);
  const shape = {
    network,
    form: pick(random, forms),
    weightTerms: filled(random, layers),
    biasTerms: filled(random, layers),
    precision,
    group: 1 + random(16),
  };
  const block = (n) => {
    const length = n * featureSlots(shape).perInput;
    return {
      n,
      values: precision === 'mixed' ? new Float32Array(length) : new Float64Array(length),
      exponents: new Int32Array(exponentCount(shape, n)),
    };
  };
  return { ...net, shape, block };
}

/** For each operation, a right task of random sizes and the result to fill in. */
const TASKS = {
  forward(random) {
    const { network, x, n, outputs } = networkOf(random);
    return { task: { network, x, n, rowBlock: 1 + random(30) }, result: new Float64Array(n * outputs) };
  },
  jacobian(random) {
    const { network, x, n, outputs, layers, widths } = networkOf(random);
    const flags = () => Array.from({ length: layers }, () => random(2) === 0);
    const [weights, biases] = [flags(), flags()];
    const columns = widths
      .slice(1)
      .reduce((sum, width, l) => sum + weights[l] * width * widths[l] + biases[l] * width, 0);
    return {
      task: { network, x, n, rowBlock: 1 + random(30), weights, biases },
      result: new Float64Array(n * outputs * columns),
    };
  },
  kernel(random) {
    const { network, x, n, outputs, layers, widths } = networkOf(random);
    const form = pick(random, FORMS);
    const other = random(2) === 0;
    const n2 = other ? 1 + random(20) : n;
    const length = n * n2 * entriesOf(form, outputs);
    const perLayer = random(2) === 0;
    const parts = () => (perLayer ? Array.from({ length: layers }, () => new Float64Array(length)) : null);
    const task = {
      network,
      x,
      n,
      x2: other ? filled(random, n2 * widths[0]) : null,
      n2,
      form,
      weightTerms: filled(random, layers),
      biasTerms: filled(random, layers),
      perLayer,
      precision: pick(random, ['float64', 'mixed']),
      blocks: { rows: 1 + random(40), gram: 1 + random(40) },
    };
    return { task, result: { kernel: new Float64Array(length), weights: parts(), biases: parts() } };
  },
  features(random) {
    const { shape, x, n, block } = featuresOf(random);
    return { task: { ...shape, x, block: block(n) } };
  },
  gramTile(random) {
    const { shape, n, outputs, block } = featuresOf(random);
    const symmetric = random(2) === 0;
    const n2 = symmetric ? n : 1 + random(20);
    const Reals = pick(random, [Float32Array, Float64Array]);
    const tile = () => new Reals(n * n2 * entriesOf(shape.form, outputs));
    const b = symmetric ? null : block(n2);
    const mirror = symmetric || random(2) === 0 ? null : tile();
    return { task: { ...shape, a: block(n), b, edge: 1, scale: 0.5, tile: tile(), mirror } };
  },
  products(random) {
    const { shape, n, outputs, count, block } = featuresOf(random, ['trace', 'full', 'diagonal']);
    const directions = 1 + random(4);
    const product = pick(random, ['apply', 'add-transposed']);
    const rows = filled(random, n * outputs * directions);
    const columns = filled(random, directions * count);
    return { task: { ...shape, block: block(n), directions, product, rows, columns } };
  },
  sampleChain(random) {
    const count = 1 + random(200);
    const plan = planChain(specOf(random), pick(random, [1, 1e-150, 1e150]), random(2) === 0);
    return {
      task: { plan, seed: random(2 ** 30), first: random(100), count },
      result: {
        thetas: new Float64Array(count),
        exponents: new Int32Array(count),
        weights: new Float64Array(count),
        weightExponents: new Int32Array(count),
        parts: new Uint8Array(count),
      },
    };
  },
  sampleKernels(random) {
    const spec = specOf(random);
    const n = 1 + random(3);
    const count = 1 + random(5);
    const form = pick(random, FORMS);
    const terms = Array.from({ length: 1 + random(2) }, () => termsOf(spec));
    const task = scaledSampleTask({
      sampler: pick(random, ['direct', 'conditional']),
      widths: spec.widths,
      law: lawOf(spec),
      x: filled(random, n * spec.inputDim),
      n,
      form,
      terms,
      seed: random(2 ** 30),
      first: random(100),
      count,
    });
    const kernels = count * terms.length;
    const length = kernels * n * n * entriesOf(form, spec.outputDim);
    return { task, result: { kernels: new Float64Array(length), exponents: new Int32Array(kernels) } };
  },
  train(random) {
    const { network, x, n, outputs, count } = networkOf(random);
    const optimizer = random(3);
    const steps = random(4);
    const listed = random(2) === 0;
    const batchSizes = Int32Array.from({ length: steps }, () => (listed ? 1 + random(n) : n));
    const rows = batchSizes.reduce((sum, size) => sum + size, 0);
    return {
      task: {
        network,
        x,
        n,
        y: filled(random, n * outputs),
        loss: pick(random, ['mse', 'cross-entropy']),
        biasGradients: random(2) === 0,
        optimizer: {
          name: ['gd', 'momentum', 'adam'][optimizer],
          beta1: 0.9,
          beta2: 0.999,
          epsilon: 1e-8,
        },
        moments: [new Float64Array(optimizer > 0 ? count : 0), new Float64Array(optimizer > 1 ? count : 0)],
        stepsBefore: random(5),
        learningRates: filled(random, steps),
        batchSizes,
        batchRows: listed ? Int32Array.from({ length: rows }, () => random(n)) : null,
        losses: new Float64Array(steps),
        gradients: Array.from({ length: 1 + random(3) }, () => new Float64Array(count)),
        minSlotRows: 1 + random(5),
        rowBlock: 1 + random(10),
      },
    };
  },
};

function specOf(random) {
  return createSpec({
    inputDim: 1 + random(20),
    hiddenWidths: Array.from({ length: random(6) }, () => 1 + random(20)),
    outputDim: 1 + random(2),
    weightVariance: pick(random, [1e-6, 1, 2, 1e6]),
    biasVariance: pick(random, [0, 0.1]),
  });
}

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

/** The plain objects and lists within a value, itself first. */
function containersOf(value) {
  if (!Array.isArray(value) && value?.constructor !== Object) return [];
  return [value, ...Object.values(value).flatMap(containersOf)];
}

/** A copy of the objects and lists of a value; typed arrays are shared with it. */
function copyOf(value) {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value;
  if (Array.isArray(value)) return value.map(copyOf);
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, copyOf(inner)]));
}

/** @returns {{ operation: string, call: object }} */
function hostileTask(random, operations = Object.keys(TASKS)) {
  const operation = pick(random, operations);
  const call = copyOf({ ...TASKS[operation](random), threads: 1 + random(2) });
  for (let changes = random(4); changes > 0; changes--) {
    const container = pick(random, containersOf(call));
    const name = pick(random, Object.keys(container));
    if (name !== undefined)
      container[name] = random(2) === 0 ? nearMiss(container[name], random) : pick(random, HOSTILE)();
  }
  return { operation, call };
}

/** Starts a task, sometimes cancels it, and waits for its end. */
function attempt(addon, { operation, call }, random) {
  return new Promise((resolve, reject) => {
    const watch = setTimeout(
      () => reject(new Error(`hangs: ${operation} ${inspect(call, { depth: 5, maxArrayLength: 12 })}`)),
      HANGS_AFTER_MS,
    );
    try {
      const cancel = addon[operation](call, (what) => {
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
