import { createSpec } from '../../network/spec';
import { estimateDispersion } from '../../sampling/one-input/dispersion';
import { inputsAtCosines } from '../../sampling/matrix/inputs';
import { sampleNtk } from '../../sampling/matrix/sample-ntk';
import { type BenchCase, type Suite, type SuiteSize, variantsHere } from './suite';

/** The net of the paper's sampling job: n_0 = M = 100, L = 50, sigma_w^2 = 2. */
const SPEC = createSpec({ inputDim: 100, depth: 50, width: 100 });
const SEED = 1;

/** Both backends draw the same replicas; what is left is the order of sums. */
const TOLERANCE = { float64: 1e-10, mixed: 1e-4 };

/** A replica of the kernel, over random initializations: of one input, and of the paper's eleven. */
export const samplingSuite: Suite = {
  name: 'sampling',
  cases: (size) => [
    oneInput('chain', size === 'quick' ? 20_000 : 200_000),
    oneInput('tilted', size === 'quick' ? 20_000 : 200_000),
    elevenInputs('conditional', size),
    elevenInputs('direct', size),
  ],
};

function oneInput(sampler: 'chain' | 'tilted', replicas: number): BenchCase {
  return {
    title: `${sampler}, one input, L=50 M=100`,
    unit: 'replica',
    unitsPerRun: replicas,
    flops: null,
    variants: variantsHere(),
    compute: async ({ backend, threads }, signal) => {
      const options = { replicas, seed: SEED, sampler, backend, threads, ...(signal && { signal }) };
      const { mean, secondMoment, dispersion } = await estimateDispersion(SPEC, options);
      return [mean, secondMoment, dispersion];
    },
    tolerance: TOLERANCE,
  };
}

function elevenInputs(sampler: 'conditional' | 'direct', size: SuiteSize): BenchCase {
  const cosines = Array.from({ length: 11 }, (_, i) => i / 10);
  const x = inputsAtCosines(cosines, SPEC.inputDim);
  const replicas = size === 'quick' ? 40 : 400;
  return {
    title: `${sampler}, 11 inputs, L=50 M=100`,
    unit: 'replica',
    unitsPerRun: replicas,
    flops: null,
    variants: variantsHere(),
    compute: async ({ backend, threads }, signal) => {
      const options = { replicas, seed: SEED, sampler, backend, threads, ...(signal && { signal }) };
      return (await sampleNtk(SPEC, x, options)).mean.data;
    },
    tolerance: TOLERANCE,
  };
}
