/** Nets from and to files; the extension says which format. */
import { extname } from 'node:path';
import { invalidFile, readBytes, writeFileAtomically } from '../data/files';
import { decodeJsonNet, encodeJsonNet } from '../data/json-net';
import type { LayerArrays } from '../data/layers';
import { layersFromTensors, notesOnLayers, tensorsFromLayers } from '../data/linear-layers';
import { readOnnx } from '../data/onnx';
import { readSafetensors, type SafetensorsFile, writeSafetensors } from '../data/safetensors';
import { DeepntkError, expectBoolean, expectOptions, invalidArgument } from '../errors';
import {
  biasGradientsByLayer,
  createSpec,
  type MlpSpec,
  mlpSpecOfFile,
  type Parametrization,
  type SpecOptions,
  storedSpec,
  unknownLawSpec,
} from './spec';

/** Facts about a net that a PyTorch file does not state. They are refused for a JSON net, which states all of them. */
export interface LoadOptions {
  /**
   * sigma_w^2 of the law that the net was drawn from, for theory about it. If neither this option nor the file states it, the
   * law is unknown and the spec's variances are null.
   */
  readonly weightVariance?: number;
  /** sigma_b^2. It is 0 if only `weightVariance` is given. */
  readonly biasVariance?: number;
  /** How the file's numbers enter: `standard` (PyTorch's; the default) or as the raw parameters of `ntk`. */
  readonly parametrization?: Parametrization;
  /** The default is true for the layers that have a bias in the file. */
  readonly biasGradients?: boolean | readonly boolean[];
  /**
   * For `.safetensors`: the modules in the order in which they run. It is needed only if names and shapes do not determine
   * the order. A prefix means all modules under it.
   */
  readonly order?: readonly string[];
  /** For `.safetensors` with several nets: the prefix of the tensors of one net, such as `models.0.` */
  readonly prefix?: string;
  /** For `.onnx`: folds a BatchNormalization into the layer before it. By default it is refused. */
  readonly foldBatchNorm?: boolean;
}

const LAW_NAMES = ['weightVariance', 'biasVariance', 'parametrization', 'biasGradients'] as const;

export interface LoadedNet {
  readonly spec: MlpSpec;
  readonly layers: readonly LayerArrays[];
  /** Changes and assumptions of the reader, one sentence each. */
  readonly notes: readonly string[];
}

export async function loadNet(path: string, options: LoadOptions): Promise<LoadedNet> {
  const where = 'Mlp.load';
  switch (formatOfNet(`${where}: path`, path)) {
    case '.json': {
      expectOptions(where, options, []);
      const { spec, layers } = decodeJsonNet(Buffer.from(await readBytes(path)).toString('utf8'), path);
      return { spec: specOfLayers(path, spec, layers), layers, notes: [] };
    }
    case '.safetensors': {
      expectOptions(where, options, [...LAW_NAMES, 'order', 'prefix']);
      const { order, prefix, ...law } = options;
      const file = await readSafetensors(path);
      const layers = layersFromTensors(file, { order, prefix, name: path });
      const stored = storedBySave(path, file, layers);
      const notes = stored === null ? notesOnLayers(layers, order !== undefined) : [];
      return { spec: givenSpec(where, layers, law, stored), layers, notes };
    }
    case '.onnx': {
      expectOptions(where, options, [...LAW_NAMES, 'foldBatchNorm']);
      const { foldBatchNorm: fold = false, ...law } = options;
      const foldBatchNorm = expectBoolean(`${where}: foldBatchNorm`, fold);
      const { layers, notes } = await readOnnx(path, { foldBatchNorm });
      return { spec: givenSpec(where, layers, law, null), layers, notes };
    }
  }
}

export async function saveNet(path: string, spec: MlpSpec, layers: readonly LayerArrays[]): Promise<void> {
  const extension = extensionOf('Mlp.save: path', path);
  if (extension !== '.json' && extension !== '.safetensors') {
    throw invalidArgument('Mlp.save: path', 'a path that ends in .json or .safetensors', path);
  }
  if (extension === '.json') {
    await writeFileAtomically(path, [Buffer.from(encodeJsonNet(storedSpec(spec), layers))]);
    return;
  }
  const trained = biasGradientsByLayer(spec);
  const written = layers.map(({ weights, biases }, i) => ({
    weights,
    biases: !trained[i]! && biases !== null && biases.data.every((bias) => bias === 0) ? null : biases,
  }));
  await writeSafetensors(path, tensorsFromLayers(written), { [SPEC_KEY]: JSON.stringify(storedSpec(spec)) });
}

/** The name of the spec in the metadata of a safetensors file that `Mlp.save` writes. */
const SPEC_KEY = 'deepntk.spec';

function storedBySave(
  path: string,
  { metadata }: SafetensorsFile,
  layers: readonly LayerArrays[],
): MlpSpec | null {
  const text = metadata[SPEC_KEY];
  if (text === undefined) return null;
  let stored: unknown;
  try {
    stored = JSON.parse(text);
  } catch (error) {
    throw invalidFile(`${path}: metadata ${SPEC_KEY}`, 'JSON', (error as Error).message, { cause: error });
  }
  return specOfLayers(path, stored, layers);
}

/** The spec of layers from a file. Each field comes from the caller, else from the file, else from the layers. */
function givenSpec(
  where: string,
  layers: readonly LayerArrays[],
  law: Pick<LoadOptions, (typeof LAW_NAMES)[number]>,
  stored: MlpSpec | null,
): MlpSpec {
  const without = layers.flatMap(({ biases }, i) => (biases === null ? [i + 1] : []));
  const { weightVariance, biasVariance, parametrization, biasGradients } = law;
  if (stored === null && biasVariance !== undefined && weightVariance === undefined) {
    throw invalidArgument(
      `${where}: weightVariance`,
      'a finite number > 0 with biasVariance (--sb2)',
      weightVariance,
    );
  }
  if (stored === null && parametrization === 'ntk' && weightVariance === undefined) {
    throw invalidArgument(
      `${where}: weightVariance`,
      'a finite number > 0 with NTK parametrization, which needs it',
      weightVariance,
    );
  }
  const options = {
    ...(stored ?? { widths: widthsOf(layers), biasGradients: layers.map(({ biases }) => biases !== null) }),
    ...Object.fromEntries(
      Object.entries({ weightVariance, biasVariance, parametrization, biasGradients }).filter(
        ([, value]) => value !== undefined,
      ),
    ),
  } as SpecOptions;
  const known =
    stored === null
      ? weightVariance !== undefined
      : stored.weightVariance !== null || weightVariance !== undefined;
  const spec = known ? createSpec(options) : unknownLawSpec(options);
  expectBiasesOf(where, spec, without, stored === null);
  return spec;
}

/** Refuses options that state trained or random biases for layers without a bias. */
function expectBiasesOf(where: string, spec: MlpSpec, without: readonly number[], lawIsGiven: boolean): void {
  if (without.length === 0) return;
  const layers = `${without.length === 1 ? 'layer' : 'layers'} ${without.join(', ')}`;
  if (lawIsGiven && (spec.biasVariance ?? 0) > 0) {
    throw invalidArgument(
      `${where}: biasVariance`,
      `0, because the file has no bias in ${layers}`,
      spec.biasVariance,
    );
  }
  const trained = biasGradientsByLayer(spec);
  if (without.some((layer) => trained[layer - 1]!)) {
    throw new DeepntkError(
      'ERR_INVALID_ARGUMENT',
      `${where}: biasGradients: expected false for ${layers}, for which the file has no bias, got true`,
    );
  }
}

const FORMATS = ['.json', '.safetensors', '.onnx'] as const;

type Format = (typeof FORMATS)[number];

/** How to convert files of other programs, by extension. */
const RECIPES: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    ['.pt', '.pth', '.bin', '.ckpt'].map((extension) => [
      extension,
      'in Python: from safetensors.torch import save_file; save_file(model.state_dict(), "net.safetensors")',
    ]),
  ),
  ...Object.fromEntries(
    ['.h5', '.keras'].map((extension) => [
      extension,
      'in Python, for a chain of Dense layers: from safetensors.numpy import save_file; ' +
        'save_file({f"{i}.{n}": v.numpy().T.copy() for i, l in enumerate(model.layers) for n, v in zip(("weight", "bias"), l.weights)}, "net.safetensors")',
    ]),
  ),
  ...Object.fromEntries(
    ['.pkl', '.pickle', '.joblib'].map((extension) => [
      extension,
      'in Python, for an MLPRegressor or MLPClassifier: from safetensors.numpy import save_file; ' +
        'save_file({f"{i}.{n}": v.T.copy() for n, a in (("weight", model.coefs_), ("bias", model.intercepts_)) for i, v in enumerate(a)}, "net.safetensors")',
    ]),
  ),
};

/** @internal The format of a net's file, or an error that explains how to convert the file. */
export function formatOfNet(where: string, path: unknown): Format {
  const extension = extensionOf(where, path);
  const format = FORMATS.find((known) => known === extension);
  if (format !== undefined) return format;
  const recipe = RECIPES[extension];
  const error = invalidArgument(
    where,
    `a path that ends in ${FORMATS.slice(0, -1).join(', ')} or .onnx`,
    path,
  );
  throw recipe === undefined ? error : new DeepntkError(error.code, `${error.message}; ${recipe}`);
}

function extensionOf(where: string, path: unknown): string {
  if (typeof path !== 'string') throw invalidArgument(where, 'the path of a file', path);
  return extname(path).toLowerCase();
}

/** n_0 .. n_{L+1} of layers that were found to fit together. */
function widthsOf(layers: readonly LayerArrays[]): number[] {
  return [layers[0]!.weights.shape[1]!, ...layers.map(({ weights }) => weights.shape[0]!)];
}

/** The spec in the file. It must agree with the layers. */
function specOfLayers(path: string, stored: unknown, layers: readonly LayerArrays[]): MlpSpec {
  const spec = mlpSpecOfFile(path, stored);
  const widths = widthsOf(layers);
  if (String(spec.widths) !== String(widths)) {
    throw invalidFile(
      `${path}: spec`,
      `the widths of its layers, ${widths.join(', ')}`,
      spec.widths.join(', '),
    );
  }
  const trained = biasGradientsByLayer(spec);
  const wrong = layers.findIndex(({ biases }, i) => biases === null && trained[i]!);
  if (wrong >= 0) {
    throw invalidFile(
      `${path}: spec: biasGradients`,
      `false for layer ${wrong + 1}, which has no biases`,
      'true',
    );
  }
  return spec;
}
