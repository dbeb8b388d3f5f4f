/** Eigenvalues and eigenvectors of symmetric matrices, by ml-matrix (Householder tridiagonalization and implicit QL). */
import { EigenvalueDecomposition, Matrix } from 'ml-matrix';

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
  const copy = new Matrix(n, n);
  for (let i = 0; i < n; i++) {
    for (let j = i; j < n; j++) {
      copy.set(i, j, matrix[i * n + j]);
      copy.set(j, i, matrix[i * n + j]);
    }
  }
  const decomposition = new EigenvalueDecomposition(copy, { assumeSymmetric: true });
  const found = decomposition.realEigenvalues;
  const order = found.map((_, j) => j).sort((a, b) => found[b] - found[a]);
  const vectors = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) vectors[i * n + j] = decomposition.eigenvectorMatrix.get(i, order[j]);
  }
  return { values: Float64Array.from(order, (j) => found[j]), vectors };
}
