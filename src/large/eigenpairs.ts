/** The largest eigenvalues of a kernel that is never formed, from products with it. */
import { expectInteger, expectNumber, invalidArgument } from '../errors';
import type { NtkOutputs } from '../kernel/ntk';
import type { KernelNetwork } from '../kernel/ntk';
import type { Provenance } from '../kernel/arguments';
import { symmetricEigen } from '../linalg/eigen';
import type { NdArray } from '../ndarray';
import { fillNormals } from '../random/normal';
import { type KernelProductOptions, openOperator } from './products';

export interface EigenpairOptions extends KernelProductOptions {
  /** How many of the largest. */
  readonly count: number;
  /** A pair is taken as found when |K v - lambda v| is at most this times the largest eigenvalue; 1e-6 by default. */
  readonly tolerance?: number;
  /** Products with the kernel before it gives up; by default 40 times `count` and at least 200. */
  readonly maxProducts?: number;
  /** Of the start vectors; 0 by default. */
  readonly seed?: number;
}

export interface Eigenpairs extends Provenance {
  /** The largest first. */
  readonly values: Float64Array;
  /** rows x count; column j is the unit eigenvector of `values[j]`. Rows are inputs, or for `full` (input, output) pairs. */
  readonly vectors: NdArray<Float64Array>;
  /** |K v_j - values_j v_j|, computed from products with K: an eigenvalue of K is within this of `values[j]`. */
  readonly residuals: Float64Array;
  /** Whether every residual is within the tolerance. */
  readonly converged: boolean;
  /** Products of the kernel with one vector that were taken. */
  readonly products: number;
  readonly tolerance: number;
  readonly outputs: NtkOutputs;
  readonly precision: 'float64' | 'mixed';
}

/** Vectors that join the basis at a time. */
const BLOCK = 4;

/**
 * Rayleigh and Ritz on a growing orthonormal basis Q, with K Q kept beside it. New directions are the residuals of the
 * largest pairs that are not found yet, made orthogonal to all of Q, twice: in exact arithmetic block Lanczos with full
 * reorthogonalization and thick restarts (Wu and Simon 2000), but each residual is computed, not inferred.
 */
export async function topEigenpairs(
  network: KernelNetwork,
  X: NdArray,
  options: EigenpairOptions,
): Promise<Eigenpairs> {
  const where = 'topEigenpairs';
  if (typeof options !== 'object' || (options as unknown) === null)
    throw invalidArgument(where, 'an options object', options);
  const { count: wanted, tolerance: given, maxProducts: most, seed: start, onProgress, ...rest } = options;
  if (onProgress !== undefined && typeof onProgress !== 'function')
    throw invalidArgument(`${where}: onProgress`, 'a function', onProgress);
  const operator = await openOperator(where, network, X, rest, BLOCK * network.widths.at(-1)!);
  const { request, inputs, outputs: K } = operator;
  const rows = request.outputs === 'full' ? inputs * K : inputs;
  const count = expectInteger(`${where}: count`, wanted, { max: rows });
  const tolerance = expectNumber(`${where}: tolerance`, given ?? 1e-6, { above: 0, max: 1 });
  const maxProducts = expectInteger(`${where}: maxProducts`, most ?? Math.max(200, 40 * count), {
    min: count,
  });
  const seed = expectInteger(`${where}: seed`, start ?? 0, { min: 0 });
  const begin = performance.now();

  const limit = Math.min(rows, Math.max(2 * count + 4 * BLOCK, count + 40));
  let basis: Float64Array[] = [];
  let images: Float64Array[] = [];
  let products = 0;
  let fresh = randomVectors(Math.min(rows, Math.max(BLOCK, 1)), rows, seed, 0);
  for (let round = 1; ; round++) {
    const added = orthonormalize(fresh, basis).slice(0, rows - basis.length);
    if (added.length > 0) {
      const image = await multiply(operator, added, rows);
      products += added.length;
      basis.push(...added);
      images.push(...image);
    }
    const ritz = rayleighRitz(basis, images);
    const found = Math.min(count, basis.length);
    const scale = Math.abs(ritz.values[0]!);
    const vectors = combine(basis, ritz.vectors, found);
    const pictures = combine(images, ritz.vectors, found);
    const residuals = vectors.map((vector, j) => residualOf(vector, pictures[j]!, ritz.values[j]!));
    const norms = residuals.map(norm);
    const open = norms.flatMap((size, j) => (size > tolerance * scale ? [j] : []));
    if (onProgress !== undefined) {
      const elapsedSeconds = (performance.now() - begin) / 1000;
      const fraction = Math.min(1, Math.max((found - open.length) / count, products / maxProducts));
      onProgress({ fraction, elapsedSeconds, remainingSeconds: null });
    }
    // Residuals that lie in the basis already: rounding allows no better.
    const exhausted = added.length === 0;
    const complete = basis.length === rows;
    const done = found === count && (open.length === 0 || complete);
    if (done || products >= maxProducts || exhausted) {
      const data = new Float64Array(rows * found);
      vectors.forEach((vector, j) => {
        vector.forEach((entry, i) => (data[i * found + j] = entry));
      });
      return {
        values: ritz.values.slice(0, found),
        vectors: { data, shape: [rows, found] },
        residuals: Float64Array.from(norms),
        converged: found === count && open.length === 0,
        products,
        tolerance,
        outputs: request.outputs,
        precision: request.precision,
        ...request.provenance,
      };
    }
    if (basis.length + BLOCK > limit && limit < rows) {
      const kept = Math.min(basis.length, count + BLOCK);
      [basis, images] = [combine(basis, ritz.vectors, kept), combine(images, ritz.vectors, kept)];
    }
    // Residuals of the largest open pairs; where there are fewer than a block of them, chance directions beside them.
    const chosen = open.slice(0, BLOCK).map((j) => residuals[j]!);
    const missing = basis.length < count || chosen.length === 0 ? BLOCK - chosen.length : 0;
    fresh = [...chosen, ...randomVectors(Math.max(0, missing), rows, seed, round)];
  }
}

function randomVectors(count: number, rows: number, seed: number, round: number): Float64Array[] {
  return Array.from({ length: count }, (_, j) => {
    const vector = new Float64Array(rows);
    fillNormals(vector, { seed, replica: round * BLOCK + j, stream: 0x5ce7c001 });
    return vector;
  });
}

async function multiply(
  operator: Awaited<ReturnType<typeof openOperator>>,
  vectors: readonly Float64Array[],
  rows: number,
): Promise<Float64Array[]> {
  const r = vectors.length;
  const V = new Float64Array(rows * r);
  vectors.forEach((vector, j) => {
    for (let i = 0; i < rows; i++) V[i * r + j] = vector[i]!;
  });
  const product = await operator.kernelProduct(V, r, undefined);
  return vectors.map((_, j) => Float64Array.from({ length: rows }, (_entry, i) => product[i * r + j]!));
}

/** The part of the vectors that is orthogonal to the basis and to one another; those that vanish are left out. */
function orthonormalize(vectors: readonly Float64Array[], basis: readonly Float64Array[]): Float64Array[] {
  const added: Float64Array[] = [];
  for (const vector of vectors) {
    const own = vector.slice();
    const before = norm(own);
    if (!(before > 0) || !Number.isFinite(before)) continue;
    scaleBy(own, 1 / before);
    for (let pass = 0; pass < 2; pass++) {
      for (const other of [...basis, ...added]) subtract(own, dot(own, other), other);
    }
    const left = norm(own);
    if (left < 1e-10) continue;
    scaleBy(own, 1 / left);
    for (const other of [...basis, ...added]) subtract(own, dot(own, other), other);
    scaleBy(own, 1 / norm(own));
    added.push(own);
  }
  return added;
}

function rayleighRitz(basis: readonly Float64Array[], images: readonly Float64Array[]) {
  const m = basis.length;
  const projected = new Float64Array(m * m);
  for (let i = 0; i < m; i++) {
    for (let j = i; j < m; j++) {
      const value = (dot(basis[i]!, images[j]!) + dot(basis[j]!, images[i]!)) / 2;
      projected[i * m + j] = projected[j * m + i] = value;
    }
  }
  return symmetricEigen(projected, m);
}

/** The first `count` columns of [vectors] coefficients. */
function combine(
  vectors: readonly Float64Array[],
  coefficients: Float64Array,
  count: number,
): Float64Array[] {
  const m = vectors.length;
  return Array.from({ length: count }, (_, j) => {
    const sum = new Float64Array(vectors[0]!.length);
    vectors.forEach((vector, i) => {
      subtract(sum, -coefficients[i * m + j]!, vector);
    });
    return sum;
  });
}

function residualOf(vector: Float64Array, image: Float64Array, value: number): Float64Array {
  const residual = image.slice();
  subtract(residual, value, vector);
  return residual;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

const norm = (a: Float64Array): number => Math.sqrt(dot(a, a));

function subtract(a: Float64Array, factor: number, b: Float64Array): void {
  for (let i = 0; i < a.length; i++) a[i]! -= factor * b[i]!;
}

function scaleBy(a: Float64Array, factor: number): void {
  for (let i = 0; i < a.length; i++) a[i]! *= factor;
}
