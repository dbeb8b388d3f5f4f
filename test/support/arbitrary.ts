import * as fc from 'fast-check';
import { createSpec, Mlp, type NdArray } from '../../src/index';
import { fillNormals } from '../../src/random/normal';

export interface Case {
  readonly net: Mlp;
  readonly X: NdArray<Float64Array>;
  readonly X2: NdArray<Float64Array>;
}

/** Random nets (widths 1..40, depth 0..12, K 1..4, both parametrizations, sigma_b >= 0) and inputs (N 1..9). */
export function cases(): fc.Arbitrary<Case> {
  return fc
    .record({
      inputDim: fc.integer({ min: 1, max: 40 }),
      hiddenWidths: fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 12 }),
      outputDim: fc.integer({ min: 1, max: 4 }),
      weightVariance: fc.constantFrom(1, 2, 3),
      biasVariance: fc.constantFrom(0, 0.3),
      parametrization: fc.constantFrom('standard' as const, 'ntk' as const),
      biasGradients: fc.boolean(),
      n: fc.integer({ min: 1, max: 9 }),
      n2: fc.integer({ min: 1, max: 9 }),
      seed: fc.integer({ min: 0, max: 1e9 }),
    })
    .map(({ n, n2, seed, ...options }) => ({
      net: Mlp.random(createSpec(options), { seed }),
      X: normalInputs(n, options.inputDim, seed, 1),
      X2: normalInputs(n2, options.inputDim, seed, 2),
    }));
}

/** n x inputDim independent normals, the same for the same arguments. */
export function normalInputs(n: number, inputDim: number, seed: number, stream = 1): NdArray<Float64Array> {
  const data = new Float64Array(n * inputDim);
  fillNormals(data, { seed, replica: 0, stream: 0xff000000 + stream });
  return { data, shape: [n, inputDim] };
}
