// When a triangular factorization takes a column for dependent on those before it.
#pragma once

namespace deepntk {

// A pivot that is less than this share of its diagonal entry is rounding: the column depends on those before
// it.
constexpr double kRankTolerance = 0x1p-43;

}  // namespace deepntk
