/**
 * Eigenvalues of a symmetric matrix: Householder reflections to a tridiagonal one, then QL steps with implicit shifts.
 * About 4/3 n^3 multiplications and no eigenvectors: a few times faster than the whole decomposition (eigen.ts), for who has
 * one matrix a replica.
 *
 * @param matrix n x n, row-major; its lower half is read
 * @returns in ascending order; all NaN where an entry is not finite
 */
export function symmetricEigenvalues(matrix: Float64Array, n: number): Float64Array {
  if (!matrix.every((entry) => Number.isFinite(entry))) return new Float64Array(n).fill(NaN);
  const { diagonal, below } = tridiagonalize(Float64Array.from(matrix), n);
  diagonalize(diagonal, below, n);
  return diagonal.sort();
}

/** `below[i]` stands beside `diagonal[i]` and `diagonal[i + 1]`. */
interface Tridiagonal {
  readonly diagonal: Float64Array;
  readonly below: Float64Array;
}

/** Reflects column after column onto its first two entries: A becomes H A H with H = 1 - v v' / h, h = |v|^2 / 2. */
function tridiagonalize(a: Float64Array, n: number): Tridiagonal {
  const below = new Float64Array(n);
  const v = new Float64Array(n);
  const p = new Float64Array(n);
  for (let column = 0; column < n - 2; column++) {
    const first = column + 1;
    let norm2 = 0;
    for (let i = first; i < n; i++) {
      v[i] = a[i * n + column]!;
      norm2 += v[i] * v[i];
    }
    const norm = v[first] > 0 ? -Math.sqrt(norm2) : Math.sqrt(norm2);
    below[column] = norm;
    const h = norm2 - v[first] * norm;
    if (h === 0) continue;
    v[first] -= norm;
    let overlap = 0;
    for (let i = first; i < n; i++) {
      let sum = 0;
      for (let j = first; j < n; j++) sum += a[i >= j ? i * n + j : j * n + i] * v[j];
      p[i] = sum / h;
      overlap += p[i] * v[i];
    }
    const half = overlap / (2 * h);
    for (let i = first; i < n; i++) p[i] -= half * v[i];
    for (let i = first; i < n; i++) {
      for (let j = first; j <= i; j++) a[i * n + j] -= v[i] * p[j] + p[i] * v[j];
    }
  }
  if (n > 1) below[n - 2] = a[(n - 1) * n + n - 2]!;
  return { diagonal: Float64Array.from({ length: n }, (_, i) => a[i * n + i]), below };
}

/** QL with Wilkinson's shift; a block is split off where the entry beside it is rounding. */
function diagonalize(d: Float64Array, e: Float64Array, n: number): void {
  for (let low = 0; low < n; low++) {
    for (;;) {
      let high = low;
      while (high < n - 1 && Math.abs(e[high]) > Number.EPSILON * (Math.abs(d[high]) + Math.abs(d[high + 1])))
        high++;
      if (high === low) break;
      sweep(d, e, low, high);
    }
  }
}

/** One implicit QL step on the block low .. high: chases the bulge of a shifted rotation from its bottom to its top. */
function sweep(d: Float64Array, e: Float64Array, low: number, high: number): void {
  const half = (d[low + 1] - d[low]) / (2 * e[low]);
  const root = Math.hypot(half, 1);
  let g = d[high] - d[low] + e[low] / (half + (half < 0 ? -root : root));
  let [sine, cosine, shift] = [1, 1, 0];
  for (let i = high - 1; i >= low; i--) {
    const f = sine * e[i];
    const b = cosine * e[i];
    const r = Math.hypot(f, g);
    if (i + 1 < high) e[i + 1] = r;
    if (r === 0) {
      d[i + 1] -= shift;
      e[high] = 0;
      return;
    }
    sine = f / r;
    cosine = g / r;
    const corner = d[i + 1] - shift;
    const t = (d[i] - corner) * sine + 2 * cosine * b;
    shift = sine * t;
    d[i + 1] = corner + shift;
    g = cosine * t - b;
  }
  d[low] -= shift;
  e[low] = g;
}
