import { Mlp } from '../../network/mlp';
import { createSpec } from '../../network/spec';
import { type BenchCase, imageLikeInputs, INPUT_DIM, type Suite, variantsHere } from './suite';

const QUICK = [{ n: 20, depth: 5, width: 100, outputs: 3 }];
const FULL = [...QUICK, { n: 20, depth: 20, width: 200, outputs: 2 }];

/** `net.jacobian`: N x K x P derivatives; writing them to memory is most of the work. */
export const jacobianSuite: Suite = {
  name: 'jacobian',
  cases: (size) => (size === 'quick' ? QUICK : FULL).map(jacobianCase),
};

function jacobianCase({ n, depth, width, outputs }: (typeof QUICK)[number]): BenchCase {
  const net = Mlp.random(createSpec({ inputDim: INPUT_DIM, depth, width, outputDim: outputs }), { seed: 1 });
  const x = imageLikeInputs(n);
  return {
    title: `N=${n} L=${depth} M=${width} K=${outputs}`,
    unit: 'Jacobian',
    unitsPerRun: 1,
    flops: null,
    variants: variantsHere(),
    compute: async ({ backend, threads }, signal) =>
      (await net.jacobian(x, { backend, threads, ...(signal && { signal }) })).data,
    tolerance: { float64: 1e-10, mixed: 1e-4 },
  };
}
