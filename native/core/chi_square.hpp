// Chi-square numbers with a whole number of degrees of freedom; the twin of src/random/chi-square.ts, to the
// last bit.
#pragma once

#include <cstdint>

#include "box_muller.hpp"
#include "philox.hpp"

namespace deepntk {

// What a rejected attempt gives.
constexpr double kRejected = -1;

// Where the numbers of one layer of one replica come from: the words of Philox's key and counter.
struct LayerStream {
  std::uint32_t key0, key1, replica0, replica1, stream;

  DEEPNTK_PORTABLE PhiloxBlock block(std::uint32_t index) const {
    return philox4x32({{index, stream, replica0, replica1}}, key0, key1);
  }
};

// A word as a double, without an instruction for unsigned integers.
DEEPNTK_PORTABLE inline double toDouble(std::uint32_t word) {
  return fromBits(0x4330000000000000 | word) - 0x1p52;
}

// The quick test of an attempt: what comes of it, and whether it settles the matter. Without branches.
DEEPNTK_PORTABLE inline double quickChiSquare(double dof, double x, std::uint32_t word, bool& settled) {
  const double d = 0.5 * dof - 1.0 / 3;
  const double t = x / std::sqrt(9 * (dof < 2 ? 1.0 : d));
  const double root = 1 + t;
  const double v = root * (root * root);
  const double u = (toDouble(word) + 0.5) * 0x1p-32;
  const double t2 = t * t;
  const bool few = dof < 2;
  settled = few | ((t > -0.5) & (u < 1 - 1.2717 * (d * (t2 * t2))));
  return few ? dof * (x * x) : 2 * d * v;
}

DEEPNTK_PORTABLE inline double tryChiSquare(double dof, double x, std::uint32_t word) {
  bool settled;
  const double value = quickChiSquare(dof, x, word, settled);
  if (settled) return value;
  const double d = 0.5 * dof - 1.0 / 3;
  const double root = 1 + x / std::sqrt(9 * d);
  if (root <= 0) return kRejected;
  const double v = root * (root * root);
  const double u = (toDouble(word) + 0.5) * 0x1p-32;
  return log(u) < 0.5 * (x * x) + d * (1 - v + log(v)) ? value : kRejected;
}

// Chi-square number `which` (0 or 1) of a stream whose first attempt the quick test left open.
DEEPNTK_PORTABLE inline double chiSquare(double dof, const LayerStream& at, int which) {
  for (std::uint32_t attempt = 0;; attempt++) {
    double normals[2];
    boxMuller(at.block(2 * attempt), normals);
    const double value = tryChiSquare(dof, normals[which], at.block(2 * attempt + 1).words[which]);
    if (value != kRejected) return value;
  }
}

}  // namespace deepntk
