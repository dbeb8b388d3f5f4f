// Matrix products and factorizations of many small matrices at once, one a lane. Every sum is taken in the
// order of its index, so that the twin (src/linalg/small.ts) gives the same bits.
#pragma once

#include <cstddef>

#include "lanes.hpp"
#include "rank.hpp"

namespace deepntk {

// Entry (i, j) is at data[i * row + j * column].
struct LaneMatrix {
  Pack* data;
  std::size_t row, column;
};

struct ConstLaneMatrix {
  const Pack* data;
  std::size_t row, column;
};

enum class Entries {
  all,
  upper,       // only those with row <= column are wanted; others may be computed by the way
  triangular,  // all, but B(t, j) is 0 for t > j
};

// C(i, j) = (`add`: +=) sum over t of A(i, t) B(t, j).
void multiply(std::size_t rows, std::size_t columns, std::size_t inner, ConstLaneMatrix a, ConstLaneMatrix b,
              LaneMatrix c, Entries entries, bool add);

// x = max(x, 0)
void rectifyLanes(Pack* x, std::size_t count);

// out(u, (i, k)) = values(u, spread ? k : (i, k)) where x(u, i) > 0, else 0; all row-major.
void gateLanes(const Pack* x, const Pack* values, bool spread, std::size_t units, std::size_t inputs,
               std::size_t chains, Pack* out);

// R upper triangular with R' R = a, and the inverses of its pivots; n x n, row-major. A column that depends
// on those before it (kRankTolerance) gets the pivot 0, a row of zeros and the inverse 0. Below the diagonal
// R is 0, and `a` is not read.
void factorLanes(const Pack* a, std::size_t n, Pack* r, Pack* inverses);

// In place of w, n x columns: R^-T w, and R^-1 w; entries of dependent columns become 0.
void solveTransposed(const Pack* r, const Pack* inverses, std::size_t n, Pack* w, std::size_t columns);
void solveUpper(const Pack* r, const Pack* inverses, std::size_t n, Pack* w, std::size_t columns);

}  // namespace deepntk
