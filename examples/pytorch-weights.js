'use strict';

/**
 * The kernel of a net that PyTorch saved: its phase as measured from its weights and gradients, its kernel matrix with
 * spectrum, and, where PyTorch's own kernel of the same inputs is at hand, whether the two agree.
 *
 *     node examples/pytorch-weights.js [weights.safetensors [inputs.npy [pytorch-kernel.npy]]]
 *
 * In Python the files come from
 *
 *     safetensors.torch.save_file(net.state_dict(), "weights.safetensors")      net: nn.Linear and nn.ReLU, any prefix
 *     numpy.save("inputs.npy", x.numpy())                                       N x n_0
 *
 * Without arguments it takes a net of 12 hidden layers that PyTorch wrote for deepntk's tests, with its kernel.
 */
const { readFileSync } = require('node:fs');
const path = require('node:path');

const { classifyNetwork, kernelSpectrum, Mlp, readNpy, summarizeKernel } = require('deepntk');

const FIXTURES = path.join(__dirname, '..', 'test', 'data', 'fixtures', 'safetensors');

main().catch((error) => {
  console.error(`pytorch-weights: ${error.message}`);
  process.exitCode = 1;
});

async function main() {
  const [weights, inputs, reference] = process.argv.slice(2);
  const net = await Mlp.load(weights ?? path.join(FIXTURES, 'sequential_deep.safetensors'));
  console.log(`net        ${net.spec.widths.join(' -> ')}, ${net.parameters.length} parameters`);

  const given = weights === undefined ? fixture() : await readArrays(inputs, reference);
  const x = given.x ?? madeUpInputs(20, net.spec.inputDim);
  const kernel = await net.ntk(x);
  console.log(
    `kernel     ${kernel.shape.join(' x ')}, the sum over ${net.spec.outputDim} outputs, by the ${kernel.backend} backend`,
  );

  const { meanDiagonal, offDiagonalRatio } = summarizeKernel(kernel);
  const { eigenvalues, effectiveRank, conditionNumber } = kernelSpectrum(kernel);
  console.log(
    `           mean of the diagonal ${meanDiagonal.toPrecision(4)}, off-diagonal / diagonal ${offDiagonalRatio.toFixed(3)}`,
  );
  console.log(
    `           largest eigenvalue ${eigenvalues[0].toPrecision(4)}, effective rank ${effectiveRank.toFixed(2)}, condition number ${conditionNumber.toPrecision(3)}`,
  );

  const { phase, slope, basis, zScore } = classifyNetwork(net, x);
  console.log(
    `phase      ${phase}: a layer multiplies squared gradients by ${slope.toFixed(3)} (by its ${basis}; ${Math.abs(zScore).toFixed(1)} standard errors from 1)`,
  );

  if (given.kernel !== null) {
    const scale = Math.max(...given.kernel.data.map(Math.abs));
    const error = Math.max(...given.kernel.data.map((entry, i) => Math.abs(entry - kernel.data[i]))) / scale;
    console.log(
      `PyTorch    largest difference to its kernel: ${error.toExponential(1)} of the largest entry`,
    );
  }
}

/** Inputs and trace kernel as PyTorch had them. */
function fixture() {
  const { x, nets } = JSON.parse(readFileSync(path.join(FIXTURES, 'expected.json'), 'utf8'));
  const array = ({ data, shape }) => ({ data: Float64Array.from(data), shape });
  return { x: array(x), kernel: array(nets.sequential_deep.ntk_trace) };
}

async function readArrays(inputs, reference) {
  return {
    x: inputs === undefined ? null : await readNpy(inputs),
    kernel: reference === undefined ? null : await readNpy(reference),
  };
}

function madeUpInputs(n, inputDim) {
  return {
    data: Float64Array.from({ length: n * inputDim }, (_, i) => Math.sin(1 + i * i)),
    shape: [n, inputDim],
  };
}
