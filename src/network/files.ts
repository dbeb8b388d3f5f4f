/** Nets from and to files; the extension says which format. */
import { extname } from 'node:path';
import { invalidFile, readBytes, writeFileAtomically } from '../data/files';
import { decodeJsonNet, encodeJsonNet } from '../data/json-net';
import { type LayerArrays, layersFromTensors, tensorsFromLayers } from '../data/linear-layers';
import { readSafetensors, writeSafetensors } from '../data/safetensors';
import { expectOptions, invalidArgument } from '../errors';
import { createSpec, type NetworkSpec, type Parametrization, specOfFile, storedSpec } from './spec';

/** What a .safetensors file does not say of a net; not to be given with a JSON net, which says it all. */
export interface LoadOptions {
  /** sigma_w^2 of the law that the net was drawn from, for theory about it; 2 by default. */
  readonly weightVariance?: number;
  /** sigma_b^2; 0 by default. */
  readonly biasVariance?: number;
  /** How the file's numbers enter: `standard` (PyTorch's; the default) or as the raw parameters of `ntk`. */
  readonly parametrization?: Parametrization;
  readonly biasGradients?: boolean;
  /** The modules in the order in which they run; needed only where names and shapes leave it open. */
  readonly order?: readonly string[];
}

const LOAD_OPTION_NAMES = [
  'weightVariance',
  'biasVariance',
  'parametrization',
  'biasGradients',
  'order',
] as const;

export interface LoadedNet {
  readonly spec: NetworkSpec;
  readonly layers: readonly LayerArrays[];
}

export async function loadNet(path: string, options: LoadOptions): Promise<LoadedNet> {
  const where = 'Mlp.load';
  const format = formatOf(where, path);
  expectOptions(where, options, format === 'json' ? [] : LOAD_OPTION_NAMES);
  if (format === 'json') {
    const { spec, layers } = decodeJsonNet(Buffer.from(await readBytes(path)).toString('utf8'), path);
    return { spec: specOfLayers(path, spec, widthsOf(layers)), layers };
  }
  const { order, ...law } = options;
  const layers = layersFromTensors(await readSafetensors(path), { order, name: path });
  const widths = widthsOf(layers);
  const spec = createSpec({
    inputDim: widths[0]!,
    hiddenWidths: widths.slice(1, -1),
    outputDim: widths.at(-1)!,
    ...law,
  });
  return { spec, layers };
}

export async function saveNet(
  path: string,
  spec: NetworkSpec,
  layers: readonly LayerArrays[],
): Promise<void> {
  if (formatOf('Mlp.save', path) === 'json') {
    await writeFileAtomically(path, [Buffer.from(encodeJsonNet(storedSpec(spec), layers))]);
  } else {
    await writeSafetensors(path, tensorsFromLayers(layers));
  }
}

function formatOf(where: string, path: unknown): 'json' | 'safetensors' {
  if (typeof path !== 'string') throw invalidArgument(`${where}: path`, 'the path of a file', path);
  const extension = extname(path).toLowerCase();
  if (extension === '.json') return 'json';
  if (extension === '.safetensors') return 'safetensors';
  throw invalidArgument(`${where}: path`, 'a path that ends in .json or .safetensors', path);
}

/** n_0 .. n_{L+1} of layers that were found to fit together. */
function widthsOf(layers: readonly LayerArrays[]): number[] {
  return [layers[0]!.weights.shape[1]!, ...layers.map(({ biases }) => biases.shape[0]!)];
}

/** The spec of a JSON net, which has to be that of its layers. */
function specOfLayers(path: string, stored: unknown, widths: number[]): NetworkSpec {
  const spec = specOfFile(path, stored);
  if (String(spec.widths) !== String(widths)) {
    throw invalidFile(
      `${path}: spec`,
      `the widths of its layers, ${widths.join(', ')}`,
      spec.widths.join(', '),
    );
  }
  return spec;
}
