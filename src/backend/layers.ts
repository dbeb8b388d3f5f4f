/** The layers of a net: where their parameters are in the flat array, and the largest width. */

/** The largest of some widths, or 0 of none. There may be more widths than a call can have arguments. */
export function largestOf(widths: readonly number[]): number {
  return widths.reduce((largest, width) => Math.max(largest, width), 0);
}

/** Where a layer's parameters are in the flat array. */
export interface LayerSlot {
  readonly inputs: number;
  readonly outputs: number;
  readonly weights: number;
  readonly biases: number;
}

/** The slots of layers 1 .. L+1, in order. */
export function layerSlots(widths: readonly number[]): LayerSlot[] {
  let offset = 0;
  return widths.slice(1).map((outputs, index) => {
    const inputs = widths[index]!;
    const weights = offset;
    const biases = weights + outputs * inputs;
    offset = biases + outputs;
    return { inputs, outputs, weights, biases };
  });
}

/** The number of parameters in the layers whose weights, or whose biases, are selected. */
export function countSelected(
  widths: readonly number[],
  weights: readonly boolean[],
  biases: readonly boolean[],
): number {
  return layerSlots(widths).reduce(
    (sum, { inputs, outputs }, i) => sum + (weights[i] ? inputs * outputs : 0) + (biases[i] ? outputs : 0),
    0,
  );
}
