/** Rayleigh and Ritz: eigenpairs of a symmetric operator, as a subspace shows them. */
import { symmetricEigen } from '../linalg/eigen';
import { add, combine, dot, norm, orthonormalize } from '../linalg/vectors';

/** An orthonormal basis Q with K Q, and the eigenpairs of Q' K Q. */
export class RitzBasis {
  readonly #rows: number;
  #basis: Float64Array[] = [];
  #images: Float64Array[] = [];
  /** Q' K Q, row by row. */
  #projected: number[][] = [];
  #coefficients: Float64Array = new Float64Array(0);
  values: Float64Array = new Float64Array(0);

  constructor(rows: number) {
    this.#rows = rows;
  }

  get size(): number {
    return this.#basis.length;
  }

  /** @param directions orthonormal, and orthogonal to the basis */
  extend(directions: readonly Float64Array[], images: readonly Float64Array[]): void {
    directions.forEach((direction, at) => {
      this.#basis.push(direction);
      this.#images.push(images[at]!);
    });
    for (let j = this.#projected.length; j < this.size; j++) {
      this.#projected.push(
        Array.from(
          { length: j + 1 },
          (_, i) => (dot(this.#basis[i]!, this.#images[j]!) + dot(this.#basis[j]!, this.#images[i]!)) / 2,
        ),
      );
    }
  }

  /** Orthonormal vectors that span what of the given ones lies outside the basis, and outside `others`. */
  directions(vectors: readonly Float64Array[], others: readonly Float64Array[] = []): Float64Array[] {
    return orthonormalize(vectors, [...this.#basis, ...others]).slice(0, this.#rows - this.size);
  }

  solve(): void {
    const m = this.size;
    const matrix = new Float64Array(m * m);
    this.#projected.forEach((row, i) => {
      row.forEach((entry, j) => (matrix[i * m + j] = matrix[j * m + i] = entry));
    });
    const { values, vectors } = symmetricEigen(matrix, m);
    this.values = values;
    this.#coefficients = vectors;
  }

  /** Of the first `count` pairs, computed. */
  residuals(count: number): number[] {
    return Array.from({ length: count }, (_, j) => {
      const residual = combine(this.#images, this.#coefficients, j);
      add(residual, -this.values[j]!, combine(this.#basis, this.#coefficients, j));
      return norm(residual);
    });
  }

  /** rows x count */
  vectors(count: number): Float64Array {
    const data = new Float64Array(this.#rows * count);
    for (let j = 0; j < count; j++) {
      combine(this.#basis, this.#coefficients, j).forEach((entry, i) => (data[i * count + j] = entry));
    }
    return data;
  }

  /** The basis becomes the first `kept` Ritz vectors. */
  restart(kept: number): void {
    const best = (vectors: readonly Float64Array[]) =>
      Array.from({ length: kept }, (_, j) => combine(vectors, this.#coefficients, j));
    [this.#basis, this.#images] = [best(this.#basis), best(this.#images)];
    this.#projected = Array.from({ length: kept }, (_, i) =>
      Array.from({ length: i + 1 }, (_entry, j) => (i === j ? this.values[i]! : 0)),
    );
  }
}
