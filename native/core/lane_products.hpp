// Products and factorizations of kReplicaLanes small matrices at once, one in each lane. Sums run in the
// order of their index, so that the twin (src/linalg/small.ts) gives the same bits.
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
  upper,       // those with row <= column; others may be computed, too
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

// Computes the upper triangular R with R' R = a, and the inverses of its pivots. Matrices are n x n and
// row-major. If a column depends on those before it (kRankTolerance), its pivot, its row and its inverse are
// 0. Below the diagonal R is 0, and `a` is not read.
void factorLanes(const Pack* a, std::size_t n, Pack* r, Pack* inverses);

// Replace w, n x columns, by R^-T w and by R^-1 w. Entries of dependent columns become 0.
void solveTransposed(const Pack* r, const Pack* inverses, std::size_t n, Pack* w, std::size_t columns);
void solveUpper(const Pack* r, const Pack* inverses, std::size_t n, Pack* w, std::size_t columns);

}  // namespace deepntk
