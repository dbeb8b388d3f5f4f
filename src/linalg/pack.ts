/**
 * Packing: the one place that knows how an operand lies in memory. A block of it becomes panels of {@link PANEL} rows,
 * stored inner index by inner index, which is the order in which the micro-kernel of product.ts reads.
 *
 * Panels are always Float64Array, whatever the operand's type: so the hot loop sees one type of array and the engine
 * compiles it once, and a transposed or gathered operand costs what a plain one does.
 */

/** Rows of one panel: the micro-kernel keeps PANEL x PANEL sums in registers. */
export const PANEL = 4;

export type Numbers = Float64Array | Float32Array;

/**
 * The factor A of a product C[i, j] = sum over p of A[i, p] B[j, p]; B has the same form.
 *
 * Entry (i, p) is `data[offset + rows[i] * rowStride + inner[p] * innerStride]`; a list that is null stands for 0, 1, ...
 */
export interface Operand {
  readonly data: Numbers;
  readonly offset: number;
  readonly rowStride: number;
  readonly innerStride: number;
  readonly rows: Int32Array | null;
  readonly inner: Int32Array | null;
}

/** How many numbers the panels of a block take: its rows are filled up to whole panels. */
export function packedLength(rows: number, inner: number): number {
  return Math.ceil(rows / PANEL) * PANEL * inner;
}

/** Writes rows `rowBegin` to `rowEnd` and inner indices `innerBegin` to `innerEnd` of an operand as panels; zeros fill the last. */
export function pack(
  out: Float64Array,
  operand: Operand,
  rowBegin: number,
  rowEnd: number,
  innerBegin: number,
  innerEnd: number,
): void {
  const depth = innerEnd - innerBegin;
  let row = rowBegin;
  let at = 0;
  for (; row + PANEL <= rowEnd; row += PANEL, at += PANEL * depth) {
    packPanel(out, at, operand, row, innerBegin, innerEnd);
  }
  if (row < rowEnd) packLastPanel(out, at, operand, row, rowEnd, innerBegin, innerEnd);
}

function packPanel(
  out: Float64Array,
  at: number,
  operand: Operand,
  row: number,
  innerBegin: number,
  innerEnd: number,
): void {
  const { data, innerStride, inner } = operand;
  const row0 = rowOffset(operand, row);
  const row1 = rowOffset(operand, row + 1);
  const row2 = rowOffset(operand, row + 2);
  const row3 = rowOffset(operand, row + 3);
  let o = at;
  if (inner === null) {
    for (let p = innerBegin; p < innerEnd; p++, o += PANEL) {
      const q = p * innerStride;
      out[o] = data[row0 + q];
      out[o + 1] = data[row1 + q];
      out[o + 2] = data[row2 + q];
      out[o + 3] = data[row3 + q];
    }
  } else {
    for (let p = innerBegin; p < innerEnd; p++, o += PANEL) {
      const q = inner[p] * innerStride;
      out[o] = data[row0 + q];
      out[o + 1] = data[row1 + q];
      out[o + 2] = data[row2 + q];
      out[o + 3] = data[row3 + q];
    }
  }
}

function packLastPanel(
  out: Float64Array,
  at: number,
  operand: Operand,
  rowBegin: number,
  rowEnd: number,
  innerBegin: number,
  innerEnd: number,
): void {
  const { data, innerStride, inner } = operand;
  out.fill(0, at, at + PANEL * (innerEnd - innerBegin));
  for (let row = rowBegin; row < rowEnd; row++) {
    const base = rowOffset(operand, row);
    let o = at + row - rowBegin;
    for (let p = innerBegin; p < innerEnd; p++, o += PANEL) {
      out[o] = data[base + (inner === null ? p : inner[p]) * innerStride];
    }
  }
}

/** Where row `row` of an operand begins. */
export function rowOffset(operand: Operand, row: number): number {
  return operand.offset + (operand.rows === null ? row : operand.rows[row]) * operand.rowStride;
}
