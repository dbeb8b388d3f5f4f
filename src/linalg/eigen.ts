/** Eigenvalues and eigenvectors of symmetric matrices, by ml-matrix (Householder tridiagonalization and implicit QL). */
import { EigenvalueDecomposition, Matrix } from 'ml-matrix';

import { binaryExponent, scaleByPower } from '../numbers/powers';

export interface SymmetricEigen {
  /** The eigenvalues, the largest first. */
  readonly values: Float64Array;
  /** n x n, row-major; column j is the unit eigenvector that belongs to `values[j]`. */
  readonly vectors: Float64Array;
}

/**
 * The eigendecomposition A = V diag(values) V' of a symmetric matrix; what is above the diagonal is what counts. About
 * 9 n^3 floating-point operations, on the calling thread.
 *
 * @param matrix n x n, row-major, finite
 */
export function symmetricEigen(matrix: Float64Array, n: number): SymmetricEigen {
  const exponent = exponentOfLargest(matrix);
  const copy = new Matrix(n, n);
  for (let i = 0; i < n; i++) {
    for (let j = i; j < n; j++) {
      const value = scaleByPower(matrix[i * n + j], -exponent);
      copy.set(i, j, value);
      copy.set(j, i, value);
    }
  }
  const decomposition = new EigenvalueDecomposition(copy, { assumeSymmetric: true });
  const found = decomposition.realEigenvalues;
  const order = found.map((_, j) => j).sort((a, b) => found[b] - found[a]);
  const vectors = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) vectors[i * n + j] = decomposition.eigenvectorMatrix.get(i, order[j]);
  }
  return { values: Float64Array.from(order, (j) => scaleByPower(found[j], exponent)), vectors };
}

/** Off-diagonal numbers below this share of the largest entry are zero: their squares stay far above the least double. */
const NEGLIGIBLE = 2 ** -400;
/** Steps for one eigenvalue, of which two or three are usual. */
const MOST_STEPS = 60;

/**
 * The eigenvalues alone, the smallest first, in about a sixth of the operations: Householder tridiagonalization and implicit QL
 * (EISPACK's tred1 and imtql1). Right to some machine precisions times the largest.
 *
 * @param matrix n x n, row-major, finite; it is overwritten
 */
export function symmetricEigenvalues(matrix: Float64Array, n: number): Float64Array {
  const exponent = exponentOfLargest(matrix);
  for (let i = 0; i < matrix.length; i++) matrix[i] = scaleByPower(matrix[i], -exponent);
  const diagonal = new Float64Array(n);
  const beside = new Float64Array(n); // beside[i] couples i and i + 1
  tridiagonalize(matrix, n, diagonal, beside);
  for (let first = 0; first < n; first++) {
    for (let steps = 0; ; steps++) {
      let last = first;
      while (last < n - 1 && !isNegligible(diagonal, beside, last)) last++;
      if (last === first) break;
      if (steps === MOST_STEPS) throw new Error(`no eigenvalue after ${MOST_STEPS} steps of QL`);
      stepQl(diagonal, beside, first, last);
    }
  }
  return diagonal.map((value) => scaleByPower(value, exponent)).sort();
}

/** Matrices are brought near 1 first: the algorithms square their entries. */
function exponentOfLargest(matrix: Float64Array): number {
  return binaryExponent(matrix.reduce((max, value) => Math.max(max, Math.abs(value)), 0));
}

/** Reflects column after column of a symmetric matrix, of which the lower triangle counts, onto its subdiagonal. */
function tridiagonalize(a: Float64Array, n: number, diagonal: Float64Array, beside: Float64Array): void {
  const v = new Float64Array(n);
  const w = new Float64Array(n);
  for (let k = 0; k < n; k++) {
    diagonal[k] = a[k * n + k];
    if (k === n - 1) return;
    const first = a[(k + 1) * n + k];
    let rest2 = 0;
    for (let i = k + 2; i < n; i++) {
      v[i] = a[i * n + k];
      rest2 += v[i] * v[i];
    }
    const norm2 = first * first + rest2;
    beside[k] = first;
    if (rest2 === 0) continue;
    beside[k] = first > 0 ? -Math.sqrt(norm2) : Math.sqrt(norm2);
    // A - v w' - w v' = H A H with H = I - 2 v v' / v'v, of v = the column less its image.
    v[k + 1] = first - beside[k];
    const half = norm2 - first * beside[k]; // v'v / 2
    let dot = 0;
    for (let i = k + 1; i < n; i++) {
      let sum = 0;
      for (let j = k + 1; j <= i; j++) sum += a[i * n + j] * v[j];
      for (let j = i + 1; j < n; j++) sum += a[j * n + i] * v[j];
      w[i] = sum / half;
      dot += w[i] * v[i];
    }
    const shift = dot / (2 * half);
    for (let i = k + 1; i < n; i++) w[i] -= shift * v[i];
    for (let i = k + 1; i < n; i++) {
      for (let j = k + 1; j <= i; j++) a[i * n + j] -= v[i] * w[j] + w[i] * v[j];
    }
  }
}

function isNegligible(diagonal: Float64Array, beside: Float64Array, i: number): boolean {
  const size = Math.abs(beside[i]);
  return size < NEGLIGIBLE || size <= Number.EPSILON * (Math.abs(diagonal[i]) + Math.abs(diagonal[i + 1]));
}

/** One implicit QL step on rows first .. last of a tridiagonal matrix, with Wilkinson's shift. */
function stepQl(diagonal: Float64Array, beside: Float64Array, first: number, last: number): void {
  const half = (diagonal[first + 1] - diagonal[first]) / (2 * beside[first]);
  const root = Math.sqrt(half * half + 1);
  let g = diagonal[last] - diagonal[first] + beside[first] / (half + (half < 0 ? -root : root));
  let [sine, cosine, shift] = [1, 1, 0];
  for (let i = last - 1; i >= first; i--) {
    const f = sine * beside[i];
    const b = cosine * beside[i];
    const r = Math.sqrt(f * f + g * g);
    beside[i + 1] = r;
    if (r === 0) {
      // The matrix falls apart here.
      diagonal[i + 1] -= shift;
      beside[last] = 0;
      return;
    }
    sine = f / r;
    cosine = g / r;
    g = diagonal[i + 1] - shift;
    const s = (diagonal[i] - g) * sine + 2 * cosine * b;
    shift = sine * s;
    diagonal[i + 1] = g + shift;
    g = cosine * s - b;
  }
  diagonal[first] -= shift;
  beside[first] = g;
  beside[last] = 0;
}
