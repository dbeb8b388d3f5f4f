/** Folds the nodes with which exporters compute the shape of a Reshape, as for `x.view(x.size(0), -1)`. */
import type { OnnxNode } from './messages';
import { attributesOf } from './nodes';

/** Integers without axes or with one axis. */
export interface Integers {
  readonly numbers: readonly number[];
  readonly scalar: boolean;
}

/** Stands for the extent of the batch, and NaN for another unknown extent. */
export const BATCH = Infinity;

export function extentWord(extent: number): string {
  return extent === BATCH ? 'N' : Number.isNaN(extent) ? 'unknown' : String(extent);
}

/** @param extents the extents without the batch */
export function shapeOf(
  node: OnnxNode,
  extents: readonly (number | string | null)[],
  name: string,
): Integers {
  const { start, end } = attributesOf(node, ['start', 'end'], name);
  const numbers = [BATCH, ...extents.map((extent) => (typeof extent === 'number' ? extent : NaN))];
  return { numbers: numbers.slice(start?.int ?? 0, end?.int ?? numbers.length), scalar: false };
}

/**
 * The result of a node whose inputs are all constant; null if the node does not compute a shape.
 *
 * @param inputs undefined for an input that is not given
 */
export function foldShape(
  node: OnnxNode,
  inputs: readonly (Integers | undefined)[],
  name: string,
): Integers | null {
  const [data, second] = inputs;
  if (data === undefined) return null;
  switch (node.op) {
    case 'Gather': {
      const { axis } = attributesOf(node, ['axis'], name);
      if (data.scalar || second === undefined || (axis?.int ?? 0) !== 0) return null;
      const numbers = second.numbers.map((index) => data.numbers.at(index));
      return numbers.includes(undefined) ? null : { numbers: numbers as number[], scalar: second.scalar };
    }
    case 'Unsqueeze': {
      // The axes are an attribute before opset 13, and an input since.
      const { axes } = attributesOf(node, ['axes'], name);
      const places = axes?.ints ?? second?.numbers ?? [];
      if (!data.scalar || !/^(0|-1)$/.test(places.join())) return null;
      return { numbers: data.numbers, scalar: false };
    }
    case 'Concat': {
      const { axis } = attributesOf(node, ['axis'], name);
      if ((axis?.int ?? 0) !== 0 || inputs.some((part) => part === undefined || part.scalar)) return null;
      return { numbers: inputs.flatMap((part) => part!.numbers), scalar: false };
    }
    case 'Slice': {
      attributesOf(node, [], name);
      const [, starts, ends, axes, steps] = inputs;
      const plain = (axes?.numbers ?? [0]).join() === '0' && (steps?.numbers ?? [1]).join() === '1';
      if (data.scalar || !plain || starts?.numbers.length !== 1 || ends?.numbers.length !== 1) return null;
      // As in JavaScript, negative places count from the end.
      return { numbers: data.numbers.slice(starts.numbers[0], ends.numbers[0]), scalar: false };
    }
    default:
      return null;
  }
}
