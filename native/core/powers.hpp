// Powers of two of the scalar chain, which carries its numbers as significands and exponents.
#pragma once

#include <cstdint>

#include "box_muller.hpp"
#include "portable.hpp"

namespace deepntk {

// e with 2^e <= value < 2^(e+1) of a positive normal number; 0 for 0.
DEEPNTK_PORTABLE inline std::int64_t binaryExponent(double value) {
  return value == 0 ? 0 : static_cast<std::int64_t>((toBits(value) >> 52) & 0x7ff) - 1023;
}

// 2^e, or 0 and 2^1023 where that is out of range.
DEEPNTK_PORTABLE inline double powerOfTwo(std::int64_t exponent) {
  if (exponent < -1022) return 0;
  return fromBits(static_cast<std::uint64_t>((exponent < 1023 ? exponent : 1023) + 1023) << 52);
}

}  // namespace deepntk
