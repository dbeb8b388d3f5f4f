import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { NdArray, NtkOptions } from '../../src/index';
import { testedBackends } from '../support/backends';
import {
  type EmpiricalRecord,
  type GoldenArray,
  goldenNet,
  readGolden,
  relativeError,
  toNdArray,
} from '../support/golden';

// The vectors are PyTorch's in float64, which neural-tangents confirms to 4e-15; sums over 100 to 1000 terms in another
// order differ by some 1e-14 of the largest entry.
const TOLERANCE = 1e-12;

const files = readdirSync(join(__dirname, '..', 'golden')).filter((file) =>
  /^(empirical|ntkparam)_\d+\.json$/.test(file),
);

describe.each(testedBackends())('%s backend against the golden vectors', (backend) => {
  test('all eleven files are there', () => {
    expect(files).toHaveLength(11);
  });

  describe.each(files)('%s', (file) => {
    const record = readGolden(file) as EmpiricalRecord;
    const parametrization = file.startsWith('ntkparam') ? 'ntk' : 'standard';
    const net = goldenNet(record, parametrization);
    const X = toNdArray(record.X);
    const X2 = record.X2 === null ? null : toNdArray(record.X2);
    const golden = (field: string): GoldenArray => record[field] as GoldenArray;

    const expectArray = (actual: NdArray, expected: GoldenArray): void => {
      expect(actual.shape).toEqual(expected.shape);
      expect(relativeError(actual.data, expected.data)).toBeLessThan(TOLERANCE);
    };

    test('outputs', async () => {
      expectArray(await net.forward(X, { backend }), golden('f'));
      if (X2 !== null) expectArray(await net.forward(X2, { backend }), golden('f2'));
    });

    test.each<[field: string, options: NtkOptions]>([
      ['ntk_full', { outputs: 'full' }],
      ['ntk_full_weights_only', { outputs: 'full', parameters: 'weights' }],
      ['ntk_trace', {}],
      ['ntk_trace_weights_only', { parameters: 'weights' }],
    ])('%s', async (field, options) => {
      expectArray(await net.ntk(X, X2, { ...options, backend }), golden(field));
    });

    test('a net without bias gradients has the kernel of its weights', async () => {
      const frozen = goldenNet(record, parametrization, false);
      expectArray(await frozen.ntk(X, X2, { backend }), golden('ntk_trace_weights_only'));
      expectArray(await frozen.ntk(X, X2, { outputs: 'full', backend }), golden('ntk_full_weights_only'));
    });

    const parted = (['trace', 'full'] as const).filter((outputs) => `per_layer_${outputs}` in record);
    test.each(parted)('per_layer_%s', async (outputs) => {
      const parts = record[`per_layer_${outputs}`] as { weights: GoldenArray[]; biases: GoldenArray[] };
      const { perLayer } = await net.ntk(X, X2, { outputs, perLayer: true, backend });
      expect(perLayer.weights).toHaveLength(parts.weights.length);
      parts.weights.forEach((part, layer) => {
        expectArray(perLayer.weights[layer]!, part);
      });
      parts.biases.forEach((part, layer) => {
        expectArray(perLayer.biases[layer]!, part);
      });
    });

    // Two files carry PyTorch's Jacobian; properties.test.ts checks it for any net.
    if ('jacobian' in record) {
      test('jacobian', async () => {
        expectArray(await net.jacobian(X, { backend }), golden('jacobian'));
        if (X2 !== null && record['jacobian_X2'] != null) {
          expectArray(await net.jacobian(X2, { backend }), golden('jacobian_X2'));
        }
      });
    }
  });
});
