import { Mlp } from '../../network/mlp';
import { createSpec } from '../../network/spec';
import { train } from '../../training/train';
import { type BenchCase, imageLikeInputs, INPUT_DIM, type Suite, variantsHere } from './suite';

const QUICK = { samples: 200, depth: 5, width: 100, steps: 5 };
const FULL = { samples: 500, depth: 20, width: 300, steps: 5 };
const CLASSES = 10;

/** A full-batch step of Adam in float64. */
export const trainingSuite: Suite = {
  name: 'training',
  cases: (size) => (size === 'quick' ? [trainingCase(QUICK)] : [trainingCase(QUICK), trainingCase(FULL)]),
};

function trainingCase({ samples, depth, width, steps }: typeof QUICK): BenchCase {
  const spec = createSpec({ inputDim: INPUT_DIM, depth, width, outputDim: CLASSES });
  const net = Mlp.random(spec, { seed: 1 });
  const x = imageLikeInputs(samples);
  const y = {
    data: Float64Array.from({ length: samples * CLASSES }, (_, i) => Number(i % (CLASSES + 1) === 0)),
    shape: [samples, CLASSES],
  };
  return {
    title: `${samples} samples, L=${depth} M=${width} K=${CLASSES}`,
    unit: 'step',
    unitsPerRun: steps,
    flops: null,
    variants: variantsHere(),
    compute: async ({ backend, threads }, signal) => {
      const optimizer = { name: 'adam' } as const;
      const options = { optimizer, learningRate: 1e-4, steps, backend, threads, evaluateAt: [] };
      return (await train(net, { x, y }, { ...options, ...(signal && { signal }) })).losses;
    },
    tolerance: { float64: 1e-8, mixed: 1e-4 },
  };
}
