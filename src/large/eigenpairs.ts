/** The largest eigenvalues of a kernel that is never formed, from products with it. */
import { type ArrayInput, readInputs } from '../array-input';
import { expectInteger, expectOptionsObject } from '../errors';
import type { Provenance } from '../kernel/arguments';
import { countInputs, type KernelNetwork, type NtkOutputs } from '../kernel/ntk';
import { orthonormalize } from '../linalg/vectors';
import { type ResultArray, resultArray } from '../ndarray';
import { valuesOf } from '../options';
import { fillNormals } from '../random/normal';
import {
  directionsPerVector,
  expectProductOutputs,
  JacobianOperator,
  type KernelProductOptions,
} from './operator';
import { EIGENPAIR_OPTIONS } from './options';
import { planProducts, type ProductPlan } from './product-plan';
import { rowsOfVectors } from './products';
import { RitzBasis } from './ritz';
import { expectReady, type LargeOptions, readLargeOptions } from './inputs';

/** Options of `topEigenpairs`. */
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

/** How {@link Eigenpairs} are computed, and what that takes. */
export interface EigenpairPlan extends ProductPlan {
  /** Vectors that are multiplied at a time. */
  readonly block: number;
  /** Vectors of the basis, when it is full; then it is restarted with the best of them. */
  readonly basis: number;
}

/** The largest eigenvalues of a kernel and their eigenvectors, and how well they are known. */
export interface Eigenpairs extends Provenance {
  /** The largest first. */
  readonly values: Float64Array;
  /** rows x count; column j is the unit eigenvector of `values[j]`. Rows are inputs, or for `full` (input, output) pairs. */
  readonly vectors: ResultArray;
  /** |K v_j - values_j v_j|, computed from products with K: an eigenvalue of K is within this of `values[j]`. */
  readonly residuals: Float64Array;
  /** Whether every residual is within the tolerance. */
  readonly converged: boolean;
  /** Products of the kernel with one vector that were taken. */
  readonly products: number;
  readonly tolerance: number;
  readonly outputs: NtkOutputs;
  readonly precision: 'float64' | 'mixed';
  readonly plan: EigenpairPlan;
}

/**
 * Block Lanczos with full reorthogonalization and thick restarts (Wu and Simon 2000): Rayleigh and Ritz on a growing
 * orthonormal basis Q, with K Q kept beside it. New directions are the newest columns of K Q, made orthogonal to all of Q.
 */
export async function topEigenpairs(
  network: KernelNetwork,
  X: ArrayInput,
  options: EigenpairOptions,
): Promise<Eigenpairs> {
  const where = 'topEigenpairs';
  const inputs = readInputs(`${where}: X`, X, network.widths[0]!);
  const { large, goal, plan } = readEigenpairs(where, network, inputs, options);
  const { count, tolerance, maxProducts, seed } = goal;
  await expectReady(where, large, { X: inputs });
  const operator = new JacobianOperator(inputs, large, plan);
  const rows = rowsOfVectors(large, inputs).reduce((product, extent) => product * extent);
  const tell = progressOf(large, goal, plan);

  const ritz = new RitzBasis(rows);
  let products = 0;
  let fresh = orthonormalize(randomVectors(Math.min(rows, plan.block), rows, seed, 0), []);
  for (let round = 1; ; round++) {
    const begun = products;
    const images = await multiply(operator, fresh, (fraction) => {
      tell(begun + fraction * fresh.length, 0);
    });
    products += fresh.length;
    ritz.extend(fresh, images);
    fresh = ritz.directions(images);
    const missing = Math.min(plan.block, rows - ritz.size) - fresh.length;
    // K Q lies in the span of Q: what else there is, only chance can tell.
    if (missing > 0)
      fresh.push(...ritz.directions(randomVectors(missing, rows, seed, round), fresh).slice(0, missing));
    const full = ritz.size + fresh.length > plan.basis;
    if (ritz.size < count || (round % 2 === 1 && !full && fresh.length > 0 && products < maxProducts))
      continue;

    ritz.solve();
    const residuals = ritz.residuals(count);
    const open = residuals.filter((size) => size > tolerance * Math.abs(ritz.values[0]!)).length;
    tell(products, count - open);
    if (open === 0 || fresh.length === 0 || products >= maxProducts) {
      const { outputs, precision, provenance } = large.request;
      return {
        values: ritz.values.slice(0, count),
        vectors: resultArray({ data: ritz.vectors(count), shape: [rows, count] }),
        residuals: Float64Array.from(residuals),
        converged: open === 0,
        products,
        tolerance,
        outputs,
        precision,
        plan,
        ...provenance,
      };
    }
    if (full) ritz.restart(keptOf(count, plan.basis, plan.block));
  }
}

/** The plan of {@link topEigenpairs}; X may be the number of inputs. */
export function explainTopEigenpairs(
  network: KernelNetwork,
  X: ArrayInput | number,
  options: EigenpairOptions,
): EigenpairPlan {
  return readEigenpairs('explainTopEigenpairs', network, X, options).plan;
}

interface Goal {
  readonly count: number;
  readonly tolerance: number;
  readonly maxProducts: number;
  readonly seed: number;
}

function readEigenpairs(
  where: string,
  network: KernelNetwork,
  X: ArrayInput | number,
  options: EigenpairOptions,
): { large: LargeOptions; goal: Goal; plan: EigenpairPlan } {
  expectOptionsObject(where, options);
  const { count: wanted, tolerance, maxProducts, seed, ...rest } = options;
  const large = readLargeOptions(where, network, rest, []);
  expectProductOutputs(where, large);
  const n = countInputs(`${where}: X`, X, network.widths[0]!);
  const rows = large.request.outputs === 'full' ? n * network.widths.at(-1)! : n;
  const count = expectInteger(`${where}: count`, wanted, { max: rows });
  const goal = {
    count,
    ...valuesOf(where, { tolerance: EIGENPAIR_OPTIONS.tolerance }, { tolerance }),
    maxProducts: expectInteger(`${where}: maxProducts`, maxProducts ?? Math.max(200, 40 * count), {
      min: count,
    }),
    seed: expectInteger(`${where}: seed`, seed ?? 0, { min: 0 }),
  };
  return { large, goal, plan: planEigenpairs(where, large, n, rows, count) };
}

/** Vectors multiplied at a time. At least two, for a start vector finds one vector only of a double eigenvalue. */
const BLOCKS = [2, 4, 8];
/** Sizes of the basis: vectors for one wanted, and at least; and how many more products a smaller basis costs. */
const BASES = [
  { perVector: 5, atLeast: 80, cost: 1 },
  { perVector: 3, atLeast: 40, cost: 1.3 },
  { perVector: 2, atLeast: 24, cost: 2 },
];
/** Products that it takes to find 20 vectors with blocks of two, as measured on kernels of MNIST digits: 64 to 76. */
const PRODUCTS_PER_VECTOR = 3.5;
/** How products grow with the block: 1.3 times for 4, 1.8 times for 8, measured likewise. */
const growth = (block: number): number => (block / 2) ** 0.4;

/** The cheapest way that fits: a larger block needs more products, and fewer passes over features that are not kept. */
function planEigenpairs(
  where: string,
  large: LargeOptions,
  n: number,
  rows: number,
  count: number,
): EigenpairPlan {
  let best: { readonly plan: EigenpairPlan; readonly cost: number } | null = null;
  let failure: unknown;
  for (const { perVector, atLeast, cost: restarts } of BASES) {
    for (const block of BLOCKS) {
      const basis = Math.min(rows, Math.max(perVector * count, count + atLeast, count + 4 * block));
      // Q and K Q, the same once more while they are restarted, what is found, what is new.
      const vectors = 8 * rows * (2 * basis + 2 * keptOf(count, basis, block) + count + 6 * block);
      const directions = block * directionsPerVector(large);
      try {
        const plan = planProducts(where, large, n, directions, vectors);
        const passes = plan.featuresKept ? 0 : (2 * Math.ceil(directions / plan.directionsAtOnce)) / block;
        const perProduct = passes * plan.seconds.features + (2 * plan.seconds.direction * directions) / block;
        const cost = growth(block) * restarts * perProduct;
        if (best === null || cost < best.cost) best = { plan: { ...plan, block, basis }, cost };
      } catch (error) {
        failure = error;
      }
    }
  }
  if (best === null) throw failure;
  return best.plan;
}

/** Vectors that a full basis is restarted with: those wanted, and some of the next, which are half found. */
function keptOf(count: number, basis: number, block: number): number {
  return Math.min(basis, count + Math.max(block, Math.floor((basis - count) / 3)));
}

/** How far it is can only be guessed: by the products that such a search took elsewhere, or by what is found. */
function progressOf({ report }: LargeOptions, { count, maxProducts }: Goal, { block }: EigenpairPlan) {
  const begin = performance.now();
  const expected = Math.min(maxProducts, PRODUCTS_PER_VECTOR * growth(block) * count);
  let fraction = 0;
  return (products: number, found: number): void => {
    if (report === undefined) return;
    fraction = Math.max(fraction, Math.min(0.99, Math.max(products / expected, found / count)));
    const elapsedSeconds = (performance.now() - begin) / 1000;
    const remainingSeconds = fraction > 0 ? (elapsedSeconds * (1 - fraction)) / fraction : null;
    report({ fraction, elapsedSeconds, remainingSeconds });
  };
}

function randomVectors(count: number, rows: number, seed: number, round: number): Float64Array[] {
  return Array.from({ length: count }, (_, j) => {
    const vector = new Float64Array(rows);
    fillNormals(vector, { seed, replica: round * BLOCKS.at(-1)! + j, stream: 0x5ce7c001 });
    return vector;
  });
}

async function multiply(
  operator: JacobianOperator,
  vectors: readonly Float64Array[],
  report: (fraction: number) => void,
): Promise<Float64Array[]> {
  const r = vectors.length;
  const rows = vectors[0]!.length;
  const V = new Float64Array(rows * r);
  vectors.forEach((vector, j) => {
    for (let i = 0; i < rows; i++) V[i * r + j] = vector[i]!;
  });
  const product = await operator.kernelProduct(V, r, ({ fraction }) => {
    report(fraction);
  });
  return vectors.map((_, j) => Float64Array.from({ length: rows }, (_entry, i) => product[i * r + j]!));
}
