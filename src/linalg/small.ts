/**
 * Products and factorizations of matrices of a few columns, where packing would cost more than it gains. Every sum is taken
 * in the order of its index: the twin (native/core/lane_products.hpp), which handles several matrices at once, gives the same
 * bits.
 */

/** Entry (i, j) is `data[offset + i * row + j * column]`. */
export interface SmallMatrix {
  readonly data: Float64Array;
  readonly offset: number;
  readonly row: number;
  readonly column: number;
}

/**
 * Which entries of C = A B are computed: `all`; `upper`, those with row <= column (others perhaps too); `triangular`: all, but
 * B(t, j) is 0 for t > j.
 */
export type Entries = 'all' | 'upper' | 'triangular';

const TILE = 4;

/** C(i, j) = (`add`: +=) sum over t of A(i, t) B(t, j). */
export function multiplySmall(
  rows: number,
  columns: number,
  inner: number,
  a: SmallMatrix,
  b: SmallMatrix,
  c: SmallMatrix,
  entries: Entries,
  add: boolean,
): void {
  for (let i = 0; i < rows; i += TILE) {
    const height = Math.min(TILE, rows - i);
    for (let j = entries === 'upper' ? i : 0; j < columns; j += TILE) {
      const width = Math.min(TILE, columns - j);
      const depth = entries === 'triangular' ? Math.min(inner, j + width) : inner;
      if (height === TILE && width === TILE) multiplyTile(i, j, depth, a, b, c, add);
      else multiplyEdge(i, i + height, j, j + width, depth, a, b, c, add);
    }
  }
}

function multiplyTile(
  i: number,
  j: number,
  depth: number,
  { data: a, offset: aOffset, row: aRow, column: aInner }: SmallMatrix,
  { data: b, offset: bOffset, row: bInner, column: bColumn }: SmallMatrix,
  { data: c, offset: cOffset, row: cRow, column: cColumn }: SmallMatrix,
  add: boolean,
): void {
  const c0 = cOffset + i * cRow + j * cColumn;
  const c1 = c0 + cRow;
  const c2 = c1 + cRow;
  const c3 = c2 + cRow;
  let s00 = add ? c[c0] : 0;
  let s01 = add ? c[c0 + cColumn] : 0;
  let s02 = add ? c[c0 + 2 * cColumn] : 0;
  let s03 = add ? c[c0 + 3 * cColumn] : 0;
  let s10 = add ? c[c1] : 0;
  let s11 = add ? c[c1 + cColumn] : 0;
  let s12 = add ? c[c1 + 2 * cColumn] : 0;
  let s13 = add ? c[c1 + 3 * cColumn] : 0;
  let s20 = add ? c[c2] : 0;
  let s21 = add ? c[c2 + cColumn] : 0;
  let s22 = add ? c[c2 + 2 * cColumn] : 0;
  let s23 = add ? c[c2 + 3 * cColumn] : 0;
  let s30 = add ? c[c3] : 0;
  let s31 = add ? c[c3 + cColumn] : 0;
  let s32 = add ? c[c3 + 2 * cColumn] : 0;
  let s33 = add ? c[c3 + 3 * cColumn] : 0;
  let p = aOffset + i * aRow;
  let q = bOffset + j * bColumn;
  for (let t = 0; t < depth; t++, p += aInner, q += bInner) {
    const b0 = b[q];
    const b1 = b[q + bColumn];
    const b2 = b[q + 2 * bColumn];
    const b3 = b[q + 3 * bColumn];
    let x = a[p];
    s00 += x * b0;
    s01 += x * b1;
    s02 += x * b2;
    s03 += x * b3;
    x = a[p + aRow];
    s10 += x * b0;
    s11 += x * b1;
    s12 += x * b2;
    s13 += x * b3;
    x = a[p + 2 * aRow];
    s20 += x * b0;
    s21 += x * b1;
    s22 += x * b2;
    s23 += x * b3;
    x = a[p + 3 * aRow];
    s30 += x * b0;
    s31 += x * b1;
    s32 += x * b2;
    s33 += x * b3;
  }
  c[c0] = s00;
  c[c0 + cColumn] = s01;
  c[c0 + 2 * cColumn] = s02;
  c[c0 + 3 * cColumn] = s03;
  c[c1] = s10;
  c[c1 + cColumn] = s11;
  c[c1 + 2 * cColumn] = s12;
  c[c1 + 3 * cColumn] = s13;
  c[c2] = s20;
  c[c2 + cColumn] = s21;
  c[c2 + 2 * cColumn] = s22;
  c[c2 + 3 * cColumn] = s23;
  c[c3] = s30;
  c[c3 + cColumn] = s31;
  c[c3 + 2 * cColumn] = s32;
  c[c3 + 3 * cColumn] = s33;
}

function multiplyEdge(
  iBegin: number,
  iEnd: number,
  jBegin: number,
  jEnd: number,
  depth: number,
  a: SmallMatrix,
  b: SmallMatrix,
  c: SmallMatrix,
  add: boolean,
): void {
  const { data: left, column: aInner } = a;
  const { data: right, row: bInner } = b;
  for (let i = iBegin; i < iEnd; i++) {
    for (let j = jBegin; j < jEnd; j++) {
      const at = c.offset + i * c.row + j * c.column;
      let sum = add ? c.data[at] : 0;
      let p = a.offset + i * a.row;
      let q = b.offset + j * b.column;
      for (let t = 0; t < depth; t++, p += aInner, q += bInner) sum += left[p] * right[q];
      c.data[at] = sum;
    }
  }
}

/** A pivot that is less than this share of its diagonal entry is rounding: the column depends on those before it. */
export const RANK_TOLERANCE = 2 ** -43;

/**
 * R upper triangular with R' R = a, and the inverses of its pivots; n x n, row-major. A column that depends on those before it
 * gets the pivot 0, a row of zeros and the inverse 0. Below the diagonal R is 0, and `a` is not read.
 */
export function factor(a: Float64Array, n: number, r: Float64Array, inverses: Float64Array): void {
  r.fill(0, 0, n * n);
  for (let j = 0; j < n; j++) {
    for (let i = 0; i < j; i++) {
      let sum = a[i * n + j];
      for (let k = 0; k < i; k++) sum -= r[k * n + i] * r[k * n + j];
      r[i * n + j] = sum * inverses[i];
    }
    let square = a[j * n + j];
    for (let k = 0; k < j; k++) square -= r[k * n + j] * r[k * n + j];
    const independent = square > RANK_TOLERANCE * a[j * n + j];
    r[j * n + j] = independent ? Math.sqrt(square) : 0;
    inverses[j] = independent ? 1 / r[j * n + j] : 0;
  }
}

/** R^-T w in place of w, n x columns; entries of dependent columns become 0. */
export function solveTransposed(
  r: Float64Array,
  inverses: Float64Array,
  n: number,
  w: Float64Array,
  columns: number,
): void {
  for (let i = 0; i < n; i++) solveRow(i, 0, i, r, i, n, inverses[i], w, columns);
}

/** R^-1 w in place of w, n x columns; entries of dependent columns become 0. */
export function solveUpper(
  r: Float64Array,
  inverses: Float64Array,
  n: number,
  w: Float64Array,
  columns: number,
): void {
  for (let i = n - 1; i >= 0; i--) solveRow(i, i + 1, n, r, i * n + i + 1, 1, inverses[i], w, columns);
}

/** Takes rows `from` .. `to` - 1, times the numbers of r at `first`, `first` + `step`, ..., from row i, and scales it. */
function solveRow(
  i: number,
  from: number,
  to: number,
  r: Float64Array,
  first: number,
  step: number,
  inverse: number,
  w: Float64Array,
  columns: number,
): void {
  for (let j = 0; j < columns; j++) {
    let sum = w[i * columns + j];
    let at = first;
    for (let k = from; k < to; k++, at += step) sum -= r[at] * w[k * columns + j];
    w[i * columns + j] = sum * inverse;
  }
}
