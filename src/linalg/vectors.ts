/** Vectors, few and long. */

export function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

export const norm = (a: Float64Array): number => Math.sqrt(dot(a, a));

/** a += factor b */
export function add(a: Float64Array, factor: number, b: Float64Array): void {
  for (let i = 0; i < a.length; i++) a[i] += factor * b[i];
}

function scale(a: Float64Array, factor: number): void {
  for (let i = 0; i < a.length; i++) a[i] *= factor;
}

/** Column `j` of [vectors] coefficients, with as many rows of coefficients, row-major and square, as there are vectors. */
export function combine(
  vectors: readonly Float64Array[],
  coefficients: Float64Array,
  j: number,
): Float64Array {
  const sum = new Float64Array(vectors[0].length);
  vectors.forEach((vector, i) => {
    add(sum, coefficients[i * vectors.length + j], vector);
  });
  return sum;
}

/** What is left of a unit vector, when it lies in the span of others, is rounding. */
const NOTHING = 1e-10;

/**
 * Unit vectors, orthogonal to the basis and to one another, that span with it what the given ones span with it; those that
 * vanish are left out. Gram and Schmidt, twice, and once more at unit length.
 */
export function orthonormalize(
  vectors: readonly Float64Array[],
  basis: readonly Float64Array[],
): Float64Array[] {
  const added: Float64Array[] = [];
  for (const vector of vectors) {
    const own = vector.slice();
    const before = norm(own);
    if (!(before > 0) || !Number.isFinite(before)) continue;
    scale(own, 1 / before);
    const project = (): void => {
      for (const other of basis) add(own, -dot(own, other), other);
      for (const other of added) add(own, -dot(own, other), other);
    };
    project();
    project();
    const left = norm(own);
    if (left < NOTHING) continue;
    scale(own, 1 / left);
    project();
    scale(own, 1 / norm(own));
    added.push(own);
  }
  return added;
}
