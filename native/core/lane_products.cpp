#include "lane_products.hpp"

#include <algorithm>
#include <cmath>

#define DEEPNTK_LOOPS "../lane_products_loops.hpp"
#include "simd/for_each_target.hpp"

namespace deepntk {

void multiply(std::size_t rows, std::size_t columns, std::size_t inner, ConstLaneMatrix a, ConstLaneMatrix b,
              LaneMatrix c, Entries entries, bool add) {
  DEEPNTK_DISPATCH(multiply(rows, columns, inner, a, b, c, entries, add))
}

void rectifyLanes(Pack* x, std::size_t count) {
  DEEPNTK_DISPATCH(rectifyLanes(x, count))
}

void gateLanes(const Pack* x, const Pack* values, bool spread, std::size_t units, std::size_t inputs,
               std::size_t chains, Pack* out) {
  DEEPNTK_DISPATCH(gateLanes(x, values, spread, units, inputs, chains, out))
}

void factorLanes(const Pack* a, std::size_t n, Pack* r, Pack* inverses) {
  DEEPNTK_DISPATCH(factorLanes(a, n, r, inverses))
}

void solveTransposed(const Pack* r, const Pack* inverses, std::size_t n, Pack* w, std::size_t columns) {
  DEEPNTK_DISPATCH(solveTransposed(r, inverses, n, w, columns))
}

void solveUpper(const Pack* r, const Pack* inverses, std::size_t n, Pack* w, std::size_t columns) {
  DEEPNTK_DISPATCH(solveUpper(r, inverses, n, w, columns))
}

}  // namespace deepntk
