/** Nets from ONNX files: PyTorch's own, with the kernels that torch.autograd has, and small ones made by hand. */
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Mlp } from '../../src/index';
import { type ModelOptions, type NodeOptions, onnxModel, type TensorOptions } from './onnx-writer';

const NETS = join(__dirname, 'fixtures', 'nets');
const golden = JSON.parse(readFileSync(join(NETS, 'kernels.json'), 'utf8')) as {
  X: number[][];
  nets: Record<string, number[][]>;
  folded: Record<string, number[][]>;
};
const X = { data: Float64Array.from(golden.X.flat()), shape: [golden.X.length, golden.X[0]!.length] };

/** A float32 net's kernel in float64 by torch.autograd; the sums are of some hundred terms. */
async function expectKernel(net: Mlp, kernel: number[][], tolerance = 1e-10): Promise<void> {
  const expected = kernel.flat();
  const { data } = await net.ntk(X);
  const largest = Math.max(...expected.map(Math.abs));
  expected.forEach((entry, i) => {
    expect(Math.abs(data[i]! - entry)).toBeLessThan(tolerance * largest);
  });
}

describe("files of PyTorch's exporters", () => {
  const files = readdirSync(NETS).filter((name) => /\.(onnx|safetensors)$/.test(name));
  const refusals: Readonly<Record<string, string>> = {
    'leaky.onnx': 'LeakyRelu (node "node_leaky_relu")',
    'leaky_legacy.onnx': 'LeakyRelu (node "/1/LeakyRelu")',
    'tanh.onnx': 'Tanh (node "node_tanh")',
    'tanh_legacy.onnx': 'Tanh (node "/1/Tanh")',
    'batchnorm_legacy.onnx': 'BatchNormalization (node "/1/BatchNormalization")',
    'batchnorm.safetensors': 'a BatchNorm or InstanceNorm layer',
  };
  // These state dicts do not show that the activation is not ReLU, as docs/from-pytorch.md explains.
  const silent = ['leaky.safetensors', 'tanh.safetensors'];

  test.each(files.filter((name) => !(name in refusals) && !silent.includes(name)))(
    '%s has the kernel of torch',
    async (file) => {
      const net = await Mlp.load(join(NETS, file));
      await expectKernel(net, golden.folded[file] ?? golden.nets[file.replace(/(_legacy)?\..*$/, '')]!);
    },
  );

  test.each(Object.entries(refusals))('%s is refused, naming %s', async (file, message) => {
    const attempt = Mlp.load(join(NETS, file));
    await expect(attempt).rejects.toMatchObject({ code: 'ERR_INVALID_FILE' });
    await expect(attempt).rejects.toThrow(message);
  });

  test.each(silent)('%s: the assumed activation is a note', async (file) => {
    const { notes } = await Mlp.load(join(NETS, file));
    expect(notes).toEqual(['The file does not state the activation: ReLU is assumed.']);
  });

  test('a batch normalization that the exporter folded is a note', async () => {
    const { notes } = await Mlp.load(join(NETS, 'batchnorm.onnx'));
    expect(notes).toEqual([
      'Gemm (node "node_Gemm_8") seems to have a BatchNorm that PyTorch\'s exporter folded into it: the kernel is that of the folded weights and biases',
    ]);
    expect((await Mlp.load(join(NETS, 'bias.onnx'))).notes).toEqual([]);
  });

  test('a batch normalization is folded on demand, and that is a note', async () => {
    const net = await Mlp.load(join(NETS, 'batchnorm_legacy.onnx'), { foldBatchNorm: true });
    // The exporter folded in float32.
    await expectKernel(net, golden.folded['batchnorm.onnx']!, 1e-6);
    expect(net.notes).toEqual([
      'BatchNormalization (node "/1/BatchNormalization") is folded into Gemm (node "/0/Gemm"): the kernel is that of the folded weights and biases',
    ]);
  });

  test('biases by layer, and an unknown law', async () => {
    const { spec } = await Mlp.load(join(NETS, 'somebias.onnx'));
    expect(spec).toMatchObject({
      widths: [6, 10, 7, 2],
      biasGradients: [false, true, false],
      weightVariance: null,
    });
    expect((await Mlp.load(join(NETS, 'somebias.onnx'), { weightVariance: 2 })).spec.weightVariance).toBe(2);
    expect((await Mlp.load(join(NETS, 'matmul_legacy.onnx'))).spec.biasGradients).toEqual([true, false]);
  });

  test('a missing or short file of weights is one error', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'deepntk-onnx-'));
    try {
      copyFileSync(join(NETS, 'bias.onnx'), join(folder, 'bias.onnx'));
      const missing = `cannot read ${join(folder, 'bias.onnx.data')}, which has weights of ${join(folder, 'bias.onnx')}: no such file or folder`;
      await expect(Mlp.load(join(folder, 'bias.onnx'))).rejects.toThrow(missing);
      writeFileSync(join(folder, 'bias.onnx.data'), new Uint8Array(100));
      await expect(Mlp.load(join(folder, 'bias.onnx'))).rejects.toThrow(
        'bias.onnx.data: expected at least 168 bytes, as the model says, got 100',
      );
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

const W1: TensorOptions = { dims: [3, 2], values: [1, 2, 3, 4, 5, 6] };
const B1: TensorOptions = { dims: [3], values: [0.5, -1, 2] };
const W2: TensorOptions = { dims: [1, 3], values: [1, -1, 2] };
const GEMM1: NodeOptions = { op: 'Gemm', inputs: ['x', 'W1', 'B1'], output: 'h', attributes: { transB: 1 } };
const RELU: NodeOptions = { op: 'Relu', inputs: ['h'], output: 'a' };
const GEMM2: NodeOptions = { op: 'Gemm', inputs: ['a', 'W2'], output: 'y', attributes: { transB: 1 } };
const BASE: ModelOptions = { initializers: { W1, B1, W2 }, nodes: [GEMM1, RELU, GEMM2] };

let folder: string;
beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'deepntk-onnx-'))));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

async function load(model: ModelOptions | Uint8Array, options: object = {}): Promise<Mlp> {
  const path = join(folder, 'net.onnx');
  writeFileSync(path, model instanceof Uint8Array ? model : onnxModel(model));
  return Mlp.load(path, options);
}

const base = (changes: Partial<ModelOptions>): ModelOptions => ({ ...BASE, ...changes });
const withTensors = (initializers: Readonly<Record<string, TensorOptions>>): ModelOptions =>
  base({ initializers: { ...BASE.initializers, ...initializers } });
const withNodes = (...nodes: readonly NodeOptions[]): ModelOptions => base({ nodes });

const PARAMETERS = [1, 2, 3, 4, 5, 6, 0.5, -1, 2, 1, -1, 2, 0];

describe('the same net in other forms', () => {
  const raw = (bytes: ArrayBufferLike): Uint8Array => new Uint8Array(bytes);
  test.each<[string, ModelOptions]>([
    ['Gemm and Relu', BASE],
    ['float64', withTensors({ W1: { ...W1, type: 11 } })],
    ['raw float32', withTensors({ W1: { dims: [3, 2], raw: raw(Float32Array.from(W1.values!).buffer) } })],
    ['float16 bits', withTensors({ W2: { dims: [1, 3], type: 10, values: [0x3c00, 0xbc00, 0x4000] } })],
    [
      'raw bfloat16',
      withTensors({
        W2: { dims: [1, 3], type: 16, raw: raw(Uint16Array.of(0x3f80, 0xbf80, 0x4000).buffer) },
      }),
    ],
    [
      'weights not transposed',
      base({
        initializers: { ...BASE.initializers, W1: { dims: [2, 3], values: [1, 3, 5, 2, 4, 6] } },
        nodes: [{ ...GEMM1, attributes: {} }, RELU, GEMM2],
      }),
    ],
    [
      'a Transpose of the weights',
      withNodes(
        { op: 'Transpose', inputs: ['W1'], output: 'T', attributes: { perm: [1, 0] } },
        { op: 'MatMul', inputs: ['x', 'T'], output: 'm' },
        { op: 'Add', inputs: ['B1', 'm'], output: 'h' },
        RELU,
        GEMM2,
      ),
    ],
    ['a bias of shape (1, n)', withTensors({ B1: { ...B1, dims: [1, 3] } })],
    [
      'identities, dropouts and casts',
      withNodes(
        { op: 'Cast', inputs: ['x'], output: 'c', attributes: { to: 11 } },
        { ...GEMM1, inputs: ['c', 'W1', 'B1'] },
        { op: 'Identity', inputs: ['h'], output: 'i' },
        { ...RELU, inputs: ['i'] },
        { op: 'Dropout', inputs: ['a'], output: 'd' },
        { ...GEMM2, inputs: ['d'].concat('W2') },
      ),
    ],
    [
      'inputs that are flattened',
      base({
        inputs: { x: ['N', 1, 2] },
        nodes: [
          { op: 'Flatten', inputs: ['x'], output: 'f' },
          { ...GEMM1, inputs: ['f', 'W1', 'B1'] },
          RELU,
          GEMM2,
        ],
      }),
    ],
    [
      'inputs that are reshaped',
      base({
        inputs: { x: [4, 1, 2] },
        initializers: { ...BASE.initializers, S: { dims: [2], type: 7, values: [4, -1] } },
        nodes: [
          { op: 'Reshape', inputs: ['x', 'S'], output: 'f' },
          { ...GEMM1, inputs: ['f', 'W1', 'B1'] },
          RELU,
          GEMM2,
        ],
      }),
    ],
    ['weights listed among the inputs', base({ inputs: { x: [1, 2], W1: [3, 2] } })],
    [
      'two Relus',
      withNodes(GEMM1, { op: 'Relu', inputs: ['h'], output: 'r' }, { ...RELU, inputs: ['r'] }, GEMM2),
    ],
  ])('%s', async (_, model) => {
    const net = await load(model);
    expect(Array.from(net.parameters)).toEqual(PARAMETERS);
    expect(net.spec.biasGradients).toEqual([true, false]);
    expect(net.notes).toEqual([]);
  });

  const ints = (...values: number[]): TensorOptions => ({ dims: [values.length], type: 7, values });
  const scalar = (value: number): TensorOptions => ({ dims: [], type: 7, values: [value] });
  const constants = {
    zero: scalar(0),
    first: ints(0),
    one: ints(1),
    rest: ints(-1),
    two: ints(2),
    wrong: ints(-1, 2),
    none: ints(0, 2),
  };
  /** `x.view(...)` before the net: nodes that compute the shape s, and a Reshape. */
  const viewed = (
    nodes: readonly NodeOptions[],
    attributes: NodeOptions['attributes'] = {},
    inputs: ModelOptions['inputs'] = { x: ['N', 1, 2] },
  ): ModelOptions =>
    base({
      inputs,
      initializers: { ...BASE.initializers, ...constants },
      nodes: [
        ...nodes,
        { op: 'Reshape', inputs: ['x', 's'], output: 'f', attributes },
        { ...GEMM1, inputs: ['f', 'W1', 'B1'] },
        RELU,
        GEMM2,
      ],
    });
  const SHAPE: NodeOptions = { op: 'Shape', inputs: ['x'], output: 'shape' };
  const GATHER: NodeOptions = { op: 'Gather', inputs: ['shape', 'zero'], output: 'n' };
  const UNSQUEEZE: NodeOptions = { op: 'Unsqueeze', inputs: ['n', 'first'], output: 'u' };
  const concat = (...inputs: string[]): NodeOptions => ({
    op: 'Concat',
    inputs,
    output: 's',
    attributes: { axis: 0 },
  });
  const SLICE: NodeOptions = { op: 'Slice', inputs: ['shape', 'first', 'one', 'first'], output: 'u' };

  test.each<[string, ModelOptions]>([
    ['x.size(0), -1', viewed([SHAPE, GATHER, UNSQUEEZE, concat('u', 'rest')])],
    ['x.size(0), 2', viewed([SHAPE, GATHER, UNSQUEEZE, concat('u', 'two')])],
    ['a slice of the shape', viewed([SHAPE, SLICE, concat('u', 'rest')])],
    ['part of the shape', viewed([{ ...SHAPE, attributes: { end: 1 } }, concat('shape', 'rest')])],
    [
      'axes as an attribute, before opset 13',
      viewed([
        SHAPE,
        GATHER,
        { ...UNSQUEEZE, inputs: ['n'], attributes: { axes: [0] } },
        concat('u', 'rest'),
      ]),
    ],
    [
      'the batch and one other extent',
      viewed([SHAPE, SLICE, { op: 'Gather', inputs: ['shape', 'two'], output: 'w' }, concat('u', 'w')]),
    ],
    ['allowzero without a zero', viewed([concat('rest', 'two')], { allowzero: 1 })],
    ['allowzero with the batch', viewed([SHAPE, SLICE, concat('u', 'two')], { allowzero: 1 })],
  ])('x.view: %s', async (_, model) => {
    expect(Array.from((await load(model)).parameters)).toEqual(PARAMETERS);
  });

  test.each<[string, ModelOptions, string]>([
    [
      'the batch as columns',
      viewed([SHAPE, SLICE, concat('rest', 'u')]),
      'Reshape (node "f"): expected a Reshape to [N, 2], got [-1, N]',
    ],
    [
      'no rows',
      viewed([{ op: 'Identity', inputs: ['none'], output: 's' }], { allowzero: 1 }),
      'Reshape (node "f"): expected a Reshape to [N, 2], got [0, 2]',
    ],
    [
      'an unknown extent as columns',
      viewed(
        [SHAPE, SLICE, { op: 'Gather', inputs: ['shape', 'one'], output: 'w' }, concat('u', 'w')],
        {},
        {
          x: ['N', 'M'],
        },
      ),
      'Reshape (node "f"): expected a Reshape to [N, n], got [N, unknown]',
    ],
    [
      'arithmetic on a shape',
      viewed([SHAPE, { op: 'Mul', inputs: ['shape', 'shape'], output: 's' }]),
      'Mul (node "s"): expected one chain of nodes',
    ],
    [
      'three axes',
      viewed([SHAPE, SLICE, concat('u', 'one', 'rest')]),
      'Reshape (node "f"): expected a Reshape to [N, n], got a shape of shape [3]',
    ],
  ])('x.view is refused: %s', async (_, model, message) => {
    await expect(load(model)).rejects.toThrow(message);
  });

  test('alpha and beta are multiplied into the parameters, with a note', async () => {
    const net = await load(
      withNodes({ ...GEMM1, attributes: { transB: 1, alpha: { f: 2 }, beta: { f: 0.5 } } }, RELU, GEMM2),
    );
    expect(Array.from(net.parameters.subarray(0, 9))).toEqual([2, 4, 6, 8, 10, 12, 0.25, -0.5, 1]);
    expect(net.notes).toHaveLength(2);
    expect(net.notes[0]).toBe(
      'Gemm (node "h") has alpha 2, which is multiplied into the parameters: the kernel is that of the products',
    );
  });

  test('external data, with an offset', async () => {
    const numbers = Float32Array.of(9, ...W1.values!);
    writeFileSync(join(folder, 'w.bin'), new Uint8Array(numbers.buffer));
    const net = await load(
      withTensors({ W1: { dims: [3, 2], external: { location: 'w.bin', offset: '4', length: '24' } } }),
    );
    expect(Array.from(net.parameters)).toEqual(PARAMETERS);
  });
});

describe('anything else is refused by operator and node', () => {
  const bn = { S: { dims: [3], values: [1, 1, 1] } };
  test.each<[string, ModelOptions, string]>([
    [
      'an unknown operator',
      withNodes(GEMM1, { op: 'Sigmoid', inputs: ['h'], output: 'a', name: 'act' }, GEMM2),
      'Sigmoid (node "act"): expected a net of Gemm, MatMul, Add and Relu',
    ],
    [
      'an operator of others',
      withNodes({ ...GEMM1, domain: 'com.microsoft' }, RELU, GEMM2),
      'Gemm (node "h"): expected a standard ONNX operator, got an operator of the domain com.microsoft',
    ],
    [
      'an unknown attribute',
      withNodes(GEMM1, { ...RELU, attributes: { slope: 2 } }, GEMM2),
      'Relu (node "a"): expected no attributes, got "slope"',
    ],
    [
      'transA',
      withNodes({ ...GEMM1, attributes: { transA: 1, transB: 1 } }, RELU, GEMM2),
      'expected transA 0, got 1',
    ],
    [
      'no Relu between layers',
      withNodes(GEMM1, { ...GEMM2, inputs: ['h', 'W2'] }),
      'Gemm (node "y"): expected a Relu after Gemm (node "h"), got none',
    ],
    [
      'a Relu at the end',
      withNodes(GEMM1, RELU),
      'expected a last layer without activation, got a Relu after it',
    ],
    [
      'a Relu at the start',
      withNodes(
        { op: 'Relu', inputs: ['x'], output: 'r' },
        { ...GEMM1, inputs: ['r', 'W1', 'B1'] },
        RELU,
        GEMM2,
      ),
      'Relu (node "r"): expected a layer before it',
    ],
    [
      'a skip connection',
      withNodes(
        GEMM1,
        RELU,
        { op: 'Add', inputs: ['a', 'h'], output: 's' },
        { ...GEMM2, inputs: ['s', 'W2'] },
      ),
      'Add (node "s"): expected one chain of nodes',
    ],
    [
      'a product with itself',
      withNodes({ op: 'MatMul', inputs: ['x', 'x'], output: 'y' }),
      'MatMul (node "y"): expected one chain of nodes',
    ],
    [
      'weights on the left',
      withNodes({ op: 'MatMul', inputs: ['W1', 'x'], output: 'y' }),
      'MatMul (node "y"): expected constant weights as input 2',
    ],
    [
      'tied weights',
      base({
        initializers: { W1: { dims: [2, 2], values: [1, 2, 3, 4] } },
        nodes: [
          { op: 'MatMul', inputs: ['x', 'W1'], output: 'h' },
          RELU,
          { op: 'MatMul', inputs: ['a', 'W1'], output: 'y' },
        ],
      }),
      'tensor "W1" in MatMul (node "h") and in MatMul (node "y"); the exporter may have merged equal tensors',
    ],
    [
      'tied biases by an Identity',
      base({
        initializers: { ...BASE.initializers, W3: { dims: [3, 3], values: [1, 2, 3, 4, 5, 6, 7, 8, 9] } },
        nodes: [
          { op: 'Identity', inputs: ['B1'], output: 'B2' },
          GEMM1,
          RELU,
          { op: 'Gemm', inputs: ['a', 'W3', 'B2'], output: 'y' },
        ],
      }),
      'tensor "B1" in Gemm (node "h") and in Gemm (node "y")',
    ],
    [
      'a second bias',
      withNodes(GEMM1, { op: 'Add', inputs: ['h', 'B1'], output: 's' }),
      'Add (node "s"): expected one bias of Gemm (node "h"), got a second bias',
    ],
    [
      'an Add after a Relu',
      withNodes(GEMM1, RELU, { op: 'Add', inputs: ['a', 'B1'], output: 's' }),
      'Add (node "s"): expected the bias of a Gemm or MatMul right before it',
    ],
    [
      'one bias for all outputs',
      withTensors({ B1: { dims: [1], values: [1] } }),
      'Gemm (node "h"): expected a bias for each of 3 outputs, got shape [1]',
    ],
    [
      'a cast that rounds',
      withNodes(
        { op: 'Cast', inputs: ['x'], output: 'c', attributes: { to: 10 } },
        { ...GEMM1, inputs: ['c', 'W1', 'B1'] },
        RELU,
        GEMM2,
      ),
      'expected a cast that changes no number, got one to data type 10',
    ],
    [
      'Flatten of all',
      withNodes({ op: 'Flatten', inputs: ['x'], output: 'f', attributes: { axis: 0 } }),
      'Flatten (node "f"): expected axis 1, got 0',
    ],
    [
      'a Reshape that mixes rows',
      base({
        inputs: { x: ['N', 4] },
        initializers: { ...BASE.initializers, S: { dims: [2], type: 7, values: [-1, 2] } },
        nodes: [
          { op: 'Reshape', inputs: ['x', 'S'], output: 'f' },
          { ...GEMM1, inputs: ['f', 'W1', 'B1'] },
          RELU,
          GEMM2,
        ],
      }),
      'Reshape (node "f"): expected a Reshape to [N, 4], got [-1, 2]',
    ],
    [
      'a BatchNormalization after a Relu',
      base({
        initializers: { ...BASE.initializers, ...bn },
        nodes: [GEMM1, RELU, { op: 'BatchNormalization', inputs: ['a', 'S', 'S', 'S', 'S'], output: 'n' }],
      }),
      'BatchNormalization (node "n"): expected a net without normalization layers, got a batch normalization',
    ],
    [
      'layers that do not chain',
      withTensors({ W2: { dims: [1, 4], values: [1, 2, 3, 4] } }),
      'Gemm (node "y"): expected 3 inputs, the outputs of Gemm (node "h"), got 4',
    ],
    [
      'inputs of another width',
      base({ inputs: { x: ['N', 5] } }),
      'Gemm (node "h"): expected 5 inputs, as the graph has, got 2',
    ],
    [
      'images without a Flatten',
      base({ inputs: { x: ['N', 3, 2] } }),
      'Gemm (node "h"): expected flattened inputs, got 3 axes',
    ],
    ['two inputs', base({ inputs: { x: [1, 2], z: [1, 2] } }), 'expected a graph of one input, got "x", "z"'],
    ['two outputs', base({ outputs: ['y', 'a'] }), 'expected a graph of one output, got "y", "a"'],
    [
      'an output in the middle',
      base({ outputs: ['a'] }),
      'expected the end of the chain, "y", as output, got "a"',
    ],
    [
      'no layers',
      withNodes({ op: 'Identity', inputs: ['x'], output: 'y' }),
      'expected at least one Gemm or MatMul, got none',
    ],
    [
      'a sum of one value',
      withNodes(GEMM1, { op: 'Add', inputs: ['h', ''], output: 's' }, { ...RELU, inputs: ['s'] }, GEMM2),
      'Add (node "s"): expected 2 inputs, got 1',
    ],
    [
      'a product of three',
      withNodes({ op: 'MatMul', inputs: ['x', 'W1', 'B1'], output: 'y' }),
      'MatMul (node "y"): expected 2 inputs, got 3',
    ],
    [
      'a Relu of two',
      withNodes(GEMM1, { ...RELU, inputs: ['h', 'B1'] }, GEMM2),
      'Relu (node "a"): expected 1 input, got 2',
    ],
    [
      'a Gemm without weights',
      withNodes({ op: 'Gemm', inputs: ['x'], output: 'y' }),
      'Gemm (node "y"): expected 2 or 3 inputs, got 1',
    ],
    [
      'a Dropout that has a training mode',
      withNodes(GEMM1, { op: 'Dropout', inputs: ['h', 'B1', 'B1'], output: 'd' }, RELU, GEMM2),
      'Dropout (node "d"): expected 1 or 2 inputs, got 3',
    ],
    [
      'a Dropout of opset 6 for training',
      withNodes(
        GEMM1,
        { op: 'Dropout', inputs: ['h'], output: 'd', attributes: { is_test: 0 } },
        RELU,
        GEMM2,
      ),
      'Dropout (node "d"): expected no attributes but ratio, seed, got "is_test"',
    ],
    [
      'a value that is defined twice',
      withNodes({ op: 'Identity', inputs: ['W1'], output: 'W2' }, GEMM1),
      '"W2": expected one definition, got two',
    ],
  ])('%s', async (_, model, message) => {
    const attempt = load(model);
    await expect(attempt).rejects.toMatchObject({ code: 'ERR_INVALID_FILE' });
    await expect(attempt).rejects.toThrow(message);
  });

  test.each<[string, TensorOptions, string]>([
    [
      'an absolute path',
      { dims: [3, 2], external: { location: '/etc/passwd' } },
      'expected a file in the folder of the model or below it, got "/etc/passwd"',
    ],
    [
      'a path upwards',
      { dims: [3, 2], external: { location: 'a/../../w.bin' } },
      'expected a file in the folder of the model or below it',
    ],
    [
      'a path upwards as on Windows',
      { dims: [3, 2], external: { location: '..\\w.bin' } },
      'expected a file in the folder of the model or below it',
    ],
    ['no location', { dims: [3, 2], external: {} }, 'expected a file in the folder of the model or below it'],
    [
      'another length',
      { dims: [3, 2], external: { location: 'w.bin', length: '8' } },
      'external data: expected 24 bytes, got 8',
    ],
    [
      'an offset that is no number',
      { dims: [3, 2], external: { location: 'w.bin', offset: '-4' } },
      'external data: offset: expected a number of bytes, got -4',
    ],
    [
      'fewer numbers than its shape has',
      { dims: [3, 2], values: [1, 2] },
      'tensor "W1": expected 6 numbers for shape [3, 2], got 2',
    ],
    [
      'fewer bytes than its shape has',
      { dims: [1_000_000_000, 2], raw: new Uint8Array(8) },
      'tensor "W1": expected 8000000000 bytes',
    ],
    ['a negative extent', { dims: [-3, 2], values: [] }, 'got'],
    [
      'integers',
      { dims: [3, 2], type: 6, values: [1, 2, 3, 4, 5, 6] },
      'tensor "W1": expected float16, bfloat16, float32, float64 or int64, got data type 6',
    ],
  ])('a tensor with %s', async (_, tensor, message) => {
    await expect(load(withTensors({ W1: tensor }))).rejects.toThrow(message);
  });

  test('truncated and random bytes', async () => {
    const whole = onnxModel(BASE);
    for (let length = 0; length < whole.length; length += 7) {
      await expect(load(whole.subarray(0, length))).rejects.toMatchObject({ code: 'ERR_INVALID_FILE' });
    }
    await expect(load(Uint8Array.from({ length: 300 }, (_, i) => (i * 73) % 251))).rejects.toThrow(
      'expected an ONNX model',
    );
  });

  test('foldBatchNorm of another type, or where there is nothing to fold', async () => {
    await expect(load(BASE, { foldBatchNorm: 'no' })).rejects.toThrow(
      'Mlp.load: foldBatchNorm: expected true or false, got "no"',
    );
    expect((await load(BASE, { foldBatchNorm: true })).notes).toEqual([
      'The graph has no BatchNormalization: foldBatchNorm (--fold-batch-norm) changed nothing.',
    ]);
    expect((await load(BASE, { foldBatchNorm: false })).notes).toEqual([]);
  });

  test('options of other formats', async () => {
    await expect(load(BASE, { order: ['a'] })).rejects.toThrow('unknown option "order"');
    await expect(Mlp.load(join(NETS, 'bias.safetensors'), { foldBatchNorm: true })).rejects.toThrow(
      'unknown option "foldBatchNorm"',
    );
  });
});
