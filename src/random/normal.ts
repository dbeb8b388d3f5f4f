/**
 * Standard normal numbers from Philox blocks by Box and Muller's transform: one block gives two normals.
 *
 * The logarithm, sine and cosine are polynomials of our own, built from +, -, * and / alone, because the ones of the
 * host's mathematics library differ in their last bits from host to host. So the C++ twin (native/core/normal.hpp,
 * compiled without contraction into fused multiply-adds) gives the same bits as this file, on every machine.
 */
import { philox4x32 } from './philox';
import { type StreamKey, words } from './streams';

/**
 * Fills `out` with `scale` times the normals number `first`, `first + 1`, ... of a stream.
 *
 * @param first index of the first normal drawn; even, and below 2^33
 */
export function fillNormals(out: Float64Array, key: StreamKey, scale = 1, first = 0): void {
  const [key0, key1] = words(key.seed);
  const [replica0, replica1] = words(key.replica);
  const length = out.length;
  for (let i = 0; i < length; i += 2) {
    philox4x32(block, (first + i) / 2, key.stream, replica0, replica1, key0, key1);
    boxMuller(block, pair);
    out[i] = pair[0] * scale;
    if (i + 1 < length) out[i + 1] = pair[1] * scale;
  }
}

const { floor, sqrt } = Math;

const block = new Uint32Array(4);
const pair = new Float64Array(2);
const double = new Float64Array(1);
const doubleWords = new Uint32Array(double.buffer); // little-endian: [low, high]

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
  const swap = (whole & 1) !== 0;
  const cosineOfAngle = swap ? -sine : cosine;
  const sineOfAngle = swap ? cosine : sine;
  const sign = (whole & 2) !== 0 ? -1 : 1;
  out[0] = radius * (sign * cosineOfAngle);
  out[1] = radius * (sign * sineOfAngle);
}

/** (k + 1/2) / 2^52 with k the upper 52 bits of the two words: strictly between 0 and 1, and exact. */
export function uniform(high: number, low: number): number {
  return (high * 2 ** 20 + (low >>> 12)) * 2 ** -52 + 2 ** -53;
}

/** log(u) of a positive normal number: u = 2^k m with m in [sqrt(1/2), sqrt(2)), log m = 2 atanh(s), s = (m - 1) / (m + 1). */
export function log(u: number): number {
  double[0] = u;
  const high = (doubleWords[1] + (0x3ff00000 - 0x3fe6a09e)) | 0;
  const k = (high >> 20) - 0x3ff;
  doubleWords[1] = (high & 0x000fffff) + 0x3fe6a09e;
  const f = double[0] - 1;
  const s = f / (2 + f);
  const z = s * s;
  const series = z * (L0 + z * (L1 + z * (L2 + z * (L3 + z * (L4 + z * (L5 + z * L6))))));
  return k * LN2 + (2 * s + s * series);
}

// Interpolants at Chebyshev nodes. log: (2 atanh(s) / s - 2) / z on z = s^2 <= ((sqrt 2 - 1) / (sqrt 2 + 1))^2, error 5e-18.
const LN2 = 0.6931471805599453;
const L0 = 0.666666666666667;
const L1 = 0.39999999999899505;
const L2 = 0.28571428625975487;
const L3 = 0.2222221113479508;
const L4 = 0.18182889125261723;
const L5 = 0.15331721600556042;
const L6 = 0.14616449685043406;
// sin(pi r / 2) / r on z = r^2 <= 1/4, error 5e-18.
const S0 = 1.5707963267948966;
const S1 = -0.6459640975062443;
const S2 = 0.07969262624604301;
const S3 = -0.004681754132340976;
const S4 = 0.0001604411507421909;
const S5 = -3.59864335298231e-6;
const S6 = 5.633933781537854e-8;
// (cos(pi r / 2) - 1) / z, error 5e-19.
const C0 = -1.2337005501361697;
const C1 = 0.2536695079010478;
const C2 = -0.020863480763340773;
const C3 = 0.0009192602745468447;
const C4 = -2.5202039028029178e-5;
const C5 = 4.710678405505227e-7;
const C6 = -6.329396344967424e-9;
