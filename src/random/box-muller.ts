/**
 * Uniform and normal numbers from the words of a Philox block by Box and Muller's transform: one block gives two normals.
 *
 * The logarithm, sine and cosine are polynomials of our own, built from +, -, * and / alone, because the ones of the
 * host's mathematics library differ in their last bits from host to host. So the C++ twin (native/core/box_muller.hpp,
 * compiled without contraction into fused multiply-adds) gives the same bits as this file, on every machine.
 */
import { COSINE, LN2, LOG, SINE } from './polynomials';

const { floor, sqrt } = Math;

const double = new Float64Array(1);
const doubleWords = new Int32Array(double.buffer); // little-endian: [low, high]

const [L0, L1, L2, L3, L4, L5, L6] = LOG;
const [S0, S1, S2, S3, S4, S5, S6] = SINE;
const [C0, C1, C2, C3, C4, C5, C6] = COSINE;

/** Turns the four words of a block into two normals. */
export function boxMuller(words: Uint32Array, out: Float64Array): void {
  const radius = sqrt(-2 * log(uniform(words[0], words[1])));
  // The angle in quarter turns, 0 .. 4, split into the nearest whole number and a rest in [-1/2, 1/2].
  const quarters = 4 * uniform(words[2], words[3]);
  const whole = floor(quarters + 0.5);
  const rest = quarters - whole;
  const z = rest * rest;
  const sine = rest * (S0 + z * (S1 + z * (S2 + z * (S3 + z * (S4 + z * (S5 + z * S6))))));
  const cosine = 1 + z * (C0 + z * (C1 + z * (C2 + z * (C3 + z * (C4 + z * (C5 + z * C6))))));
  // By tables, because the processor could not foretell a branch.
  sides[0] = cosine;
  sides[1] = sine;
  const quadrant = whole & 3;
  const odd = quadrant & 1;
  out[0] = radius * (COSINE_SIGNS[quadrant] * sides[odd]);
  out[1] = radius * (SINE_SIGNS[quadrant] * sides[1 - odd]);
}

const sides = new Float64Array(2);
const COSINE_SIGNS = new Float64Array([1, -1, -1, 1]);
const SINE_SIGNS = new Float64Array([1, 1, -1, -1]);

/** (k + 1/2) / 2^52 with k the upper 52 bits of the two words: strictly between 0 and 1, and exact. */
export function uniform(high: number, low: number): number {
  return (high * 2 ** 20 + (low >>> 12)) * 2 ** -52 + 2 ** -53;
}

/** log(u) of a positive normal number: u = 2^k m with m in [sqrt(1/2), sqrt(2)), log m = 2 atanh(s), s = (m - 1) / (m + 1). */
export function log(u: number): number {
  double[0] = u;
  const exponent = (doubleWords[1] + (0x3ff00000 - 0x3fe6a09e)) >>> 20; // k + 1023
  const k = exponent - 0x3ff;
  const f = u * INVERSE_POWERS[exponent] - 1; // u 2^-k is exact
  const s = f / (2 + f);
  const z = s * s;
  const series = z * (L0 + z * (L1 + z * (L2 + z * (L3 + z * (L4 + z * (L5 + z * L6))))));
  return k * LN2 + (2 * s + s * series);
}

/** 2^(1023 - i). */
const INVERSE_POWERS = Float64Array.from({ length: 2048 }, (_, i) => 2 ** (1023 - i));
