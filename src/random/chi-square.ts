/**
 * Chi-square numbers with a whole number of degrees of freedom: 2 Gamma(dof / 2) by rejection from a cubed normal.
 *
 * Source: G. Marsaglia, W. Tsang, "A simple method for generating gamma variables", ACM TOMS 26 (2000). The quick test is
 * our own, and sharper for many degrees of freedom: with t = x / sqrt(9 d), the logarithm of the probability of
 * acceptance is -d (3/4 t^4 - 3/5 t^5 + ...), and above -1.2717 d t^4 for every t > -1/2.
 *
 * The twin in C++ is native/core/chi_square.hpp, equal to the last bit.
 */
import { boxMuller, log } from './normal';
import { philox4x32 } from './philox';

/** {@link tryChiSquare} says no by this number. */
export const REJECTED = -1;

const { sqrt } = Math;

const SHARPEST = 1.2717;

/** sqrt(9 d) of few degrees of freedom; none is read below 2. */
const DIVISORS = Float64Array.from({ length: 1024 }, (_, dof) => sqrt(9 * (0.5 * dof - 1 / 3)));

/**
 * One attempt at a chi-square number.
 *
 * @param dof degrees of freedom: a whole number >= 0; none gives 0, one the square of the normal
 * @param x a normal number
 * @param word 32 random bits
 * @returns the number, or {@link REJECTED}
 */
export function tryChiSquare(dof: number, x: number, word: number): number {
  if (dof < 2) return dof * (x * x);
  const d = 0.5 * dof - 1 / 3;
  const t = x / (dof < DIVISORS.length ? DIVISORS[dof] : sqrt(9 * d));
  const root = 1 + t;
  const v = root * (root * root);
  const u = (word + 0.5) * 2 ** -32;
  const t2 = t * t;
  if (t > -0.5 && u < 1 - SHARPEST * (d * (t2 * t2))) return 2 * d * v;
  if (root <= 0) return REJECTED;
  return log(u) < 0.5 * (x * x) + d * (1 - v + log(v)) ? 2 * d * v : REJECTED;
}

/** Where the numbers of one layer of one replica come from: the words of Philox's key and counter. */
export interface LayerStream {
  readonly key0: number;
  readonly key1: number;
  replica0: number;
  replica1: number;
  stream: number;
}

/**
 * Chi-square number `which` (0 or 1) of a stream after a rejected first attempt. Attempt t takes normal `which` of block
 * 2 t and word `which` of block 2 t + 1, so that the result is a function of the stream alone.
 */
export function retryChiSquare(dof: number, at: LayerStream, which: 0 | 1): number {
  for (let attempt = 1; ; attempt++) {
    philox4x32(words, 2 * attempt, at.stream, at.replica0, at.replica1, at.key0, at.key1);
    boxMuller(words, normals);
    philox4x32(words, 2 * attempt + 1, at.stream, at.replica0, at.replica1, at.key0, at.key1);
    const value = tryChiSquare(dof, normals[which], words[which]);
    if (value !== REJECTED) return value;
  }
}

const words = new Uint32Array(4);
const normals = new Float64Array(2);
