import type { Operand } from '../../src/linalg/pack';
import { type BlockRange, ProductBuffers, multiplyBlock } from '../../src/linalg/product';
import { fillNormals } from '../../src/random/normal';

function normals(length: number, replica: number): Float64Array {
  const out = new Float64Array(length);
  fillNormals(out, { seed: 5, replica, stream: 0 });
  return out;
}

function rowMajor(data: Float64Array | Float32Array, width: number): Operand {
  return { data, offset: 0, rowStride: width, innerStride: 1, rows: null, inner: null };
}

/** The block of C = A B^T, rows * columns numbers. */
function product(
  a: Operand,
  b: Operand,
  range: BlockRange,
  depth: number,
  triangle = false,
  buffers = new ProductBuffers(),
): number[] {
  multiplyBlock(buffers, a, b, range, depth, triangle, () => undefined);
  const out: number[] = [];
  for (let i = 0; i < range.rowEnd - range.rowBegin; i++) {
    for (let j = 0; j < range.columnEnd - range.columnBegin; j++)
      out.push(buffers.block[i * buffers.stride + j]!);
  }
  return out;
}

/** The same by the definition, in the plainest way. */
function byDefinition(a: Operand, b: Operand, range: BlockRange, depth: number): number[] {
  const entry = ({ data, offset, rowStride, innerStride, rows, inner }: Operand, i: number, p: number) =>
    data[offset + (rows ? rows[i]! : i) * rowStride + (inner ? inner[p]! : p) * innerStride]!;
  const out: number[] = [];
  for (let i = range.rowBegin; i < range.rowEnd; i++) {
    for (let j = range.columnBegin; j < range.columnEnd; j++) {
      let sum = 0;
      for (let p = 0; p < depth; p++) sum += entry(a, i, p) * entry(b, j, p);
      out.push(sum);
    }
  }
  return out;
}

function expectClose(actual: number[], expected: number[], depth: number): void {
  expect(actual).toHaveLength(expected.length);
  // Two orders of summing `depth` products of order one; 8 standard deviations of a sum of normal products is the size.
  const tolerance = 8 * depth * 2 ** -53 * Math.sqrt(depth);
  const worst = actual.reduce((most, value, index) => Math.max(most, Math.abs(value - expected[index]!)), 0);
  expect(worst).toBeLessThanOrEqual(tolerance);
}

const whole = (rows: number, columns: number): BlockRange => ({
  rowBegin: 0,
  rowEnd: rows,
  columnBegin: 0,
  columnEnd: columns,
});

// Edges of panels (4), of packed rows (128) and of inner chunks (256).
const shapes = [
  [1, 1, 1],
  [4, 4, 256],
  [3, 5, 7],
  [1, 130, 257],
  [129, 2, 300],
  [130, 9, 513],
  [6, 131, 30],
] as const;

test.each(shapes)('%i x %i with %i inner indices is the product', (rows, columns, depth) => {
  const a = rowMajor(normals(rows * depth, 1), depth);
  const b = rowMajor(normals(columns * depth, 2), depth);
  expectClose(
    product(a, b, whole(rows, columns), depth),
    byDefinition(a, b, whole(rows, columns), depth),
    depth,
  );
});

test('no inner index at all gives zeros', () => {
  const a = rowMajor(new Float64Array(0), 0);
  expect(product(a, a, whole(2, 3), 0)).toEqual([0, 0, 0, 0, 0, 0]);
});

test('a transposed and a gathered operand, in float64 and in float32', () => {
  const data = normals(40 * 50, 3);
  const rows = Int32Array.of(3, 0, 17, 39, 21, 8);
  const inner = Int32Array.of(49, 2, 3, 11, 30);
  for (const numbers of [data, Float32Array.from(data)]) {
    const transposed: Operand = {
      data: numbers,
      offset: 7,
      rowStride: 1,
      innerStride: 40,
      rows: null,
      inner: null,
    };
    const gathered: Operand = { data: numbers, offset: 0, rowStride: 50, innerStride: 1, rows, inner };
    const swapped: Operand = { ...transposed, offset: 0, rows, inner };
    for (const a of [transposed, gathered, swapped]) {
      for (const b of [transposed, gathered, swapped]) {
        for (const range of [whole(6, 6), whole(1, 6)]) {
          expectClose(product(a, b, range, 5), byDefinition(a, b, range, 5), 5);
        }
      }
    }
  }
});

test('a block has the bits of the same entries of the whole product', () => {
  const depth = 300;
  const a = rowMajor(normals(140 * depth, 4), depth);
  const b = rowMajor(normals(150 * depth, 5), depth);
  const all = product(a, b, whole(140, 150), depth);
  // The last two are so thin that they take another path.
  for (const [rowBegin, rowEnd] of [
    [3, 138],
    [7, 8],
    [10, 12],
  ] as const) {
    const range = { rowBegin, rowEnd, columnBegin: 9, columnEnd: 20 };
    const expected: number[] = [];
    for (let i = rowBegin; i < rowEnd; i++) expected.push(...all.slice(i * 150 + 9, i * 150 + 20));
    expect(product(a, b, range, depth)).toEqual(expected);
  }
});

test('a triangle has the entries of the whole product on and above the diagonal', () => {
  const depth = 260;
  const edge = 131;
  const a = rowMajor(normals(200 * depth, 6), depth);
  const range = { rowBegin: 40, rowEnd: 40 + edge, columnBegin: 40, columnEnd: 40 + edge };
  const full = product(a, a, range, depth);
  const triangle = product(a, a, range, depth, true);
  const above = (_: number, index: number) => index % edge >= Math.floor(index / edge);
  expect(triangle.filter(above)).toEqual(full.filter(above));
});

test('A A^T is symmetric to the last bit', () => {
  const a = rowMajor(normals(37 * 270, 7), 270);
  const c = product(a, a, whole(37, 37), 270);
  expect(c.map((_, index) => c[(index % 37) * 37 + Math.floor(index / 37)])).toEqual(c);
});

test('buffers keep nothing of an earlier block', () => {
  const buffers = new ProductBuffers();
  const a = rowMajor(normals(60 * 30, 8), 30);
  const fresh = product(a, a, whole(5, 6), 30);
  product(a, a, whole(60, 60), 30, false, buffers);
  expect(product(a, a, whole(5, 6), 30, false, buffers)).toEqual(fresh);
});

test('work is reported as it is done', () => {
  let flops = 0;
  const a = rowMajor(normals(300 * 600, 9), 600);
  multiplyBlock(new ProductBuffers(), a, a, whole(300, 300), 600, false, (done) => (flops += done));
  expect(flops).toBe(2 * 300 * 300 * 600);
});
