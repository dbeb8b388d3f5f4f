/**
 * Dense products C = A B^T over typed arrays: blocks that fit the caches, packed into panels, and a micro-kernel that
 * keeps 4 x 4 sums in registers.
 *
 * Every entry of C is summed in the same order, in chunks of {@link INNER_BLOCK}, wherever it lies in a block. So the
 * bits of a result depend neither on how it is cut into blocks nor on who computes which, and A A^T is symmetric.
 */
import { type Operand, PANEL, pack, packedLength, rowOffset } from './pack';

/** Inner indices packed at a time: a pair of panels (2 x 8 KiB) stays in the first-level cache. */
const INNER_BLOCK = 256;
/** Rows of A, and of B, packed at a time: 256 KiB each, for the second-level cache. */
const ROW_BLOCK = 128;

/** Up to so many rows of A, B is read where it lies: packing it would cost more than it gains. */
const THIN_ROWS = 2;

/** The rows of A and of B that one block of C belongs to. */
export interface BlockRange {
  readonly rowBegin: number;
  readonly rowEnd: number;
  readonly columnBegin: number;
  readonly columnEnd: number;
}

/** The buffers of one thread's products; grow to what its largest block needs. */
export class ProductBuffers {
  readonly packedA = new Float64Array(packedLength(ROW_BLOCK, INNER_BLOCK));
  readonly packedB = new Float64Array(packedLength(ROW_BLOCK, INNER_BLOCK));
  /** The block of C, row-major with rows of {@link stride} numbers. */
  block = new Float64Array(0);
  stride = 0;

  /** Makes room for a block of zeros. */
  reset(rows: number, columns: number): void {
    this.stride = Math.ceil(columns / PANEL) * PANEL;
    const length = Math.ceil(rows / PANEL) * PANEL * this.stride;
    if (this.block.length < length) this.block = new Float64Array(length);
    else this.block.fill(0, 0, length);
  }
}

/**
 * Computes one block of C = A B^T into `buffers.block`.
 *
 * @param depth number of inner indices
 * @param triangle for A = B and a block on the diagonal: only the entries on and above it are wanted; others are not
 *   computed, or are by the way
 * @param onWork called every few milliseconds with the number of floating-point operations done since
 */
export function multiplyBlock(
  buffers: ProductBuffers,
  a: Operand,
  b: Operand,
  range: BlockRange,
  depth: number,
  triangle: boolean,
  onWork: (flops: number) => void,
): void {
  const { rowBegin, rowEnd, columnBegin, columnEnd } = range;
  const { packedA, packedB } = buffers;
  buffers.reset(rowEnd - rowBegin, columnEnd - columnBegin);
  const { block, stride } = buffers;
  for (let p = 0; p < depth; p += INNER_BLOCK) {
    const pEnd = Math.min(p + INNER_BLOCK, depth);
    if (rowEnd - rowBegin <= THIN_ROWS) {
      pack(packedA, a, rowBegin, rowEnd, p, pEnd);
      for (let row = 0; row < rowEnd - rowBegin; row++) {
        multiplyRow(packedA, row, b, columnBegin, columnEnd, p, pEnd, block, row * stride);
      }
      onWork(2 * (rowEnd - rowBegin) * (columnEnd - columnBegin) * (pEnd - p));
      continue;
    }
    for (let column = columnBegin; column < columnEnd; column += ROW_BLOCK) {
      const blockColumnEnd = Math.min(column + ROW_BLOCK, columnEnd);
      pack(packedB, b, column, blockColumnEnd, p, pEnd);
      for (let row = rowBegin; row < rowEnd; row += ROW_BLOCK) {
        if (triangle && row >= blockColumnEnd) break;
        const blockRowEnd = Math.min(row + ROW_BLOCK, rowEnd);
        pack(packedA, a, row, blockRowEnd, p, pEnd);
        const at = (row - rowBegin) * stride + (column - columnBegin);
        const above = triangle ? column - row : Infinity;
        const micro = multiplyPanels(
          packedA,
          packedB,
          pEnd - p,
          blockRowEnd - row,
          blockColumnEnd - column,
          above,
          block,
          at,
          stride,
        );
        onWork(2 * PANEL * PANEL * (pEnd - p) * micro);
      }
    }
  }
}

/**
 * All pairs of panels of one packed block of A and one of B.
 *
 * @param above column number minus row number of the first entry; pairs of panels wholly below the diagonal are left out
 * @returns the number of pairs computed
 */
function multiplyPanels(
  packedA: Float64Array,
  packedB: Float64Array,
  depth: number,
  rows: number,
  columns: number,
  above: number,
  block: Float64Array,
  at: number,
  stride: number,
): number {
  let pairs = 0;
  for (let j = 0; j < columns; j += PANEL) {
    const rowLimit = Math.min(rows, j + above + PANEL);
    for (let i = 0; i < rowLimit; i += PANEL) {
      multiplyPanelPair(packedA, i * depth, packedB, j * depth, depth, block, at + i * stride + j, stride);
      pairs++;
    }
  }
  return pairs;
}

/** The micro-kernel: adds the 4 x 4 products of two panels to the block. */
function multiplyPanelPair(
  a: Float64Array,
  aBegin: number,
  b: Float64Array,
  bBegin: number,
  depth: number,
  c: Float64Array,
  cBegin: number,
  stride: number,
): void {
  let c00 = 0;
  let c01 = 0;
  let c02 = 0;
  let c03 = 0;
  let c10 = 0;
  let c11 = 0;
  let c12 = 0;
  let c13 = 0;
  let c20 = 0;
  let c21 = 0;
  let c22 = 0;
  let c23 = 0;
  let c30 = 0;
  let c31 = 0;
  let c32 = 0;
  let c33 = 0;
  const aEnd = aBegin + PANEL * depth;
  for (let i = aBegin, j = bBegin; i < aEnd; i += 4, j += 4) {
    const b0 = b[j];
    const b1 = b[j + 1];
    const b2 = b[j + 2];
    const b3 = b[j + 3];
    let x = a[i];
    c00 += x * b0;
    c01 += x * b1;
    c02 += x * b2;
    c03 += x * b3;
    x = a[i + 1];
    c10 += x * b0;
    c11 += x * b1;
    c12 += x * b2;
    c13 += x * b3;
    x = a[i + 2];
    c20 += x * b0;
    c21 += x * b1;
    c22 += x * b2;
    c23 += x * b3;
    x = a[i + 3];
    c30 += x * b0;
    c31 += x * b1;
    c32 += x * b2;
    c33 += x * b3;
  }
  let o = cBegin;
  c[o] += c00;
  c[o + 1] += c01;
  c[o + 2] += c02;
  c[o + 3] += c03;
  o += stride;
  c[o] += c10;
  c[o + 1] += c11;
  c[o + 2] += c12;
  c[o + 3] += c13;
  o += stride;
  c[o] += c20;
  c[o + 1] += c21;
  c[o + 2] += c22;
  c[o + 3] += c23;
  o += stride;
  c[o] += c30;
  c[o + 1] += c31;
  c[o + 2] += c32;
  c[o + 3] += c33;
}

/** Adds one row of products, row `row` of the panel `a` with the rows of B, each summed in the micro-kernel's order. */
function multiplyRow(
  a: Float64Array,
  row: number,
  b: Operand,
  columnBegin: number,
  columnEnd: number,
  innerBegin: number,
  innerEnd: number,
  c: Float64Array,
  cBegin: number,
): void {
  const { data, innerStride, inner } = b;
  for (let column = columnBegin; column < columnEnd; column += PANEL) {
    // Past the last row of B, its last row is read again and the sums are dropped.
    const last = columnEnd - 1;
    const row0 = rowOffset(b, column);
    const row1 = rowOffset(b, Math.min(column + 1, last));
    const row2 = rowOffset(b, Math.min(column + 2, last));
    const row3 = rowOffset(b, Math.min(column + 3, last));
    let c0 = 0;
    let c1 = 0;
    let c2 = 0;
    let c3 = 0;
    for (let p = innerBegin, i = row; p < innerEnd; p++, i += PANEL) {
      const q = (inner === null ? p : inner[p]) * innerStride;
      const x = a[i];
      c0 += x * data[row0 + q];
      c1 += x * data[row1 + q];
      c2 += x * data[row2 + q];
      c3 += x * data[row3 + q];
    }
    const o = cBegin + column - columnBegin;
    c[o] += c0;
    c[o + 1] += c1;
    c[o + 2] += c2;
    c[o + 3] += c3;
  }
}
