import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { errorCode } from './error-code';
import { layersFromTensors, tensorsFromLayers } from '../../src/data/linear-layers';
import type { NdArray } from '../../src/index';
import {
  encodeSafetensors,
  openSafetensors,
  readSafetensors,
  type SafetensorsFile,
  type StoredTensor,
  writeSafetensors,
} from '../../src/data/safetensors';

interface JsonArray {
  shape: number[];
  data: number[];
}
type NetName =
  'sequential' | 'sequential_deep' | 'sequential_no_bias' | 'prefixed' | 'named' | 'autoencoder' | 'linear';
interface Expected {
  nets: Record<NetName, { layers: { weights: JsonArray; bias: JsonArray | null }[] }>;
  float32: Record<string, JsonArray>;
  float16: Record<string, JsonArray>;
  bfloat16: Record<string, JsonArray>;
}

const FIXTURES = join(__dirname, 'fixtures', 'safetensors');
const expected = JSON.parse(readFileSync(join(FIXTURES, 'expected.json'), 'utf8')) as Expected;

function decoded(bytes: Uint8Array): Map<string, NdArray> {
  return new Map([...openSafetensors(bytes).tensors].map(([name, tensor]) => [name, tensor.decode()]));
}

function fixture(name: string): Buffer {
  return readFileSync(join(FIXTURES, `${name}.safetensors`));
}

describe('files that PyTorch and safetensors wrote', () => {
  test.each(['sequential', 'sequential_deep', 'sequential_no_bias', 'prefixed', 'named', 'linear'] as const)(
    'the layers of %s come out in the order in which PyTorch runs them, exactly',
    async (name) => {
      const layers = layersFromTensors(await readSafetensors(join(FIXTURES, `${name}.safetensors`)));
      expect(
        layers.map(({ weights, biases }) => [
          weights.shape,
          Array.from(weights.data),
          biases && Array.from(biases.data),
        ]),
      ).toEqual(
        expected.nets[name].layers.map(({ weights, bias }) => [
          weights.shape,
          weights.data,
          bias && bias.data,
        ]),
      );
    },
  );

  test.each(['float32', 'float16', 'bfloat16'] as const)('%s tensors are exact', (dtype) => {
    const tensors = decoded(fixture(`sequential_${dtype}`));
    expect([...tensors.keys()].sort()).toEqual(Object.keys(expected[dtype]).sort());
    for (const [name, { data, shape }] of tensors) {
      expect(data).toBeInstanceOf(Float32Array);
      expect({ shape, data: Array.from(data) }).toEqual(expected[dtype][name]);
    }
  });

  test.each(['sequential', 'sequential_deep', 'named', 'sequential_float32'])(
    'encodeSafetensors writes byte for byte what the library wrote to %s',
    (name) => {
      const bytes = fixture(name);
      const own = encodeSafetensors(decoded(bytes));
      // Only the metadata of the float32 file, which we do not keep, tells the two apart.
      if (name === 'sequential_float32') expect(decoded(own)).toEqual(decoded(bytes));
      else expect(Buffer.from(own).equals(bytes)).toBe(true);
    },
  );

  test('layers that we name are those that PyTorch names in nn.Sequential', () => {
    const bytes = fixture('sequential_deep');
    const layers = layersFromTensors(openSafetensors(bytes));
    expect(Buffer.from(encodeSafetensors(tensorsFromLayers(layers))).equals(bytes)).toBe(true);
  });

  test('where names and shapes leave the order open, the caller has to say it', () => {
    const tensors = openSafetensors(fixture('autoencoder'));
    expect(() => layersFromTensors(tensors, { name: 'autoencoder.safetensors' })).toThrow(
      'autoencoder.safetensors: expected names or shapes that determine the order of the layers (or order (--order); prefix (--prefix) chooses one of several nets), ' +
        'got more than one order that fits: decoder 4x3, encoder 3x4',
    );
    const layers = layersFromTensors(tensors, { order: ['encoder', 'decoder'] });
    expect(layers.map(({ name }) => name)).toEqual(['encoder', 'decoder']);
    expect(Array.from(layers[0]!.weights.data)).toEqual(expected.nets.autoencoder.layers[0]!.weights.data);
    expect(() => layersFromTensors(tensors, { order: ['encoder'] })).toThrow(
      'Mlp.load: order: expected each module of tensors once: decoder, encoder, got "encoder"',
    );
  });

  test.each([
    ['integers', 'tensor "0.weight": expected dtype F64, F32, F16, BF16, got I64'],
    ['convolution', 'expected only nn.Linear layers, got a convolution (nn.Conv2d) (module "")'],
    ['batch_norm', 'expected only nn.Linear layers, got a BatchNorm or InstanceNorm layer'],
  ])('%s is refused by name', (name, message) => {
    expect(() => layersFromTensors(openSafetensors(fixture(name)))).toThrow(message);
  });
});

/** A file of zeros in these shapes. */
function zeros(shapes: Record<string, number[]>): SafetensorsFile {
  const tensors = Object.entries(shapes).map(([name, shape]): [string, StoredTensor] => {
    const size = shape.reduce((product, extent) => product * extent, 1);
    return [name, { dtype: 'F64', shape, decode: () => ({ data: new Float64Array(size), shape }) }];
  });
  return { metadata: {}, tensors: new Map(tensors) };
}

describe('the order of layers', () => {
  function names(shapes: Record<string, number[]>): string[] {
    return layersFromTensors(zeros(shapes)).map(({ name }) => name);
  }

  test('numbers count as numbers, at any place of a name', () => {
    expect(names({ 'm.10.a.weight': [2, 2], 'm.9.a.weight': [2, 2], 'm.2.a.weight': [2, 2] })).toEqual([
      'm.2.a',
      'm.9.a',
      'm.10.a',
    ]);
  });

  test('other names are ordered by their shapes where these leave one order', () => {
    expect(names({ 'hidden.weight': [5, 5], 'input.weight': [5, 4], 'readout.weight': [1, 5] })).toEqual([
      'input',
      'hidden',
      'readout',
    ]);
  });

  test('numbered names keep their order among others', () => {
    expect(
      names({ 'a_out.weight': [1, 5], 'fc2.weight': [5, 5], 'fc10.weight': [5, 5], 'fc1.weight': [5, 4] }),
    ).toEqual(['fc1', 'fc2', 'fc10', 'a_out']);
  });

  test('many square layers of two families are refused at once, not after a search of all orders', () => {
    const shapes: Record<string, number[]> = {};
    for (let i = 0; i < 30; i++) {
      shapes[`a${i}.weight`] = [3, 3];
      shapes[`b${i}.weight`] = [3, 3];
    }
    expect(() => names(shapes)).toThrow('layers under a, b');
  });

  test.each([
    [
      'layers that do not chain',
      { '0.weight': [5, 4], '2.weight': [1, 6] },
      'layer "2": expected 5 inputs, the outputs of layer "0" before it, got 6',
    ],
    [
      'a bias of another length',
      { '0.weight': [5, 4], '0.bias': [4] },
      'tensor "0.bias": expected shape [5]',
    ],
    ['a bias alone', { '0.bias': [4] }, 'tensor "0.bias": expected a tensor "0.weight" with it, got none'],
    ['a tensor of another kind', { '0.weight': [5, 4], '0.mean': [5] }, 'tensor "0.mean"'],
    ['no tensors', {}, 'expected tensors <module>.weight of nn.Linear layers, got none'],
    ['an empty matrix', { '0.weight': [0, 4] }, 'got shape [0, 4]'],
  ])('%s: an error that says where', (_, shapes, message) => {
    expect(() => names(shapes)).toThrow(message);
    expect(errorCode(() => names(shapes))).toBe('ERR_INVALID_FILE');
  });
});

describe('damaged files', () => {
  function file(header: unknown, dataBytes: number): Buffer {
    const text = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(text.length));
    return Buffer.concat([length, text, Buffer.alloc(dataBytes)]);
  }
  const entry = (begin: number, end: number) => ({
    dtype: 'F64',
    shape: [(end - begin) / 8],
    data_offsets: [begin, end],
  });
  const whole = fixture('sequential');

  test('the helper makes good files', () => {
    expect(openSafetensors(file({ a: entry(0, 8), b: entry(8, 24) }, 24)).tensors.size).toBe(2);
  });

  test.each([
    ['an empty file', Buffer.alloc(0), '(truncated): expected at least 8 bytes, got 0'],
    ['another format', Buffer.from('PK\x03\x04 something else'), 'expected a safetensors file'],
    ['half a header', whole.subarray(0, 100), '(truncated): expected a header of'],
    [
      'half the data',
      whole.subarray(0, whole.length - 9),
      '(truncated): expected 2480 bytes of tensors, got 2471',
    ],
    ['trailing bytes', file({ a: entry(0, 8) }, 9), '(trailing bytes): expected 8 bytes of tensors, got 9'],
    ['a header that is not JSON', file('{"a": ', 0), 'a header in JSON'],
    [
      'tensors that overlap',
      file({ a: entry(0, 16), b: entry(8, 24) }, 24),
      'tensor "b": expected a begin at byte 16, got 8: it overlaps',
    ],
    [
      'a gap',
      file({ a: entry(0, 8), b: entry(16, 24) }, 24),
      'tensor "b": expected a begin at byte 8, got 16: it leaves a gap',
    ],
    [
      'a shape that does not fit',
      file({ a: { ...entry(0, 16), shape: [3] } }, 16),
      'tensor "a": expected 24 bytes for shape [3] of F64, got 16',
    ],
    [
      'offsets backwards',
      file({ a: { ...entry(0, 8), data_offsets: [8, 0] } }, 8),
      'data_offsets [begin, end]',
    ],
    [
      'metadata that are a list',
      file({ __metadata__: ['pt'], a: entry(0, 8) }, 8),
      '__metadata__: expected an object of texts, got an array of length 1',
    ],
    [
      'metadata with a number',
      file({ __metadata__: { format: 'pt', epoch: 3 }, a: entry(0, 8) }, 8),
      '__metadata__: "epoch": expected a text, got 3',
    ],
    ['no shape', file({ a: { dtype: 'F64', data_offsets: [0, 8] } }, 8), 'a list of sizes as shape'],
    ['no dtype', file({ a: { shape: [1], data_offsets: [0, 8] } }, 8), 'a string as dtype, got undefined'],
    ['an entry that is null', file({ a: null }, 8), 'a string as dtype'],
  ])('%s: its own error, which names the file', (_, bytes, message) => {
    expect(() => openSafetensors(bytes, 'x.safetensors')).toThrow(message);
    expect(() => openSafetensors(bytes, 'x.safetensors')).toThrow(/^x\.safetensors/);
    expect(errorCode(() => openSafetensors(bytes, 'x.safetensors'))).toBe('ERR_INVALID_FILE');
  });

  test('what is written to a file is read back', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'deepntk-safetensors-'));
    try {
      const path = join(folder, 'net.safetensors');
      const tensors = new Map([['0.weight', { data: Float64Array.of(1, -0, 5e-324), shape: [1, 3] }]]);
      await writeSafetensors(path, tensors);
      expect(decoded(readFileSync(path))).toEqual(tensors);
      expect((await readSafetensors(path)).metadata).toEqual({});
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
