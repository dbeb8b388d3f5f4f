// Chi-square numbers with an integer number of degrees of freedom, with the same bits as
// src/random/chi-square.ts.
#pragma once

#include <cstdint>

#include "box_muller.hpp"
#include "philox.hpp"

namespace deepntk {

// The result of a rejected attempt.
constexpr double kRejected = -1;

// The random numbers of one layer of one replica, by the words of Philox's key and counter.
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

// The quick test of an attempt: its result, and whether the test decides. There are no branches, so that
// loops are vectorized.
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

// Chi-square number `which` (0 or 1) of a stream, for which the quick test of the first attempt did not
// decide.
DEEPNTK_PORTABLE inline double chiSquare(double dof, const LayerStream& at, int which) {
  for (std::uint32_t attempt = 0;; attempt++) {
    double normals[2];
    boxMuller(at.block(2 * attempt), normals);
    const double value = tryChiSquare(dof, normals[which], at.block(2 * attempt + 1).words[which]);
    if (value != kRejected) return value;
  }
}

}  // namespace deepntk
