/**
 * The layers of a fully connected net among PyTorch's named tensors.
 *
 * A state dict says neither in which order its modules run nor what lies between them. The activation is taken to be
 * ReLU. {@link orderLayers} explains the order.
 */
import { createHash } from 'node:crypto';

import { invalidArgument } from '../errors';
import type { NdArray } from '../ndarray';
import { invalidFile } from './files';
import { isOrderedByNumbers, orderLayers, prefixesIn } from './layer-order';
import { inputsOf, type LayerArrays, type NamedLayer, outputsOf } from './layers';
import { modulesIn, otherKindOf } from './module-kinds';
import type { SafetensorsFile, StoredTensor } from './safetensors';

export interface LayerChoice {
  /**
   * The modules in the order in which they run. It is needed only if names and shapes do not determine the order. A prefix
   * means its modules in the order of their names.
   */
  readonly order?: readonly string[] | undefined;
  /** The prefix of the tensors of one net, for a file with several nets, such as `models.0.` */
  readonly prefix?: string | undefined;
  /** What error messages call the source of the tensors. */
  readonly name?: string | undefined;
}

/**
 * Finds the `nn.Linear` layers of a state dict, first to last, in float64.
 *
 * @param file `<module>.weight` (n_out x n_in) and `<module>.bias` (n_out), any prefix
 * @throws DeepntkError `ERR_INVALID_FILE` if a tensor does not belong to a linear layer, layers are tied, the sizes of
 *   successive layers do not fit, the order is not determined, or there are several nets; `ERR_INVALID_ARGUMENT` for an
 *   order or a prefix that does not fit the file
 */
export function layersFromTensors(
  file: SafetensorsFile,
  { order, prefix, name = 'tensors' }: LayerChoice = {},
): NamedLayer[] {
  const tensors = tensorsWithPrefix(file.tensors, prefix, name);
  expectNoTies(file, tensors, name);
  const layers = collectLayers(tensors, name);
  if (layers.length === 0) throw invalidFile(name, 'tensors <module>.weight of nn.Linear layers', 'none');
  const ordered = orderLayers(layers, order, name);
  expectChain(ordered, name);
  return ordered;
}

/**
 * What a state dict leaves open about its layers, a sentence each.
 *
 * @param layers of {@link layersFromTensors}
 * @param orderIsGiven whether the caller stated the order
 */
export function notesOnLayers(layers: readonly NamedLayer[], orderIsGiven: boolean): string[] {
  const notes = ['The file does not state the activation: ReLU is assumed.'];
  const names = layers.map(({ name }) => name);
  if (!orderIsGiven && !isOrderedByNumbers(names))
    notes.push(`The order of the layers follows from their shapes: ${names.join(', ')}.`);
  const first = new Map<string, string>();
  for (const { name, weights } of layers) {
    const { data, shape } = weights;
    if (data.every((weight) => weight === data[0])) continue;
    const digest = createHash('sha256').update(`${shape.join()};`).update(data).digest('base64');
    const equal = first.get(digest);
    if (equal === undefined) first.set(digest, name);
    else
      notes.push(
        `The layers ${JSON.stringify(equal)} and ${JSON.stringify(name)} have equal weights. They count as separate ` +
          'parameters. If the net ties them, this is not its kernel.',
      );
  }
  return notes;
}

/**
 * Names layers as PyTorch's `nn.Sequential(Linear, ReLU, Linear, ...)` does: `0.weight`, `0.bias`, `2.weight`, ... A layer
 * without biases gets no bias tensor.
 */
export function tensorsFromLayers(layers: readonly LayerArrays[]): Map<string, NdArray> {
  return new Map(
    layers.flatMap(({ weights, biases }, index): [string, NdArray][] => [
      [`${2 * index}.weight`, weights],
      ...(biases === null ? [] : [[`${2 * index}.bias`, biases] as [string, NdArray]]),
    ]),
  );
}

function tensorsWithPrefix(
  tensors: SafetensorsFile['tensors'],
  prefix: string | undefined,
  name: string,
): SafetensorsFile['tensors'] {
  if (prefix === undefined) return tensors;
  const where = 'Mlp.load: prefix';
  if (typeof prefix !== 'string') throw invalidArgument(where, 'how the names of tensors begin', prefix);
  const beginningWith = (text: string): SafetensorsFile['tensors'] =>
    new Map([...tensors].filter(([tensor]) => tensor.startsWith(text)));
  // "models.1" means "models.1.", and not also "models.10.".
  const whole = beginningWith(prefix.endsWith('.') ? prefix : `${prefix}.`);
  const found = whole.size > 0 ? whole : beginningWith(prefix);
  if (found.size > 0) return found;
  const known = prefixesIn([...tensors.keys()]);
  throw invalidArgument(
    where,
    `a prefix of tensor names in ${name}${known === '' ? '' : `: ${known}`}`,
    prefix,
  );
}

/** Safetensors' `save_model` stores a shared tensor once. The metadata map its other names to the stored name. */
function expectNoTies(
  { metadata, tensors }: SafetensorsFile,
  chosen: SafetensorsFile['tensors'],
  name: string,
): void {
  const all = chosen.size === tensors.size;
  for (const [removed, kept] of Object.entries(metadata)) {
    if (tensors.has(removed) || !tensors.has(kept) || !(all || chosen.has(kept))) continue;
    throw invalidFile(
      name,
      'layers with parameters of their own (the kernel of tied layers needs summed gradients)',
      `the tie of ${JSON.stringify(removed)} to ${JSON.stringify(kept)} in the metadata`,
    );
  }
}

function collectLayers(tensors: SafetensorsFile['tensors'], name: string): NamedLayer[] {
  const modules = modulesIn(tensors.entries());
  for (const module of modules.values()) {
    const other = otherKindOf(module, modules);
    if (other !== null) throw invalidFile(name, 'only nn.Linear layers', other);
  }
  return [...modules.values()].map(({ name: module, parts }) => {
    const prefix = module === '' ? '' : `${module}.`;
    const where = (part: string): string => `${name}: tensor ${JSON.stringify(prefix + part)}`;
    const strange = [...parts.keys()].find((part) => part !== 'weight' && part !== 'bias');
    if (strange !== undefined) {
      throw invalidFile(
        where(strange),
        '<module>.weight or <module>.bias of an nn.Linear layer',
        'another name',
      );
    }
    const [weight, bias] = [parts.get('weight'), parts.get('bias')];
    if (weight === undefined) {
      throw invalidFile(where('bias'), `a tensor ${JSON.stringify(`${prefix}weight`)} with it`, 'none');
    }
    if (weight.shape.length !== 2 || weight.shape.includes(0)) {
      const what = 'the n_out x n_in matrix of an nn.Linear layer';
      throw invalidFile(where('weight'), what, `shape [${weight.shape.join(', ')}]`);
    }
    const outputs = weight.shape[0]!;
    if (bias !== undefined && (bias.shape.length !== 1 || bias.shape[0] !== outputs)) {
      const what = `shape [${outputs}], one entry for each row of the weights`;
      const transposed =
        bias.shape.join() === String(weight.shape[1]) ? `; it fits the weights ${TRANSPOSED}` : '';
      throw invalidFile(where('bias'), what, `[${bias.shape.join(', ')}]${transposed}`);
    }
    return { name: module, weights: toFloat64(weight), biases: bias === undefined ? null : toFloat64(bias) };
  });
}

const TRANSPOSED = 'if they are transposed: save them as (out, in), as PyTorch does';

function toFloat64(tensor: StoredTensor): NdArray<Float64Array> {
  const { data, shape } = tensor.decode();
  return { data: data instanceof Float64Array ? data : Float64Array.from(data), shape: [...shape] };
}

function expectChain(layers: readonly NamedLayer[], name: string): void {
  const wrong = layers.findIndex((layer, i) => i > 0 && inputsOf(layer) !== outputsOf(layers[i - 1]!));
  if (wrong < 0) return;
  const [before, layer] = [layers[wrong - 1]!, layers[wrong]!];
  const transposed = layers.every((other, i) => i === 0 || outputsOf(other) === inputsOf(layers[i - 1]!));
  throw invalidFile(
    `${name}: ${quote(layer)}`,
    `${outputsOf(before)} inputs, the outputs of ${quote(before)} before it`,
    `${inputsOf(layer)}${transposed ? `; all matrices fit ${TRANSPOSED}` : ''}`,
  );
}

function quote(layer: NamedLayer): string {
  return `layer ${JSON.stringify(layer.name)}`;
}
