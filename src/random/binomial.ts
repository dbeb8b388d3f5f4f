/**
 * Binomial numbers with p = 1/2, plain or with their law multiplied by a polynomial, from tables in O(1) for any n.
 *
 * The tables are Walker's alias tables in Vose's form (A. J. Walker, ACM TOMS 3 (1977); M. D. Vose, IEEE TSE 17 (1991)).
 * Values with less than 2^-80 of the largest probability are left out: no 64 random bits can tell. They are built of
 * +, -, * and / alone, and so are the same on every machine.
 */
import { uniform } from './normal';

export interface BinomialTable {
  /** The table has 2^bits rows, bits >= 1. */
  readonly bits: number;
  /** Row i gives i + low with probability `keep[i]`, else `other[i]`. */
  readonly low: number;
  readonly keep: Float64Array;
  readonly other: Int32Array;
  /** The mean of the polynomial under the plain binomial law. */
  readonly expectation: number;
}

/**
 * The law with probabilities proportional to C(n, b) factor(b).
 *
 * @param n number of fair coins, at least 1
 * @param factor a polynomial that is non-negative on 0 .. n
 */
export function binomialTable(n: number, factor: (b: number) => number): BinomialTable {
  const { low, weights } = centralWeights(n);
  const plain = weights.reduce((sum, weight) => sum + weight, 0);
  const tilted = weights.map((weight, i) => weight * factor(low + i));
  const total = tilted.reduce((sum, weight) => sum + weight, 0);
  let bits = 1;
  while (2 ** bits < weights.length) bits++;
  return { bits, low, ...aliasTable(tilted, total, 2 ** bits, low), expectation: total / plain };
}

/** Draws from a table with 64 random bits. */
export function drawBinomial(table: BinomialTable, word0: number, word1: number): number {
  const row = word0 >>> (32 - table.bits);
  const u = uniform(word1, (word0 << table.bits) >>> 0);
  return u < table.keep[row] ? row + table.low : table.other[row];
}

/** C(n, b) over its largest value, for the b where that is at least 2^-80. */
function centralWeights(n: number): { low: number; weights: number[] } {
  const middle = Math.floor(n / 2);
  const below: number[] = [];
  for (let b = middle, weight = 1; b > 0; b--) {
    weight *= b / (n - b + 1);
    if (weight < 2 ** -80) break;
    below.push(weight);
  }
  const above: number[] = [];
  for (let b = middle, weight = 1; b < n; b++) {
    weight *= (n - b) / (b + 1);
    if (weight < 2 ** -80) break;
    above.push(weight);
  }
  return { low: middle - below.length, weights: [...below.reverse(), 1, ...above] };
}

function aliasTable(
  weights: readonly number[],
  total: number,
  size: number,
  low: number,
): { keep: Float64Array; other: Int32Array } {
  const keep = new Float64Array(size);
  const other = new Int32Array(size).fill(low);
  const small: number[] = [];
  const large: number[] = [];
  for (let row = 0; row < size; row++) {
    keep[row] = row < weights.length ? (weights[row] / total) * size : 0;
    (keep[row] < 1 ? small : large).push(row);
  }
  while (small.length > 0 && large.length > 0) {
    const poor = small.pop()!;
    const rich = large.at(-1)!;
    other[poor] = low + rich;
    keep[rich] -= 1 - keep[poor];
    if (keep[rich] < 1) small.push(large.pop()!);
  }
  // What is left over differs from 1 by rounding only.
  for (const row of [...small, ...large]) {
    if (row < weights.length) keep[row] = 1;
  }
  return { keep, other };
}
