import { Mlp } from '../../network/mlp';
import { createSpec } from '../../network/spec';
import { type BenchCase, imageLikeInputs, INPUT_DIM, type Suite, variantsHere } from './suite';

interface Shape {
  readonly n: number;
  readonly depth: number;
  readonly width: number;
  readonly outputs: number;
}

const QUICK: readonly Shape[] = [{ n: 100, depth: 20, width: 300, outputs: 10 }];

const FULL: readonly Shape[] = [
  ...QUICK,
  { n: 200, depth: 50, width: 500, outputs: 1 },
  { n: 1000, depth: 50, width: 1000, outputs: 1 },
  { n: 100, depth: 200, width: 500, outputs: 1 },
  { n: 100, depth: 1000, width: 256, outputs: 1 },
];

/** From here on a run on the TypeScript backend takes many seconds. */
const HEAVY_FLOPS = 2e10;

/** `net.ntk`: the trace kernel of N inputs. */
export const kernelSuite: Suite = {
  name: 'kernel',
  cases: (size) => (size === 'quick' ? QUICK : FULL).map(kernelCase),
};

function kernelCase({ n, depth, width, outputs }: Shape): BenchCase {
  const net = Mlp.random(createSpec({ inputDim: INPUT_DIM, depth, width, outputDim: outputs }), { seed: 1 });
  const x = imageLikeInputs(n);
  const flops = net.explainNtk(x).flops.total;
  return {
    title: `N=${n} L=${depth} M=${width} K=${outputs}`,
    unit: 'kernel',
    unitsPerRun: 1,
    flops,
    variants: variantsHere({ mixed: true, heavy: flops > HEAVY_FLOPS }),
    compute: async (variant, signal) =>
      (await net.ntk(x, null, { ...variant, ...(signal && { signal }) })).data,
    // Rounding grows with depth; a wrong algorithm is off by far more.
    tolerance: { float64: 1e-10, mixed: 1e-4 },
  };
}
