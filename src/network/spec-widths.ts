/** The sizes of layers among the options of `createSpec`. */
import { invalidArgument, mismatch } from '../errors';
import { WIDTH_OPTIONS } from './spec-options';

const readSize = WIDTH_OPTIONS.outputDim.read;

/** @internal n_0 .. n_{L+1} of the options of `createSpec`. */
export function readSpecWidths(where: string, options: Readonly<Record<string, unknown>>): number[] {
  const { widths } = options;
  if (widths === undefined) {
    const hiddenWidths = readHiddenWidths(where, options);
    const inputDim = readSize(`${where}: inputDim`, options['inputDim']);
    return [inputDim, ...hiddenWidths, readSize(`${where}: outputDim`, options['outputDim'] ?? 1)];
  }
  if (!Array.isArray(widths) || widths.length < 2) {
    throw invalidArgument(
      `${where}: widths`,
      'a list of the sizes of inputs, hidden layers and outputs',
      widths,
    );
  }
  const before = Array.from(widths as readonly unknown[], (width, i) =>
    readSize(`${where}: widths[${i}]`, width),
  );
  const after = [
    readSize(`${where}: inputDim`, options['inputDim'] ?? before[0]),
    ...changedHiddenWidths(where, options, before.slice(1, -1)),
    readSize(`${where}: outputDim`, options['outputDim'] ?? before.at(-1)),
  ];
  // Only lists that createSpec made are frozen: here `widths` was changed, and the fields that say the same were not.
  if (Object.isFrozen(options['hiddenWidths']) && !Object.isFrozen(widths) && !sameNumbers(widths, after)) {
    throw mismatch(
      `${where}: widths`,
      `${after.join(', ')}, as inputDim, hiddenWidths and outputDim say (change these in place of widths)`,
      before.join(', '),
    );
  }
  return after;
}

/** The hidden layers of a spec with changes. @param before the hidden layers in its `widths` */
function changedHiddenWidths(
  where: string,
  { hiddenWidths, depth, width }: Readonly<Record<string, unknown>>,
  before: readonly number[],
): readonly number[] {
  const otherDepth = depth !== undefined && depth !== before.length;
  if (hiddenWidths !== undefined && !sameNumbers(hiddenWidths, before)) {
    const own = readHiddenWidths(where, { hiddenWidths });
    if (width === undefined && (!otherDepth || depth === own.length)) return own;
    throw invalidArgument(where, 'changes of either hiddenWidths, or depth and width', 'both');
  }
  if (width !== undefined && (depth ?? before.length) === 0) {
    throw invalidArgument(`${where}: depth`, 'a positive integer with width', depth ?? 0);
  }
  if (width !== undefined) return readHiddenWidths(where, { depth: depth ?? before.length, width });
  if (!otherDepth) return before;
  if (depth !== 0 && new Set(before).size !== 1) {
    throw invalidArgument(
      `${where}: depth`,
      `${before.length}, the number of hidden layers in widths (to change the depth, pass width or hiddenWidths too)`,
      depth,
    );
  }
  return readHiddenWidths(where, { depth, width: before[0] });
}

function readHiddenWidths(
  where: string,
  options: { readonly hiddenWidths?: unknown; readonly depth?: unknown; readonly width?: unknown },
): number[] {
  if (options.hiddenWidths !== undefined) {
    if (options.depth !== undefined || options.width !== undefined) {
      throw invalidArgument(where, 'either hiddenWidths, or depth and width', 'both');
    }
    return [...WIDTH_OPTIONS.hiddenWidths.read(`${where}: hiddenWidths`, options.hiddenWidths)!];
  }
  const depth = WIDTH_OPTIONS.depth.read(`${where}: depth`, options.depth)!;
  if (depth === 0 && options.width === undefined) return [];
  return new Array<number>(depth).fill(readSize(`${where}: width`, options.width));
}

/** @internal */
export function sameNumbers(list: unknown, numbers: readonly number[]): boolean {
  return (
    Array.isArray(list) && list.length === numbers.length && numbers.every((value, i) => value === list[i])
  );
}
