/** Powers of two, by which numbers are kept in range without rounding; the twins are in native/core/lanes.hpp. */

const double = new Float64Array(1);
const doubleWords = new Int32Array(double.buffer); // little-endian: [low, high]

/** e with 2^e <= value < 2^(e+1) of a positive normal number; 0 for 0. */
export function binaryExponent(value: number): number {
  if (value === 0) return 0;
  double[0] = value;
  return ((doubleWords[1] >> 20) & 0x7ff) - 1023;
}

/** 2^e, or 0 and 2^1023 where that is out of range. */
export function powerOfTwo(exponent: number): number {
  if (exponent < -1022) return 0;
  double[0] = 0;
  doubleWords[1] = ((exponent < 1023 ? exponent : 1023) + 1023) << 20;
  return double[0];
}

/** value times 2^exponent, of any exponent: Infinity and 0 only where the result is out of range. */
export function scaleByPower(value: number, exponent: number): number {
  let result = value;
  let rest = exponent;
  for (; rest > 1000 && result !== 0 && result !== Infinity; rest -= 1000) result *= 2 ** 1000;
  for (; rest < -1000 && result !== 0; rest += 1000) result *= 2 ** -1000;
  return rest > 1000 || rest < -1000 ? result : result * 2 ** rest;
}
