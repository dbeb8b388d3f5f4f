/** State dicts in common forms: biases, ties, several nets, other layers (cases C1 to C5). */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { layersFromTensors, notesOnLayers } from '../../src/data/linear-layers';
import {
  encodeSafetensors,
  openSafetensors,
  type SafetensorsFile,
  type StoredTensor,
} from '../../src/data/safetensors';
import { createSpec, Mlp, moments, type NdArray } from '../../src/index';

let folder: string;
beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'deepntk-state-'))));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

type Shapes = Readonly<Record<string, readonly number[]>>;

/** A file of small numbers in these shapes. */
function file(shapes: Shapes, metadata: Readonly<Record<string, string>> = {}): SafetensorsFile {
  return openSafetensors(bytesOf(shapes, metadata), 'x.safetensors');
}

function bytesOf(shapes: Shapes, metadata: Readonly<Record<string, string>> = {}): Uint8Array {
  const tensors = Object.entries(shapes).map(([name, shape], i): [string, NdArray] => {
    const size = shape.reduce((product, extent) => product * extent, 1);
    return [name, { data: Float64Array.from({ length: size }, (_, j) => Math.sin(i + j)), shape }];
  });
  return encodeSafetensors(new Map(tensors), metadata);
}

const names = (shapes: Shapes, options: object = {}, metadata = {}): string[] =>
  layersFromTensors(file(shapes, metadata), { name: 'x.safetensors', ...options }).map(({ name }) => name);

async function loaded(shapes: Shapes, options: object = {}, metadata = {}): Promise<Mlp> {
  const path = join(folder, 'net.safetensors');
  writeFileSync(path, bytesOf(shapes, metadata));
  return Mlp.load(path, options);
}

describe('biases (C1)', () => {
  test.each<[string, Shapes, boolean | boolean[]]>([
    ['in no layer', { '0.weight': [8, 6], '2.weight': [1, 8] }, false],
    ['in the first', { '0.weight': [8, 6], '0.bias': [8], '2.weight': [1, 8] }, [true, false]],
    ['in the last', { '0.weight': [8, 6], '2.weight': [1, 8], '2.bias': [1] }, [false, true]],
    ['in all', { '0.weight': [8, 6], '0.bias': [8], '2.weight': [1, 8], '2.bias': [1] }, true],
  ])('%s', async (_, shapes, trained) => {
    const net = await loaded(shapes);
    expect(net.spec.biasGradients).toEqual(trained);
    for (const saved of ['again.json', 'again.safetensors']) {
      await net.save(join(folder, saved));
      const again = await Mlp.load(join(folder, saved));
      expect(again.spec).toEqual(net.spec);
      expect(again.parameters).toEqual(net.parameters);
    }
    const names = [...openSafetensors(readFileSync(join(folder, 'again.safetensors'))).tensors.keys()];
    expect(names.sort()).toEqual(Object.keys(shapes).sort());
  });

  test('that are frozen at other values than 0 come back, frozen', async () => {
    const spec = createSpec({
      inputDim: 3,
      hiddenWidths: [4],
      biasVariance: 1,
      biasGradients: [false, true],
    });
    const net = Mlp.random(spec, { seed: 1 });
    await net.save(join(folder, 'frozen.safetensors'));
    const again = await Mlp.load(join(folder, 'frozen.safetensors'));
    expect(again.spec).toEqual(spec);
    expect(again.parameters).toEqual(net.parameters);
  });

  test('cannot be asked of layers without them', async () => {
    const shapes = { '0.weight': [8, 6], '2.weight': [1, 8], '2.bias': [1] };
    await expect(loaded(shapes, { biasGradients: true })).rejects.toThrow(
      'Mlp.load: biasGradients: expected false for layer 1, for which the file has no bias, got true',
    );
    await expect(loaded(shapes, { weightVariance: 2, biasVariance: 0.5 })).rejects.toThrow(
      'Mlp.load: biasVariance: expected 0, because the file has no bias in layer 1, got 0.5',
    );
    expect((await loaded(shapes, { biasGradients: false })).spec.biasGradients).toBe(false);
  });

  test.each<[string, Shapes, string]>([
    [
      'of shape (1, n)',
      { '0.weight': [8, 6], '0.bias': [1, 8] },
      'tensor "0.bias": expected shape [8], one entry for each row of the weights, got [1, 8]',
    ],
    ['as long as the inputs', { '0.weight': [8, 6], '0.bias': [6] }, 'tensor "0.bias": expected shape [8]'],
    ['without weights', { '0.bias': [8] }, 'tensor "0.bias": expected a tensor "0.weight" with it, got none'],
  ])('%s are an error', (_, shapes, message) => {
    expect(() => names(shapes)).toThrow(message);
  });

  test('JSON with null in place of biases is a layer without them', async () => {
    const layer = (trained: boolean) => ({
      ...{ format: 'deepntk-net', version: 1 },
      spec: { inputDim: 1, hiddenWidths: [], outputDim: 1, biasGradients: trained },
      layers: [{ weights: { shape: [1, 1], data: [2] }, biases: null }],
    });
    const path = join(folder, 'null.json');
    writeFileSync(path, JSON.stringify(layer(false)));
    expect(Array.from((await Mlp.load(path)).parameters)).toEqual([2, 0]);
    writeFileSync(path, JSON.stringify(layer(true)));
    await expect(Mlp.load(path)).rejects.toThrow(
      'spec: biasGradients: expected false for layer 1, which has no biases, got true',
    );
  });
});

describe('ties in the metadata (C2)', () => {
  const shapes = { '0.weight': [8, 6], '2.weight': [8, 8], '2.bias': [8], '6.weight': [1, 8] };
  test.each<[string, Record<string, string>, string]>([
    ['of a layer', { '4.weight': '2.weight', '4.bias': '2.bias' }, '"4.weight" to "2.weight"'],
    ['of biases only', { '4.bias': '2.bias' }, '"4.bias" to "2.bias"'],
    ['of the last layer to the first', { '8.weight': '0.weight' }, '"8.weight" to "0.weight"'],
    ['beside other metadata', { format: 'pt', '4.weight': '2.weight' }, '"4.weight" to "2.weight"'],
  ])('%s are refused by name', (_, metadata, tie) => {
    expect(() => names(shapes, {}, metadata)).toThrow(
      'x.safetensors: expected layers with parameters of their own (the kernel of tied layers needs summed gradients), ' +
        `got the tie of ${tie} in the metadata`,
    );
  });

  test('other metadata are not ties', () => {
    expect(names(shapes, {}, { format: 'pt', author: 'someone', '2.weight': '0.weight' })).toEqual([
      '0',
      '2',
      '6',
    ]);
  });

  test('a tie outside the chosen net does not matter to it', () => {
    const two = { 'a.0.weight': [4, 4], 'a.2.weight': [1, 4], 'b.0.weight': [4, 4], 'b.2.weight': [1, 4] };
    const metadata = { 'b.4.weight': 'b.0.weight' };
    expect(names(two, { prefix: 'a.' }, metadata)).toEqual(['a.0', 'a.2']);
    expect(() => names(two, { prefix: 'b.' }, metadata)).toThrow('the tie of "b.4.weight" to "b.0.weight"');
  });
});

describe('several nets in a file (C3)', () => {
  const chain = (prefix: string, ...widths: number[]): Shapes =>
    Object.fromEntries(
      widths.slice(1).flatMap((width, i) => [
        [`${prefix}${2 * i}.weight`, [width, widths[i]!]],
        [`${prefix}${2 * i}.bias`, [width]],
      ]),
    );
  const ensemble = {
    ...chain('models.0.', 1, 16, 1),
    ...chain('models.1.', 1, 16, 1),
    ...chain('models.2.', 1, 16, 1),
  };

  test.each<[string, Shapes, string]>([
    ['an ensemble', ensemble, 'layers under models.0., models.1., models.2.'],
    [
      'actor and critic',
      { ...chain('actor.', 4, 8, 4), ...chain('critic.', 4, 8, 1) },
      'layers under actor., critic.',
    ],
    [
      'generator and discriminator that chain',
      { ...chain('gen.', 8, 16, 28), ...chain('disc.', 28, 16, 1) },
      'layers under disc., gen.',
    ],
    [
      'net_a and net_b',
      { ...chain('net_a.', 2, 3, 2), ...chain('net_b.', 2, 3, 2) },
      'layers under net_a., net_b.',
    ],
    [
      'names without dots',
      { actor_fc1: [3, 2], actor_fc2: [2, 3], critic_fc1: [3, 2], critic_fc2: [1, 3] },
      'layers under actor_fc, critic_fc',
    ],
    [
      'nets below a common name',
      { ...chain('m.q1.net.', 3, 4, 3), ...chain('m.q2.net.', 3, 4, 3) },
      'layers under m.q1., m.q2.',
    ],
    [
      'blocks of several layers, which may have skips',
      {
        'blocks.0.a.weight': [4, 4],
        'blocks.0.b.weight': [4, 4],
        'blocks.1.a.weight': [4, 4],
        'blocks.1.b.weight': [4, 4],
      },
      'layers under blocks.0., blocks.1.',
    ],
  ])('%s are refused with the candidates', (_, shapes, candidates) => {
    const whole = Object.fromEntries(
      Object.entries(shapes).map(([name, shape]) => [
        /(weight|bias)$/.test(name) ? name : `${name}.weight`,
        shape,
      ]),
    );
    expect(() => names(whole)).toThrow(
      `x.safetensors: expected one net (prefix (--prefix) chooses one of several; order (--order) joins modules that run one after another), got ${candidates}`,
    );
  });

  test('a prefix chooses one, with its point or without', async () => {
    for (const prefix of ['models.1.', 'models.1'])
      expect(names(ensemble, { prefix })).toEqual(['models.1.0', 'models.1.2']);
    expect((await loaded(ensemble, { prefix: 'models.2.' })).spec.widths).toEqual([1, 16, 1]);
    const many = { ...ensemble, ...chain('models.10.', 1, 5, 1) };
    expect(names(many, { prefix: 'models.1' })).toEqual(['models.1.0', 'models.1.2']);
    const flat = {
      'actor_fc1.weight': [3, 2],
      'actor_fc2.weight': [2, 3],
      'critic_fc1.weight': [3, 2],
      'critic_fc2.weight': [1, 3],
    };
    expect(names(flat, { prefix: 'critic_' })).toEqual(['critic_fc1', 'critic_fc2']);
  });

  test('a prefix that the file does not have is an error that lists those it has', () => {
    expect(() => names(ensemble, { prefix: 'model.' })).toThrow(
      'Mlp.load: prefix: expected a prefix of tensor names in x.safetensors: models.0., models.1., models.2., got "model."',
    );
  });

  test('an order joins modules, by prefix or one by one', () => {
    const shapes = { ...chain('encoder.', 6, 4, 2), ...chain('decoder.', 2, 4, 6) };
    expect(() => names(shapes)).toThrow('layers under decoder., encoder.');
    const expected = ['encoder.0', 'encoder.2', 'decoder.0', 'decoder.2'];
    expect(names(shapes, { order: ['encoder', 'decoder.'] })).toEqual(expected);
    expect(names(shapes, { order: expected })).toEqual(expected);
    expect(() => names(shapes, { order: ['encoder'] })).toThrow(
      'Mlp.load: order: expected each module of x.safetensors once: decoder.0, decoder.2, encoder.0, encoder.2, got',
    );
    expect(() => names(shapes, { order: ['encoder', 'encoder.0', 'decoder'] })).toThrow(
      'Mlp.load: order: expected each module of',
    );
  });

  test.each<[string, Shapes, string[]]>([
    [
      'a body with a head',
      { ...chain('features.', 6, 5, 4), 'head.weight': [2, 4] },
      ['features.0', 'features.2', 'head'],
    ],
    [
      'modules of one layer each',
      { 'm.0.linear.weight': [5, 4], 'm.1.linear.weight': [3, 5], 'm.2.linear.weight': [1, 3] },
      ['m.0.linear', 'm.1.linear', 'm.2.linear'],
    ],
    [
      'a Sequential in a Sequential',
      { '0.0.weight': [5, 4], '0.2.weight': [3, 5], '2.weight': [1, 3] },
      ['0.0', '0.2', '2'],
    ],
  ])('one net is still found: %s', (_, shapes, expected) => {
    expect(names(shapes)).toEqual(expected);
  });

  test('weights saved as (in, out) are named', () => {
    expect(() => names({ '0.weight': [6, 8], '2.weight': [8, 1] })).toThrow(
      'layer "2": expected 6 inputs, the outputs of layer "0" before it, got 1; all matrices fit if they are transposed',
    );
    expect(() => names({ '0.weight': [6, 8], '0.bias': [8], '2.weight': [8, 1], '2.bias': [1] })).toThrow(
      'tensor "0.bias": expected shape [6], one entry for each row of the weights, got [8]; it fits the weights if they are transposed',
    );
  });
});

describe('other layers are named (C4)', () => {
  const linear = { '0.weight': [5, 4], '0.bias': [5], '3.weight': [1, 5], '3.bias': [1] };
  const vector = [5];
  test.each<[string, Shapes, string]>([
    [
      'BatchNorm',
      { '1.weight': vector, '1.bias': vector, '1.running_mean': vector, '1.running_var': vector },
      'a BatchNorm or InstanceNorm layer',
    ],
    [
      'BatchNorm without parameters',
      { '1.running_mean': vector, '1.running_var': vector },
      'a BatchNorm or InstanceNorm layer',
    ],
    [
      'LayerNorm',
      { '1.weight': vector, '1.bias': vector },
      'a LayerNorm, GroupNorm or other normalization layer',
    ],
    ['RMSNorm', { '1.weight': vector }, 'an RMSNorm, a LayerNorm without a shift, or an nn.PReLU'],
    ['PReLU', { '1.weight': [1] }, 'an nn.PReLU'],
    ['weight norm', { '1.weight_g': [5, 1], '1.weight_v': [5, 5] }, 'weight norm'],
    [
      'weight norm as a parametrization',
      { '1.parametrizations.weight.original0': [5, 1], '1.parametrizations.weight.original1': [5, 5] },
      'weight norm',
    ],
    [
      'spectral norm',
      { '1.weight_orig': [5, 5], '1.weight_u': vector, '1.weight_v': vector },
      'spectral norm',
    ],
    [
      'spectral norm as a parametrization',
      {
        '1.parametrizations.weight.original': [5, 5],
        '1.parametrizations.weight.0._u': vector,
        '1.parametrizations.weight.0._v': vector,
      },
      'spectral norm',
    ],
    ['another parametrization', { '1.parametrizations.weight.original': [5, 5] }, 'a parametrized layer'],
    ['pruning', { '1.weight_orig': [5, 5], '1.weight_mask': [5, 5] }, 'a pruned layer'],
    ['LSTM', { '1.weight_ih_l0': [20, 5], '1.weight_hh_l0': [20, 5] }, 'a recurrent layer'],
    ['GRUCell', { '1.weight_ih': [15, 5], '1.weight_hh': [15, 5] }, 'a recurrent layer'],
    ['attention', { '1.in_proj_weight': [15, 5], '1.out_proj.weight': [5, 5] }, 'an attention layer'],
    [
      'separate projections',
      { 'a.q_proj.weight': [5, 5], 'a.k_proj.weight': [5, 5], 'a.v_proj.weight': [5, 5] },
      'an attention layer',
    ],
    ['embedding', { 'token_embedding.weight': [100, 5] }, 'an embedding'],
    ['embedding of a language model', { 'model.embed_tokens.weight': [100, 5] }, 'an embedding'],
    ['LoRA', { '2.lora_A.weight': [2, 5], '2.lora_B.weight': [5, 2] }, 'a LoRA adapter'],
    [
      'LoRA of peft',
      { '2.lora_A.default.weight': [2, 5], '2.lora_B.default.weight': [5, 2] },
      'a LoRA adapter',
    ],
    ['convolutions', { '1.weight': [5, 4, 3] }, 'a convolution (nn.Conv1d) or an nn.Bilinear layer'],
    ['convolutions of volumes', { '1.weight': [5, 4, 3, 3, 3] }, 'a convolution (nn.Conv3d)'],
    ['Flax', { '1.kernel': [5, 4] }, 'a layer of Keras or Flax; save its kernel'],
    [
      'an unknown buffer',
      { '1.scale': [5] },
      'tensor "1.scale": expected <module>.weight or <module>.bias of an nn.Linear layer',
    ],
  ])('%s', (_, shapes, message) => {
    expect(() => names({ ...linear, ...shapes })).toThrow(message);
    expect(() => names({ ...linear, ...shapes })).toThrow(/^x\.safetensors: .*\)$|tensor/);
  });

  test('a value head beside other layers is no attention', () => {
    expect(names({ '0.weight': [5, 4], '2.weight': [3, 5], 'value.weight': [1, 3] })).toEqual([
      '0',
      '2',
      'value',
    ]);
  });

  test('buffers of integers are named, not decoded', () => {
    const tensors = new Map<string, StoredTensor>([
      ...file(linear).tensors,
      ['1.num_batches_tracked', { dtype: 'I64', shape: [], decode: () => fail('decoded') }],
    ]);
    expect(() => layersFromTensors({ metadata: {}, tensors })).toThrow('a BatchNorm or InstanceNorm layer');
  });

  test.each([
    ['net.pt', 'save_file(model.state_dict(), "net.safetensors")'],
    ['net.pth', 'save_file(model.state_dict()'],
    ['pytorch_model.bin', 'save_file(model.state_dict()'],
    ['last.ckpt', 'save_file(model.state_dict()'],
    ['net.h5', 'l.weights'],
    ['net.keras', 'l.weights'],
    ['net.pkl', 'model.coefs_'],
    ['net.joblib', 'model.coefs_'],
  ])('%s: a recipe in one line', async (path, recipe) => {
    const attempt = Mlp.load(path);
    await expect(attempt).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
    await expect(attempt).rejects.toThrow(recipe);
    await expect(attempt).rejects.not.toThrow('\n');
  });
});

describe('what a state dict leaves open is a note', () => {
  const relu = 'The file does not state the activation: ReLU is assumed.';

  test.each<[string, Shapes, object, string[]]>([
    ['numbers', { 'fc2.weight': [3, 8], 'fc10.weight': [1, 3], 'fc1.weight': [8, 6] }, {}, []],
    ['numbers in a tree', { 'b.1.c.weight': [3, 8], 'b.2.weight': [1, 3], 'b.0.c.weight': [8, 6] }, {}, []],
    [
      'shapes',
      { 'out.weight': [1, 3], 'fc2.weight': [3, 8], 'fc1.weight': [8, 6] },
      {},
      ['The order of the layers follows from their shapes: fc1, fc2, out.'],
    ],
    ['a stated order', { 'out.weight': [1, 3], 'in.weight': [3, 8] }, { order: ['in', 'out'] }, []],
  ])('an order by %s', async (_, shapes, options, notes) => {
    expect((await loaded(shapes, options)).notes).toEqual([relu, ...notes]);
  });

  test('equal weights of two layers, which may be tied; constant ones are not meant', async () => {
    const path = join(folder, 'equal.safetensors');
    const square = (data: number[]): NdArray => ({ data: Float64Array.from(data), shape: [2, 2] });
    const tensors = {
      '0': [1, 2, 3, 4],
      '2': [1, 2, 3, 5],
      '4': [1, 2, 3, 4],
      '6': [1, 1, 1, 1],
      '8': [1, 1, 1, 1],
    };
    writeFileSync(
      path,
      encodeSafetensors(
        new Map(Object.entries(tensors).map(([name, data]) => [`${name}.weight`, square(data)])),
      ),
    );
    expect((await Mlp.load(path)).notes).toEqual([
      relu,
      'The layers "0" and "4" have equal weights. They count as separate parameters. If the net ties them, this is not its kernel.',
    ]);
  });
});

describe('the law of a loaded net', () => {
  const shapes = { '0.weight': [8, 6], '2.weight': [1, 8] };

  test('is unknown unless somebody states it, and theory says so', async () => {
    const net = await loaded(shapes);
    expect(net.spec).toMatchObject({ weightVariance: null, biasVariance: null });
    expect(net.notes).toEqual(['The file does not state the activation: ReLU is assumed.']);
    const message =
      'expected a spec with a weightVariance, got null: the file of this net does not state how it was initialized; ' +
      'state it (Mlp.load(path, { weightVariance }) or createSpec({ ...net.spec, weightVariance })) or estimate it with classifyNetwork';
    expect(() => moments(net.spec)).toThrow(`moments: ${message}`);
    expect(() => Mlp.random(net.spec, { seed: 1 })).toThrow(`Mlp.random: ${message}`);
    expect(() => createSpec(net.spec as never)).toThrow(`createSpec: ${message}`);
    expect(createSpec({ ...net.spec, weightVariance: 1 })).toMatchObject({
      weightVariance: 1,
      biasVariance: 0,
    });
  });

  test('is what the options state', async () => {
    expect((await loaded(shapes, { weightVariance: 1.5 })).spec).toMatchObject({
      weightVariance: 1.5,
      biasVariance: 0,
    });
    await expect(loaded(shapes, { biasVariance: 0 })).rejects.toThrow(
      'Mlp.load: weightVariance: expected a finite number > 0 with biasVariance (--sb2), got undefined',
    );
    await expect(loaded(shapes, { parametrization: 'ntk' })).rejects.toThrow(
      'with NTK parametrization, which needs it',
    );
    expect((await loaded(shapes, { parametrization: 'ntk', weightVariance: 2 })).spec.parametrization).toBe(
      'ntk',
    );
  });

  test('stays unknown through both formats', async () => {
    const net = await loaded(shapes);
    for (const path of ['unknown.json', 'unknown.safetensors'].map((name) => join(folder, name))) {
      await net.save(path);
      const again = await Mlp.load(path);
      expect(again.spec).toEqual(net.spec);
      expect((await again.ntk({ data: new Float64Array(6).fill(1), shape: [1, 6] })).data).toEqual(
        (await net.ntk({ data: new Float64Array(6).fill(1), shape: [1, 6] })).data,
      );
    }
  });

  test('in damaged metadata is an error', async () => {
    await expect(loaded(shapes, {}, { 'deepntk.spec': '{' })).rejects.toThrow(
      'metadata deepntk.spec: expected JSON',
    );
    const other = JSON.stringify({ inputDim: 6, hiddenWidths: [9], outputDim: 1 });
    await expect(loaded(shapes, {}, { 'deepntk.spec': other })).rejects.toThrow(
      'the widths of its layers, 6, 8, 1, got 6, 9, 1',
    );
  });
});

describe('the order is found or refused without a long search (C5)', () => {
  const words = (count: number): string[] =>
    Array.from(
      { length: count },
      (_, i) => `m${String.fromCharCode(97 + (i % 26), 97 + Math.floor(i / 26))}`,
    );

  test.each([21, 27, 200])('%i modules of one shape, one of which does not fit', (count) => {
    const shapes: Record<string, number[]> = { 'odd.weight': [7, 9] };
    for (const word of words(count)) shapes[`${word}.weight`] = [3, 3];
    expect(() => names(shapes)).toThrow('layers of one shape, whose names do not determine the order');
  });

  test('many shapes that fit in very many ways', () => {
    const shapes: Record<string, number[]> = {};
    words(16).forEach((word, i) => (shapes[`${word}.weight`] = [1 + (i % 4), 1 + Math.floor(i / 4)]));
    expect(() => names(shapes)).toThrow('more than one order that fits');
    shapes['odd.weight'] = [70, 90];
    expect(() => names(shapes)).toThrow(/too many orders to try|layers that fit in no order/);
  });

  test('words in the one order of their shapes', () => {
    const list = words(100);
    const shapes = Object.fromEntries(
      list.map((word, i) => [`${word}.weight`, [i + 2, i + 1]]).reverse(),
    ) as Shapes;
    expect(names(shapes)).toEqual(list);
  });

  test('40,000 numbered layers', () => {
    const shapes = Object.fromEntries(
      Array.from({ length: 40_000 }, (_, i) => [`layers.${i}.weight`, [1, 1]]),
    );
    const found = names(shapes);
    expect(found).toHaveLength(40_000);
    expect(found.at(-1)).toBe('layers.39999');
  });

  test('40,000 layers whose weights begin alike are compared in linear time', () => {
    const layers = Array.from({ length: 40_000 }, (_, i) => ({
      name: `layers.${i}`,
      weights: { data: Float64Array.of(1, 2, 3, 4, i % 39_999, 6), shape: [2, 3] },
      biases: null,
    }));
    const [, equal, ...rest] = notesOnLayers(layers, false);
    expect(equal).toContain('The layers "layers.0" and "layers.39999" have equal weights.');
    expect(rest).toEqual([]);
  });
});
