// Uniform and normal numbers from the words of Philox blocks, with the same bits as src/random/normal.ts. A
// file that includes this is compiled without contraction into fused multiply-adds (-ffp-contract=off).
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#include "philox.hpp"
#include "portable.hpp"

namespace deepntk {

DEEPNTK_PORTABLE inline double fromBits(std::uint64_t bits) {
  double value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

DEEPNTK_PORTABLE inline std::uint64_t toBits(double value) {
  std::uint64_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

// (k + 1/2) / 2^52, where k is the upper 52 bits of the two words. The bits go into the mantissa of a number
// in [1, 2), so that loops are vectorized for CPUs without a conversion from 64-bit integers, too.
DEEPNTK_PORTABLE inline double uniform(std::uint32_t high, std::uint32_t low) {
  const std::uint64_t k = (std::uint64_t{high} << 20) | (low >> 12);
  return (fromBits(0x3ff0000000000000 | k) - 1.0) + 0x1p-53;
}

// log(u) of a positive normal number, as in normal.ts.
DEEPNTK_PORTABLE inline double log(double u) {
  constexpr std::uint64_t sqrtHalf = std::uint64_t{0x3fe6a09e} << 32;
  constexpr std::uint64_t one = std::uint64_t{0x3ff00000} << 32;
  const std::uint64_t shifted = toBits(u) + (one - sqrtHalf);
  // 2^52 + exponent in the mantissa, less 2^52 and the bias: the exponent as a double.
  const double k = fromBits(0x4330000000000000 | (shifted >> 52)) - (0x1p52 + 0x3ff);
  const double f = fromBits((shifted & 0x000fffffffffffff) + sqrtHalf) - 1;
  const double s = f / (2 + f);
  const double z = s * s;
  const double series =
      z * (0.666666666666667 +
           z * (0.39999999999899505 +
                z * (0.28571428625975487 +
                     z * (0.2222221113479508 +
                          z * (0.18182889125261723 + z * (0.15331721600556042 + z * 0.14616449685043406))))));
  return k * 0.6931471805599453 + (2 * s + s * series);
}

// Box and Muller's transform of two uniform numbers.
DEEPNTK_PORTABLE inline void boxMuller(double first, double second, double& normal0, double& normal1) {
  const double radius = std::sqrt(-2 * log(first));
  const double quarters = 4 * second;
  // floor(quarters + 1/2) without an instruction for it: adding 2^52 rounds to nearest, and a step up is
  // undone.
  const double shifted = quarters + 0.5;
  const double nearest = (shifted + 0x1p52) - 0x1p52;
  const double whole = nearest > shifted ? nearest - 1 : nearest;
  const double rest = quarters - whole;
  const double z = rest * rest;
  const double sine =
      rest *
      (1.5707963267948966 +
       z * (-0.6459640975062443 +
            z * (0.07969262624604301 +
                 z * (-0.004681754132340976 +
                      z * (0.0001604411507421909 + z * (-3.59864335298231e-6 + z * 5.633933781537854e-8))))));
  const double cosine =
      1 + z * (-1.2337005501361697 +
               z * (0.2536695079010478 +
                    z * (-0.020863480763340773 +
                         z * (0.0009192602745468447 +
                              z * (-2.5202039028029178e-5 +
                                   z * (4.710678405505227e-7 + z * -6.329396344967424e-9))))));
  const std::uint64_t quadrant = toBits(whole + 0x1p52);
  const bool swap = (quadrant & 1) != 0;
  const double cosineOfAngle = swap ? -sine : cosine;
  const double sineOfAngle = swap ? cosine : sine;
  const double sign = (quadrant & 2) != 0 ? -1 : 1;
  normal0 = radius * (sign * cosineOfAngle);
  normal1 = radius * (sign * sineOfAngle);
}

// The two normals of a block.
DEEPNTK_PORTABLE inline void boxMuller(const PhiloxBlock& block, double (&normals)[2]) {
  boxMuller(uniform(block.words[0], block.words[1]), uniform(block.words[2], block.words[3]), normals[0],
            normals[1]);
}

}  // namespace deepntk
