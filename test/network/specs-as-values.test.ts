/** Specs are values, and nets of other copies of the package are nets (cases D3 and D4). */
import { Worker } from 'node:worker_threads';
import { join } from 'node:path';

import type * as Package from '../../src/index';
import {
  classifyNetwork,
  createSpec,
  infiniteWidthKernels,
  topEigenpairs,
  Mlp,
  moments,
  type NetworkSpec,
  parameterCount,
  train,
} from '../../src/index';

const spec = createSpec({
  inputDim: 3,
  hiddenWidths: [5, 4],
  outputDim: 2,
  weightVariance: 1.5,
  biasVariance: 0.2,
});
const uniform = createSpec({ inputDim: 3, depth: 3, width: 7 });
const X = { data: Float64Array.of(1, 2, 3, -1, 0.5, 2), shape: [2, 3] };

describe('a spec is accepted in every form that has its fields', () => {
  test.each<[string, () => NetworkSpec]>([
    ['itself', () => spec],
    ['a copy', () => ({ ...spec })],
    ['through JSON', () => JSON.parse(JSON.stringify(spec)) as NetworkSpec],
    ['through structuredClone', () => structuredClone(spec)],
    [
      'with keys in another order',
      () => Object.fromEntries(Object.entries(spec).reverse()) as unknown as NetworkSpec,
    ],
  ])('%s', async (_, make) => {
    const other = make();
    expect(createSpec(other)).toEqual(spec);
    expect(moments(other)).toEqual(moments(spec));
    expect(infiniteWidthKernels(other, X)).toEqual(infiniteWidthKernels(spec, X));
    expect(parameterCount(other)).toBe(parameterCount(spec));
    const net = Mlp.random(other, { seed: 1 });
    expect(net.spec).toEqual(spec);
    expect(Object.isFrozen(net.spec) && Object.isFrozen(net.spec.widths)).toBe(true);
    expect((await net.ntk(X)).data).toEqual((await Mlp.random(spec, { seed: 1 }).ntk(X)).data);
  });

  test('a copy that is changed later does not change the net', () => {
    const copy = { ...spec, hiddenWidths: [...spec.hiddenWidths] };
    const net = Mlp.random(copy, { seed: 1 });
    copy.hiddenWidths[0] = 100;
    expect(net.spec.hiddenWidths).toEqual([5, 4]);
  });
});

describe('a spec with changes', () => {
  test.each<[string, object, number[]]>([
    ['of the law', { weightVariance: 1 }, [3, 5, 4, 2]],
    ['of the width of all hidden layers', { width: 9 }, [3, 9, 9, 2]],
    ['of hidden widths', { hiddenWidths: [6, 6, 6] }, [3, 6, 6, 6, 2]],
    ['of hidden widths and the depth that they have', { hiddenWidths: [6], depth: 1 }, [3, 6, 2]],
    ['of width and depth', { depth: 4, width: 2 }, [3, 2, 2, 2, 2, 2]],
    ['of inputs and outputs', { inputDim: 8, outputDim: 1 }, [8, 5, 4, 1]],
    ['of the depth to none', { depth: 0 }, [3, 2]],
  ])('%s', (_, changes, widths) => {
    expect(createSpec({ ...spec, ...changes }).widths).toEqual(widths);
  });

  test('of the depth alone needs hidden layers of one width', () => {
    expect(createSpec({ ...uniform, depth: 5 }).widths).toEqual([3, 7, 7, 7, 7, 7, 1]);
    expect(() => createSpec({ ...spec, depth: 3 })).toThrow(
      'createSpec: depth: expected 2, the number of hidden layers in widths (to change the depth, pass width or hiddenWidths too), got 3',
    );
  });

  test.each<[string, object, string]>([
    [
      'hidden widths and a width',
      { hiddenWidths: [6], width: 3 },
      'changes of either hiddenWidths, or depth and width',
    ],
    ['hidden widths and another depth', { hiddenWidths: [6], depth: 3 }, 'changes of either hiddenWidths'],
    ['widths that are none', { widths: [3] }, 'createSpec: widths: expected a list of the sizes'],
    [
      'other widths, beside the fields that say the same',
      { widths: [3, 9, 9, 2] },
      'createSpec: widths: expected 3, 5, 4, 2, as inputDim, hiddenWidths and outputDim say (change these in place of widths), got 3, 9, 9, 2',
    ],
    ['widths of another depth', { widths: [3, 9, 2] }, 'createSpec: widths: expected 3, 5, 4, 2'],
    ['widths of other inputs', { widths: [8, 5, 4, 2] }, 'createSpec: widths: expected 3, 5, 4, 2'],
    ['a width of no layers', { depth: 0, width: 9 }, 'depth: expected a positive integer with width, got 0'],
    ['a width of 0', { width: 0 }, 'createSpec: width: expected a positive integer, got 0'],
    ['an unknown field', { wdith: 3 }, 'unknown option "wdith"'],
    [
      'a list of biases for other layers',
      { biasGradients: [true] },
      'biasGradients: expected true, false, or a list of 3',
    ],
  ])('contradictory or wrong: %s', (_, changes, message) => {
    expect(() => createSpec({ ...spec, ...changes })).toThrow(message);
  });

  test("slopes other than ReLU's are refused, also after JSON", () => {
    expect(spec.slopes).toEqual({ positive: 1, negative: 0 });
    const copy = JSON.parse(JSON.stringify(spec)) as typeof spec;
    expect(createSpec(copy)).toEqual(spec);
    expect(() => createSpec({ ...copy, slopes: { positive: 1, negative: 0.01 } } as never)).toThrow(
      'createSpec: slopes: expected positive 1, negative 0, because ReLU is the only supported activation, got positive 1, negative 0.01',
    );
    for (const slopes of [null, 'leaky-relu', { positive: 1 }, []]) {
      expect(() => createSpec({ ...spec, slopes } as never)).toThrow(
        'slopes: expected positive 1, negative 0',
      );
    }
  });

  test('without `widths`, hidden layers given twice are refused as before', () => {
    expect(() => createSpec({ inputDim: 3, hiddenWidths: [5], depth: 1, width: 5 } as never)).toThrow('both');
  });

  test('the list of trained biases is one boolean where all layers agree', () => {
    expect(createSpec({ ...spec, biasGradients: [true, true, true] }).biasGradients).toBe(true);
    expect(createSpec({ ...spec, biasGradients: [true, false, true] }).biasGradients).toEqual([
      true,
      false,
      true,
    ]);
  });
});

describe('a second copy of the package', () => {
  const second = (): typeof Package => {
    jest.resetModules();
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- another copy of the same modules
    return require('../../src/index') as typeof Package;
  };

  test('takes the specs and the nets of the first, and shares their memory', async () => {
    const other = second();
    expect(other.Mlp).not.toBe(Mlp);
    const net = Mlp.random(spec, { seed: 2 });
    expect(other.moments(spec)).toEqual(moments(spec));
    const pairs = { count: 1 };
    const { values } = await topEigenpairs(net, X, pairs);
    expect((await other.topEigenpairs(net, X, pairs)).values).toEqual(values);
    const y = { data: new Float64Array(4), shape: [2, 2] };
    const options = { steps: 3, learningRate: 0.01 };
    const trained = await other.train(net, { x: X, y }, options);
    expect(trained.net.parameters).toEqual((await train(net, { x: X, y }, options)).net.parameters);
    expect(other.classifyNetwork(net, X)).toEqual(classifyNetwork(net, X));
    const copy = other.Mlp.fromPlain(net.toPlain());
    copy.parameters[0] = 42;
    expect(net.parameters[0]).toBe(42);
  });

  test('refuses a net whose plain form is of another version, and says so', async () => {
    const stranger = { [Symbol.for('deepntk.Mlp')]: { format: 'deepntk-net', version: 2 } };
    await expect(topEigenpairs(stranger as never, X, { count: 1 })).rejects.toThrow(
      'got format "deepntk-net", version 2: it may come from another version of deepntk',
    );
  });
});

describe('the plain form of a net', () => {
  test('goes to a worker and back without a copy of the parameters', async () => {
    const net = Mlp.random(spec, { seed: 3 });
    const program = `
      const { parentPort } = require('node:worker_threads');
      const { Mlp } = require(${JSON.stringify(join(__dirname, '..', '..', 'dist'))});
      parentPort.once('message', async (plain) => {
        const net = Mlp.fromPlain(plain);
        const { data } = await net.ntk({ data: Float64Array.of(1, 2, 3), shape: [1, 3] });
        net.parameters[0] = 7;
        parentPort.postMessage({ data, plain: net.toPlain() });
      });`;
    const worker = new Worker(program, { eval: true });
    try {
      const before = await net.ntk({ data: Float64Array.of(1, 2, 3), shape: [1, 3] });
      worker.postMessage(net.toPlain());
      const answer = await new Promise<{ data: Float64Array; plain: ReturnType<Mlp['toPlain']> }>(
        (resolve, reject) => {
          worker.once('message', resolve).once('error', reject);
        },
      );
      expect(Array.from(answer.data)).toEqual(Array.from(before.data));
      expect(net.parameters[0]).toBe(7);
      expect(Mlp.fromPlain(answer.plain).spec).toEqual(spec);
    } finally {
      await worker.terminate();
    }
  });

  test('on memory that is not shared is copied', () => {
    const plain = { ...Mlp.random(spec, { seed: 3 }).toPlain() };
    const own = Float64Array.from(plain.parameters);
    const net = Mlp.fromPlain({ ...plain, parameters: own });
    own[0] = 42;
    expect(net.parameters[0]).not.toBe(42);
  });

  test.each<[string, object, string]>([
    ['null', null as never, 'expected a plain net from Mlp.toPlain, got null'],
    [
      'a net',
      Mlp.random(spec, { seed: 1 }),
      'Mlp.fromPlain: expected a plain net, got a net or a structuredClone of one: pass net.toPlain()',
    ],
    ['a clone of a net', structuredClone(Mlp.random(spec, { seed: 1 })), 'pass net.toPlain()'],
    ['another format', { format: 'x' }, 'got format "x", version undefined'],
    [
      'too few parameters',
      { ...Mlp.random(spec, { seed: 1 }).toPlain(), parameters: new Float64Array(3) },
      'a Float64Array of 54 entries',
    ],
    [
      'float32 parameters',
      { ...Mlp.random(spec, { seed: 1 }).toPlain(), parameters: new Float32Array(54) },
      'a Float64Array of 54 entries',
    ],
    ['a wrong spec', { ...Mlp.random(spec, { seed: 1 }).toPlain(), spec: { inputDim: 0 } }, 'spec: '],
  ])('is refused where it is wrong: %s', (_, plain, message) => {
    expect(() => Mlp.fromPlain(plain as never)).toThrow(message);
  });

  test('a clone of a net where a net is expected is an error that names toPlain', async () => {
    const clone = structuredClone(Mlp.random(spec, { seed: 1 }));
    await expect(topEigenpairs(clone, X, { count: 1 })).rejects.toThrow(
      'topEigenpairs: net: expected an Mlp, got a structuredClone of one: send net.toPlain() and make a net of it with Mlp.fromPlain',
    );
  });
});
