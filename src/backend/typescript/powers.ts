/** Powers of two, for numbers that carry an exponent of their own. */

const { min } = Math;

const double = new Float64Array(1);
const doubleWords = new Int32Array(double.buffer);

/** e with 2^e <= value < 2^(e+1) of a positive normal number; 0 for 0. */
export function exponentOf(value: number): number {
  if (value === 0) return 0;
  double[0] = value;
  return ((doubleWords[1]! >> 20) & 0x7ff) - 1023;
}

/** 2^e, or 0 and 2^1023 where that is out of range. */
export function powerOfTwo(exponent: number): number {
  if (exponent < -1022) return 0;
  double[0] = 0;
  doubleWords[1] = (min(exponent, 1023) + 1023) << 20;
  return double[0];
}
