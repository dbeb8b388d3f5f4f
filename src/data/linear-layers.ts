/**
 * The layers of a fully connected net among PyTorch's named tensors.
 *
 * A state dict says neither in which order its modules run nor what lies between them. The activation is taken to be
 * ReLU. The order is taken from the names where they only differ in numbers (`0`, `2`, `4`; `fc1`, `fc2`, `fc10`;
 * `net.blocks.3.linear`), and otherwise from the shapes, if these leave exactly one order in which every layer takes
 * what the one before it gives and numbered names keep theirs. Where they leave several, the caller has to say.
 */
import { invalidArgument } from '../errors';
import type { NdArray } from '../ndarray';
import { invalidFile } from './files';
import type { NamedTensors } from './safetensors';

/** One affine map x -> W x + b. */
export interface LayerArrays {
  /** n_out x n_in */
  readonly weights: NdArray<Float64Array>;
  /** n_out */
  readonly biases: NdArray<Float64Array>;
}

export interface NamedLayer extends LayerArrays {
  /** The module's name: `0`, `fc1`, `net.4`; empty for a lone `nn.Linear`. */
  readonly name: string;
}

export interface LayerOrder {
  /** The modules in the order in which they run; needed only where names and shapes leave it open. */
  readonly order?: readonly string[] | undefined;
  /** What error messages call the source of the tensors. */
  readonly name?: string | undefined;
}

/**
 * Finds the `nn.Linear` layers of a state dict, first to last, in float64. A missing bias is zero.
 *
 * @param tensors `<module>.weight` (n_out x n_in) and `<module>.bias` (n_out), any prefix
 * @throws DeepntkError `ERR_INVALID_FILE` where a tensor is not a linear layer's, a layer does not take what the one
 *   before it gives, or the order is not determined
 */
export function layersFromTensors(
  tensors: NamedTensors,
  { order, name = 'tensors' }: LayerOrder = {},
): NamedLayer[] {
  const layers = collectLayers(tensors, name);
  if (layers.length === 0) throw invalidFile(name, 'tensors <module>.weight of nn.Linear layers', 'none');
  const ordered = order === undefined ? orderLayers(layers, name) : takeOrder(layers, order);
  ordered.slice(1).forEach((layer, index) => {
    const before = ordered[index]!;
    if (inputsOf(layer) !== outputsOf(before)) {
      throw invalidFile(
        `${name}: ${quote(layer)}`,
        `${outputsOf(before)} inputs, the outputs of ${quote(before)} before it`,
        `${inputsOf(layer)}`,
      );
    }
  });
  return ordered;
}

/** Names layers as PyTorch's `nn.Sequential(Linear, ReLU, Linear, ...)` does: `0.weight`, `0.bias`, `2.weight`, ... */
export function tensorsFromLayers(layers: readonly LayerArrays[]): Map<string, NdArray> {
  return new Map(
    layers.flatMap(({ weights, biases }, index): [string, NdArray][] => [
      [`${2 * index}.weight`, weights],
      [`${2 * index}.bias`, biases],
    ]),
  );
}

function collectLayers(tensors: NamedTensors, name: string): NamedLayer[] {
  const layers: NamedLayer[] = [];
  for (const [tensor, { data, shape }] of tensors) {
    const [, module = '', part] = /^(?:(.*)\.)?(weight|bias)$/s.exec(tensor) ?? [];
    const where = `${name}: tensor ${JSON.stringify(tensor)}`;
    const prefix = module === '' ? '' : `${module}.`;
    if (part === undefined) {
      throw invalidFile(where, '<module>.weight or <module>.bias of an nn.Linear layer', 'another name');
    }
    if (part === 'bias') {
      if (!tensors.has(`${prefix}weight`)) {
        throw invalidFile(where, `a tensor ${JSON.stringify(`${prefix}weight`)} with it`, 'none');
      }
      continue;
    }
    if (shape.length !== 2 || data.length === 0) {
      throw invalidFile(
        where,
        'the n_out x n_in matrix of an nn.Linear layer',
        `shape [${shape.join(', ')}]`,
      );
    }
    const outputs = shape[0]!;
    const bias = tensors.get(`${prefix}bias`);
    if (bias !== undefined && (bias.shape.length !== 1 || bias.shape[0] !== outputs)) {
      throw invalidFile(
        `${name}: tensor ${JSON.stringify(`${prefix}bias`)}`,
        `shape [${outputs}], one entry for each row of the weights`,
        `[${bias.shape.join(', ')}]`,
      );
    }
    layers.push({
      name: module,
      weights: { data: toFloat64(data), shape: [...shape] },
      biases: {
        data: bias === undefined ? new Float64Array(outputs) : toFloat64(bias.data),
        shape: [outputs],
      },
    });
  }
  return layers;
}

function toFloat64(data: Float64Array | Float32Array): Float64Array {
  return data instanceof Float64Array ? data : Float64Array.from(data);
}

function takeOrder(layers: readonly NamedLayer[], order: readonly string[]): NamedLayer[] {
  if (!Array.isArray(order) || !order.every((name) => typeof name === 'string'))
    throw invalidArgument('order', 'the names of modules', order);
  const known = layers.map((layer) => layer.name);
  if ([...order].sort().join('\n') !== [...known].sort().join('\n')) {
    throw invalidArgument('order', `each of ${known.join(', ')} once`, order.join(', '));
  }
  return order.map((module) => layers.find((layer) => layer.name === module)!);
}

/** Two names are of one family if they differ only in numbers; within a family the numbers tell the order. */
function orderLayers(layers: readonly NamedLayer[], name: string): NamedLayer[] {
  const families = new Map<string, NamedLayer[]>();
  for (const layer of layers) {
    const family = layer.name.replace(/\d+/g, '#');
    families.set(family, [...(families.get(family) ?? []), layer]);
  }
  const sorted = [...families.values()].map((family) =>
    family.sort((a, b) => compareNumbers(numbersIn(a.name), numbersIn(b.name))),
  );
  if (sorted.length === 1) return sorted[0]!;

  const chains = findChains(sorted, 2);
  if (chains.length === 1) return chains[0]!;
  const list = layers.map((layer) => `${layer.name} ${outputsOf(layer)}x${inputsOf(layer)}`).join(', ');
  throw invalidFile(
    name,
    'names or shapes that tell the order of the layers (or the option `order`)',
    `${chains.length === 0 ? 'layers that fit in no order' : 'more than one order that fits'}: ${list}`,
  );
}

/** Up to `limit` ways to merge the families into one list in which every layer takes what the one before it gives. */
function findChains(families: readonly (readonly NamedLayer[])[], limit: number): NamedLayer[][] {
  const length = families.reduce((sum, family) => sum + family.length, 0);
  const found: NamedLayer[][] = [];
  const deadEnds = new Set<string>();
  extend(
    [],
    families.map(() => 0),
  );
  return found;

  function extend(chain: NamedLayer[], taken: readonly number[]): void {
    if (chain.length === length) {
      found.push(chain);
      return;
    }
    const last = chain.at(-1);
    const state = `${taken.join()}|${last === undefined ? '' : outputsOf(last)}`;
    if (deadEnds.has(state)) return;
    const before = found.length;
    families.forEach((family, index) => {
      const next = family[taken[index]!];
      if (next === undefined || found.length >= limit) return;
      if (last !== undefined && inputsOf(next) !== outputsOf(last)) return;
      extend([...chain, next], taken.with(index, taken[index]! + 1));
    });
    if (found.length === before) deadEnds.add(state);
  }
}

function numbersIn(text: string): number[] {
  return (text.match(/\d+/g) ?? []).map(Number);
}

function compareNumbers(a: readonly number[], b: readonly number[]): number {
  const index = a.findIndex((value, i) => value !== b[i]);
  return index < 0 ? 0 : a[index]! - b[index]!;
}

function outputsOf(layer: NamedLayer): number {
  return layer.weights.shape[0]!;
}

function inputsOf(layer: NamedLayer): number {
  return layer.weights.shape[1]!;
}

function quote(layer: NamedLayer): string {
  return `layer ${JSON.stringify(layer.name)}`;
}
