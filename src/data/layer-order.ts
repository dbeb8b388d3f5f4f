/**
 * Finds the order of the layers of a net, and checks that they are one net.
 *
 * Names are read as a tree. A family is a set of names that differ only in numbers, such as `fc1`, `fc2`, `fc10`. At a fork, at
 * most one branch and at most one family may have several layers. Otherwise there may be two nets, so a prefix must choose
 * one, or an explicit order must join them. Within a family the numbers determine the order. Layers with other names are
 * placed by their shapes if exactly one order fits.
 */
import { invalidArgument } from '../errors';
import { invalidFile } from './files';
import { inputsOf, type NamedLayer, outputsOf } from './layers';

/**
 * The layers, first to last.
 *
 * @param order names of modules, or prefixes of several modules
 * @throws DeepntkError `ERR_INVALID_FILE`, `ERR_INVALID_ARGUMENT` if the order does not have each layer once
 */
export function orderLayers(
  layers: readonly NamedLayer[],
  order: readonly string[] | undefined,
  name: string,
): NamedLayer[] {
  const places = layers.map((layer): Place => ({ layer, path: layer.name.split('.') }));
  return (order === undefined ? orderedPlaces(places, 0, name) : takeOrder(places, order, name)).map(
    ({ layer }) => layer,
  );
}

/** Whether the numbers in the names alone order them: where two neighbours fork, their names differ only in numbers. */
export function isOrderedByNumbers(names: readonly string[]): boolean {
  return names.slice(1).every((name, i) => {
    const [before, after] = [names[i]!.split('.'), name.split('.')];
    const fork = commonLength([before, after]);
    return familyOf(before[fork]!) === familyOf(after[fork]!);
  });
}

/** The prefixes at the first fork of the names, for messages; empty where there is none. */
export function prefixesIn(tensors: readonly string[]): string {
  const paths = tensors.map((tensor) => tensor.split('.'));
  const at = commonLength(paths);
  const heads = new Set(
    paths.filter((path) => path.length > at + 1).map((path) => `${path.slice(0, at + 1).join('.')}.`),
  );
  return [...heads].slice(0, MOST_SHOWN).join(', ');
}

interface Place {
  readonly layer: NamedLayer;
  /** The name's components. */
  readonly path: readonly string[];
}

const MOST_SHOWN = 12;

/** @param at all paths agree before this component */
function orderedPlaces(places: readonly Place[], at: number, name: string): Place[] {
  if (places.length === 1) return [places[0]!];
  const fork = commonLength(
    places.map(({ path }) => path),
    at,
  );
  const branches = grouped(places, ({ path }) => path[fork] ?? '');
  const several = [...branches.values()].filter((branch) => branch.length > 1);
  if (several.length > 1) {
    throw severalNets(
      several.map(([first]) => `${first!.path.slice(0, fork + 1).join('.')}.`),
      name,
    );
  }
  const ordered = [...branches].map(([key, branch]) => ({
    key,
    list: orderedPlaces(branch, fork + 1, name),
  }));
  const families = [...grouped(ordered, ({ key }) => familyOf(key)).values()].map((family) =>
    family.sort((a, b) => compareNumbers(numbersIn(a.key), numbersIn(b.key))).flatMap(({ list }) => list),
  );
  const long = families.filter((family) => family.length > 1);
  if (long.length > 1) throw severalNets(long.map(commonStart), name);
  if (families.length === 1) return families[0]!;
  return mergeByShapes(long[0] ?? [], families.filter((family) => family.length === 1).flat(), name);
}

function severalNets(candidates: readonly string[], name: string): Error {
  const shown = candidates.slice(0, MOST_SHOWN).join(', ');
  const rest = candidates.length > MOST_SHOWN ? `, ... (${candidates.length})` : '';
  return invalidFile(
    name,
    'one net (prefix (--prefix) chooses one of several; order (--order) joins modules that run one after another)',
    `layers under ${shown}${rest}`,
  );
}

/** The common beginning of the names of a family. */
function commonStart(family: readonly Place[]): string {
  const [first, ...rest] = family.map(({ layer }) => layer.name);
  let length = first!.length;
  for (const other of rest) {
    let agree = 0;
    while (agree < length && other[agree] === first![agree]) agree++;
    length = agree;
  }
  return first!.slice(0, length).replace(/\d+$/, '');
}

function takeOrder(places: readonly Place[], order: readonly string[], name: string): Place[] {
  if (!Array.isArray(order) || !order.every((entry) => typeof entry === 'string'))
    throw invalidArgument('Mlp.load: order', 'the names of modules', order);
  const byName = new Map(places.map((place) => [place.layer.name, place]));
  const taken = (order as readonly string[]).flatMap((entry) => {
    const own = byName.get(entry);
    if (own !== undefined) return [own];
    const prefix = entry.endsWith('.') ? entry : `${entry}.`;
    const under = places.filter(({ layer }) => layer.name.startsWith(prefix));
    return under.length === 0 ? [] : orderedPlaces(under, 0, name);
  });
  if (taken.length !== places.length || new Set(taken).size !== places.length) {
    const names = [...byName.keys()].join(', ');
    throw invalidArgument('Mlp.load: order', `each module of ${name} once: ${names}`, order.join(', '));
  }
  return taken;
}

/** The search stops after this number of layers, and the order counts as undetermined. */
const MOST_STEPS = 200_000;

/**
 * The only order in which the inputs of every layer are the outputs of the previous layer. Layers of `fixed` keep their order.
 * This is a depth-first search.
 */
function mergeByShapes(fixed: readonly Place[], others: readonly Place[], name: string): Place[] {
  const total = fixed.length + others.length;
  const byInputs = grouped(others, ({ layer }) => inputsOf(layer));
  if (grouped(others, ({ layer }) => layer.weights.shape.join()).size < others.length) {
    throw openOrder('layers of one shape, whose names do not determine the order', fixed, others, name);
  }
  const used = new Set<Place>();
  const chain: Place[] = [];
  let fixedUsed = 0;
  let found: Place[] | null = null;
  let steps = 0;
  // Each entry has the untried layers that may come at its place in the chain.
  const open = [[...others, ...fixed.slice(0, 1)]];
  while (open.length > 0) {
    const choices = open.at(-1)!;
    const next = choices.pop();
    if (next === undefined) {
      open.pop();
      const last = chain.pop();
      if (last === undefined) break;
      if (last === fixed[fixedUsed - 1]) fixedUsed--;
      else used.delete(last);
      continue;
    }
    steps += 1 + choices.length;
    if (steps > MOST_STEPS + total) throw openOrder('too many orders to try', fixed, others, name);
    if (next === fixed[fixedUsed]) fixedUsed++;
    else used.add(next);
    chain.push(next);
    if (chain.length === total) {
      if (found !== null) throw openOrder('more than one order that fits', fixed, others, name);
      found = [...chain];
      open.push([]);
      continue;
    }
    const width = outputsOf(next.layer);
    const fitting = (byInputs.get(width) ?? []).filter((place) => !used.has(place));
    const after = fixed[fixedUsed];
    open.push(after !== undefined && inputsOf(after.layer) === width ? [...fitting, after] : fitting);
  }
  if (found === null) throw openOrder('layers that fit in no order', fixed, others, name);
  return found;
}

function openOrder(problem: string, fixed: readonly Place[], others: readonly Place[], name: string): Error {
  const list = [...fixed, ...others]
    .slice(0, MOST_SHOWN)
    .map(({ layer }) => `${layer.name} ${outputsOf(layer)}x${inputsOf(layer)}`);
  return invalidFile(
    name,
    'names or shapes that determine the order of the layers (or order (--order); prefix (--prefix) chooses one of several nets)',
    `${problem}: ${list.join(', ')}`,
  );
}

/** The number of common first components of all paths; at most one less than the shortest path has. */
function commonLength(paths: readonly (readonly string[])[], from = 0): number {
  const shortest = paths.reduce((least, path) => Math.min(least, path.length), Infinity);
  let length = from;
  while (length < shortest - 1 && paths.every((path) => path[length] === paths[0]![length])) length++;
  return length;
}

function grouped<T, K>(list: readonly T[], keyOf: (item: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const item of list) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return groups;
}

function familyOf(key: string): string {
  return key.replace(/\d+/g, '#');
}

function numbersIn(text: string): number[] {
  return (text.match(/\d+/g) ?? []).map(Number);
}

function compareNumbers(a: readonly number[], b: readonly number[]): number {
  const index = a.findIndex((value, i) => value !== b[i]);
  return index < 0 ? 0 : a[index]! - b[index]!;
}
