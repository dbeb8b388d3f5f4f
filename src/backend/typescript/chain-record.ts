/** Numbers of every layer that the forward pass stores; position l belongs to layer l. */
export interface ChainRecord {
  /** The part of |h^l|^2 that is due to the bias. */
  readonly noise: Float64Array;
  /** A_l of Theta itself. */
  readonly across: Float64Array;
  readonly up: Float64Array;
  readonly down: Float64Array;
  readonly exponents: Int32Array;
}

export function createRecord(depth: number): ChainRecord {
  const array = (): Float64Array => new Float64Array(depth + 2);
  return {
    noise: array(),
    across: array(),
    up: array(),
    down: array(),
    exponents: new Int32Array(depth + 2),
  };
}

export function keepLayer(
  record: ChainRecord,
  layer: number,
  exponent: number,
  across: number,
  up: number,
  down: number,
): void {
  record.exponents[layer] = exponent;
  record.across[layer] = across;
  record.up[layer] = up;
  record.down[layer] = down;
}
