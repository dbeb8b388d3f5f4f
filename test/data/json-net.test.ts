import * as fc from 'fast-check';

import { decodeJsonNet, encodeJsonNet } from '../../src/data/json-net';
import { createSpec, storedSpec } from '../../src/network/spec';
import { errorCode } from './error-code';

const spec = createSpec({ inputDim: 2, hiddenWidths: [3], biasVariance: 0.1 });
const layers = [
  {
    weights: { data: Float64Array.of(0.1, -0, 1 / 3, 5e-324, -1.7976931348623157e308, 1e21), shape: [3, 2] },
    biases: { data: Float64Array.of(0, 1, -2), shape: [3] },
  },
  {
    weights: { data: Float64Array.of(1, 2, 3), shape: [1, 3] },
    biases: { data: Float64Array.of(0.5), shape: [1] },
  },
];
const text = encodeJsonNet(storedSpec(spec), layers);

/** The text of the net after a change to it. */
function changed(change: (net: Record<string, never>) => void): string {
  const net = JSON.parse(text) as Record<string, never>;
  change(net);
  return JSON.stringify(net);
}

test('a net comes back bit for bit, with a spec that createSpec takes', () => {
  const net = decodeJsonNet(text);
  expect(net.layers).toEqual(layers);
  expect(Object.is(net.layers[0]!.weights.data[1], -0)).toBe(true);
  expect(createSpec(net.spec as never)).toEqual(spec);
});

test('every finite float64 comes back bit for bit', () => {
  fc.assert(
    fc.property(fc.array(fc.double({ noDefaultInfinity: true, noNaN: true }), { minLength: 1 }), (values) => {
      const data = Float64Array.from(values);
      const layer = {
        weights: { data, shape: [1, data.length] },
        biases: { data: Float64Array.of(0), shape: [1] },
      };
      const back = decodeJsonNet(encodeJsonNet(storedSpec(spec), [layer])).layers[0]!.weights.data;
      expect(Buffer.from(back.buffer).equals(Buffer.from(data.buffer))).toBe(true);
    }),
  );
});

test.each([NaN, Infinity, -Infinity])('%p is refused on writing', (value) => {
  const bad = { ...layers[1]!, biases: { data: Float64Array.of(value), shape: [1] } };
  expect(() => encodeJsonNet(storedSpec(spec), [layers[0]!, bad])).toThrow(
    `JSON net: layer 2: biases: entry 0: expected a finite number, got ${value}`,
  );
});

test('a net too large for JSON is refused with a way out', () => {
  const data = new Float64Array(2 ** 24);
  const layer = {
    weights: { data, shape: [1, data.length] },
    biases: { data: new Float64Array(1), shape: [1] },
  };
  expect(() => encodeJsonNet(storedSpec(spec), [layer])).toThrow('a .safetensors file holds more');
});

test.each([
  ['text that is not JSON', '{"format"', 'net.json: not JSON:'],
  ['another kind of JSON', '[1, 2]', 'net.json: expected an object, got an array of length 2'],
  [
    'another format',
    changed((net) => Object.assign(net, { format: 'onnx' })),
    'net.json: format: expected "deepntk-net", got "onnx"',
  ],
  [
    'a later version',
    changed((net) => Object.assign(net, { version: 2 })),
    'net.json: version: expected 1, got 2',
  ],
  [
    'a misspelt key',
    changed((net) => Object.assign(net, { layer: [] })),
    'no keys but format, version, spec, layers, got "layer"',
  ],
  [
    'no spec',
    changed((net) => Object.assign(net, { spec: null })),
    'net.json: spec: expected an object, got null',
  ],
  ['no layers', changed((net) => Object.assign(net, { layers: [] })), 'at least one layer'],
  [
    'a short array',
    changed((net) => (net as never as Net).layers[0].weights.data.pop()),
    'net.json: layer 1: weights: expected 6 numbers for shape [3, 2], got an array of length 5',
  ],
  [
    'null for a number',
    changed((net) => ((net as never as Net).layers[0].weights.data[4] = null)),
    'layer 1: weights: entry 4: expected a finite number, got null',
  ],
  [
    'a matrix as biases',
    changed((net) => ((net as never as Net).layers[0].biases.shape = [3, 1])),
    'layer 1: biases: expected the shape [outputs] in positive integers, got [3,1]',
  ],
  [
    'biases of another length',
    changed((net) => ((net as never as Net).layers[0].biases = { shape: [1], data: [0] })),
    'layer 1: biases: expected 3 of them',
  ],
  [
    'layers that do not chain',
    changed((net) => ((net as never as Net).layers[1].weights = { shape: [1, 2], data: [0, 0] })),
    'layer 2: weights: expected 3 columns, the outputs of layer 1, got 2',
  ],
])('%s: its own error, which names the file', (_, damaged, message) => {
  expect(() => decodeJsonNet(damaged, 'net.json')).toThrow(message);
  expect(() => decodeJsonNet(damaged, 'net.json')).toThrow(/^net\.json/);
  expect(errorCode(() => decodeJsonNet(damaged))).toBe('ERR_INVALID_FILE');
});

interface Net {
  layers: [Layer, Layer];
}
interface Layer {
  weights: { shape: number[]; data: (number | null)[] };
  biases: { shape: number[]; data: number[] };
}
