/**
 * Right arguments for every function that src/index.ts exports, and for every method of Mlp: the property tests spoil
 * them one place at a time. An export without an entry here fails every-export.test.ts.
 */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as deepntk from '../../src/index';
import type { BackendName, NdArray } from '../../src/index';

export interface Entry {
  /** Fresh arguments, which the function takes. */
  readonly example: () => readonly unknown[] | Promise<readonly unknown[]>;
  readonly call: (...args: never[]) => unknown;
  /** Whether the call computes on a backend, and is then tested on every one. */
  readonly onBackend?: true;
  /** Whether the first argument is what another function returned, and is spoilt only as a whole. */
  readonly opaque?: true;
}

export const folder = mkdtempSync(join(tmpdir(), 'deepntk-hostile-'));

const array = (shape: number[], entry = (i: number) => Math.sin(i + 1)): NdArray<Float64Array> => ({
  data: Float64Array.from({ length: shape.reduce((product, extent) => product * extent, 1) }, (_, i) =>
    entry(i),
  ),
  shape,
});
const specOptions = () => ({ inputDim: 3, hiddenWidths: [4, 4], outputDim: 1, weightVariance: 2 });
const spec = deepntk.createSpec(specOptions());
const net = deepntk.Mlp.random(spec, { seed: 1 });
const X = () => array([4, 3]);
const parameters = net.parameters.length;
/** A positive definite kernel. */
const kernel = () => array([4, 4], (i) => (i % 5 === 0 ? 2 : 0.1 * (1 + ((i + Math.floor(i / 4)) % 2))));
const symmetric = () => array([4, 4], (i) => (i % 5 === 0 ? 2 : 0.1));
const labels = () => [0, 0, 1, 1];
const table = () =>
  deepntk.computeFigure('phase-diagram', { quick: true, depths: [1, 2], weightVariances: [1, 2] });
const file = (name: string, content: string | Uint8Array): string => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};
const csv = file('table.csv', 'a,b,label\n1,2,0\n3,4,1\n');
const npy = join(folder, 'array.npy');
const idx = (magic: number, sizes: number[], bytes: number[]): Buffer => {
  const header = Buffer.alloc(4 + 4 * sizes.length);
  header.writeUInt32BE(magic, 0);
  sizes.forEach((size, i) => header.writeUInt32BE(size, 4 + 4 * i));
  return Buffer.concat([header, Buffer.from(bytes)]);
};
const images = file(
  'images',
  idx(
    0x803,
    [10, 1, 2],
    Array.from({ length: 20 }, (_, i) => i),
  ),
);
const imageLabels = file('labels', idx(0x801, [10], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]));

type Method = (...args: never[]) => unknown;
const method = (name: string): Method => (net[name as keyof typeof net] as unknown as Method).bind(net);
const statics = deepntk.Mlp as unknown as Readonly<Record<string, Method>>;
const functions = deepntk as unknown as Readonly<Record<string, Method>>;

/** What every heavy call takes besides: one thread, this backend, and a signal and a callback that do nothing. */
function run(backend: BackendName) {
  return { backend, threads: 1, signal: new AbortController().signal, onProgress: () => undefined };
}

export function entries(backend: BackendName): Readonly<Record<string, Entry>> {
  const of = (name: string, example: Entry['example']): [string, Entry] => [
    name,
    { example, call: functions[name]! },
  ];
  const onResult = (name: string, example: Entry['example']): [string, Entry] => [
    name,
    { example, call: functions[name]!, opaque: true },
  ];
  const heavy = (name: string, example: Entry['example']): [string, Entry] => [
    name,
    { example, call: functions[name]!, onBackend: true },
  ];
  const onNet = (name: string, example: Entry['example']): [string, Entry] => [
    `Mlp#${name}`,
    { example, call: method(name), onBackend: true },
  ];
  const products = {
    ...run(backend),
    parameters: 'all',
    layers: [1, 2],
    precision: 'float64',
    memoryLimit: 1e9,
  };
  const question = { weightVariance: 2, relativeStandardDeviation: 1, biasVariance: 0, inputDim: 3 };
  const goal = { seed: 1, replicas: 8, sampler: 'direct', inputNorm2: 1, firstReplica: 0 };
  return Object.fromEntries([
    of('createSpec', () => [specOptions()]),
    of('parameterCount', () => [spec]),
    ['Mlp.random', { example: () => [spec, { seed: 1, replica: 2 }], call: statics['random']! }],
    [
      'Mlp.fromLayers',
      {
        example: () => [
          spec,
          [
            { weights: array([4, 3]), biases: array([4]) },
            { weights: array([4, 4]), biases: array([4]) },
            { weights: array([1, 4]), biases: array([1]) },
          ],
        ],
        call: statics['fromLayers']!,
      },
    ],
    [
      'Mlp.load',
      {
        example: async () => {
          const path = join(folder, 'net.safetensors');
          await net.save(path);
          return [path, { weightVariance: 2, order: ['0', '2', '4'], biasGradients: true }];
        },
        call: statics['load']!,
      },
    ],
    ['Mlp.fromPlain', { example: () => [net.toPlain()], call: statics['fromPlain']! }],
    ['Mlp#toPlain', { example: () => [], call: method('toPlain') }],
    ['Mlp#save', { example: () => [join(folder, 'saved.json')], call: method('save') }],
    onNet('forward', () => [X(), run(backend)]),
    onNet('jacobian', () => [X(), { ...run(backend), parameters: 'all', layers: [1] }]),
    onNet('ntk', () => [
      X(),
      array([2, 3]),
      {
        ...run(backend),
        outputs: 'trace',
        parameters: 'all',
        layers: [1],
        precision: 'float64',
        perLayer: false,
      },
    ]),
    onNet('explainNtk', () => [X(), 5, { backend, threads: 1, memoryLimit: 1e9, dtype: 'float64' }]),
    heavy('jacobianVector', () => [net, X(), array([parameters]), { ...products, layers: [1, 2, 3] }]),
    heavy('vectorJacobian', () => [net, X(), array([4, 1]), products]),
    heavy('kernelProduct', () => [net, X(), array([4]), { ...products, outputs: 'trace' }]),
    heavy('kernelDiagonal', () => [net, X(), { ...products, outputs: 'trace' }]),
    heavy('topEigenpairs', () => [
      net,
      X(),
      { ...products, count: 2, tolerance: 1e-6, maxProducts: 50, seed: 1 },
    ]),
    of('explainTopEigenpairs', () => [net, X(), { ...products, count: 2, tolerance: 1e-6 }]),
    heavy('sketchNtk', () => [net, X(), { ...products, projections: 3, seed: 1 }]),
    of('toNdArray', () => [X()]),
    of('summarizeKernel', () => [symmetric()]),
    of('availableBackends', () => []),
    of('backendInfo', () => []),
    of('setBackend', () => ['auto']),
    of('classBlocks', () => [symmetric(), labels(), { diagonal: false }]),
    of('kernelSpectrum', () => [symmetric()]),
    of('kernelStructure', () => [symmetric(), labels(), { diagonal: false }]),
    of('kernelDrift', () => [
      { ...symmetric(), perLayer: { weights: [symmetric()], biases: [symmetric()] } },
      { ...symmetric(), perLayer: { weights: [symmetric()], biases: [symmetric()] } },
      { eigenvalues: true },
    ]),
    of('loadMnist', () => [{ images, labels: imageLabels, perClass: 1 }]),
    of('readNpy', async () => {
      await deepntk.writeNpy(npy, X());
      return [npy];
    }),
    of('writeNpy', () => [join(folder, 'written.npy'), X()]),
    of('loadData', async () => [
      csv,
      {
        labelColumn: 'label',
        columns: ['a', 1],
        header: true,
        delimiter: ',',
        decimal: '.',
        encoding: 'utf-8',
        targetsAre: 'classes',
        classes: ['0', '1'],
        like: await deepntk.loadData(csv, { labelColumn: 'label' }),
        signal: new AbortController().signal,
        onProgress: () => undefined,
      },
    ]),
    of('oneHot', () => [labels(), 2]),
    of('choosePerClass', () => [labels(), 1, { seed: 1, classes: 2 }]),
    of('takeRows', () => [X(), [0, 2]]),
    of('createScaling', () => ['standard', X()]),
    of('drawKernels', () => [[{ kernel: symmetric(), title: 'a' }], { title: 'b', labels: labels() }]),
    of('computeFigure', () => [
      'phase-diagram',
      { quick: true, depths: [1, 2], weightVariances: [1, 2], signal: new AbortController().signal },
    ]),
    onResult('formatFigure', async () => [await table()]),
    onResult('drawFigure', async () => [await table(), { scale: 1 }]),
    onResult('writeFigure', async () => [
      await table(),
      join(folder, 'figure'),
      { formats: ['csv'], scale: 1 },
    ]),
    of('readFigure', async () => {
      await deepntk.writeFigure(await table(), join(folder, 'read'), { formats: ['csv'] });
      return [join(folder, 'read.csv'), 'phase-diagram'];
    }),
    of('correlationMap', () => [0.5]),
    of('classifyPhase', () => [{ weightVariance: 2, biasVariance: 0 }]),
    of('dispersionLimit', () => [
      { lambda: 0.5, weightVariance: 2, kappa: 1, biasGradients: true, assumption: 'exact' },
    ]),
    of('orderedDispersionLimit', () => [{ weightVariance: 1, width: 10 }]),
    of('infiniteWidthKernels', () => [spec, X(), array([2, 3])]),
    of('moments', () => [spec, { inputNorm2: 1, assumption: 'exact' }]),
    of('momentsByDepth', () => [spec, { inputNorm2: 1, assumption: 'exact', depths: [1, 2] }]),
    of('firstStepChange', () => [spec, { inputNorm2: 1 }]),
    of('firstStepLimit', () => [{ lambda: 0.5, depth: 5, weightVariance: 2, kappa: 1, biasGradients: true }]),
    of('depthForDispersion', () => [{ ...question, width: 10 }]),
    of('widthForDispersion', () => [{ ...question, depth: 3 }]),
    of('weightVarianceForDispersion', () => [
      { relativeStandardDeviation: 1, biasVariance: 0, inputDim: 3, depth: 3, width: 10 },
    ]),
    of('infiniteWidthRatio', () => [spec, { cosine: 0.5, inputNorm2: 1 }]),
    of('infiniteWidthRatioLimit', () => [{ weightVariance: 2, biasVariance: 0, parametrization: 'ntk' }]),
    of('offDiagonalDispersionBound', () => [{ dispersion: 2, ratio: 0.5 }]),
    of('pairMoments', () => [
      deepntk.createSpec({ inputDim: 3, depth: 1, width: 4 }),
      { cosine: 0.5, inputNorm2: 1, otherNorm2: 2 },
    ]),
    of('classifyNetwork', () => [{ spec, layers: net.layers.map((layer) => ({ ...layer })) }, X()]),
    of('convertKernel', () => [
      { weights: [kernel(), kernel(), kernel()], biases: [kernel(), kernel(), kernel()] },
      { spec, from: { outputs: 'trace' }, to: { library: 'scikit-ntk', bias: 0.1 } },
    ]),
    heavy('train', () => [
      net,
      { x: X(), y: array([4, 1]) },
      {
        backend,
        threads: 1,
        signal: new AbortController().signal,
        loss: 'mse',
        optimizer: { name: 'momentum', momentum: 0.5 },
        learningRate: [0.01, 0.01],
        steps: 2,
        batchSize: 2,
        seed: 1,
        kernelAt: [1],
        kernelInputs: X(),
        kernelOptions: { outputs: 'trace' },
        evaluateAt: [1],
        checkpointEvery: 1,
        onCheckpoint: () => undefined,
      },
    ]),
    heavy('lossGradient', () => [net, { x: X(), y: array([4, 1]) }, { ...run(backend), loss: 'mse' }]),
    of('kernelRidgeRegression', () => [
      symmetric(),
      array([4, 1]),
      { diagReg: 0.1, diagRegScale: 'absolute', testKernel: array([2, 4]) },
    ]),
    of('predictGradientFlow', () => [
      symmetric(),
      array([4, 1]),
      {
        times: [1, 2],
        learningRate: 0.1,
        f0: array([4, 1]),
        testKernel: array([2, 4]),
        f0Test: array([2, 1]),
      },
    ]),
    heavy('compareWithTraining', () => [
      net,
      { x: X(), y: array([4, 1]) },
      { backend, threads: 1, learningRate: 0.01, at: [1, 2], kernel: 'full' },
    ]),
    of('firstStepStudy', () => [[spec], { replicas: 4, seed: 1, rate: 0.1, inputNorm2: 1 }]),
    heavy('estimateDispersion', () => [spec, { ...goal, threads: 1, backend }]),
    heavy('streamDispersion', () => [spec, { ...goal, threads: 1, backend }]),
    heavy('estimateHistogram', () => [spec, { ...goal, threads: 1, backend, bins: 5, logRange: [-3, 3] }]),
    heavy('streamHistogram', () => [spec, { ...goal, threads: 1, backend, bins: 5, logRange: [-3, 3] }]),
    of('mergeDispersion', async () => {
      const paths = [0, 4].map((firstReplica) => join(folder, `part-${firstReplica}.json`));
      for (const [i, checkpoint] of paths.entries())
        await deepntk.estimateDispersion(spec, { seed: 1, replicas: 4, firstReplica: 4 * i, checkpoint });
      return [paths, { out: join(folder, 'merged.json') }];
    }),
    of('mergeNtkSamples', async () => {
      const paths = [0, 4].map((firstReplica) => join(folder, `sample-${firstReplica}.json`));
      for (const [i, checkpoint] of paths.entries())
        await deepntk.sampleNtk(spec, X(), { seed: 1, replicas: 4, firstReplica: 4 * i, checkpoint });
      return [paths, { out: join(folder, 'merged-sample.json') }];
    }),
    of('mergeNtk', async () => {
      const name = randomUUID();
      const part = join(folder, `${name}.part`);
      await net.ntk(X(), null, { out: part, shard: { index: 0, count: 1 } });
      return [[part], { out: join(folder, `${name}.npy`), signal: new AbortController().signal }];
    }),
    of('inputsAtCosines', () => [[0.5], 3]),
    heavy('sampleNtk', () => [
      spec,
      X(),
      {
        ...run(backend),
        replicas: 3,
        seed: 1,
        sampler: 'direct',
        firstReplica: 0,
        quantiles: [0.5],
        outputs: 'trace',
      },
    ]),
    heavy('diagnose', () => [
      net,
      { x: X(), labels: labels(), name: 'data' },
      { backend, threads: 1, quick: true, inputs: 4, seed: 1, law: 'spec', thresholds: {} },
    ]),
    onResult('diagnosisJson', async () => [await deepntk.diagnose(spec, { x: X() }, { quick: true })]),
    onResult('diagnosisPage', async () => [await deepntk.diagnose(spec, { x: X() }, { quick: true })]),
  ]);
}
